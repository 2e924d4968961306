"""The arguments of MAIL and RCPT as a user wrote them, right or wrong."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.written_paths import WrittenPath, parameter_words, parameters_of, written_path


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"MAIL FROM:<ann@example.org> SIZE=1", ("FROM", True, b"", b"", b"ann@example.org", True, b" SIZE=1")),
        (b"rcpt to:<bob@example.org>", ("TO", True, b"", b"", b"bob@example.org", True, b"")),
        (b" MAIL FROM : \t<>", ("FROM", True, b" ", b" \t", b"", True, b"")),
        (b"MAIL FROM <a@b>", ("FROM", False, b"", b"", b"a@b", True, b"")),
        (b"MAIL:<a@b>", ("", True, b"", b"", b"a@b", True, b"")),
        (b"RCPT a@b X=1", ("", False, b"", b"", b"a@b", False, b" X=1")),
        (b"RCPT TO:a@b", ("TO", True, b"", b"", b"a@b", False, b"")),
        (b'RCPT TO:<"a > b"@c> N', ("TO", True, b"", b"", b'"a > b"@c', True, b" N")),
        (b'RCPT TO:<"a\\"> b"@c>', ("TO", True, b"", b"", b'"a\\"> b"@c', True, b"")),
        (b'RCPT TO:<"a@c> N', ("TO", True, b"", b"", b'"a@c', True, b" N")),
        (b"MAIL FROM:<a\nb>", ("FROM", True, b"", b"", b"a\nb", True, b"")),
        (b"MAIL FROM:<a", ("FROM", True, b"", b"", b"", False, b"<a")),
        (b"RCPT TO:a>", ("TO", True, b"", b"", b"a>", False, b"")),
        (b"MAIL", ("", False, b"", b"", b"", False, b"")),
    ],
)
def test_a_written_path(line: bytes, found: tuple[str, bool, bytes, bytes, bytes, bool, bytes]) -> None:
    assert written_path(line) == WrittenPath(*found)


@pytest.mark.parametrize("line", [b"EHLO x", b"", b"DATA", b"XMAIL FROM:<a@b>", b"VRFY MAIL"])
def test_another_command(line: bytes) -> None:
    assert written_path(line) is None
    assert parameter_words(line) == []
    assert parameters_of(line) == {}


def test_a_variable_is_no_mailbox_that_is_known() -> None:
    for line, known in ((b"MAIL FROM:<${from}>", False), (b"MAIL FROM:<$from>", True), (b"MAIL FROM:<>", True)):
        path = written_path(line)
        assert path is not None
        assert path.is_known is known


def test_parameters() -> None:
    line = b"MAIL FROM:<a@b>  size=12\tBODY=8BITMIME x= AUTH=a=b SMTPUTF8 -no=1 n\xc3\xb6=1 =1"
    assert parameter_words(line) == line.split()[2:]
    assert parameters_of(line) == {"SIZE": b"12", "BODY": b"8BITMIME", "X": b"", "AUTH": b"a=b", "SMTPUTF8": b""}
    assert parameters_of(b"MAIL FROM:<a@b> a=1 A=2") == {"A": b"2"}


def test_a_hundred_words_are_looked_at() -> None:
    line = b"RCPT TO:<a@b> " + b" ".join(b"X%d=1" % number for number in range(102))
    assert parameter_words(line)[-1] == b"X99=1"
    assert len(parameters_of(line)) == 100
