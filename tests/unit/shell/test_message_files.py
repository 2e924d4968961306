"""Messages in files: what `mail`, `data` and `bdat` do with them."""

import errno
import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest

from smtp_shell.errors import NotSendable, SystemRefused, UsageError
from smtp_shell.shell.message_files import read_pieces, split_file
from tests.unit.shell.fake import make_shell

EHLO = {b"EHLO": b"250-mail.example.org\r\n250-SIZE 50\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250 CHUNKING\r\n"}


@pytest.fixture
def letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n\n.dot\n")
    return tmp_path / "letter.eml"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann@example.org < letter.eml", ("ann@example.org", "< letter.eml")),
        ("ann@example.org size=1 <letter.eml", ("ann@example.org size=1", "<letter.eml")),
        ('<ann@example.org> < "my letter.eml"', ("<ann@example.org>", '< "my letter.eml"')),
        ("<>", ("<>", "")),
        ("ann@example.org auth=<>", ("ann@example.org auth=<>", "")),
        ("<ann@example.org>", ("<ann@example.org>", "")),
        ("< letter.eml", ("", "< letter.eml")),
    ],
)
def test_a_file_stands_at_the_end_of_the_line(text: str, found: tuple[str, str]) -> None:
    assert split_file(text) == found


def test_mail_with_a_file_declares_its_size(letter: Path) -> None:
    shell, server, _ = make_shell(EHLO, before=("ehlo",))
    shell.run("mail ann@example.org < letter.eml")
    letter.write_text("Subject: ü\n\n", encoding="utf-8")
    shell.run("mail ann@example.org <letter.eml")
    letter.write_bytes(b"a\0\xff")
    shell.run("mail ann@example.org size=7 body=7bit < letter.eml")
    assert server.lines == [
        b"MAIL FROM:<ann@example.org> SIZE=20",
        b"MAIL FROM:<ann@example.org> SIZE=15 BODY=8BITMIME",
        b"MAIL FROM:<ann@example.org> SIZE=7 BODY=7bit",
    ]


def test_mail_with_a_file_declares_nothing_that_was_not_announced(letter: Path) -> None:
    shell, server, _ = make_shell({b"EHLO": b"250-mail.example.org\r\n250 HELP\r\n"})
    shell.run("mail ann@example.org < letter.eml")
    shell.run("ehlo")
    shell.run("mail ann@example.org < letter.eml")
    assert server.lines[0] == server.lines[2] == b"MAIL FROM:<ann@example.org>"


@pytest.mark.parametrize("name", ["none.eml", ".", "a\x1b[2Jb"])
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_sent(letter: Path, name: str) -> None:
    for line in (f"mail ann@example.org < {name}", f"data < {name}", f"bdat < {name}"):
        shell, server, _ = make_shell(EHLO, before=("ehlo",))
        with pytest.raises(UsageError, match="cannot be read") as caught:
            shell.run(line)
        assert str(caught.value).isprintable()
        assert server.heard == b""


@pytest.mark.skipif(os.name == "nt", reason="there is no such device")
@pytest.mark.parametrize("line", ["data < /dev/zero", "bdat < /dev/zero", "mail ann@example.org < /dev/zero"])
def test_a_device_is_no_file(line: str) -> None:
    shell, server, _ = make_shell(EHLO, before=("ehlo",))
    with pytest.raises(UsageError, match="is a device and no file; nothing was sent"):
        shell.run(line)
    assert server.heard == b""


@pytest.mark.parametrize(
    "line", ["mail a@b < x\r\ny", "mail a@b\nc@d", "rcpt a@b orcpt=rfc822;x\r\ny", "mail a@b < x\0y"]
)
def test_a_line_break_is_refused(line: str) -> None:
    shell, server, _ = make_shell(EHLO, before=("ehlo",))
    with pytest.raises(NotSendable):
        shell.run(line)
    assert server.heard == b""


