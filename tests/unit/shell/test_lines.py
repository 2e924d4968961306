"""Two languages at one prompt: what a typed line is, and what of it goes over the wire."""

import base64

import pytest

from smtp_shell.errors import NotSendable, SmtpShellError, UsageError
from smtp_shell.protocol.events import CommandSent
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.lines import Answer, MailDataLine, Run, Wire, parse
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

REGISTRY: Registry[Shell] = Registry.load()
BLOB = base64.b64encode(b"\0student\0open sesame").decode()
USER = base64.b64encode(b"student").decode()
PLAIN = f"AUTH PLAIN {BLOB}"
READY = ("ehlo",)
IN_DATA = ("ehlo", "mail <>", "rcpt bob@example.org", "data")

# typed -> sent; the phase does not matter to any of these
SHORTHANDS = {
    "mail alice@example.org": "MAIL FROM:<alice@example.org>",
    "MAIL alice@example.org": "MAIL FROM:<alice@example.org>",
    "mail <alice@example.org>": "MAIL FROM:<alice@example.org>",
    "mail alice@example.org size=1200 body=8bitmime": "MAIL FROM:<alice@example.org> SIZE=1200 BODY=8bitmime",
    "mail <>": "MAIL FROM:<>",
    "mail <> smtputf8": "MAIL FROM:<> SMTPUTF8",
    'mail "two words"@example.org': 'MAIL FROM:<"two words"@example.org>',
    "mail jörg@example.org smtputf8": "MAIL FROM:<jörg@example.org> SMTPUTF8",
    "mail student@[192.0.2.1]": "MAIL FROM:<student@[192.0.2.1]>",
    "rcpt bob@example.org": "RCPT TO:<bob@example.org>",
    "  rcpt bob@example.org  ": "RCPT TO:<bob@example.org>",
    "rcpt bob@example.org notify=never": "RCPT TO:<bob@example.org> NOTIFY=never",
    "rcpt <Postmaster>": "RCPT TO:<Postmaster>",
    "rcpt bob@example.org carol@example.org": "RCPT TO:<bob@example.org>|RCPT TO:<carol@example.org>",
    "rcpt bob@example.org notify=never carol@example.org": "RCPT TO:<bob@example.org> NOTIFY=never|RCPT TO:<carol@example.org>",
    "ehlo": "EHLO client.example.org",
    "EHLO": "EHLO client.example.org",
    "helo": "HELO client.example.org",
    "lhlo": "LHLO client.example.org",
    "data": "DATA",
    "starttls": "STARTTLS",
    "quit": "QUIT",
    "auth plain": PLAIN,
    "auth PLAIN student": PLAIN,
    "AUTH plain student": PLAIN,
}

AS_TYPED = (
    "mail from: a@b",
    "MAIL FROM:<a@b>",
    "Mail From:<a@b>",
    "mail from a@b",
    "mail FROM:<a@b> SIZE=1",
    "mail",
    "mail alice",
    "rcpt to: a@b",
    "RCPT TO:<a@b>",
    "rcpt to a@b",
    "rcpt",
    "helo x@y",
    "helo x",
    "EHLO x",
    "ehlo x y",
    "FOO bar",
    "foo",
    "noop",
    "NOOP  two  blanks ",
    "vrfy bob",
    "starttls now",
    "quit now",
    "data now",
    "bdat 5",
    "bdat",
    "BDAT 0 LAST",
    "starttls\tnow",
    "  noop",
    "ſtarttls",
    "help /exit",
    "exit",
    "status",
    "# no comment",
    ".",
    "GET / HTTP/1.1",
    PLAIN,
    f"auth plain {BLOB}",
    f"Auth Plain {BLOB}",
    f"AUTH LOGIN {USER}",
    "AUTH PLAIN =",
    "auth plain alice and more",
    "\u00a0/status",
    "vrfy bob\u00a0",
)


@pytest.mark.parametrize(
    "before", [(), READY, ("ehlo", "mail <>"), IN_DATA[:3]], ids=["greeted", "ready", "mail", "rcpt"]
)
@pytest.mark.parametrize(("line", "sent"), SHORTHANDS.items())
def test_a_shorthand_goes_out_as_what_it_stands_for(line: str, sent: str, before: tuple[str, ...]) -> None:
    shell, server, screen = make_shell(before=before)
    shell.run(line)
    assert [each.decode() for each in server.lines] == sent.split("|")
    shown = [entry.event for entry in screen.entries if isinstance(entry.event, CommandSent)]
    assert [event.command.octets for event in shown[-len(server.lines) :]] == [each + b"\r\n" for each in server.lines]


@pytest.mark.parametrize("before", [(), READY, ("ehlo", "mail <>")], ids=["greeted", "ready", "mail"])
@pytest.mark.parametrize("line", AS_TYPED)
def test_anything_else_goes_out_exactly_as_typed(line: str, before: tuple[str, ...]) -> None:
    shell, server, _ = make_shell(before=before)
    shell.run(line)
    assert server.heard == line.encode() + b"\r\n"


def test_a_mechanism_that_only_the_server_knows_goes_out_as_typed() -> None:
    shell, server, _ = make_shell(before=READY)
    shell.run("AUTH OTP")
    assert server.heard == b"AUTH OTP\r\n"


