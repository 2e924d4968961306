"""The driver of a replay: one loop of send, flush, await, compare, emit.

```
plan (whole file checked)            cursor -> client step, expected replies
                                              |
client.send_...  ->  flush  ->  incoming.next  ->  verifier.verify  ->  client.settle  ->  emit StepResult
      |               |              |                                                         |
   session     consumers, recording  session (one queue)                              consumers of results
```

What can be done while the server works is done by the explicit flush between sending and waiting: results are passed on, the session's
deferred consumers get their events, the file is read ahead, and TLS and SASL are loaded.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.errors import (
    AuthFailed,
    ConnectionLost,
    DialogueBroken,
    Interrupted,
    NotSendable,
    SmtpShellError,
    TlsFailed,
    TranscriptError,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.figures import plain
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.account import RunAccount
from smtp_shell.replay.client import ReplayClient, SentStep
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.replay.endings import ConnectForeseen, DialogueEnded, Stopped
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.preload import preloads
from smtp_shell.replay.results import Act, Outcome, ReplayResult, StepResult, excerpt
from smtp_shell.replay.sasl_steps import has_secret
from smtp_shell.replay.skipping import pass_chunk, pass_dialogue, pass_octets
from smtp_shell.replay.stepping import StepNotes, decide, expected_ahead, shown_steps
from smtp_shell.replay.targets import find_target
from smtp_shell.replay.verifier import DIFFERS, VIOLATED, Comparison, ReplyVerifier, step_result, unexpected, unsendable
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import SASL_MARK, Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from smtp_shell.config import Timeouts
    from smtp_shell.replay.mail_data import SkippedMailData
    from smtp_shell.replay.plan import ReplayPlan
    from smtp_shell.replay.results import StepConsumer
    from smtp_shell.replay.settings import ReplaySettings

_T = TypeVar("_T")
_TICK = 0.2
_LAST_LOOK = 0.1
"""Seconds in which a server may still send something unasked when a transcript ends."""

_GOODBYE = 1.0
"""Seconds in which a server may close the connection after it has answered QUIT."""

_SHORTEST_WAIT = 0.001
_UNSENDABLE = (UsageError, NotSendable)
"""What a step raises that needs a variable which a reply was to bring, and did not."""


class Driver:
    """One run of a replay.

    Args:
        path: The transcript.
        settings: How it is replayed.
        checked: Its plan.
        steps: Its steps, as a stream.
        consumers: Called with each result, before the next wait.

    Attributes:
        session: The connection while it is open. After a hand-over it stays open.
    """

    def __init__(
        self,
        path: Path,
        settings: ReplaySettings,
        checked: ReplayPlan,
        steps: Iterable[Step],
        consumers: Sequence[StepConsumer],
    ) -> None:
        header = checked.header.variables if checked.header else None
        self.session: Session | None = None
        self._incoming: IncomingReplies | None = None
        self._name = escape_str(str(path))
        self._settings = settings
        self._plan = checked
        self._account = RunAccount(consumers)
        self._keep_going = settings.goes_on
        self._deadline = 0.0  # of the whole replay; what a user takes to answer is added
        self._overall = settings.overall
        self._variables = Variables(settings.variables, header, numbers=settings.numbers)
        self._notes = StepNotes(steps)
        self._cursor = StepCursor(steps if settings.before_step is None else self._notes, self._name)
        self._folder = path.parent
        self._client = ReplayClient(self._cursor, settings, self._variables, self._folder)
        self._verifier = ReplyVerifier(self._cursor, settings.strictness, self._variables, keep_going=self._keep_going)
        self._verifier.observe = settings.observe
        self._preload = preloads(settings, checked)
        self._unsettled: SentStep | None = None  # octets whose replies were not awaited where they were sent
        self._edited = False  # whether a user has changed the step that is being sent
        self._mail_started = 0.0
        self._server = ""

    def interrupt(self) -> None:
        """Make `run` end soon. Safe to call from any thread."""
        self._overall = self._deadline = 0.0
        session = self.session
        if session is not None:
            session.interrupt()

    def run(self) -> ReplayResult:
        """Run it to its end, whatever that is."""
        started = monotonic()
        self._deadline = started + self._overall
        handed_over = False
        try:
            try:
                self._act_out()
            finally:
                self._account.flush()
        except Stopped as stopped:
            handed_over = stopped.handed_over and self.session is not None
        except KeyboardInterrupt:
            self._account.end(Interrupted.exit_status, "interrupted")
        finally:
            if self.session is not None and handed_over:
                self.session.waits.deadline, self.session.waits.reply_timeout = math.inf, None
                self.session.set_busy_poll(False)
            elif self.session is not None:
                self.session.close()
        return self._account.result(self._name, self._server, monotonic() - started, handed_over=handed_over)

    # The loop

    def _act_out(self) -> None:
        """Act out the transcript. Where a dialogue ends and the replay keeps going, it goes on with the next connection.

        Raises:
            Stopped: A user wants to end the replay.
        """
        while True:
            try:
                self._loop()
                return
            except DialogueEnded as ended:
                if not self._keep_going or not self._skip_dialogue(f"not sent: the dialogue ended {ended.where}"):
                    return
            except SmtpShellError as error:
                # Status 2 promises that nothing was sent.
                is_promised = isinstance(error, TranscriptError) and self._server
                self._account.end(DIFFERS if is_promised else error.exit_status, error.message)
                if self._keep_going and not isinstance(error, TranscriptError):
                    self._skip_dialogue(f"not sent: {error.message.rstrip('.')}", to_the_end=True)
                return

    def _skip_dialogue(self, why: str, *, to_the_end: bool = False) -> bool:
        """Report the steps that are not sent any more; return whether another connection follows."""
        if self.session is not None:
            self.session.close()
        self.session = self._incoming = None
        self._client = ReplayClient(self._cursor, self._settings, self._variables, self._folder)
        for passed in pass_dialogue(self._cursor, self._client, to_the_end=to_the_end):
            self._emit_skipped(passed.lines, passed.shown, why)
        self._cursor.within = None
        return self._cursor.step is not None

    def _loop(self) -> None:
        cursor, mail = self._cursor, self._client.mail
        while True:
            step, expects = cursor.step, cursor.expects
            if mail.is_sending and self.session is not None and self._incoming is not None:
                self._send_mail(self.session, self._incoming)
            elif step is None and not expects:
                break
            elif step is not None and step.marker is Marker.EVENT and not expects:
                self._account.flush()
                if not self._is_unanswered(step):
                    self._act_on_event(step)
            else:
                session, incoming = self.session, self._incoming
                if session is None or incoming is None or not session.is_open:
                    session, incoming = self._connected(step)
                if expects:
                    self._await_expected(session, incoming, step)
                elif step is not None:
                    if session.dialogue.asked == 1:
                        self._await_greeting(session, incoming, step)
                    if monotonic() >= self._deadline:
                        self._check_time()
                    self._act(session, incoming, step)
        self._end_connection()

    def _act(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Do a client step.

        Raises:
            DialogueEnded: It was the last one of this dialogue.
            Stopped: A user wants to end the replay.
        """
        client = self._client
        self._edited = False
        if session.dialogue.phase is Phase.MAILDATA:
            self._decide(session, [step], mail_data=True)
            self._mail_started = monotonic()
            self._send_mail(session, incoming)
        elif step.marker is Marker.MAIL_DATA_FILE:
            self._emit_mail_skipped(client.mail.skip("no 354 asked for the mail data", DIFFERS))
        elif client.sasl.expects_challenge and session.phase is not Phase.AUTH:
            self._cursor.advance()
            self._skip([step], shown_steps([step], in_exchange=True), "the exchange has ended")
        elif client.chunk_left:
            self._send_chunk(session, incoming, step)
        else:
            self._send(session, incoming, step)

    def _send(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        client = self._client
        is_octets = step.marker is Marker.CLIENT_OCTETS
        steps = client.take_group(step)
        if self._settings.before_step is not None and not self._decide(session, steps):
            return
        is_early = is_octets and session.phase is Phase.GREETING
        if not is_early and incoming.look() and not self._verifier.expects_doubtful(1 if is_octets else len(steps)):
            self._emit_surplus(incoming, tuple(each.line for each in steps))
        if session.tls_due and not self._start_tls(session, incoming, steps):
            return
        try:
            if SASL_MARK in steps[-1].text and has_secret(steps[-1]):
                self._find_credentials(session, incoming, steps[-1])
            if is_octets:
                sent: SentStep | None = client.send_octets(session, incoming, steps[0])
            else:
                sent = client.send_group(session, incoming, steps)
        except (*_UNSENDABLE, TlsFailed) as error:
            self._emit_unsendable(session, steps, error)
            return
        if sent is not None:
            self._await_replies(session, incoming, sent)

    def _start_tls(self, session: Session, incoming: IncomingReplies, steps: list[Step]) -> bool:
        """Do a handshake that is due before anything else may be sent; return whether it is done."""
        found = self._client.start_tls(session, incoming, self._verifier, Comparison())
        if found.ended:
            self._emit(tuple(each.line for each in steps), "*: tls", monotonic(), found)
        return session.is_open

    def _send_mail(self, session: Session, incoming: IncomingReplies) -> None:
        try:
            sent = self._client.send_mail_piece(session, incoming, self._mail_started)
        except (*_UNSENDABLE, TranscriptError) as error:
            lines = self._client.mail.break_off()
            self._emit(lines, "(mail data)", self._mail_started, unsendable(error, "; no final dot is sent").ending())
            return
        if sent is None:
            self._account.flush()  # the next piece may take long
        else:
            self._await_replies(session, incoming, sent)

    def _send_chunk(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        try:
            sent = self._client.send_chunk(session, incoming)
        except _UNSENDABLE as error:
            pass_octets(self._cursor)
            self._cursor.skip_expected()
            self._emit((step.line,), "(a chunk)", monotonic(), unsendable(error).ending())
            return
        self._await_replies(session, incoming, sent)

    def _await_replies(self, session: Session, incoming: IncomingReplies, sent: SentStep) -> None:
        """Wait for the replies to what was sent, compare them, and emit the result."""
        self._use_wait()
        self._conclude(session, incoming, sent, self._verifier.verify(session, incoming, own=sent.awaits_all))

    def _conclude(self, session: Session, incoming: IncomingReplies, sent: SentStep, found: Comparison) -> None:
        """Do what follows from the replies to what was sent, and emit the result."""
        found = self._client.settle(session, incoming, self._verifier, sent, found)
        self._unsettled = sent if sent.doubtful and not found.code else None
        try:
            self._emit(sent.lines, sent.shown, sent.started, found)
        except DialogueEnded as ended:
            self._skip_mail_after(sent, found, ended)
            raise
        if sent.verb == "DATA" and session.phase is not Phase.MAILDATA and self._unsettled is None:
            skipped = self._client.mail.skip_refused(found)
            if skipped is not None:
                self._emit_mail_skipped(skipped)

    def _skip_mail_after(self, sent: SentStep, found: Comparison, ended: DialogueEnded) -> None:
        """Report the mail data of a DATA that the dialogue ended with."""
        mail = self._client.mail
        if self._keep_going and sent.verb == "DATA" and (found.accepts_354 or not found.demanded) and mail.is_ahead():
            self._emit_mail_skipped(mail.skip(f"not sent: the dialogue ended {ended.where}", 0))

    def _await_expected(self, session: Session, incoming: IncomingReplies, step: Step | None) -> None:
        """Read the replies that are expected without a client line before them, such as the greeting."""
        started = monotonic()
        line = step.line if step is not None else self._cursor.line
        self._use_wait()
        found = self._verifier.verify(session, incoming, own=session.phase is Phase.GREETING)
        sent = self._unsettled or SentStep((line,), "", started)
        self._conclude(session, incoming, replace(sent, lines=(line,), shown="", started=started), found)

    def _await_greeting(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Read a greeting that no `S` line expects before the first client line."""
        if session.dialogue.answered or self._cursor.greeting_follows():
            return
        started = monotonic()
        self._cursor.within = (
            self._cursor.within_ahead
        )  # counts for the first line as well: whoever wrote it saw no greeting
        self._use_wait()
        self._emit((), "", started, self._verifier.verify(session, incoming, own=True))

    # While the server works

    def _use_wait(self) -> None:
        """Use the wait that follows: pass on results, read ahead, load TLS and SASL.

        Raises:
            TranscriptError: The file cannot be read on.
        """
        self._account.flush()
        self._cursor.read_ahead()
        if self._preload:
            self._preload.pop()()

    # Results

    def _emit(self, lines: tuple[int, ...], sent: str, started: float, found: Comparison) -> None:
        """Make the result of a step. A difference is passed on at once, anything else with the next flush.

        Args:
            lines: Numbers of its lines.
            sent: What was sent, as it may be shown.
            started: When it began, on the clock of `time.monotonic`.
            found: The replies, compared.

        Raises:
            DialogueEnded: The dialogue ends here.
        """
        result = step_result(self._name, lines, sent, monotonic() - started, found, edited=self._edited)
        self._account.add(result, found.status)
        if found.status:
            self._account.flush()
            if found.ended or not self._keep_going:
                raise DialogueEnded(f"in line {result.line}" if lines else "at the greeting")

    def _emit_skipped(self, lines: tuple[int, ...], sent: str, why: str, status: int = 0) -> None:
        """Make the result of a step that was not sent.

        Raises:
            DialogueEnded: The dialogue ends here.
        """
        outcome = Outcome.MISMATCHED if status else Outcome.SKIPPED
        result = StepResult(self._name, lines, excerpt(sent), outcome, why)
        self._account.add(result, status)
        self._account.flush()
        if status and not self._keep_going:
            raise DialogueEnded(f"in line {result.line}")

    def _emit_mail_skipped(self, skipped: SkippedMailData) -> None:
        self._emit_skipped(skipped.lines, "(mail data)", skipped.why, skipped.status)

    def _emit_surplus(self, incoming: IncomingReplies, lines: tuple[int, ...]) -> None:
        """Emit what came before anything was sent: it answers nothing, and is not in the transcript."""
        why = "a reply came that the transcript does not have"
        while (surplus := self._verifier.surplus(incoming)) is not None:
            self._emit(lines, "", monotonic(), unexpected(surplus, DIFFERS, why))

    def _emit_unsendable(self, session: Session, steps: Sequence[Step], error: SmtpShellError) -> None:
        """Emit a step that cannot be sent. That a value is missing follows from a difference, where one was reported."""
        ends, in_exchange = isinstance(error, TlsFailed), session.phase is Phase.AUTH
        shown = shown_steps(steps, in_exchange=in_exchange)
        missing = 0 if self._account.status else DIFFERS
        self._skip(steps, shown, error.message.rstrip("."), error.exit_status if ends else missing)
        if in_exchange or ends:
            raise DialogueEnded(f"in line {steps[0].line}")

    # The user

    def _ask(self, session: Session, question: Callable[[], _T]) -> _T:
        """Ask a user. All that happened is reported and recorded before, and the time taken is added to the replay's."""
        self._account.flush()
        session.flush()
        started = monotonic()
        answer = question()
        self._deadline += monotonic() - started
        session.waits.deadline = self._deadline
        return answer

    def _decide(self, session: Session, steps: list[Step], *, mail_data: bool = False) -> bool:
        """Ask a user, if there is one, what to do with a step; return whether it is to be sent.

        Args:
            session: The session.
            steps: The lines of the step; a line that the user types takes their place.
            mail_data: Whether it is mail data, which can only be sent.

        Raises:
            Stopped: The user wants to end the replay.
        """
        before_step = self._settings.before_step
        if before_step is None:
            return True
        decided = decide(
            lambda pending: self._ask(session, partial(before_step, pending)),
            steps,
            self._variables,
            self._notes.before(steps[0].line),
            in_exchange=session.phase is Phase.AUTH,
            mail_data=mail_data,
            expected=() if mail_data else expected_ahead(self._cursor.look_ahead_acted()),
        )
        if decided.act in (Act.HAND_OVER, Act.QUIT):
            raise Stopped(handed_over=decided.act is Act.HAND_OVER)
        if decided.act is Act.SKIP:
            self._skip(steps, decided.shown, "skipped by hand")
            return False
        steps[:] = decided.steps
        self._edited = decided.edited
        return True

    def _skip(self, steps: Sequence[Step], text: str, why: str, status: int = 0) -> None:
        """Pass a step, with the replies expected to it, and with the mail data of DATA or the chunk of BDAT.

        Args:
            steps: Its lines, which have been passed.
            text: The step, as it may be shown.
            why: Why it is not sent.
            status: Exit status that it stands for.
        """
        client = self._client
        verb = Command.parse(steps[-1].octets).verb
        pass_chunk(self._cursor, steps)
        if verb == "AUTH" or client.sasl.expects_challenge:
            client.sasl.skip()
        else:
            self._cursor.skip_expected()
        self._emit_skipped(tuple(step.line for step in steps), text, why, status)
        if verb == "DATA" and client.mail.is_ahead():
            self._emit_mail_skipped(client.mail.skip(why, 0))

    def _find_credentials(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Find the credentials for `${sasl}`. What is missing ends the dialogue when the reply is awaited."""
        sasl, find = self._client.sasl, self._settings.credentials
        if incoming.broken is not None:
            return
        try:
            mechanism = sasl.needs_credentials(session, step)
            if mechanism is not None and find is not None:
                credentials = self._ask(session, partial(find, mechanism, sasl.user_ahead()))
                sasl.begin(session, mechanism, credentials)
        except AuthFailed as error:
            incoming.broken = error

    # Events

    def _act_on_event(self, step: Step) -> None:
        self._cursor.advance()
        name, *words = step.event
        match name:
            case "connect":
                self._end_connection()
                with suppress(ConnectForeseen):
                    self._connect(words[0], tls="tls" in words[1:], line=step.line)
            case "wait":
                self._wait(float(words[0]))
            case "close" if words[:1] == ["server"]:
                self._expect_close(step)
            case "close" | "error":
                self._end_connection(reset=words[:1] == ["reset"], look=name == "close")
            case "timeout" if not words:
                self._end_connection(look=False)

    def _is_unanswered(self, step: Step) -> bool:
        """Check a wait without a reply that no client line precedes, as for a greeting; return whether the step is one."""
        session, incoming, name = self.session, self._incoming, step.event[0]
        if session is None or incoming is None or not session.is_open:
            return False
        if not self._verifier.is_unanswered(session):
            return False
        started = monotonic()
        found = self._verifier.verify(session, incoming, own=True)
        if self._cursor.step is step:
            self._cursor.advance()
        self._emit((step.line,), f"*: {name}", started, replace(found, demanded=True))
        if name == "error":
            self._end_connection(look=False)
        return True

    def _connected(self, step: Step | None) -> tuple[Session, IncomingReplies]:
        """Return the session; where a transcript has no `connect`, connect first."""
        session, incoming = self.session, self._incoming
        if session is None or incoming is None:
            return self._connect(self._plan.address, tls=self._plan.tls, line=step.line if step else 0)
        if not session.is_open and incoming.broken is None and not session.incoming:
            incoming.broken = ConnectionLost("the connection is closed, and the transcript goes on.")
        return session, incoming

    def _connect(self, address: str, *, tls: bool, line: int) -> tuple[Session, IncomingReplies]:
        settings = self._settings
        target = find_target(self._name, settings, address, tls=tls)
        self._verifier.doubtful = 0
        self._server = self._server or str(target)
        try:
            session = Session.open(
                target,
                deferred=settings.consumers,
                timeouts=self._capped(settings.timeouts),
                tls=settings.tls_settings,
                source=settings.source,
                family=settings.family,
                busy_poll=settings.busy_poll,
                taps=settings.taps,
            )
        except DialogueBroken as error:
            if not self._verifier.foresees(error, attacked=False, cut=True):
                failure = Comparison(ended=True).differing(error.exit_status, error.message.rstrip("."))
                self._emit((line,) if line else (), "*: connect", monotonic(), failure)
            raise ConnectForeseen from None
        session.waits.timeouts = settings.timeouts
        session.waits.deadline = self._deadline
        self.session, self._incoming = session, IncomingReplies(session)
        return session, self._incoming

    def _capped(self, timeouts: Timeouts) -> Timeouts:
        """Return the timeouts of a connection, no longer than what is left of the replay's time."""
        left = max(self._deadline - monotonic(), _SHORTEST_WAIT)
        return replace(timeouts, connect=min(timeouts.connect, left), tls=min(timeouts.tls, left))

    def _check_time(self) -> None:
        """Check that the replay has time left.

        Raises:
            WaitTimedOut: It has none.
        """
        if monotonic() >= self._deadline:
            raise WaitTimedOut(f"the replay took longer than {plain(self._overall)} s in all.")

    def _wait(self, seconds: float) -> None:
        until = monotonic() + min(seconds, max(self._deadline - monotonic(), _SHORTEST_WAIT))
        while (left := until - monotonic()) > 0:
            session, incoming = self.session, self._incoming
            if session is None or not session.is_open or incoming is None or incoming.broken is not None:
                sleep(min(left, _TICK))
            else:
                incoming.watch(left)
        self._check_time()

    def _expect_close(self, step: Step) -> None:
        session, incoming, started = self.session, self._incoming, monotonic()
        found = Comparison(demanded=True)
        if session is not None and incoming is not None and session.is_open:
            found = self._verifier.verify_close(session, incoming)
        elif session is not None and session.is_attacked:
            return
        self._emit((step.line,), "*: close server", started, found)
        if session is not None:
            session.close()

    def _end_connection(self, *, reset: bool = False, look: bool = True) -> None:
        """Look for what the transcript does not have, and close."""
        session, incoming, started = self.session, self._incoming, monotonic()
        if session is None or incoming is None:
            return
        if session.is_open and look and not reset:
            self._account.flush()
            goodbye = min(_GOODBYE, session.waits.bounded(session.waits.timeouts.quit))
            incoming.look(goodbye if session.phase is Phase.CLOSED else _LAST_LOOK)
        surplus = self._verifier.surplus(incoming) if look else None
        if surplus is not None:
            status = VIOLATED if surplus.reply is None else DIFFERS
            why = "something came that the transcript does not have"
            self._emit((self._cursor.line,), "", started, unexpected(surplus, status, why))
        if reset:
            session.drop(reset=True)
        session.close()
        self.session = self._incoming = None
