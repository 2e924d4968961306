"""The octets of a draft, and its attachments, which are read as the octets are taken."""

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.errors import MessageChanged, NotSendable, SmtpShellError, UsageError
from smtp_shell.message.building import Layout, build, check_attachment, lay_out
from smtp_shell.message.draft import Attachment, Draft
from smtp_shell.message.mailboxes import Mailbox

DRAFT = Draft(
    from_=(Mailbox("ann@example.org"),),
    to=(Mailbox("bob@example.org"),),
    bcc=(Mailbox("eve@example.org"),),
    subject="Hello",
    date="Fri, 27 Nov 2026 10:21:05 +0100",
    message_id="<1@example.org>",
    body="It is me.\n",
)


def with_file(path: Path, octets: bytes, **options: str) -> Draft:
    path.write_bytes(octets)
    return Draft(body="x", attachments=(Attachment(path, **options),))


def test_a_plain_message_is_what_everybody_would_write() -> None:
    assert build(DRAFT, smtputf8=False) == (
        b"From: ann@example.org\r\nTo: bob@example.org\r\nSubject: Hello\r\nDate: Fri, 27 Nov 2026 10:21:05 +0100\r\n"
        b"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\nIt is me.\r\n"
    )


@pytest.mark.parametrize("smtputf8", [False, True])
def test_bcc_is_never_in_the_message(smtputf8: bool) -> None:
    assert b"eve" not in build(DRAFT, smtputf8=smtputf8)


@pytest.mark.parametrize(
    ("body", "smtputf8", "encoding", "text"),
    [
        ("a\r\nb\rc\nd", False, b"7bit", b"a\r\nb\r\nc\r\nd\r\n"),
        ("", False, b"7bit", b""),
        ("Grüße", False, b"quoted-printable", b"Gr=C3=BC=C3=9Fe\r\n"),
        ("Grüße", True, b"8bit", "Grüße\r\n".encode()),
        ("你好", False, b"base64", b"5L2g5aW9DQo="),
        ("x" * 999, True, b"quoted-printable", None),
        ("a\0b", True, b"quoted-printable", b"a=00b\r\n"),
    ],
)
def test_a_text_is_encoded_where_it_must_be(body: str, smtputf8: bool, encoding: bytes, text: bytes | None) -> None:
    header, _, sent = build(Draft(body=body), smtputf8=smtputf8).partition(b"\r\n\r\n")
    assert header.endswith(b"Content-Transfer-Encoding: " + encoding)
    assert text is None or sent == text
    assert max(map(len, sent.split(b"\r\n"))) <= 998


def test_eight_bits_are_the_callers_choice() -> None:
    assert b"8bit" in build(Draft(body="ü"), smtputf8=False, eight_bit=True)
    assert b"8bit" not in build(Draft(body="ü"), smtputf8=True, eight_bit=False)


def test_a_boundary_is_no_line_of_the_text(tmp_path: Path) -> None:
    draft = with_file(tmp_path / "a.bin", b"x")
    first = build(draft, smtputf8=True)
    boundary = first.split(b'boundary="')[1].split(b'"')[0].decode()
    again = build(Draft(body=f"--{boundary}--\n", attachments=draft.attachments), smtputf8=True)
    assert again.count(b"--" + again.split(b'boundary="')[1].split(b'"')[0]) == 3


def test_the_same_draft_has_the_same_octets_each_time(tmp_path: Path) -> None:
    draft = with_file(tmp_path / "a.bin", os.urandom(100_000))
    assert build(draft, smtputf8=False) == build(draft, smtputf8=False)


def test_an_address_that_has_no_form_in_ascii_is_refused() -> None:
    with pytest.raises(
        NotSendable, match=r"änn@example\.org has letters before its @ that only a server with SMTPUTF8 takes"
    ):
        build(Draft(to=(Mailbox("änn@example.org"),)), smtputf8=False)