def test_a_mechanism_that_nobody_knows_is_not_sent_for_it_may_be_a_password() -> None:
    shell, server, _ = make_shell(before=READY)
    with pytest.raises(UsageError) as caught:
        shell.run("auth hunter2")
    assert server.heard == b""
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["/tpyo", "/mail ann@example.org", "/", "//", "/STATUS", "/quit", "/ehlo", " /tpyo", "\t/tpyo"]
)
@pytest.mark.parametrize("before", [(), READY], ids=["greeted", "ready"])
def test_no_typo_of_a_shell_command_is_ever_sent(line: str, before: tuple[str, ...]) -> None:
    shell, server, _ = make_shell(before=before)
    with pytest.raises(UsageError, match="nothing was sent"):
        shell.run(line)
    assert server.heard == b""


@pytest.mark.parametrize(
    "line", ["/status", " /status", "\t/status ", "/help", "/set", "/help /raw", "/history", "/note seen"]
)
def test_a_shell_command_runs_and_sends_nothing(line: str) -> None:
    shell, server, screen = make_shell(before=READY)
    shell.run(line)
    assert server.heard == b""
    assert screen.said or line.startswith("/note")


@pytest.mark.parametrize("line", ["", " ", "\t"])
def test_an_empty_line_is_nothing(line: str) -> None:
    assert parse(line, REGISTRY, Phase.READY) is None
    shell, server, _ = make_shell()
    shell.run(line)
    assert server.heard == b""


@pytest.mark.parametrize("line", ["data", "quit", "/exit", "/status", "mail <>", "", " ", "..", " .", ". ", PLAIN])
def test_in_mail_data_every_line_is_mail_data(line: str) -> None:
    assert parse(line, REGISTRY, Phase.MAILDATA) == MailDataLine(line)
    shell, server, _ = make_shell(before=IN_DATA)
    shell.run(line)
    stuffed = f".{line}" if line.startswith(".") else line
    assert server.heard == stuffed.encode() + b"\r\n"
    assert shell.phase is Phase.MAILDATA


def test_a_dot_alone_ends_mail_data() -> None:
    shell, server, _ = make_shell(before=IN_DATA)
    for line in ("Subject: x", "", ".hidden", "."):
        shell.run(line)
    assert server.heard == b"Subject: x\r\n\r\n..hidden\r\n.\r\n"
    assert shell.phase is Phase.READY


@pytest.mark.parametrize("line", ["quit", "ehlo", "*", "", BLOB, "mail <>"])
def test_after_a_334_every_line_is_an_answer(line: str) -> None:
    assert parse(line, REGISTRY, Phase.AUTH) == Answer(line)
    shell, server, _ = make_shell({b"AUTH": b"334 \r\n"}, before=("ehlo", r"/raw AUTH PLAIN\r\n", "/wait 0"))
    assert shell.phase is Phase.AUTH
    shell.run(line)
    assert server.heard == line.encode() + b"\r\n"


def test_after_a_334_the_shell_can_still_be_given_commands() -> None:
    shell, server, screen = make_shell({b"AUTH": b"334 \r\n"}, before=("ehlo", r"/raw AUTH PLAIN\r\n", "/wait 0"))
    shell.run("/status")
    assert server.heard == b""
    assert "auth" in screen.words


@pytest.mark.parametrize(
    ("line", "octets"),
    [
        (r"/raw EHLO x\r\nMAIL FROM:<a@b>\r\n", b"EHLO x\r\nMAIL FROM:<a@b>\r\n"),
        (r"/raw .\n", b".\n"),
        (r"/raw \x00\xff\\", b"\x00\xff\\"),
        ("/raw noop", b"noop"),
    ],
)
def test_raw_adds_nothing(line: str, octets: bytes) -> None:
    shell, server, _ = make_shell()
    shell.run(line)
    assert server.heard == octets


@pytest.mark.parametrize("char", ["\r", "\n", "\0"])
@pytest.mark.parametrize(
    "line",
    [
        "mail a{}@example.org",
        "mail a@example.org x={}",
        "rcpt a@b{}c",
        "noop {}x",
        "ehlo x{}y",
        "auth plain a{}b",
        "/set ehlo a{}b",
    ],
)
def test_no_line_break_gets_into_a_command(line: str, char: str) -> None:
    shell, server, _ = make_shell(before=READY)
    with pytest.raises(SmtpShellError) as caught:
        shell.run(line.format(char))
    assert server.heard == b""
    assert str(caught.value).isprintable()
    assert isinstance(caught.value, NotSendable)
    assert {"\r": "CR", "\n": "LF", "\0": "NUL"}[char] in str(caught.value)


def test_neither_lines_nor_answers_show_in_a_repr() -> None:
    for line, phase in ((PLAIN, Phase.READY), (BLOB, Phase.AUTH)):
        found = parse(line, REGISTRY, phase)
        assert isinstance(found, (Wire, Answer))
        assert BLOB not in repr(found)


def test_a_run_has_what_follows_the_name() -> None:
    found = parse("  /note   two  words ", REGISTRY, Phase.READY)
    assert isinstance(found, Run)
    assert (found.command.name, found.args.text) == ("/note", "two  words")


@pytest.mark.parametrize(("line", "meant"), [("help", "/help"), ("quit", "/exit"), ("connect practice", "/connect")])
def test_without_a_connection_a_word_may_mean_a_slash_command(line: str, meant: str) -> None:
    registry = Registry[Shell].load()
    with pytest.raises(UsageError, match=f"nothing was sent; did you mean {meant}"):
        parse(line, registry, None)
    assert parse(line, registry, Phase.READY) is not None
