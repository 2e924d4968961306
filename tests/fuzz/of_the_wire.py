"""What has to hold for what a server says, and for what a person types."""

import traceback
from binascii import b2a_base64
from collections.abc import Callable
from functools import cache
from typing import cast
from unittest.mock import patch

from smtp_shell.errors import NotSendable, SmtpShellError, UsageError
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.addresses import parse_paths
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import Event, OctetsSent, ReplyReceived
from smtp_shell.protocol.maildata import END_OF_DATA, MailDataDecoder, MailDataEncoder
from smtp_shell.protocol.masking import conceal_octets, describe_typed
from smtp_shell.protocol.octets import escape, escape_str, unescape
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import Extensions, Malformed, Oddity, Reply, ReplyLimits, ReplyParser
from smtp_shell.protocol.sasl import (
    MECHANISMS,
    ChannelBinding,
    Credentials,
    Response,
    decode_challenge,
    mechanism,
    scram,
)
from smtp_shell.protocol.secret import Secret
from smtp_shell.shell.lines import Answer, MailDataLine, Run, Wire, parse
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_secrets import is_initial_response, mask_start
from smtp_shell.transcript.notation import clean, client_octets, client_text
from tests.fuzz.material import assert_seen, never_raises, split_choices
from tests.fuzz.program import perform

LIMITS = (ReplyLimits(), ReplyLimits(line=40, reply=100, lines=4))
PASSWORD = "\u03b1\u03b2\u20ac\U0001f511\u03b3\u03b4"
TOKEN = "ZQ7~9ZQ7~8ZQ7~"
NONCE = "fyko+d2l"
BINDING = ChannelBinding("tls-exporter", bytes(32))
STARTED = [name for name in MECHANISMS if name != "GSSAPI"]  # that needs a library of the system and a ticket


def octets(data: bytes) -> None:
    """Any octets can be shown without harm, and be had back; so can any text, and what a client sent."""
    shown = escape(data)
    assert_seen(shown)
    assert unescape(shown) == data
    text = data.decode("utf-8", "surrogateescape")
    assert escape_str(text) == shown
    assert_seen(escape_str(data.decode("utf-16-le", "surrogatepass")) if len(data) % 2 == 0 else shown)
    unescape(text)
    cleaned = clean(text)
    assert_seen(cleaned)
    assert clean(cleaned) == cleaned
    assert (unescape(cleaned), client_octets(cleaned)) == (unescape(text), client_octets(text))
    assert_seen(client_text(data))
    assert client_octets(client_text(data)) == data


def replies(data: bytes) -> None:
    """The segments never matter, nothing is lost, nothing grows."""
    choices, said = split_choices(data)
    limits = choices.one_of(LIMITS)
    whole, cut = ReplyParser(limits), ReplyParser(limits)
    items = list(whole.receive(said))
    again: list[Reply | Malformed] = []
    for segment in choices.segments(said):
        again += cut.receive(segment)
        assert len(cut.pending) <= limits.reply + limits.line
    assert (again, cut.pending) == (items, whole.pending)
    assert all(isinstance(item, Reply) for item in items[:-1])
    if items and isinstance(items[-1], Malformed):
        assert_seen(items[-1].reason)
        assert items[-1].octets in said
        assert len(items[-1].octets) <= limits.line
        assert b"".join(item.octets for item in items[:-1]) == said[: sum(len(item.octets) for item in items[:-1])]
    else:
        assert b"".join(item.octets for item in items) + whole.pending == said
    for item in items:
        if isinstance(item, Reply):
            _ask_everything(item)


def _ask_everything(reply: Reply) -> None:
    assert_seen(*reply.text.split("\n"))
    assert 0 <= reply.code <= 999
    assert (Oddity.ODD_CODE not in reply.oddities) == (200 <= reply.code <= 599)
    assert len(list(reply.wire_lines())) == len(reply.lines)
    assert reply.enhanced is None or str(reply.enhanced)[0] in "245"
    extensions = Extensions.parse(reply)
    assert_seen(*extensions.keywords, *extensions.mechanisms)
    for keyword in extensions.keywords:
        assert keyword == keyword.upper()
        assert_seen(*extensions.parameters(keyword))


