"""JSON on standard output as every command but `replay` writes it: an object on each line, in ASCII, which a CI log does not act on."""

from __future__ import annotations

import json

TYPE_CHECKING = False  # `explain --json` starts without typing
if TYPE_CHECKING:
    from collections.abc import Mapping


def json_row(values: Mapping[str, object]) -> str:
    """Return an object on one line, without the line end."""
    text = json.dumps(values)
    if "##" not in text:
        return text
    from smtp_shell.replay.reporters.inert import inert_json  # takes longer to load than an explanation to make

    return inert_json(text)