@pytest.mark.parametrize(
    "octets", [b"", b"x", b"x" * 56, b"x" * 57, b"x" * 58, b"x" * 58_368, b"x" * 58_369, b"x" * 200_000]
)
def test_the_size_is_known_before_the_file_is_read(tmp_path: Path, octets: bytes) -> None:
    layout = lay_out(with_file(tmp_path / "a.bin", octets), smtputf8=False)
    assert layout.size == len(b"".join(layout.pieces()))
    assert layout.attachment_octets == len(octets)


@pytest.mark.parametrize(
    ("name", "octets", "given", "media_type"),
    [
        ("a.pdf", b"x", "", "application/pdf"),
        ("a.txt", b"x", "", "text/plain; charset=us-ascii"),
        ("a.txt", "ü".encode(), "", "text/plain; charset=utf-8"),
        ("a.txt", b"\xfc", "", "application/octet-stream"),
        ("a.tar.gz", b"x", "", "application/gzip"),
        ("a.eml", b"x", "", "application/octet-stream"),
        ("a", b"x", "", "application/octet-stream"),
        ("a.txt", b"\xfc", "text/plain; charset=iso-8859-1", "text/plain; charset=iso-8859-1"),
    ],
)
def test_the_type_of_a_file_follows_from_its_name(
    tmp_path: Path, name: str, octets: bytes, given: str, media_type: str
) -> None:
    draft = with_file(tmp_path / name, octets, type=given)
    assert check_attachment(draft.attachments[0]) == f"{name}: {media_type}, {len(octets)} octets"
    assert f"Content-Type: {media_type}\r\n".encode() in build(draft, smtputf8=False)


@pytest.mark.parametrize(
    "given", ["pdf", "a/b\r\nX: y", "text/plain; x", "message/rfc822", "multipart/mixed; boundary=x", "a/b;"]
)
def test_a_type_that_cannot_be_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(with_file(tmp_path / "a", b"x", type=given), smtputf8=False)
    assert str(caught.value).isprintable()


def test_a_name_that_would_end_its_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotSendable, match=r"the name of the attachment .* holds CR"):
        build(with_file(tmp_path / "a", b"x", name='x"\r\nBcc: eve@example.org'), smtputf8=False)


def test_what_cannot_be_read_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path("a\0b") / "c"):
        with pytest.raises(UsageError, match="nothing was sent"):
            lay_out(Draft(attachments=(Attachment(path),)), smtputf8=False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO")
def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="no file that can be attached"):
        lay_out(Draft(attachments=(Attachment(tmp_path / "fifo"),)), smtputf8=False)


def changed(layout: Layout) -> str:
    with pytest.raises(MessageChanged) as caught:
        list(layout.pieces())
    return str(caught.value)


def test_a_file_that_changes_before_it_is_read_ends_the_message(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    layout = lay_out(with_file(path, b"x" * 100_000), smtputf8=False)
    path.write_bytes(b"x" * 100_001)
    assert "it has grown" in changed(layout)
    path.write_bytes(b"x" * 99_000)
    assert "1,000 octets of it are missing" in changed(layout)
    path.unlink()
    assert "cannot be read any more" in changed(layout)


@pytest.mark.parametrize(
    "draft",
    [
        Draft(subject="x\r\nBcc: eve@example.org"),
        Draft(to=(Mailbox("a@example.org\r\nX: y"),)),
        Draft(from_=(Mailbox("a@example.org", "x\ny"),)),
        Draft(date="x\0"),
        Draft(message_id="<x>\r"),
        Draft(headers=(("X", "a\nb"),)),
        Draft(headers=(("X: y\r\nZ", "a"),)),
    ],
)
def test_a_draft_that_was_made_by_hand_gets_no_field_in_either(draft: Draft) -> None:
    with pytest.raises(SmtpShellError) as caught:
        build(draft, smtputf8=True)
    assert str(caught.value).isprintable()


def test_a_bcc_among_the_further_fields_is_left_out() -> None:
    assert b"eve" not in build(
        Draft(headers=(("Bcc", "eve@example.org"), ("Resent-Bcc", "eve@example.org"))), smtputf8=False
    )