def dialogue(data: bytes) -> None:
    """Whatever happens in whatever order: events only, replies in the order of the commands, none too many."""
    talk = Dialogue(LIMITS[1])
    owed: list[Command] = []
    answered = 0
    for sign, sent, happened in perform(data, talk):
        events = list(happened)
        assert all(isinstance(event, Event) for event in events)
        if sign == "|":
            assert b"".join(event.octets for event in events if isinstance(event, OctetsSent)) == sent
        assert isinstance(talk.phase, Phase)
        assert 0 <= talk.answered <= talk.asked
        assert talk.asked - talk.answered == len(talk.owed)
        assert sign == "T" or talk.answered >= answered
        answered = talk.answered
        assert len(talk.pending) <= 140
        assert_seen(*map(str, talk.owed))
        replied = [event.command for event in events if isinstance(event, ReplyReceived) and event.command]
        assert sign not in ">&|AD.BLTE" or not replied
        # The replies come in the order of the commands; PRDR adds replies to the last one, in front.
        assert _without_repeats(replied) == _in_order(replied, owed)
        owed = [each.command for each in talk.owed if each.command]


def _without_repeats(commands: list[Command]) -> list[Command]:
    return [command for number, command in enumerate(commands) if number == 0 or command is not commands[number - 1]]


def _in_order(found: list[Command], owed: list[Command]) -> list[Command]:
    """Return the commands that were owed a reply, as far as the last one found."""
    return _without_repeats(owed)[: len(_without_repeats(found))]


def segments(data: bytes) -> None:
    """A dialogue is the same whatever the segments that the server's octets come in."""
    choices, rest = split_choices(data)
    program, _, said = rest.partition(b"\n\n")
    one, other = Dialogue(LIMITS[0]), Dialogue(LIMITS[0])
    for each in (one, other):
        for _ in perform(program, each):
            pass
    whole, cut = list(one.receive(said)), list[Event]()
    for segment in choices.segments(said):
        cut += other.receive(segment)
    assert [e for e in whole if isinstance(e, ReplyReceived)] == [e for e in cut if isinstance(e, ReplyReceived)]
    assert (one.phase, one.owed, one.extensions, one.pending) == (
        other.phase,
        other.owed,
        other.extensions,
        other.pending,
    )


def commands(data: bytes) -> None:
    """One command is one line: whatever is typed, the server sees one line or none."""
    text = data.decode("utf-8", "surrogateescape")
    typed = never_raises(lambda: Command.of("NOOP", text), NotSendable)
    for path in parse_paths(text) or ():
        sent = never_raises(lambda path=path: Command.of("RCPT", f"TO:{path}"), NotSendable)  # type: ignore[misc]
        _assert_one_line(sent)
    _assert_one_line(typed)
    command = Command.parse(data)
    assert command.shown == data[: len(command.shown)]
    assert command.verb.isascii()
    never_raises(lambda: parse_target(text), UsageError)
    assert is_initial_response("PLAIN", text) in (True, False)
    start = mask_start(text)
    assert start is None or 0 <= start < len(text)


def _assert_one_line(command: Command | None) -> None:
    if command is not None:
        assert command.octets.endswith(b"\r\n")
        assert not set(command.line) & set(b"\r\n\0")


class _Wire:
    """A shell that keeps what would be sent; it is one to the entries that only send commands."""

    def __init__(self) -> None:
        self.sent: list[Command] = []

    def command(self, command: Command) -> Reply:
        self.sent.append(command)
        return Reply(250, (b"",), b"250\r\n")


@cache
def _registry() -> Registry[Shell]:
    return Registry.load()


