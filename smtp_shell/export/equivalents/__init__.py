"""What was done in a dialogue, as a command or a script for another tool.

`acts` reads the entries; each tool has a module. What a tool cannot do stands in a comment. No credential is in the text: a script reads
it from the environment, or asks. Whatever the dialogue holds, a script is quoted for its language, and printable.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from smtp_shell.export.equivalents.acts import client_acts, without_retries
from smtp_shell.export.equivalents.curl import curl_script
from smtp_shell.export.equivalents.deliveries import deliveries
from smtp_shell.export.equivalents.openssl import openssl_script
from smtp_shell.export.equivalents.python_script import python_script
from smtp_shell.export.equivalents.script import Script
from smtp_shell.export.equivalents.spool import Spool
from smtp_shell.export.equivalents.swaks import swaks_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from smtp_shell.protocol.events import Entry

TOOLS: Mapping[str, Callable[[Script, Spool], Iterator[str]]] = MappingProxyType(
    {"swaks": swaks_script, "openssl": openssl_script, "curl": curl_script, "python": python_script}
)
"""Yields the lines of a script, by the name of the tool."""


class LineWriter(Protocol):
    """What a script is written to: a text stream, or less."""

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write lines."""


def write_equivalent(tool: str, entries: Iterable[Entry], out: LineWriter, title: str) -> None:
    """Write what was done in a dialogue for another tool.

    Args:
        tool: A key of `TOOLS`.
        entries: The dialogue, with all of its mail data.
        out: Where the script goes.
        title: Title of the dialogue, printable; may be empty.
    """
    with Spool() as spool:
        acts = tuple(client_acts(entries, spool))
        out.writelines(TOOLS[tool](Script(title, without_retries(acts), deliveries(acts)), spool))
