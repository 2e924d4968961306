"""The table of exports."""

import io
import json

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.export import EXPORTS, find_export
from smtp_shell.protocol.events import Entry, MailDataSent, Remarked


@pytest.mark.parametrize("name", [each for each in EXPORTS if each != "anki"])
def test_every_format_writes_a_dialogue(name: str) -> None:
    out = io.StringIO()
    find_export(name)([Entry(1, 0.0, Remarked("a remark"))], out, "title")
    assert "remark" in out.getvalue()


def test_json_lines_end_mail_data_that_was_cut() -> None:
    out = io.StringIO()
    find_export("json")([Entry(1, 0.0, MailDataSent(b"half"))], out, "title")
    assert json.loads(out.getvalue())["data"] == "half"


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UsageError,
        match=r"\\x1bpdf is no format that can be written; use one of smtp, json, md, svg, html, anki, pcapng\.",
    ):
        find_export("\x1bpdf")