def lines(data: bytes) -> None:
    """A typed line is for the shell or for the server, and a shorthand puts nothing on the wire that ends it early."""
    choices, rest = split_choices(data)
    text = rest.decode("utf-8", "surrogateescape")
    line = never_raises(lambda: parse(text, _registry(), choices.one_of([None, *Phase])), UsageError)
    if isinstance(line, Wire | Answer | MailDataLine):
        assert line.text == text
    if not isinstance(line, Run):
        return
    never_raises(lambda: line.args.words, UsageError)
    if line.command.name in ("mail", "rcpt"):
        wire = _Wire()
        never_raises(lambda: line.command.run(cast(Shell, wire), line.args), SmtpShellError)
        for command in wire.sent:
            _assert_one_line(command)
            assert command.verb == line.command.name.upper()


def maildata(data: bytes) -> None:
    """Mail data goes there and back, in pieces of any size, and only the final dot ends it."""
    choices, message = split_choices(data)
    encoder, decoder = MailDataEncoder(), MailDataDecoder()
    wire = b"".join(map(encoder.encode, choices.segments(message))) + encoder.end()
    other = MailDataEncoder()
    assert other.encode(message) + other.end() == wire
    assert (b"\r\n" + wire).find(b"\r\n.\r\n") == len(wire) - len(END_OF_DATA)
    bare = wire.replace(b"\r\n", b"")
    assert not set(bare) & set(b"\r\n")
    arrived = b"".join(map(decoder.decode, choices.segments(wire.removesuffix(END_OF_DATA)))) + decoder.end()
    wanted = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n")
    assert arrived.removesuffix(b"\r\n").replace(b"\r\n", b"\n") == wanted


def sasl(data: bytes) -> None:
    """Whatever a server asks, only our own errors come, and no sentence holds the secret."""
    choices, said = split_choices(data)
    name = choices.one_of(STARTED)
    secret = TOKEN if "token" in mechanism(name).needs else PASSWORD
    said = said.replace(b"@@", secret.encode()).replace(b"@=", b2a_base64(secret.encode(), newline=False))
    said = said.replace(b"@r", NONCE.encode())
    texts: list[str] = []
    responses: list[Response | None] = []
    with patch.object(scram, "MAX_ITERATIONS", 4100):
        try:
            exchange = mechanism(name).start(
                Credentials("student", Secret(secret)), nonce=lambda: NONCE, binding=BINDING
            )
            responses += [exchange.initial_response(asked=True)] if choices.below(2) else []
            texts.append(repr(exchange))
            for line in said.split(b"\n"):
                challenge = line if choices.below(2) else (decode_challenge(line) or b"")
                explained = exchange.explain(challenge)
                assert_seen(explained)
                texts.append(explained)
                responses.append(exchange.respond(challenge))
                assert len(responses) <= 3
            exchange.finish()
        except SmtpShellError as error:
            assert_seen(str(error))
            texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
    meanings = [response.meaning for response in responses if response]
    assert_seen(*meanings)
    texts += [str(responses), *meanings]
    encoded = b2a_base64(secret.encode(), newline=False).decode().rstrip("=")
    for text in texts:
        assert not any(each in text for each in (secret, escape(secret.encode()), encoded)), text


def masking(data: bytes) -> None:
    """An echo of a password is masked wherever it stands, and what is typed by hand is described without it."""
    choices, rest = split_choices(data)
    echo = rest.replace(b"@@", PASSWORD.encode())
    for shown in (conceal_octets(each, Secret(PASSWORD)) for each in (echo, b2a_base64(echo, newline=False))):
        assert PASSWORD.encode() not in shown
        assert PASSWORD.encode() not in (decode_challenge(shown) or b"")
    for word in (rest, b2a_base64(rest, newline=False)):
        assert_seen(describe_typed(word, choices.one_of([*MECHANISMS, "", "\u017ftarttls"])))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "octets": octets,
    "replies": replies,
    "dialogue": dialogue,
    "segments": segments,
    "commands": commands,
    "lines": lines,
    "maildata": maildata,
    "sasl": sasl,
    "masking": masking,
}
