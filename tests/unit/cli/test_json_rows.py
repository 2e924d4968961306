"""JSON rows on standard output."""

import json

import pytest

from smtp_shell.cli.json_rows import json_row


@pytest.mark.parametrize("text", ["Grüße \u202e", "##vso[task.complete]", "a\nb\x85"])
def test_a_row_is_one_line_of_ascii_that_means_what_it_was_made_of(text: str) -> None:
    row = json_row({"message": text, "line": 3})
    assert json.loads(row) == {"message": text, "line": 3}
    assert row.isascii()
    assert row.isprintable()
    assert "##" not in row
