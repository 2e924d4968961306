"""Act out the client's side of a transcript over an open session."""

from __future__ import annotations

from functools import lru_cache, partial
from operator import attrgetter
from time import monotonic

from smtp_shell.client.session import Session
from smtp_shell.errors import DialogueBroken, SmtpShellError, TlsFailed
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape, unescape
from smtp_shell.replay.mail_data import Delivery
from smtp_shell.replay.results import Act, Decision, PendingStep, excerpt
from smtp_shell.replay.sasl_steps import EMPTY_LINE, SaslExchange, has_secret, shown
from smtp_shell.replay.stage import Stage, Stopped
from smtp_shell.replay.verifier import DIFFERS, VIOLATED, Settled
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL_MARK, Template

_STRIPPED = "its EHLO does not announce STARTTLS: somebody on the way may be stripping it"
_LONGEST_SHOWN = 2_000
_MOST_SHOWN = 100
_LONGEST_KEPT = 200
_line_of = attrgetter("line")
_PIPELINED, _CLIENT_OCTETS, _MAIL_DATA_FILE = Marker.PIPELINED, Marker.CLIENT_OCTETS, Marker.MAIL_DATA_FILE
_AUTH, _MAILDATA = Phase.AUTH, Phase.MAILDATA


class Actor:
    """The client of a transcript.

    Args:
        stage: What the replay has at hand.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._exchange = SaslExchange(stage)
        self._delivery = Delivery(stage)
        self._chunk_left = 0
        self._chunk_of: tuple[tuple[int, ...], str] = ((), "")

    def act(self, session: Session, step: Step) -> None:
        """Act out a client step.

        Args:
            session: The open session.
            step: The step that is next in the script.

        Raises:
            Stopped: The replay ends here.
            SmtpShellError: A variable's value cannot be sent, or a file with mail data cannot be read any more.
        """
        self._stage.edited = False
        if session.dialogue.phase is _MAILDATA:
            self._decide(session, [step], mail_data=True)
            self._delivery.send(session, step)
        elif step.marker is _MAIL_DATA_FILE:
            self._delivery.skip("no 354 asked for the mail data", DIFFERS)
        elif self._exchange.expects_challenge and session.phase is not Phase.AUTH:
            self._stage.script.next()
            self._exchange.skip(step, "the exchange has ended")
        elif self._chunk_left:
            self._send_chunk(session)
        elif step.marker is _CLIENT_OCTETS and not has_secret(step):
            self._send_octets(session)
        else:
            self._send_commands(session, step)

    def _send_commands(self, session: Session, step: Step) -> None:
        """Send a line, or the lines of a group in one write, and settle what comes."""
        stage = self._stage
        steps = self._take_group(step)
        if stage.settings.before_step is not None and not self._decide(session, steps):
            return
        lines = tuple(map(_line_of, steps))
        if stage.arrivals.look():
            self._tell_surplus(lines)
        started = monotonic()
        secret = SASL_MARK in steps[-1].text and has_secret(steps[-1])
        commands = [] if secret else list(map(self._command, steps))
        verb = commands[-1].verb if commands else "AUTH"
        if session.target.starttls:
            self._demand_tls(session, lines, [command.verb for command in commands] or [verb])
        in_exchange = session.dialogue.phase is _AUTH
        announced = session.dialogue.extensions
        stripped = verb == "STARTTLS" and announced is not None and "STARTTLS" not in announced
        sent = self._send_secret(session, steps[-1]) if secret else self._send_lines(session, steps, commands)
        if self._chunk_left:
            self._chunk_of = (lines, sent)
            return
        settled = stage.settler.settle(own=True)
        if verb == "STARTTLS" and not in_exchange:
            self._after_starttls(session, settled, stripped=stripped)
        elif verb == "AUTH" or in_exchange:
            self._exchange.judge(settled)
        elif verb == "DATA":
            self._after_data(session, settled)
        stage.tell(lines, sent, settled, started, may_go_on=verb != "STARTTLS")
        if verb == "DATA" and session.phase is not _MAILDATA:
            self._delivery.skip_if_refused(settled)

    def _take_group(self, first: Step) -> list[Step]:
        script = self._stage.script
        script.next()
        steps = [first]
        while (
            steps[-1].marker is _PIPELINED
            and (step := script.peek()) is not None
            and step.marker in CLIENT_LINES
            and step.marker is not _CLIENT_OCTETS
        ):
            script.next()
            steps.append(step)
        return steps

    def _command(self, step: Step) -> Command:
        text = step.text
        if len(text) <= _LONGEST_KEPT and "${" not in text:
            return _parse_kept(text)
        return Command.parse(self._stage.expand(step))

    def _send_lines(self, session: Session, steps: list[Step], commands: list[Command]) -> str:
        """Send the lines; give them as they may be shown."""
        stage = self._stage
        if session.dialogue.phase is _AUTH and len(commands) == 1:
            return self._exchange.send_response(session, commands[0].line)
        self._exchange.begin(commands[-1])
        if steps[-1].marker is _PIPELINED:
            following = stage.script.peek()
            has_chunk = following is not None and following.marker is _CLIENT_OCTETS
            self._chunk_left = _chunk_size(commands[-1]) if has_chunk else 0
        stage.attempt(partial(session.send, *commands, more=self._chunk_left > 0, looked=True))
        if len(commands) == 1:
            return _shown(commands[0]) or EMPTY_LINE
        return "\n".join([_shown(command) for command in commands[:_MOST_SHOWN]]) or EMPTY_LINE

    def _send_secret(self, session: Session, step: Step) -> str:
        """Send a line with the response of the mechanism; give it as it may be shown."""
        self._stage.attempt(partial(self._exchange.send_secret, session, step))
        return step.text

    def _after_starttls(self, session: Session, settled: Settled, *, stripped: bool) -> None:
        stage = self._stage
        if settled.code == 220 and settled.ok and session.phase is Phase.TLS:
            if settled.without_tls or stage.script.peek_event() == "no-tls":
                session.decline_tls()
                return
            try:
                session.start_tls(stage.settings.tls_settings)
            except DialogueBroken as error:
                settled.ended = True
                if not stage.settler.foresees(error):
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

    def _send_octets(self, session: Session) -> None:
        """Send octets as they are; replies are awaited only where the transcript has them."""
        stage = self._stage
        step = stage.script.next()
        assert step is not None
        if not self._decide(session, [step]):
            return
        if session.phase is not Phase.GREETING and stage.arrivals.look():
            self._tell_surplus((step.line,))
        started = monotonic()
        octets = stage.expand(step)
        self._demand_tls(session, (step.line,), [Command.parse(line).verb for line in octets.split(b"\n")])
        hidden = session.phase is Phase.AUTH
        stage.attempt(partial(session.send_raw, octets))
        settled = stage.settler.settle(own=False)
        stage.settler.doubtful = stage.arrivals.outstanding
        self._exchange.note_challenge(session)
        sent = SASL_MARK if hidden else _shown(Command.parse(octets))
        stage.tell((step.line,), sent, settled, started)

    def _send_chunk(self, session: Session) -> None:
        """Send the octets of a chunk, whose BDAT command is out; the reply comes behind the last of them."""
        stage = self._stage
        started = monotonic()
        lines, sent = self._chunk_of
        last = 0
        while self._chunk_left and (step := stage.script.peek()) is not None and step.marker is Marker.CLIENT_OCTETS:
            stage.script.next()
            last = step.line
            piece = stage.expand(step)
            self._chunk_left = max(0, self._chunk_left - len(piece))
            stage.attempt(partial(session.send_chunk_piece, piece))
        self._chunk_left = 0
        stage.tell((*lines, last), f"{sent}\n(a chunk)", stage.settler.settle(own=True), started)

    def _decide(self, session: Session, steps: list[Step], *, mail_data: bool = False) -> bool:
        """Ask a person, if there is one, and say whether the step is to be sent."""
        stage = self._stage
        ask = stage.settings.before_step
        if ask is None:
            return True
        in_exchange = session.phase is Phase.AUTH
        text = "\n".join(shown(step, in_exchange=in_exchange) for step in steps[:_MOST_SHOWN])
        problem = ""
        while True:
            with stage.asking(session):
                decision = ask(PendingStep(steps[0].line, excerpt(text), mail_data, problem))
            if decision.act is not Act.EDIT:
                break
            problem = "mail data cannot be edited" if mail_data else self._edit(steps, decision)
            if not problem:
                return True
        match decision.act:
            case Act.HAND_OVER:
                raise Stopped(handed_over=True)
            case Act.QUIT:
                raise Stopped
            case Act.SKIP if not mail_data:
                self._skip(steps, text)
                return False
        return True

    def _edit(self, steps: list[Step], decision: Decision) -> str:
        """Put another line in the place of the step; say why it cannot be."""
        try:
            self._stage.variables.require(Template.parse(decision.text).names)
        except (ValueError, SmtpShellError) as error:
            return str(error)
        marker = Marker.CLIENT_OCTETS if steps[-1].marker is Marker.CLIENT_OCTETS else Marker.CLIENT
        steps[:] = [Step(marker, decision.text, steps[0].at, steps[0].line)]
        self._stage.edited = True
        return ""

    def _skip(self, steps: list[Step], text: str) -> None:
        """Pass over a step as a person wishes, with what belongs to it: the mail data to DATA, the chunk to BDAT."""
        stage = self._stage
        last = Command.parse(steps[-1].octets)
        if last.verb == "AUTH" or self._exchange.expects_challenge:
            self._exchange.skip(steps[-1], "skipped by hand", begins=last.verb == "AUTH")
            return
        stage.script.skip_expected()
        stage.tell_skipped(tuple(step.line for step in steps), text, "skipped by hand")
        if last.verb == "DATA" and self._delivery.is_ahead():
            self._delivery.skip("skipped by hand", 0)

    def _tell_surplus(self, lines: tuple[int, ...]) -> None:
        """Tell what has come before anything is sent: it answers nothing, and is not in the transcript."""
        stage = self._stage
        surplus = stage.settler.surplus()
        if surplus is not None:
            settled = Settled()
            settled.note(None, surplus)
            settled.differ(DIFFERS, "a reply came that the transcript does not have", "", settled.received)
            stage.tell(lines, "", settled, monotonic())

    def _demand_tls(self, session: Session, lines: tuple[int, ...], verbs: list[str]) -> None:
        """Where the user demands STARTTLS, let nothing of AUTH or a mail transaction go in the clear."""
        if session.target.starttls and not session.is_private and not {"AUTH", "MAIL"}.isdisjoint(verbs):
            settled = Settled(ended=True)
            settled.differ(TlsFailed.exit_status, "STARTTLS is demanded, and the transcript goes on without it")
            self._stage.tell(lines, "", settled, monotonic())


def _chunk_size(command: Command) -> int:
    size = command.argument.split(b" ", 1)[0]
    return int(size) if command.verb == "BDAT" and size.isdigit() and len(size) < 16 else 0


@lru_cache(maxsize=256)
def _parse_kept(text: str) -> Command:
    """Parse a short line without variables, of which a replay has many that are the same."""
    return Command.parse(unescape(text))


def _shown(command: Command) -> str:
    line = command.line
    if command.public is None:
        return _shown_kept(line) if len(line) <= _LONGEST_KEPT else escape(line[:_LONGEST_SHOWN])
    return escape(command.shown[:_LONGEST_SHOWN]) + SASL_MARK


_shown_kept = lru_cache(maxsize=256)(escape)