def test_a_file_that_is_too_large_is_named_before_it_is_sent(letter: Path) -> None:
    letter.write_bytes(b"x\n" * 20)
    shell, server, screen = make_shell(EHLO, before=("ehlo", "mail <>", "rcpt a@b"))
    shell.run("data < letter.eml")
    assert screen.said[0] == (
        "The file has 60 octets as it goes over the wire, more than the 50 that the server announced; it is sent all the same."
    )
    assert server.heard.startswith(b"DATA\r\nx\r\n")
    shell, server, screen = make_shell(EHLO, before=("ehlo", "mail <> size=10", "rcpt a@b"))
    letter.write_bytes(b"x\n" * 4)
    shell.run("bdat < letter.eml")
    assert (
        screen.said[0]
        == "The file has 12 octets as it goes over the wire, more than the 10 that MAIL declared with SIZE."
    )


def test_a_file_goes_out_in_chunks_of_the_size_that_is_set(letter: Path) -> None:
    shell, server, _ = make_shell(EHLO, before=("ehlo", "mail <>", "rcpt a@b", "/set chunk-size 8"))
    shell.run("bdat < letter.eml")
    assert server.heard == b"BDAT 8\r\nSubject:BDAT 8\r\n x\r\n\r\n.dBDAT 4 LAST\r\not\r\n"
    for value in ("0", "-1", "x", "99999999", "٣"):
        with pytest.raises(UsageError, match="octets from 1"):
            shell.run(f"/set chunk-size {value}")


def test_a_binary_body_keeps_its_line_ends(letter: Path) -> None:
    letter.write_bytes(b"a\nb\r\n\0")
    shell, server, _ = make_shell(EHLO, before=("ehlo", "mail <> body=binarymime", "rcpt a@b"))
    shell.run("bdat < letter.eml")
    assert server.heard == b"BDAT 6 LAST\r\na\nb\r\n\0"


def test_a_refusal_in_the_middle_ends_the_chunks(letter: Path) -> None:
    replies = {**EHLO, b"BDAT": b"552 too much\r\n"}
    shell, server, _ = make_shell(replies, before=("ehlo", "mail <>", "rcpt a@b", "/set chunk-size 8"))
    shell.run("bdat < letter.eml")
    assert server.heard == b"BDAT 8\r\nSubject:"


# By hand


def test_what_is_typed_after_bdat_is_its_chunk() -> None:
    shell, server, screen = make_shell({**EHLO, b"BDAT": b"", b"SUBJECT:": b""}, before=("ehlo", "mail <>", "rcpt a@b"))
    shell.run("BDAT 14")
    assert screen.said[-1].startswith("The server waits for 14 octets of the chunk now")
    assert shell.session is not None
    assert shell.session.dialogue.chunk_left == 14
    shell.run("Subject: x")
    shell.run("")
    assert shell.session.dialogue.chunk_left == 0
    shell.run("noop")
    assert server.heard == b"BDAT 14\r\nSubject: x\r\n\r\nnoop\r\n"


def test_a_chunk_by_hand_can_be_sent_with_raw() -> None:
    shell, server, _ = make_shell({**EHLO, b"BDAT": b""}, before=("ehlo", "mail <>", "rcpt a@b", "BDAT 6"))
    shell.run("/status")
    shell.run(r"/raw text\r\n")
    assert server.heard == b"text\r\n"
    assert shell.session is not None
    assert shell.session.outstanding == 0


def test_a_file_that_the_system_does_not_describe_is_closed(letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def refuse(descriptor: int) -> None:
        opened.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    shell, _, _ = make_shell(EHLO, before=("ehlo", "mail <>", "rcpt <a@example.org>"))
    monkeypatch.setattr("smtp_shell.shell.message_files.fstat", refuse)
    for stream in ("stdout", "stderr"):  # pytest's own have no buffer
        monkeypatch.setattr(sys, stream, io.StringIO())
    with pytest.raises(SystemRefused, match=r"input/output error; the line was given up\.$"):
        shell.run("data < letter.eml")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_a_file_that_memory_has_no_room_for_is_named_as_unreadable(
    letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise MemoryError

    with pytest.raises(UsageError, match=r"^the file cannot be read: there is no memory left\.$"):
        list(read_pieces(cast("BinaryIO", SimpleNamespace(read=refuse))))
