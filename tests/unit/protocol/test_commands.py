"""Command lines: the octets that go over the wire, and what of them may be shown."""

import pytest

from smtp_shell.errors import NotSendable
from smtp_shell.protocol.commands import (
    HELLOS,
    VERBS,
    WITHIN_GROUP,
    Chunk,
    Command,
    auth_mechanism,
    bdat_chunk,
    forward_path,
    refuse_line_breaks,
)

LINES = [
    # line, verb, argument
    (b"NOOP", "NOOP", b""),
    (b"mail FROM:<ann@example.org>", "MAIL", b"FROM:<ann@example.org>"),
    (b"MAIL FROM:<ann@example.org> SIZE=12", "MAIL", b"FROM:<ann@example.org> SIZE=12"),
    (b"EHLO\tclient.example.net", "EHLO", b"client.example.net"),
    (b"EHLO  two ", "EHLO", b"two"),
    (b"X-EXPS GSSAPI", "X-EXPS", b"GSSAPI"),
    (b"mail from: a@b", "MAIL", b"from: a@b"),
    (b"", "", b""),
    (b" NOOP", "", b"NOOP"),
    (b"DATA\r", "", b"DATA"),
    (b"FROM:<a@b>", "", b"FROM:<a@b>"),
    ("ſtarttls".encode(), "", "ſtarttls".encode()),
    ("STARTTLſ".encode(), "", "STARTTLſ".encode()),
    (b"\xff\x00", "", b"\xff\x00"),
]

AUTH_LINES = [
    # line, how much of it may be shown
    (b"AUTH", None),
    (b"AUTH LOGIN", None),
    (b"AUTH LOGIN ", None),
    (b"AUTH PLAIN AHN0dWRlbnQAeA==", b"AUTH PLAIN "),
    (b"auth  plain\tAHN0dWRlbnQAeA==", b"auth  plain\t"),
    (b" AUTH PLAIN AHN0dWRlbnQAeA==", b" AUTH PLAIN "),
    (b"AUTH PLAIN a b c", b"AUTH PLAIN "),
    (b"AUTH Plain AHN0dWRlbnQAeA==", b"AUTH Plain "),
    (b"AUTH Scram-Sha-256", None),
    (b"AUTH EXTERNAL =", None),
    (b"AUTH EXTERNAL = ", None),
    (b"AUTH EXTERNAL =x", b"AUTH EXTERNAL "),
    (b"AUTHENTICATE PLAIN abc", None),
    (b"AUTH scram-sha-256 biws", b"AUTH scram-sha-256 "),
    (b"AUTH X-NEW-MECHANISM abc", b"AUTH X-NEW-MECHANISM "),
    # a response whose mechanism was forgotten, and other slips of the hand
    (b"AUTH AHN0dWRlbnQAeA==", b"AUTH "),
    (b"AUTH=AHN0dWRlbnQAeA==", b"AUTH="),
    (b"AUTH AHN0dWRlbnQAeA== abc", b"AUTH "),
    (b"NOOP AUTH PLAIN abc", None),
]


@pytest.mark.parametrize(("line", "verb", "argument"), LINES)
def test_a_line_is_sent_as_it_is(line: bytes, verb: str, argument: bytes) -> None:
    command = Command.parse(line)
    assert (command.octets, command.verb, command.argument) == (line + b"\r\n", verb, argument)
    assert (command.secret, command.shown) == (False, line)


@pytest.mark.parametrize(("line", "shown"), AUTH_LINES)
def test_an_initial_response_is_a_secret(line: bytes, shown: bytes | None) -> None:
    command = Command.parse(line)
    assert command.secret == (shown is not None)
    assert command.shown == (line if shown is None else shown)
    assert command.octets == line + b"\r\n"


@pytest.mark.parametrize(
    ("line", "mechanism"),
    [
        (b"AUTH PLAIN", b"PLAIN"),
        (b"auth\tscram-sha-256 biws\r\n", b"scram-sha-256"),
        (b" AUTH  LOGIN ", b"LOGIN"),
        (b"AUTH PLAIN\r\n", b"PLAIN"),
        (b"AUTH=PLAIN abc", b"PLAIN"),
        (b"AUTH", b""),
        (b"AUTH \r\n", b""),
        (b"AUTHENTICATE PLAIN", None),
        (b"AUTH-PLAIN abc", None),
        (b"NOOP AUTH PLAIN", None),
        (b"", None),
    ],
)
def test_an_auth_command_names_its_mechanism(line: bytes, mechanism: bytes | None) -> None:
    assert auth_mechanism(line) == mechanism


