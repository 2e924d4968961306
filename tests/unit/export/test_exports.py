"""The table of exports."""

import io
import json

import pytest

from smtp_shell.export import EXPORTS
from smtp_shell.protocol.events import Entry, MailDataSent, Remarked


@pytest.mark.parametrize("name", EXPORTS)
def test_every_format_writes_a_dialogue(name: str) -> None:
    out = io.StringIO()
    EXPORTS[name]([Entry(1, 0.0, Remarked("a remark"))], out, "title")
    assert "remark" in out.getvalue()


def test_json_lines_end_mail_data_that_was_cut() -> None:
    out = io.StringIO()
    EXPORTS["json"]([Entry(1, 0.0, MailDataSent(b"half"))], out, "title")
    assert json.loads(out.getvalue())["data"] == "half"
