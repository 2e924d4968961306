"""The replay of a recording against the mock that is made of it, over a connection in memory.

It has to match, except where the recording has what `why_it_may_differ` names: there it has to end, with an outcome of ours. A recording
that `replay` or `serve` refuses in a sentence is counted with that sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.commands import Command, auth_mechanism, bdat_chunk
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyBegun,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.replies import Reply
from smtp_shell.protocol.sasl import MECHANISMS, Credentials, Mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.servers.certificate import ServerCertificate
from smtp_shell.servers.faults import FaultPlan
from smtp_shell.servers.mock import MockSettings, compile_script
from smtp_shell.servers.mock.authentication import RESPONSES
from smtp_shell.servers.mock.dialogue import MockDialogue
from smtp_shell.servers.mock.picking import SessionPicker
from smtp_shell.servers.mock.wire import MockWire
from tests.fuzz.whole.memory import Clock, Wire, connections

# How many responses a mechanism can give before it is asked for one; others have one.
_EARLY = {"LOGIN": 2, "CRAM-MD5": 0}
# And how many in all: the OAuth mechanisms answer the error of a refusal as well (RFC 7628 section 3.2.3).
_IN_ALL = {**RESPONSES, "XOAUTH2": 2, "OAUTHBEARER": 2}
_VIOLATIONS = frozenset(
    {NoticeKind.BAD_REPLY, NoticeKind.NOT_A_REPLY, NoticeKind.TOO_MUCH, NoticeKind.PLAINTEXT_AFTER_STARTTLS}
)


def why_it_may_differ(log: Sequence[Entry]) -> str:
    """Return what a dialogue has that cannot be had again with every step matched; empty for nothing.

    Args:
        log: What happened when it was recorded.
    """
    is_grouped = any(isinstance(each.event, CommandSent) and _is_grouped_data(each.event) for each in log)
    is_open_ended = False  # mail data was sent, and no final dot
    begun = False  # lines of a reply have come whose end has not
    left = 0.0  # octets of a message that the client has announced and not sent; infinite after a 354
    for entry in log:
        before, left = left, _left(left, entry.event)
        begun = begun and not isinstance(entry.event, ReplyReceived)
        if isinstance(entry.event, MailDataSent | Connected):
            is_open_ended = isinstance(entry.event, MailDataSent) and not entry.event.last
        match entry.event:
            case ReplyBegun() | ReplyReceived() if before:
                return "the server spoke in the middle of a message"
            case Noticed(octets=octets) if before and octets:
                return "the server spoke in the middle of a message"
            case ReplyBegun():
                begun = True
            case CommandSent() | SaslSent() | OctetsSent() if begun:
                return "a line was sent between the first line of a reply and its last"
            case ReplyReceived(reply) if entry.event.verb == "AUTH" and reply.code // 100 == 3 and reply.code != 334:
                return "AUTH was answered with a code that asks for nothing and ends nothing"
            case ReplyReceived(reply, _, _, "DATA") if is_grouped and reply.code != 354:
                return "DATA was refused in a group, and what followed it was taken for commands"
            case TimedOut():
                return "a wait ended before its reply came, which a replay waits for"
            case Noticed(kind) if kind in _VIOLATIONS:
                return "the server broke the protocol, which ends a replay"
            case Disconnected(end) if left and end is not End.CLIENT:
                return "the server closed in the middle of a message"
            case Disconnected() if is_open_ended:
                return "the mail data was not ended"
            case Disconnected(End.ERROR):
                return "the connection or the handshake broke"
    if any(isinstance(entry.event, OctetsSent) and entry.event.public is not None for entry in log):
        return "a credential was sent as octets, whose exchange the replay may not know"
    return _why_tls_may_differ(log) or _why_auth_may_differ(log)


def _why_tls_may_differ(log: Sequence[Entry]) -> str:
    if len({entry.event.tls for entry in log if isinstance(entry.event, Connected)}) > 1:
        return "connections with and without TLS from the first octet, of which one server has only one kind"
    spoke = True  # the client has, since TLS started
    for entry in log:
        match entry.event:
            case TlsStarted():
                spoke = False
            case CommandSent(command, pipelined):
                if pipelined and command.verb == "STARTTLS":
                    return "commands followed STARTTLS in one write"
                spoke = True
            case OctetsSent():
                spoke = True
            case ReplyReceived(seconds=None) | ReplyBegun() | Noticed(NoticeKind.CUT_REPLY) if not spoke:
                return "the server spoke first after STARTTLS"
    return ""


def _why_auth_may_differ(log: Sequence[Entry]) -> str:
    is_open = False  # an exchange is
    early = left = 0  # how many responses the mechanism can still give, before it is asked and in all
    is_empty = False  # the initial response is, which has no credentials
    unasked = 0  # responses that went out before a reply to the command
    is_cancelled = False  # the exchange is
    for number, entry in enumerate(log):
        match entry.event:
            case ReplyReceived(reply, seconds=None) if is_open or reply.code in (235, 334, 354):
                return "an unasked reply may be taken for one that decides what the next line is"
            case ReplyReceived(reply, _, _, "AUTH") if reply.code // 100 != 2:
                is_open = reply.code == 334
                if is_open and is_cancelled:
                    return "the server went on in an exchange that was cancelled"
                if is_open and not _is_challenge(reply):
                    return "a challenge was no line of base64"
                if unasked and not is_open:
                    return "AUTH was refused in a group, and what followed it was taken for commands"
                unasked -= unasked > 0
            case CommandSent(command) if command.verb == "AUTH":
                name = (auth_mechanism(command.line) or b"").decode("ascii", "replace").upper()
                if name not in MECHANISMS:
                    return "a mechanism that nobody here knows"
                is_initial = len(command.line.split()) > 2
                early, left = _EARLY.get(name, 1) - is_initial, _IN_ALL.get(name, 3) - is_initial
                is_empty, unasked, is_cancelled = command.line.split()[2:] == [b"="], 0, False
            case SaslSent(b"*"):
                is_cancelled = True
            case CommandSent(Command(public=0)) | SaslSent():
                if isinstance(entry.event, CommandSent):
                    early, unasked = early - 1, unasked + 1
                left -= 1
                if early < 0 or left < 0:
                    return "a response was sent that the mechanism does not have"
            case ReplyReceived(reply, _, _, "AUTH") if reply.code // 100 == 2:
                if unasked:
                    return "AUTH was accepted in a group, and what followed it was taken for commands"
                if is_empty or not any(isinstance(each.event, Authenticated) for each in log[number + 1 : number + 4]):
                    return "the server accepted an exchange that had not proved anything"
    return ""


def _is_challenge(reply: Reply) -> bool:
    return len(reply.lines) == 1 and decode_base64(reply.lines[0].strip()) is not None


def _is_grouped_data(sent: CommandSent) -> bool:
    return sent.pipelined and sent.command.verb == "DATA"


def _left(left: float, event: Event) -> float:
    """Return how many octets of a message are still to be sent, after an event."""
    match event:
        case Connected():
            return 0
        case MailDataSent(_, last):
            return 0 if last else inf
        case ReplyReceived(reply) if reply.code == 354 and event.verb == "DATA":
            return inf
        case CommandSent(command):
            chunk = bdat_chunk(command.line)
            return chunk.size if chunk else 0
        case OctetsSent(octets) if left != inf:
            return max(left - len(octets), 0)
    return left


class MockEnd:
    """One connection of the mock.

    Args:
        dialogue: What it says.
        certificate: Its certificate.
    """

    def __init__(self, dialogue: MockDialogue, certificate: ServerCertificate) -> None:
        self._mock = MockWire(dialogue)
        self._certificate = certificate
        self._wire: Wire | None = None
        self._is_over = False

    def opened(self, wire: Wire) -> None:
        self._wire = wire
        self._mock.proceed()
        self._act()

    def heard(self, octets: bytes) -> None:
        if not self._is_over:
            self._mock.receive(octets)
            self._mock.proceed()
            self._act()

    def left(self) -> None:
        if not self._is_over:
            self._mock.end()
            self._mock.proceed()
            self._act()

    def _act(self) -> None:
        wire, mock = self._wire, self._mock
        assert wire is not None
        while True:
            wire.say(mock.take())
            if mock.wants_certificate:
                mock.begin_tls(self._certificate)
            elif mock.pause is not None:
                wire.pause(mock.pause)
                mock.resume()
            else:
                break
        if mock.hang_up is not None:
            self._is_over = True
            if mock.hang_up.reset:
                wire.reset()
            else:
                wire.end()


def replayed(path: Path, certificate: ServerCertificate, user: str, password: str) -> str:
    """Replay a file against the mock that is made of it. Return what differed, or why that cannot be done; empty for nothing.

    Raises:
        SmtpShellError: It cannot be replayed, or served.
    """
    who = Credentials(user, Secret(password))
    script = compile_script(path)
    settings = MockSettings(credentials=who)
    picker, plan = SessionPicker(script.sessions, once=False), FaultPlan((), 1)
    dialogues: list[MockDialogue] = []
    noted: list[str] = []
    clock = Clock()

    def open_wire() -> Wire:
        dialogues.append(MockDialogue(script, settings, picker, plan, lambda found: noted.append(str(found))))
        return Wire(clock, MockEnd(dialogues[-1], certificate))

    def credentials(mechanism: Mechanism, name: str) -> Credentials:
        return who

    first = script.sessions[0]
    scheme = "smtps" if first.tls else "lmtp" if any(each.verb == "LHLO" for each in first.exchanges) else "smtp"
    given = ReplaySettings(
        server=f"{scheme}://127.0.0.1:25",
        tls_settings=TlsSettings(ca_file=certificate.ca_file),
        timeouts=Timeouts().all(5.0),
        strictness=Strictness.TEXT,
        credentials=credentials,
        allow_cleartext=True,
    )
    with connections(clock, open_wire):
        result = Replay(path, given).run()
    if result.ok and not noted:
        return ""
    failed = [
        f"{step.place}: {step.outcome.value}: {step.why}"
        for step in result.steps
        if step.outcome.value in ("mismatched", "skipped")
    ]
    return "\n".join([f"{result.exit_status} {result.failure} {result.ending}", *failed[:3], *noted[:3]])
