"""When Enter sends mail data, and when it begins a line."""

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from smtp_shell.shell.mail_editor import end_and_send, is_ended, size_of


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


@pytest.mark.parametrize(
    ("text", "sent"),
    [("", "."), ("text", "text\n."), ("text\n", "text\n."), ("text\n.", "text\n."), ("text\n.\nquit", "text\n.\nquit")],
)
def test_the_dot_is_written_where_there_is_none(text: str, sent: str) -> None:
    accepted: list[str] = []

    def accept(buffer: Buffer) -> bool:
        accepted.append(buffer.text)
        return False

    end_and_send(Buffer(document=Document(text, 0), accept_handler=accept))
    assert accepted == [sent]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", b""),
        ("\n", b"\r\n"),
        ("text", b"text\r\n"),
        ("Subject: hi\n\n.text\n", b"Subject: hi\r\n\r\n..text\r\n"),
        (".\n", b""),
        ("a\n.", b"a\r\n"),
        ("a\n.\nquit", b"a\r\n"),
        ("..\n.a", b"...\r\n..a\r\n"),
        ("Gr\u00fc\u00dfe \udce4", b"Gr\xc3\xbc\xc3\x9fe \xe4\r\n"),
    ],
)
def test_the_size_is_that_of_what_will_go_out(text: str, expected: bytes) -> None:
    assert size_of(text) == len(expected)
