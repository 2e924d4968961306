"""When Enter sends mail data, and when it begins a line."""

import pytest
from prompt_toolkit.document import Document

from smtp_shell.shell.mail_editor import is_ended


@pytest.mark.parametrize(
    ("text", "cursor", "expected"),
    [
        ("", 0, False),
        (".", 1, True),
        ("text\n.", 6, True),
        ("text\n.", 2, False),  # the cursor is in a line above
        ("text\n..", 7, False),
        ("text\n. ", 7, False),
        ("text.", 5, False),
        ("text\n.\nquit", 11, True),  # a paste; what follows the dot is asked about
        ("text\n.\nquit", 6, False),
    ],
)
def test_a_line_of_one_dot_ends_it_from_the_last_line(text: str, cursor: int, expected: bool) -> None:
    assert is_ended(Document(text, cursor)) is expected
