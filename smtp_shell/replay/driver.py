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
from contextlib import nullcontext, suppress
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.errors import (
    AuthFailed,
    ConfigError,
    ConnectionLost,
    DialogueBroken,
    Interrupted,
    SmtpShellError,
    TlsFailed,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.net.target import Target, Way, parse_target
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.client import ReplayClient, SentStep
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.plan import ReplayPlan, plan
from smtp_shell.replay.results import (
    MOST_STEPS_KEPT,
    Act,
    Decision,
    Outcome,
    PendingStep,
    ReplayResult,
    StepResult,
    excerpt,
    no_counts,
)
from smtp_shell.replay.sasl_steps import has_secret, shown_line
from smtp_shell.replay.verifier import DIFFERS, VIOLATED, Comparison, ReplyVerifier, unexpected
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import SASL_MARK, Template, Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from smtp_shell.config import Timeouts, TlsSettings
    from smtp_shell.replay.mail_data import SkippedMailData
    from smtp_shell.replay.results import StepConsumer
    from smtp_shell.replay.settings import ReplaySettings

_T = TypeVar("_T")
_TICK = 0.2
_LAST_LOOK = 0.1
"""Seconds in which a server may still send something unasked when a transcript ends."""

_GOODBYE = 1.0
"""Seconds in which a server may close the connection after it has answered QUIT."""

_SHORTEST_WAIT = 0.001
_MOST_SHOWN = 100


class Replay:
    """One transcript, replayed once.

    Args:
        path: The transcript.
        settings: How to replay it.

    Attributes:
        path: The transcript.
        name: Its name, escaped.
        settings: How it is replayed; may be changed before `run`.
        session: The connection while it is open. After a hand-over it stays open.
    """

    def __init__(self, path: Path, settings: ReplaySettings) -> None:
        self.path = path
        self.name = escape_str(str(path))
        self.settings = settings
        self.session: Session | None = None
        self._plan: ReplayPlan | None = None
        self._driver: _Driver | None = None
        self._interrupted = False

    def check(self, *, keep: bool = True) -> ReplayPlan:
        """Check that the whole transcript can be replayed; nothing is sent.

        Args:
            keep: Whether the steps of a short transcript are kept, and not read again.

        Raises:
            TranscriptError: It cannot; with its faults and their lines.
            UsageError: There is no server to replay it against, or a variable cannot be one.
            NotSendable: The value of a variable would not stay inside one line.
        """
        if self._plan is None:
            checked = plan(self.path, self.settings.variables, outside=self.settings.outside, keep=keep)
            find_target(self.name, self.settings, checked.address, tls=checked.tls)
            self._plan = checked
        return self._plan

    def again(self) -> Replay:
        """Return a replay of the same transcript for one more run; it is not checked again."""
        another = Replay(self.path, self.settings)
        another._plan = self._plan
        return another

    def interrupt(self) -> None:
        """Make `run` end soon. Safe to call from any thread."""
        self._interrupted = True
        if self._driver is not None:
            self._driver.interrupt()

    def run(self, *consumers: StepConsumer) -> ReplayResult:
        """Replay it.

        Args:
            consumers: Called with each step's result, before the next wait.

        Raises:
            TranscriptError: It cannot be replayed; nothing was sent.
            UsageError: There is no server to replay it against, or a variable cannot be one; nothing was sent.
            NotSendable: The value of a variable would not stay inside one line; nothing was sent.
        """
        checked = self.check()
        with _steps_of(checked, self.path) as steps:
            self._driver = driver = _Driver(self, checked, steps, consumers)
            if self._interrupted:
                driver.interrupt()
            result = driver.run()
        self.session = driver.session if result.handed_over else None
        return result


class _Stopped(Exception):
    """The replay goes no further."""

    def __init__(self, *, handed_over: bool = False) -> None:
        super().__init__()
        self.handed_over = handed_over


class _Driver:
    """One run of a replay."""

    def __init__(
        self, replay: Replay, checked: ReplayPlan, steps: Iterable[Step], consumers: Sequence[StepConsumer]
    ) -> None:
        settings = replay.settings
        header = checked.header.variables if checked.header else None
        self.session: Session | None = None
        self._incoming: IncomingReplies | None = None
        self._name = replay.name
        self._settings = settings
        self._plan = checked
        self._consumers = consumers
        self._keep_going = settings.keep_going or settings.before_step is not None
        self._deadline = 0.0  # of the whole replay; what a user takes to answer is added
        self._overall = settings.overall
        self._variables = Variables(settings.variables, header, numbers=settings.numbers)
        self._cursor = StepCursor(steps, replay.name)
        self._client = ReplayClient(self._cursor, settings, self._variables, replay.path.parent)
        self._verifier = ReplyVerifier(self._cursor, settings.strictness, self._variables, keep_going=self._keep_going)
        self._preload = _preloads(settings, checked)
        self._edited = False  # whether a user has changed the step that is being sent
        self._mail_started = 0.0
        self._pending: list[StepResult] = []  # emitted, and not yet passed to the consumers
        self._kept: list[StepResult] = []
        self._counts = no_counts()
        self._status = 0
        self._failure: str | None = None
        self._server = ""

    def interrupt(self) -> None:
        self._overall = self._deadline = 0.0
        session = self.session
        if session is not None:
            session.interrupt()

    def run(self) -> ReplayResult:
        started = monotonic()
        self._deadline = started + self._overall
        handed_over = False
        try:
            try:
                self._loop()
            finally:
                self._flush()
        except _Stopped as stopped:
            handed_over = stopped.handed_over and self.session is not None
        except SmtpShellError as error:
            self._fail(error.exit_status, error.message)
        except KeyboardInterrupt:
            self._fail(Interrupted.exit_status, "interrupted")
        finally:
            if self.session is not None and handed_over:
                self.session.deadline, self.session.reply_timeout, self.session.busy_poll = math.inf, None, False
            elif self.session is not None:
                self.session.close()
        return ReplayResult(
            self._name,
            self._server,
            tuple(self._kept),
            dict(self._counts),
            self._status,
            self._failure,
            monotonic() - started,
            handed_over,
        )

    # The loop

    def _loop(self) -> None:
        cursor, mail = self._cursor, self._client.mail
        while True:
            step, expects = cursor.step, cursor.expects
            if mail.is_sending and self.session is not None and self._incoming is not None:
                self._send_mail(self.session, self._incoming)
            elif step is None and not expects:
                break
            elif step is not None and step.marker is Marker.EVENT and not expects:
                self._flush()
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
        """Do a client step."""
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
            self._skip_sasl(step, "the exchange has ended")
        elif client.chunk_left:
            self._await_replies(session, incoming, client.send_chunk(session, incoming))
        else:
            self._send(session, incoming, step)

    def _send(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        client = self._client
        is_octets = step.marker is Marker.CLIENT_OCTETS and not has_secret(step)
        steps = [step] if is_octets else client.take_group(step)
        if is_octets:
            self._cursor.advance()
        if self._settings.before_step is not None and not self._decide(session, steps):
            return
        if not (is_octets and session.phase is Phase.GREETING) and incoming.look():
            self._emit_surplus(incoming, tuple(each.line for each in steps))
        if not is_octets and SASL_MARK in steps[-1].text and has_secret(steps[-1]):
            self._find_credentials(session, incoming, steps[-1])
        try:
            if is_octets:
                sent: SentStep | None = client.send_octets(session, incoming, steps[0])
            else:
                sent = client.send_group(session, incoming, steps)
        except TlsFailed as error:
            self._emit(tuple(each.line for each in steps), "", monotonic(), Comparison().ended_by(error))
            return
        if sent is not None:
            self._await_replies(session, incoming, sent)

    def _send_mail(self, session: Session, incoming: IncomingReplies) -> None:
        sent = self._client.send_mail_piece(session, incoming, self._mail_started)
        if sent is None:
            self._flush()  # the next piece may take long
        else:
            self._await_replies(session, incoming, sent)

    def _await_replies(self, session: Session, incoming: IncomingReplies, sent: SentStep) -> None:
        """Wait for the replies to what was sent, compare them, and emit the result."""
        self._use_wait()
        found = self._verifier.verify(session, incoming, own=sent.awaits_all)
        found = self._client.settle(session, incoming, self._verifier, sent, found)
        self._emit(sent.lines, sent.shown, sent.started, found, may_go_on=sent.verb != "STARTTLS")
        if sent.verb == "DATA" and session.phase is not Phase.MAILDATA:
            skipped = self._client.mail.skip_refused(found)
            if skipped is not None:
                self._emit_mail_skipped(skipped)

    def _await_expected(self, session: Session, incoming: IncomingReplies, step: Step | None) -> None:
        """Read the replies that are expected without a client line before them, such as the greeting."""
        started = monotonic()
        line = step.line if step is not None else self._cursor.line
        self._use_wait()
        found = self._verifier.verify(session, incoming, own=session.phase is Phase.GREETING)
        self._emit((line,), "", started, found)

    def _await_greeting(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Read a greeting that no `S` line expects before the first client line."""
        if session.dialogue.answered or self._talks_early(step):
            return
        started = monotonic()
        self._use_wait()
        self._emit((), "", started, self._verifier.verify(session, incoming, own=True))

    def _talks_early(self, step: Step) -> bool:
        """Return whether the transcript sends octets first, and has the greeting after them."""
        if step.marker is not Marker.CLIENT_OCTETS:
            return False
        following = (each for each in self._cursor.look_ahead_acted() if each.marker is not Marker.CLIENT_OCTETS)
        first = next(following, None)
        if first is None or first.marker is not Marker.SERVER:
            return False
        from smtp_shell.matching.expectation import ExpectedLine

        return ExpectedLine.parse(first).accepts(220)

    # While the server works

    def _use_wait(self) -> None:
        """Use the wait that follows: pass on results, read ahead, load TLS and SASL.

        Raises:
            TranscriptError: The file cannot be read on.
        """
        self._flush()
        self._cursor.read_ahead()
        if self._preload:
            self._preload.pop()()

    def _flush(self) -> None:
        """Pass emitted results to the consumers."""
        if self._pending:
            pending, self._pending = self._pending, []
            for result in pending:
                for consumer in self._consumers:
                    consumer(result)

    # Results

    def _emit(
        self, lines: tuple[int, ...], sent: str, started: float, found: Comparison, *, may_go_on: bool = True
    ) -> None:
        """Make the result of a step. A difference is passed on at once, anything else with the next flush.

        Args:
            lines: Numbers of its lines.
            sent: What was sent, as it may be shown.
            started: When it began, on the clock of `time.monotonic`.
            found: The replies, compared.
            may_go_on: Whether a replay that keeps going goes on after a difference here.

        Raises:
            _Stopped: The replay ends here.
        """
        well = Outcome.MATCHED if found.demanded else Outcome.SENT
        outcome = Outcome.MISMATCHED if found.status else well
        result = StepResult(
            self._name,
            lines,
            sent,
            outcome,
            found.why,
            monotonic() - started,
            found.code,
            self._edited,
            found.difference,
            found.expected,
            found.replies,
        )
        self._keep(result)
        if found.status:
            self._fail(found.status, _sentence(result))
            self._flush()
            if found.ended or not may_go_on or not self._keep_going:
                raise _Stopped

    def _emit_skipped(self, lines: tuple[int, ...], sent: str, why: str, status: int = 0) -> None:
        """Make the result of a step that was not sent.

        Raises:
            _Stopped: The replay ends here.
        """
        outcome = Outcome.MISMATCHED if status else Outcome.SKIPPED
        result = StepResult(self._name, lines, excerpt(sent), outcome, why)
        self._keep(result)
        self._flush()
        if status:
            self._fail(status, _sentence(result))
            if not self._keep_going:
                raise _Stopped

    def _emit_mail_skipped(self, skipped: SkippedMailData) -> None:
        self._emit_skipped(skipped.lines, "(mail data)", skipped.why, skipped.status)

    def _emit_surplus(self, incoming: IncomingReplies, lines: tuple[int, ...]) -> None:
        """Emit what came before anything was sent: it answers nothing, and is not in the transcript."""
        surplus = self._verifier.surplus(incoming)
        if surplus is not None:
            why = "a reply came that the transcript does not have"
            self._emit(lines, "", monotonic(), unexpected(surplus, DIFFERS, why))

    def _keep(self, result: StepResult) -> None:
        """Count a result, and keep it. A difference or a skipped step takes the place of a match where there are many."""
        self._counts[result.outcome] += 1
        self._pending.append(result)
        if len(self._kept) < MOST_STEPS_KEPT:
            self._kept.append(result)
        elif result.outcome in (Outcome.MISMATCHED, Outcome.SKIPPED):
            matched = (at for at, kept in enumerate(self._kept) if kept.outcome in (Outcome.MATCHED, Outcome.SENT))
            at = next(matched, None)
            if at is not None:
                del self._kept[at]
                self._kept.append(result)

    def _fail(self, status: int, sentence: str) -> None:
        self._failure = self._failure or sentence
        self._status = max(self._status, status)

    # The user

    def _ask(self, session: Session, question: Callable[[], _T]) -> _T:
        """Ask a user. All that happened is reported and recorded before, and the time taken is added to the replay's."""
        self._flush()
        session.flush()
        started = monotonic()
        answer = question()
        self._deadline += monotonic() - started
        session.deadline = self._deadline
        return answer

    def _decide(self, session: Session, steps: list[Step], *, mail_data: bool = False) -> bool:
        """Ask a user, if there is one, what to do with a step; return whether it is to be sent.

        Raises:
            _Stopped: The user wants to end the replay.
        """
        ask = self._settings.before_step
        if ask is None:
            return True
        in_exchange = session.phase is Phase.AUTH
        text = "\n".join(shown_line(step, in_exchange=in_exchange) for step in steps[:_MOST_SHOWN])
        problem = ""
        while True:
            pending = PendingStep(steps[0].line, excerpt(text), mail_data, problem)
            decision = self._ask(session, partial(ask, pending))
            if decision.act is not Act.EDIT:
                break
            problem = "mail data cannot be edited" if mail_data else self._edit(steps, decision)
            if not problem:
                return True
        match decision.act:
            case Act.HAND_OVER:
                raise _Stopped(handed_over=True)
            case Act.QUIT:
                raise _Stopped
            case Act.SKIP if not mail_data:
                self._skip(steps, text)
                return False
        return True

    def _edit(self, steps: list[Step], decision: Decision) -> str:
        """Replace a step by a line of the user's; return why that cannot be, if it cannot."""
        try:
            self._variables.require(Template.parse(decision.text).names)
        except (ValueError, SmtpShellError) as error:
            return str(error)
        marker = Marker.CLIENT_OCTETS if steps[-1].marker is Marker.CLIENT_OCTETS else Marker.CLIENT
        steps[:] = [Step(marker, clean(decision.text), steps[0].at, steps[0].line)]
        self._edited = True
        return ""

    def _skip(self, steps: list[Step], text: str) -> None:
        """Pass a step as a user wishes, with the mail data of DATA."""
        client = self._client
        verb = Command.parse(steps[-1].octets).verb
        if verb == "AUTH" or client.sasl.expects_challenge:
            self._skip_sasl(steps[-1], "skipped by hand", begins=verb == "AUTH")
            return
        self._cursor.skip_expected()
        self._emit_skipped(tuple(step.line for step in steps), text, "skipped by hand")
        if verb == "DATA" and client.mail.is_ahead():
            self._emit_mail_skipped(client.mail.skip("skipped by hand", 0))

    def _skip_sasl(self, step: Step, why: str, *, begins: bool = False) -> None:
        """Emit a line of an exchange that is not sent; the line has been passed."""
        self._client.sasl.skip()
        self._emit_skipped((step.line,), shown_line(step, in_exchange=not begins), why)

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
                self._connect(words[0], tls="tls" in words[1:], line=step.line)
            case "wait":
                self._wait(float(words[0]))
            case "within":
                self._verifier.reply_timeout = float(words[0])
            case "close" if words[:1] == ["server"]:
                self._expect_close(step)
            case "close" | "error":
                self._end_connection(reset=words[:1] == ["reset"], look=name == "close")
            case "timeout" if not words:
                self._end_connection(look=False)

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
            )
        except DialogueBroken as error:
            if not self._verifier.foresees(error, attacked=False, cut=True):
                failure = Comparison(ended=True).differing(error.exit_status, error.message.rstrip("."))
                self._emit((line,) if line else (), "*: connect", monotonic(), failure)
            raise _Stopped from None
        session.timeouts = settings.timeouts
        session.deadline = self._deadline
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
            raise WaitTimedOut(f"the replay took longer than {self._overall:g} s in all.")

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
            session.reply_timeout, self._verifier.reply_timeout = self._verifier.reply_timeout, None
            timeouts = session.timeouts
            patience = session.bounded(timeouts.quit if session.phase is Phase.CLOSED else timeouts.reply)
            session.reply_timeout = None
            incoming.look(patience)
            surplus = self._verifier.surplus(incoming)
            if surplus is not None:
                found = unexpected(surplus, DIFFERS, "a reply came where the server was to close", "*: close server")
            elif session.is_open:
                why = f"the server did not close the connection within {patience:g} s"
                found = found.differing(DIFFERS, why, "*: close server")
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
            self._flush()
            goodbye = min(_GOODBYE, session.bounded(session.timeouts.quit))
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


def find_target(name: str, settings: ReplaySettings, address: str, *, tls: bool) -> Target:
    """Return what to connect to: what the user named, and only without that what the transcript names.

    Args:
        name: The transcript's name, escaped.
        settings: What the user named.
        address: The server that the transcript names; empty for none.
        tls: Whether the transcript begins with TLS.

    Raises:
        UsageError: There is no server, or the transcript names one that a file may not start.
    """
    if isinstance(settings.server, Target):
        return settings.server
    if settings.server is not None:
        bare = "://" not in settings.server and not settings.server.startswith(("pipe:", "lmtp+unix:"))
        implicit = settings.tls or (tls and bare and not settings.starttls)
        return parse_target(settings.server, tls=implicit, starttls=settings.starttls)
    if not address:
        raise UsageError(f"{name} names no server; say where to replay it with --server URL.")
    target = parse_target(address, tls=(tls or settings.tls) and not settings.starttls, starttls=settings.starttls)
    if target.way is not Way.TCP:
        raise UsageError(f"{name} was made with {target}, which a file may not start; name it with --server.")
    return target


def _steps_of(checked: ReplayPlan, path: Path) -> AbstractContextManager[Iterable[Step]]:
    if checked.steps is not None:
        return nullcontext(checked.steps)
    from smtp_shell.transcript.reader import open_transcript

    return open_transcript(path)


def _preloads(settings: ReplaySettings, checked: ReplayPlan) -> list[Callable[[], object]]:
    """Return what a replay will need, to be loaded while it waits; the last comes first.

    It is worth a tenth of a whole process with STARTTLS and AUTH.
    """
    if not settings.preloads:
        return []
    found: list[Callable[[], object]] = []
    if checked.uses_sasl:
        found.append(_load_authentication)
    if checked.starts_tls:
        found.append(partial(_make_tls_context, settings.tls_settings))
    return found


def _make_tls_context(settings: TlsSettings) -> None:
    from smtp_shell.net.tls_context import make_context

    with suppress(ConfigError):  # it is reported where TLS is to start
        make_context(settings)


def _load_authentication() -> None:
    import smtp_shell.client.authentication  # noqa: F401


def _sentence(result: StepResult) -> str:
    where = f"{result.path}:{result.lines[0]}" if result.lines else result.path
    return f"{where}: {result.why}."
