"""A draft is read back by the standard library as it was composed, whatever Unicode it holds."""

import email
import email.header
import email.policy
import email.utils
import re
import tempfile
from email.message import EmailMessage
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import SmtpShellError
from smtp_shell.message.building import build, lay_out
from smtp_shell.message.draft import Attachment, Draft, with_field
from smtp_shell.message.mailboxes import Mailbox, parse_mailboxes
from tests.property.hostile import HOSTILE_TEXT

_ODD = ("=?utf-8?q?x?=", "=?", "?=", '"', "\\", ",", ";", "<", ">", "@", "(", ")", ":", "  ", " ", "\t", "\x1b", "\x7f", "\x85", "\u2028",
        "é", "e\u0301", "你好", "🙂", "\u202e", "a" * 80, "ä" * 60)  # fmt: skip
_UNICODE = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")
TEXT = st.text(_UNICODE) | st.lists(st.sampled_from(_ODD) | st.text(_UNICODE, max_size=4), max_size=12).map("".join)
# What a file's name or a display name can be: no blanks around it.
NAME = TEXT.map(lambda text: text.strip()).filter(lambda text: bool(text) and text == text.strip(" \t\r\n"))
LETTERS = "abcxyz0123456789"
LOCAL = st.text(LETTERS + "!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=20)
LOCAL_UTF8 = st.text(LETTERS + "äöüßéñ你好", min_size=1, max_size=20)
DOMAIN = st.lists(
    st.sampled_from(["example", "bücher", "straße", "xn--bcher-kva", "mail"]), min_size=1, max_size=2
).map(lambda labels: ".".join([*labels, "example"]))
MAILBOX = st.builds(lambda local, domain, name: Mailbox(f"{local}@{domain}", name), LOCAL, DOMAIN, st.just("") | NAME)
MAILBOXES = st.lists(MAILBOX, min_size=1, max_size=4).map(tuple)
BODY = st.text(st.characters(exclude_categories=["Cs"]))


def parsed(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def lines_of(text: str) -> str:
    """Return a text as it is sent: each line ended, with LF here."""
    text = re.sub(r"\r\n|\r", "\n", text)
    return text if text.endswith("\n") or not text else f"{text}\n"


def utf8(text: str | None) -> str:
    """Return text in which the standard library has left octets over 127 as surrogates."""
    return (text or "").encode("utf-8", "surrogateescape").decode()


def mailboxes_of(octets: bytes) -> list[tuple[str, str]]:
    """Return the mailboxes in To. The newer parser of the standard library puts a blank between two encoded words of a name."""
    field = str(email.message_from_bytes(octets, policy=email.policy.default.clone(header_factory=as_it_is))["to"])
    found = email.utils.getaddresses([utf8(field)])
    return [(str(email.header.make_header(email.header.decode_header(name))), address) for name, address in found]


def as_it_is(name: str, value: str) -> str:
    return value


def check_lines(octets: bytes) -> None:
    """Check that no line is longer than the standard allows, and that all end in CRLF."""
    assert b"\r" not in octets.replace(b"\r\n", b"")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998


@given(TEXT, st.booleans())
def test_a_subject_is_read_back(subject: str, smtputf8: bool) -> None:
    octets = build(Draft(subject=subject), smtputf8=smtputf8)
    check_lines(octets)
    assert smtputf8 or octets.isascii()
    assert (parsed(octets)["subject"] or "") == subject


@given(MAILBOXES, st.booleans())
def test_mailboxes_are_read_back(mailboxes: tuple[Mailbox, ...], smtputf8: bool) -> None:
    octets = build(Draft(to=mailboxes), smtputf8=smtputf8)
    check_lines(octets)
    assert smtputf8 or octets.isascii()
    wanted = [(each.name, each.address if smtputf8 else each.ascii_address) for each in mailboxes]
    assert mailboxes_of(octets) == wanted


@given(BODY, BODY, st.booleans())
def test_the_text_is_read_back_in_both_forms(body: str, html: str, smtputf8: bool) -> None:
    octets = build(Draft(body=body, html=html), smtputf8=smtputf8)
    check_lines(octets)
    message = parsed(octets)
    for kind, text in (("plain", body), ("html", html)):
        part = message.get_body((kind,))
        if text:
            assert part is not None
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            assert payload.decode().replace("\r\n", "\n") == lines_of(text)


@given(st.lists(st.tuples(NAME, st.binary(max_size=300)), min_size=1, max_size=3), TEXT, st.booleans())
def test_attachments_are_read_back(files: list[tuple[str, bytes]], body: str, smtputf8: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        attachments = []
        for number, (name, octets) in enumerate(files):
            path = Path(folder) / str(number)
            path.write_bytes(octets)
            attachments.append(Attachment(path, name=name))
        draft = Draft(body=body, attachments=tuple(attachments))
        layout = lay_out(draft, smtputf8=smtputf8)
        whole = b"".join(layout.pieces())
        assert whole == build(draft, smtputf8=smtputf8)
    check_lines(whole)
    assert layout.size == len(whole)
    parts = list(parsed(whole).iter_attachments())
    # Not get_filename, which takes quotation marks off that are part of the name.
    assert [utf8(part["content-disposition"].params["filename"]) for part in parts] == [name for name, _ in files]
    assert [part.get_payload(decode=True) for part in parts] == [octets for _, octets in files]


@given(MAILBOXES)
def test_mailboxes_are_typed_as_they_are_shown_in_quotes(mailboxes: tuple[Mailbox, ...]) -> None:
    def quoted(name: str) -> str:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    typed = ", ".join(f"{quoted(each.name)} <{each.address}>" if each.name else each.address for each in mailboxes)
    assert parse_mailboxes(typed, "To") == mailboxes


@given(HOSTILE_TEXT | st.text(), HOSTILE_TEXT | st.text())
def test_no_value_makes_a_field_of_its_own(name: str, value: str) -> None:
    """Whatever a stranger puts into a name or a value, the message has the fields that were set and no other."""
    try:
        draft = with_field(Draft(subject="x"), name, value)
        octets = build(draft, smtputf8=True)
    except SmtpShellError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert not refusal or refusal.isprintable()
    if refusal:
        return
    header = octets.partition(b"\r\n\r\n")[0]
    names = {line.partition(b":")[0].decode().lower() for line in header.split(b"\r\n") if line[:1] not in b" \t"}
    assert names <= {"subject", name.lower(), "mime-version", "content-type", "content-transfer-encoding"}
