"""Act out the client's side of a transcript over an open session."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic

from smtp_shell.authentication import Authentication, refuse_in_the_clear
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import (
    AuthFailed,
    DialogueBroken,
    NotSendable,
    ProtocolViolation,
    SmtpShellError,
    TlsFailed,
    UsageError,
)
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.events import Consumer
from smtp_shell.protocol.maildata import MailDataEncoder
from smtp_shell.protocol.masking import is_secret_answer
from smtp_shell.protocol.octets import CRLF, escape, unescape
from smtp_shell.protocol.replies import Reply
from smtp_shell.protocol.sasl import Credentials, Mechanism, mechanism
from smtp_shell.session import Session
from smtp_shell.target import Target
from smtp_shell.transcript.arrivals import Arrivals
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.matching import Strictness
from smtp_shell.transcript.recorder import SASL_MARK
from smtp_shell.transcript.result import Act, BeforeStep, Decision, Outcome, PendingStep, Progress, StepResult, excerpt
from smtp_shell.transcript.script import Script
from smtp_shell.transcript.settling import DIFFERS, VIOLATED, Settled, Settler
from smtp_shell.transcript.step import SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, Template, Variables

CredentialsFor = Callable[[Mechanism, str], Credentials]
"""Gives the credentials for a mechanism and a user that the transcript names (empty if it names none), or raises AuthFailed."""

_PIECE = 64 * 1024
_EMPTY_LINE = "(an empty line)"
_AUTH = re.compile(rb"[ \t]*AUTH[ \t]+([^ \t]+)", re.IGNORECASE)
_CLIENT = frozenset((Marker.CLIENT, Marker.PIPELINED))
_STRIPPED = "its EHLO does not announce STARTTLS: somebody on the way may be stripping it"
_OPEN_RESPONSES = frozenset((b"", b"=", b"AQ=="))
"""Responses that hold no secret: the empty one, and the one that acknowledges an OAuth error."""


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """How a transcript is replayed.

    Args:
        server: What to replay against, as a URL, HOST[:PORT] or target; None for what the transcript names, to which no credential is
            ever sent.
        tls: TLS from the first octet.
        starttls: The user demands STARTTLS: nothing of AUTH or a mail transaction goes in the clear.
        tls_settings: How to do TLS.
        timeouts: How long to wait for what.
        overall: How many seconds a replay may take in all, pauses for a person excepted.
        strictness: How strict `S:` lines are.
        variables: Values for variables.
        numbers: Source of `${count}`; give several replays the same one to count through all of them.
        credentials: Where credentials come from; None where there are none.
        allow_cleartext: Credentials may cross a connection on which somebody may listen.
        keep_going: Whether a replay goes on after a difference, as far as that makes sense.
        before_step: Asks a person before each client step.
        progress: Takes each step's result as it happens.
        consumers: Who gets each event, such as a recording.
        outside: Whether mail data may stand outside the transcript's folder.
        source: Local address to connect from.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.
    """

    server: str | Target | None = None
    tls: bool = False
    starttls: bool = False
    tls_settings: TlsSettings = field(default_factory=TlsSettings)
    timeouts: Timeouts = field(default_factory=Timeouts)
    overall: float = 300.0
    strictness: Strictness = Strictness.CODE
    variables: Mapping[str, str] = field(default_factory=dict)
    numbers: "count[int] | None" = None
    credentials: CredentialsFor | None = None
    allow_cleartext: bool = False
    keep_going: bool = False
    before_step: BeforeStep | None = None
    progress: Progress | None = None
    consumers: tuple[Consumer, ...] = ()
    outside: bool = False
    source: str | None = None
    family: int = 0


class Stopped(Exception):
    """The replay goes no further.

    Args:
        handed_over: Whether a person goes on by hand.
    """

    def __init__(self, *, handed_over: bool = False) -> None:
        super().__init__()
        self.handed_over = handed_over


class Actor:
    """The client of a transcript.

    Args:
        script: Its steps.
        settings: How it is replayed.
        variables: Values for its variables.
        folder: The transcript's folder.
        settler: Compares what comes with what is expected.
        arrivals: What comes.
        report: Takes what came of each step; raises `Stopped` where the replay ends.
        pause: Takes how many seconds a person took.
    """

    def __init__(
        self,
        script: Script,
        settings: ReplaySettings,
        variables: Variables,
        folder: Path,
        settler: Settler,
        arrivals: Arrivals,
        report: Callable[[StepResult, int, bool], None],
        pause: Callable[[float], None],
    ) -> None:
        self._script = script
        self._settings = settings
        self._variables = variables
        self._folder = folder
        self._settler = settler
        self._arrivals = arrivals
        self._report = report
        self._pause = pause
        self._auth: Authentication | None = None
        self._cancelled: DialogueBroken | None = None
        self._mechanism = ""
        self._challenge: Reply | None = None
        self._expects_challenge = False
        self._chunk_left = 0
        self._chunk_of: tuple[tuple[int, ...], str] = ((), "")
        self._edited = False

    def act(self, session: Session) -> None:
        """Act out the client step that is next."""
        step = self._script.peek()
        assert step is not None
        self._edited = False
        if session.phase is Phase.MAILDATA:
            self._mail_data(session, step)
        elif step.marker is Marker.MAIL_DATA_FILE:
            self._skip_mail_data("no 354 asked for the mail data", DIFFERS)
        elif self._expects_challenge and session.phase is not Phase.AUTH:
            self._skip_response(step)
        elif step.marker is Marker.CLIENT_OCTETS and not _has_secret(step):
            self._octets(session)
        else:
            self._commands(session)

    # Commands

    def _commands(self, session: Session) -> None:
        steps = self._take_group()
        if not self._decide(steps):
            return
        lines = tuple(step.line for step in steps)
        self._look(lines)
        started = monotonic()
        commands = [] if _has_secret(steps[-1]) else [Command.parse(self._expand(step)) for step in steps]
        verb = commands[-1].verb if commands else "AUTH"
        self._demand_tls(session, lines, [command.verb for command in commands] or [verb])
        in_exchange = session.phase is Phase.AUTH
        announced = session.dialogue.extensions
        stripped = verb == "STARTTLS" and announced is not None and "STARTTLS" not in announced
        sent = self._send_commands(session, steps, commands)
        if self._chunk_left:
            self._chunk_of = (lines, sent)
            return
        settled = self._settler.settle(own=True)
        if verb == "STARTTLS" and not in_exchange:
            self._after_starttls(session, settled, stripped=stripped)
        elif verb == "AUTH" or in_exchange:
            self._after_auth(settled)
        elif verb == "DATA":
            self._after_data(session, settled)
        self._tell(lines, sent, settled, started, may_go_on=verb != "STARTTLS")
        if verb == "DATA" and settled.ok and not settled.demanded and session.phase is not Phase.MAILDATA:
            self._skip_unwanted_mail_data(settled.code)
        elif verb == "DATA" and not settled.ok and settled.takes_354 and self._mail_data_is_next():
            self._skip_mail_data("there was no 354", 0)

    def _take_group(self) -> list[Step]:
        steps: list[Step] = []
        while (step := self._script.peek()) is not None and step.marker in (*_CLIENT, Marker.CLIENT_OCTETS):
            if steps and step.marker is Marker.CLIENT_OCTETS:
                break
            self._script.next()
            steps.append(step)
            if step.marker is not Marker.PIPELINED:
                break
        return steps

    def _send_commands(self, session: Session, steps: list[Step], commands: list[Command]) -> str:
        """Send the lines; give them as they may be shown."""
        if _has_secret(steps[-1]):
            self._try(lambda: self._send_secret(session, steps[-1]))
            return steps[-1].text
        if session.phase is Phase.AUTH and len(commands) == 1:
            return self._send_response(session, commands[0].line)
        match = _AUTH.match(commands[-1].line)
        self._mechanism = escape(match[1]) if match else ""
        self._auth = None
        following = self._script.peek()
        self._chunk_left = _chunk_size(commands[-1]) if steps[-1].marker is Marker.PIPELINED else 0
        if self._chunk_left and (following is None or following.marker is not Marker.CLIENT_OCTETS):
            self._chunk_left = 0
        self._try(lambda: session.send(*commands, more=self._chunk_left > 0))
        return excerpt("\n".join(_shown(command) for command in commands[:100])) or _EMPTY_LINE

    def _after_starttls(self, session: Session, settled: Settled, *, stripped: bool) -> None:
        if settled.code == 220 and settled.ok and session.phase is Phase.TLS:
            if settled.without_tls or self._script.peek_event() == "no-tls":
                session.decline_tls()
                return
            try:
                session.start_tls(self._settings.tls_settings)
            except DialogueBroken as error:
                settled.ended = True
                if not self._settler.foresees(error):
                    settled.differ(error.exit_status, error.message.rstrip("."))
            return
        if settled.code == 220 or (settled.ok and settled.demanded):
            return
        # Nothing more goes in the clear where the transcript has TLS, whoever it is that refuses.
        why = settled.why or "the server refused STARTTLS"
        expected, received = settled.expected, settled.received
        status = settled.status if settled.ended or settled.status == VIOLATED else TlsFailed.exit_status
        settled.status = 0
        settled.differ(status, f"{why}; {_STRIPPED}" if stripped else why, expected or "220", received)

    def _after_data(self, session: Session, settled: Settled) -> None:
        if session.phase is Phase.MAILDATA:
            # A command would be taken for mail data now.
            settled.ended = settled.ended or not settled.ok
        elif not settled.ok and settled.takes_354:
            settled.why += "; the mail data is not sent"

    # AUTH

    def _send_secret(self, session: Session, step: Step) -> None:
        """Send a line with the response that this mechanism gives to what this server asked."""
        parts = Template.parse(step.text).parts
        head = b"".join(
            part if isinstance(part, bytes) else self._variables.value(part).encode()
            for part in parts[: parts.index(SASL)]
        )
        match = _AUTH.match(head)
        if match:
            self._mechanism = escape(match[1])
            self._auth = self._authentication(session)
            self._auth.begin(initial=True)
            return
        if session.phase is not Phase.AUTH or self._challenge is None:
            raise AuthFailed("the server asks for no response, so none is sent.")
        self._auth = self._auth or self._authentication(session)
        self._answer(self._auth, self._challenge)

    def _send_response(self, session: Session, line: bytes) -> str:
        auth, challenge = self._auth, self._challenge
        if auth is not None and challenge is not None and line in _OPEN_RESPONSES:
            self._try(partial(self._answer, auth, challenge))
            return escape(line) or _EMPTY_LINE
        secret = is_secret_answer(line)
        self._try(lambda: session.send_sasl(line, secret=secret))
        return SASL_MARK if secret else escape(line) or _EMPTY_LINE

    def _answer(self, auth: Authentication, challenge: Reply) -> None:
        """Answer a challenge, and keep in mind why that was refused: the server's reply to `*` would hide it."""
        try:
            auth.answer(challenge)
        except DialogueBroken as error:
            self._cancelled = error
            raise

    def _authentication(self, session: Session) -> Authentication:
        if self._settings.credentials is None:
            raise AuthFailed(
                "the transcript needs credentials; give --user and --password-command, or SMTP_SHELL_PASSWORD."
            )
        if self._settings.server is None:
            raise AuthFailed("credentials go only to a server that you name; add --server URL.")
        refuse_in_the_clear(session, allow_cleartext=self._settings.allow_cleartext)
        try:
            chosen = mechanism(unescape(self._mechanism).decode("utf-8", "surrogateescape"))
        except UsageError:
            raise AuthFailed(f"smtp-shell does not know the mechanism {self._mechanism}.") from None
        started = monotonic()
        credentials = self._settings.credentials(chosen, self._user_ahead())
        self._pause(monotonic() - started)
        try:
            return Authentication(session, chosen, credentials, allow_cleartext=self._settings.allow_cleartext)
        except NotSendable as error:
            raise AuthFailed(error.message) from None

    def _user_ahead(self) -> str:
        """Find the user that the transcript names behind this exchange."""
        for step in self._script.ahead():
            if step.event[:1] == ("auth",) and len(step.event) > 2:
                return unescape(step.event[2]).decode("utf-8", "surrogateescape")
            if step.marker in _CLIENT and _AUTH.match(step.octets):
                break
        return ""

    def _after_auth(self, settled: Settled) -> None:
        self._expects_challenge = False
        self._challenge = None
        cancelled, self._cancelled = self._cancelled, None
        if isinstance(cancelled, AuthFailed | ProtocolViolation):
            self._auth = None
            settled.blame(cancelled)
            return
        if settled.code == 334 and settled.received:
            self._challenge = self._last_reply
            self._expects_challenge = True
            settled.ended = settled.ended or not settled.ok
            return
        auth, self._auth = self._auth, None
        if not settled.ok:
            self._expects_challenge = settled.demanded and settled.expected.startswith("334")
        if auth is None or self._last_reply is None or settled.code == 0:
            return
        # A 235 that comes too early is looked at too: the server may have left out the proof of itself.
        if settled.code == 235 or (settled.ok and not settled.demanded):
            try:
                auth.finish(self._last_reply)
            except DialogueBroken as error:
                settled.blame(error)

    @property
    def _last_reply(self) -> Reply | None:
        return self._arrivals.last_reply

    def _skip_response(self, step: Step) -> None:
        """Pass over a line of an exchange that has ended."""
        self._script.next()
        expected = self._script.take_expected() if self._script.demands_follow() else None
        self._script.skip_expected()
        self._expects_challenge = expected is not None and expected.octets.startswith(b"334")
        text = SASL_MARK if is_secret_answer(step.octets) else step.text
        self._tell_skipped((step.line,), text, "the exchange has ended", 0)

    # Octets

    def _octets(self, session: Session) -> None:
        step = self._script.peek()
        assert step is not None
        if self._chunk_left:
            self._chunk(session)
            return
        self._script.next()
        if not self._decide([step]):
            return
        if session.phase is not Phase.GREETING:
            self._look((step.line,))
        started = monotonic()
        octets = self._expand(step)
        self._demand_tls(session, (step.line,), [Command.parse(line).verb for line in octets.split(b"\n")])
        self._try(lambda: session.send_raw(octets))
        settled = self._settler.settle(own=False)
        self._settler.doubtful = self._arrivals.outstanding
        self._challenge = self._last_reply if session.phase is Phase.AUTH else None
        shown = Command.parse(octets)
        hidden = shown.secret or session.phase is Phase.AUTH
        sent = excerpt(escape(shown.shown[:2_000]) + SASL_MARK if hidden else escape(octets[:2_000]))
        self._tell((step.line,), sent, settled, started)

    def _chunk(self, session: Session) -> None:
        """Send the octets of a chunk, whose BDAT command is out; the reply comes behind the last of them."""
        started = monotonic()
        lines, sent = self._chunk_of
        last = 0
        while self._chunk_left and (step := self._script.peek()) is not None and step.marker is Marker.CLIENT_OCTETS:
            self._script.next()
            last = step.line
            piece = self._expand(step)
            self._chunk_left = max(0, self._chunk_left - len(piece))
            self._try(partial(session.send_chunk_piece, piece))
        self._chunk_left = 0
        self._tell((*lines, last), f"{sent}\n(a chunk)", self._settler.settle(own=True), started)

    # Mail data

    def _mail_data(self, session: Session, first: Step) -> None:
        """Send mail data up to the final dot, or up to something that is none."""
        self._decide([first], mail_data=True)
        started = monotonic()
        buffer = bytearray()
        last = first.line
        while (step := self._script.peek()) is not None and step.marker is not Marker.EVENT:
            if step.marker in SERVER_LINES or step.marker is Marker.CLIENT_OCTETS:
                break
            self._script.next()
            last = step.line
            octets = b"" if step.marker is Marker.MAIL_DATA_FILE else self._expand(step)
            if step.marker is not Marker.MAIL_DATA_FILE and octets != b".":
                buffer += octets + CRLF
                if len(buffer) >= _PIECE:
                    self._send_piece(session, buffer)
                continue
            self._send_piece(session, buffer)
            if step.marker is Marker.MAIL_DATA_FILE:
                self._try(partial(self._send_body, session, step))
            else:
                self._try(session.send_end_of_data)
            settled = self._settler.settle(own=True)
            self._tell((first.line, last), "(mail data and the final dot)", settled, started)
            return
        self._send_piece(session, buffer)
        if step is not None and step.marker is Marker.CLIENT_OCTETS:
            self._script.next()
            octets = self._expand(step)
            self._try(lambda: session.send_raw(octets))
            last = step.line
        settled = self._settler.settle(own=False)
        if step is not None and step.marker is Marker.CLIENT_OCTETS:
            self._settler.doubtful = self._arrivals.outstanding
        if step is None:
            settled.why = "the transcript ends inside the mail data; no final dot is sent"
        self._tell((first.line, last), "(mail data)", settled, started)

    def _send_piece(self, session: Session, buffer: bytearray) -> None:
        piece = bytes(buffer)
        buffer.clear()
        self._try(lambda: session.send_mail_piece(piece))

    def _send_body(self, session: Session, step: Step) -> None:
        encoder = MailDataEncoder()
        for piece in body_pieces(self._folder, step, outside=self._settings.outside):
            session.send_mail_piece(encoder.encode(piece))
        session.send_end_of_data(encoder)

    def _skip_unwanted_mail_data(self, code: int) -> None:
        """Pass over mail data that a script has ready, and that the server did not ask for."""
        for step in self._script.ahead():
            if step.marker is Marker.MAIL_DATA_FILE or (step.marker in _CLIENT and step.text == "."):
                self._skip_mail_data(f"DATA was answered with {code}, not 354: the mail data is not sent", DIFFERS)
                return
            if step.marker in SERVER_LINES or step.event[:1] in (("connect",), ("close",)):
                return

    def _mail_data_is_next(self) -> bool:
        step = self._script.peek()
        return step is not None and step.marker in (*_CLIENT, Marker.CLIENT_OCTETS, Marker.MAIL_DATA_FILE)

    def _skip_mail_data(self, why: str, status: int) -> None:
        first = self._script.peek()
        assert first is not None
        last = first
        while (step := self._script.next()) is not None:
            last = step
            if step.marker is Marker.MAIL_DATA_FILE or step.text == ".":
                break
        self._script.skip_expected()
        self._tell_skipped((first.line, last.line), "(mail data)", why, status)

    # All of them

    def _decide(self, steps: list[Step], *, mail_data: bool = False) -> bool:
        """Ask a person, if there is one, and say whether the step is to be sent."""
        ask = self._settings.before_step
        if ask is None:
            return True
        text = "\n".join(step.text for step in steps)
        while True:
            started = monotonic()
            decision = ask(PendingStep(steps[0].line, excerpt(text), mail_data))
            self._pause(monotonic() - started)
            if decision.act is not Act.EDIT or mail_data or self._edit(steps, decision):
                break
        match decision.act:
            case Act.HAND_OVER:
                raise Stopped(handed_over=True)
            case Act.QUIT:
                raise Stopped
            case Act.SKIP if not mail_data:
                self._script.skip_expected()
                self._tell_skipped(tuple(step.line for step in steps), excerpt(text), "skipped by hand", 0)
                return False
        return True

    def _edit(self, steps: list[Step], decision: Decision) -> bool:
        """Put another line in the place of the step; a line that cannot be sent is asked for again."""
        with suppress(ValueError, SmtpShellError):
            self._variables.require(Template.parse(decision.text).names)
            marker = Marker.CLIENT_OCTETS if steps[-1].marker is Marker.CLIENT_OCTETS else Marker.CLIENT
            steps[:] = [Step(marker, decision.text, steps[0].at, steps[0].line)]
            self._edited = True
            return True
        return False

    def _look(self, lines: tuple[int, ...]) -> None:
        """Look at what has come before anything is sent: it answers nothing, and is not in the transcript."""
        self._arrivals.look()
        surplus = self._settler.surplus()
        if surplus is not None:
            settled = Settled()
            settled.note(None, surplus)
            settled.differ(DIFFERS, "a reply came that the transcript does not have", "", settled.received)
            self._tell(lines, "", settled, monotonic())

    def _demand_tls(self, session: Session, lines: tuple[int, ...], verbs: list[str]) -> None:
        if session.target.starttls and not session.is_private and not {"AUTH", "MAIL"}.isdisjoint(verbs):
            settled = Settled(ended=True)
            settled.differ(TlsFailed.exit_status, "STARTTLS is demanded, and the transcript goes on without it")
            self._tell(lines, "", settled, monotonic())

    def _expand(self, step: Step) -> bytes:
        template = Template.parse(step.text)
        if step.marker is Marker.CLIENT_OCTETS:
            return b"".join(
                part if isinstance(part, bytes) else self._variables.value(part).encode("utf-8", "surrogateescape")
                for part in template.parts
            )
        return template.expand(self._variables.value)

    def _try(self, send: Callable[[], object]) -> None:
        """Send; what goes wrong is met where the reply is waited for, behind all that the server still said."""
        if self._arrivals.broken is not None:
            return
        try:
            send()
        except DialogueBroken as error:
            self._arrivals.broken = error

    def _tell(
        self, lines: tuple[int, ...], sent: str, settled: Settled, started: float, *, may_go_on: bool = True
    ) -> None:
        outcome = Outcome.MISMATCHED if not settled.ok else Outcome.MATCHED if settled.demanded else Outcome.SENT
        result = StepResult(
            self._script.name,
            lines,
            excerpt(sent),
            settled.expected,
            settled.received,
            outcome,
            settled.why,
            monotonic() - started,
            settled.code,
            self._edited,
        )
        self._report(result, settled.status, (settled.ended and not settled.ok) or not may_go_on)

    def _tell_skipped(self, lines: tuple[int, ...], sent: str, why: str, status: int) -> None:
        outcome = Outcome.MISMATCHED if status else Outcome.SKIPPED
        self._report(StepResult(self._script.name, lines, sent, "", "", outcome, why), status, False)


def _has_secret(step: Step) -> bool:
    return SASL_MARK in step.text and SASL in Template.parse(step.text).names


def _chunk_size(command: Command) -> int:
    size = command.argument.split(b" ", 1)[0]
    return int(size) if command.verb == "BDAT" and size.isdigit() and len(size) < 16 else 0


def _shown(command: Command) -> str:
    return escape(command.shown[:2_000]) + (SASL_MARK if command.secret else "")