@pytest.mark.parametrize(
    ("line", "chunk"),
    [
        (b"BDAT 10", Chunk(10, last=False)),
        (b"bdat\t0  last ", Chunk(0, last=True)),
        (b"BDAT 9999999999999999999", Chunk(9_999_999_999_999_999_999, last=False)),
        (b"BDAT 99999999999999999999", None),
        (b"BDAT 10 FIRST", None),
        (b"BDAT -1", None),
        (b"BDAT", None),
        (b"BDATA 10", None),
        (b" BDAT 10", None),
        ("BDAT \u0661".encode(), None),
    ],
)
def test_the_size_of_a_chunk_is_read_from_a_correct_bdat(line: bytes, chunk: Chunk | None) -> None:
    assert bdat_chunk(line) == chunk


def test_the_line_is_not_in_the_repr() -> None:
    assert repr(Command.parse(b"AUTH PLAIN AHN0dWRlbnQAeA==")) == "Command(public=11)"


@pytest.mark.parametrize(
    ("verb", "argument", "line"),
    [
        ("RSET", "", b"RSET"),
        ("MAIL", "FROM:<>", b"MAIL FROM:<>"),
        ("RCPT", "TO:<j\u00f6rg@example.org>", b"RCPT TO:<j\xc3\xb6rg@example.org>"),
        ("RCPT", "TO:<\udcff@example.org>", b"RCPT TO:<\xff@example.org>"),
        ("AUTH", "PLAIN abc", b"AUTH PLAIN abc"),
    ],
)
def test_a_command_made_of_parts(verb: str, argument: str, line: bytes) -> None:
    command = Command.of(verb, argument)
    assert command.line == line
    assert command.secret == (verb == "AUTH")
    if not argument:
        assert Command.of(verb) == command


@pytest.mark.parametrize(
    ("value", "named"), [("ann\r", "CR"), ("ann\nRSET", "LF"), ("\0ann", "NUL"), ("ann@b>\r\nDATA", "CR")]
)
def test_one_command_is_one_line(value: str, named: str) -> None:
    with pytest.raises(NotSendable, match=rf"RCPT: the value holds {named}, .* use /raw") as caught:
        Command.of("RCPT", f"TO:<{value}>")
    assert "ann" not in str(caught.value)
    with pytest.raises(NotSendable):
        refuse_line_breaks(value, "RCPT")


@pytest.mark.parametrize("value", ["", "a b", "\t\x0b\x0c\x1c\x85\u2028", "\x1b"])
def test_what_ends_no_line_is_let_through(value: str) -> None:
    refuse_line_breaks(value, "NOOP")
    assert Command.of("NOOP", value).octets.count(b"\n") == 1


def test_verbs_and_which_of_them_others_may_follow_in_a_group() -> None:
    assert {"EHLO", "HELO", "LHLO"} == HELLOS
    # RFC 2920 section 3.1 and RFC 3030 section 4.2: any other verb is the last of its group.
    assert [verb for verb in VERBS if verb in WITHIN_GROUP] == ["MAIL", "RCPT", "BDAT", "RSET", "SEND", "SOML", "SAML"]
    assert len(WITHIN_GROUP) == 7
    assert " ".join(VERBS) == (
        "EHLO HELO LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP QUIT "
        "STARTTLS AUTH ETRN ATRN BURL XCLIENT XFORWARD TURN SEND SOML SAML"
    )


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (b"RCPT TO:<bob@example.org>", b"<bob@example.org>"), (b"rcpt  to: <bob@example.org> NOTIFY=NEVER", b"<bob@example.org>"),
        (b"RCPT TO:bob@example.org X=1", b"bob@example.org"), (b'RCPT TO:<"a> b"@c> X', b'<"a> b"@c>'),
        (b'RCPT TO:<"a\\">b"@c>', b'<"a\\">b"@c>'),
        (b"RCPT TO:<a b", b"<a"), (b"MAIL FROM:<a@b>", b""), (b"RCPT", b""), (b"RCPT TO:", b""), (b"XRCPT TO:<a>", b""),
        (b"RCPT TO:<" + b"x" * 2000 + b">", b"<" + b"x" * 999),
    ],
)  # fmt: skip
def test_the_forward_path(line: bytes, path: bytes) -> None:
    assert forward_path(line) == path


@pytest.mark.parametrize(
    ("line", "chunk"),
    [
        (b"BURL imap://x", Chunk(0, False)), (b"burl imap://x last", Chunk(0, True)), (b"BURL imap://x LAST more", None), (b"BURL", None),
        (b"BURL imap://x FIRST", None), (b"BURL ", None), (b"BURLY x", None),
        (b"BDAT 9999999999999999999", Chunk(9999999999999999999, False)),
        (b"BDAT 10000000000000000000", None), (b"bdat\t1\tlast ", Chunk(1, True)), (b"BDAT 1 LASTING", None), (b"BDAT1", None),
    ],
)  # fmt: skip
def test_chunks_of_burl_and_bdat(line: bytes, chunk: Chunk | None) -> None:
    assert bdat_chunk(line) == chunk
