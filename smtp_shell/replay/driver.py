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

from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.errors import (
    AuthFailed,
    Interrupted,
    NotSendable,
    SmtpShellError,
    TlsFailed,
    TranscriptError,
    UsageError,
)
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.replay.account import RunAccount
from smtp_shell.replay.client import ReplayClient, SentStep, demand_tls
from smtp_shell.replay.connection import ReplayConnection
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.replay.emitter import ResultEmitter
from smtp_shell.replay.endings import DialogueEnded, Stopped, ended_in
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.preload import preloads
from smtp_shell.replay.results import Act, ReplayResult
from smtp_shell.replay.sasl_steps import has_secret
from smtp_shell.replay.settings import ignored_by
from smtp_shell.replay.skipping import pass_chunk, pass_dialogue, pass_octets
from smtp_shell.replay.stepping import StepNotes, decide, expected_ahead, shown_steps
from smtp_shell.replay.verifier import DIFFERS, Comparison, ReplyVerifier, unexpected, unsendable
from smtp_shell.transcript.events import authentication
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from smtp_shell.replay.plan import ReplayPlan
    from smtp_shell.replay.results import StepConsumer
    from smtp_shell.replay.settings import ReplaySettings

_T = TypeVar("_T")
_LAST_LOOK = 0.1
"""Seconds in which a server may answer a line of a group whose reply the transcript does not have."""

_LEAST_FOR_FINALLY = 10.0
"""Seconds that are left for what follows `*: finally`, whatever was needed before it."""

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
    """

    def __init__(
        self,
        path: Path,
        settings: ReplaySettings,
        checked: ReplayPlan,
        steps: Iterable[Step],
        consumers: Sequence[StepConsumer],
    ) -> None:
        self._name = escape_str(str(path))
        self._settings = settings
        self._account = RunAccount(consumers)
        self._keep_going = settings.goes_on
        self._variables = Variables(settings.variables, checked.defaults, numbers=settings.numbers)
        self._notes = StepNotes(steps)
        self._cursor = StepCursor(steps if settings.before_step is None else self._notes, self._name)
        self._folder = path.parent
        self._client = ReplayClient(self._cursor, settings, self._variables, self._folder)
        self._verifier = ReplyVerifier(
            self._cursor,
            settings.strictness_for(checked.header),
            self._variables,
            keep_going=self._keep_going,
            ignored=ignored_by(checked.header),
        )
        self._verifier.observe = settings.observe
        self._preload = preloads(settings, checked)
        self._unsettled: SentStep | None = None  # the last step, where no reply to it has come
        self._emitter = ResultEmitter(self._name, self._account, keep_going=self._keep_going)
        self._connection = ReplayConnection(
            self._name, settings, checked, self._cursor, self._verifier, self._emitter, self._account
        )
        self._mail_started = 0.0
        self._has_finally = checked.has_finally
        self._is_recording = checked.header is not None and bool(checked.header.client)

    @property
    def session(self) -> Session | None:
        """The connection while it is open. After a hand-over it stays open."""
        return self._connection.session

    def interrupt(self) -> None:
        """Make `run` end soon. Safe to call from any thread."""
        self._connection.interrupt()

    def run(self) -> ReplayResult:
        """Run it to its end, whatever that is."""
        started = monotonic()
        connection = self._connection
        connection.deadline = started + connection.overall
        handed_over = False
        try:
            try:
                self._act_out()
            finally:
                self._account.flush()
        except Stopped as stopped:
            handed_over = stopped.handed_over
        except KeyboardInterrupt:
            self._account.end(Interrupted.exit_status, "interrupted")
        finally:
            if handed_over:
                connection.hand_over()
            else:
                connection.close()
        return self._account.result(self._name, connection.server, monotonic() - started, handed_over=handed_over)

    # The loop

    def _act_out(self) -> None:
        """Act out the transcript, and then what is done in any case.

        Raises:
            Stopped: A user wants to end the replay.
        """
        is_whole = self._act_out_part()
        if self._has_finally and not self._connection.is_interrupted:
            self._begin_finally(is_whole=is_whole)
            self._act_out_part()

    def _begin_finally(self, *, is_whole: bool) -> None:
        """Pass what is left before `*: finally`, and make the connection ready for what follows it.

        Args:
            is_whole: Whether all before it was acted out.
        """
        cursor, connection = self._cursor, self._connection
        if is_whole:
            is_open = self._keeps_connection()
        else:
            if self._client.chunk_left:
                connection.close()
            self._client = ReplayClient(cursor, self._settings, self._variables, self._folder)
            for _ in pass_dialogue(cursor, self._client, to_the_end=True):
                pass
            cursor.within = None
            is_open = connection.settle()
        cursor.advance()
        connection.allow(_LEAST_FOR_FINALLY)
        self._keep_going = self._emitter.keep_going = self._verifier.keep_going = True
        self._emitter.in_finally = True
        if not is_open:
            self._skip_dialogue("not sent: the connection is closed")

    def _keeps_connection(self) -> bool:
        """Return whether the connection goes on after all before `*: finally`; after QUIT it is ended as at the end of a transcript."""
        session = self._connection.session
        if session is not None and session.phase is not Phase.CLOSED:
            return True
        with suppress(DialogueEnded):
            self._connection.end()
        return False

    def _act_out_part(self) -> bool:
        """Act out the transcript up to its end or `*: finally`; return whether that was reached, with or without differences.

        Where a dialogue ends and the replay keeps going, it goes on with the next connection.

        Raises:
            Stopped: A user wants to end the replay.
        """
        while True:
            try:
                self._loop()
                return True
            except DialogueEnded as ended:
                if not self._keep_going or not self._skip_dialogue(f"not sent: the dialogue ended {ended.where}"):
                    return False
            except SmtpShellError as error:
                # Status 2 promises that nothing was sent.
                is_promised = error.exit_status == SmtpShellError.exit_status and self._connection.server
                self._account.end(DIFFERS if is_promised else error.exit_status, error.message)
                if self._keep_going and not isinstance(error, TranscriptError):
                    self._skip_dialogue(f"not sent: {error.message.removesuffix('.')}", to_the_end=True)
                if isinstance(error, TranscriptError):
                    self._has_finally = False  # it cannot be read on
                return False

    def _skip_dialogue(self, why: str, *, to_the_end: bool = False) -> bool:
        """Report the steps that are not sent any more; return whether another connection follows."""
        cursor, is_cut = self._cursor, self._client.chunk_left > 0
        self._client = ReplayClient(cursor, self._settings, self._variables, self._folder)
        for passed in pass_dialogue(cursor, self._client, to_the_end=to_the_end):
            self._emitter.emit_skipped(passed.lines, passed.shown, why)
        cursor.within = None
        step = cursor.step
        if cursor.next_event() == "finally" and not is_cut:
            return False  # what follows it is done on the same connection, where that is in order
        self._connection.close()
        return step is not None

    def _loop(self) -> None:
        cursor, mail, connection = self._cursor, self._client.mail, self._connection
        while True:
            step, expects = cursor.step, cursor.expects
            session, incoming = connection.session, connection.incoming
            if mail.is_sending and session is not None and incoming is not None:
                self._send_mail(session, incoming)
            elif step is None:
                break
            elif step.marker is Marker.EVENT and not expects:
                self._account.flush()
                if step.event[0] == "finally":
                    return
                if not self._is_unanswered(step):
                    self._act_on_event(step)
            else:
                if session is None or incoming is None or not session.is_open:
                    session, incoming = connection.opened(step)
                if expects:
                    self._await_expected(session, incoming, step)
                else:
                    if session.dialogue.asked == 1:
                        self._await_greeting(session, incoming, step)
                    connection.check_time()
                    self._act(session, incoming, step)
        connection.end()

    def _act(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Do a client step.

        Raises:
            DialogueEnded: It was the last one of this dialogue.
            Stopped: A user wants to end the replay.
        """
        client = self._client
        if session.dialogue.phase is Phase.MAILDATA:
            self._decide(session, [step], mail_data=True)
            self._mail_started = monotonic()
            self._send_mail(session, incoming)
        elif step.marker is Marker.MAIL_DATA_FILE:
            self._emitter.emit_mail_skipped(client.mail.skip("no 354 asked for the mail data", DIFFERS))
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
        is_early = not session.dialogue.answered
        if not is_early and incoming.look() and not self._verifier.expects_doubtful(1 if is_octets else len(steps)):
            self._emitter.emit_surplus(self._verifier, incoming, tuple(each.line for each in steps))
        if session.tls_due and not self._start_tls(session, incoming, steps):
            return
        try:
            if any(map(has_secret, steps)):
                self._find_credentials(session, incoming, steps)
            if is_octets:
                sent: SentStep | None = client.send_octets(session, incoming, steps[0])
            elif client.goes_as_octets(session, steps):
                sent = client.send_as_octets(session, incoming, steps)
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
            self._emitter.emit(tuple(each.line for each in steps), "*: tls", monotonic(), found)
        return session.is_open

    def _send_mail(self, session: Session, incoming: IncomingReplies) -> None:
        try:
            sent = self._client.send_mail_piece(session, incoming, self._mail_started)
        except (*_UNSENDABLE, TranscriptError) as error:
            lines = self._client.mail.break_off()
            self._emitter.emit(
                lines, "(mail data)", self._mail_started, unsendable(error, "; no final dot is sent").ending()
            )
            return
        if sent is None:
            self._account.flush()  # the next piece may take long
        else:
            self._await_replies(session, incoming, sent)

    def _send_chunk(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        try:
            sent = self._client.send_chunk(session, incoming)
        except _UNSENDABLE as error:
            pass_octets(self._cursor, self._client.chunk_left)
            self._cursor.skip_expected()
            self._emitter.emit((step.line,), "(a chunk)", monotonic(), unsendable(error).ending())
            return
        self._await_replies(session, incoming, sent)

    def _await_replies(self, session: Session, incoming: IncomingReplies, sent: SentStep) -> None:
        """Wait for the replies to what was sent, compare them, and emit the result."""
        if self._cursor.closes_next and self._awaits_none(session, incoming, sent):
            self._emitter.emit(sent.lines, sent.shown, sent.started, Comparison())
            return
        self._use_wait()
        self._conclude(session, incoming, sent, self._verifier.verify(session, incoming, own=sent.awaits_all))

    def _awaits_none(self, session: Session, incoming: IncomingReplies, sent: SentStep) -> bool:
        """Return whether the client closes the connection without a reply to what it has just sent.

        A recording has no reply there, and a client that drops the connection awaits none. In a script one may come, and need not: its
        author may have left out what is not demanded.
        """
        if sent.verb == "QUIT" or incoming.broken is not None or self._cursor.within is not None:
            return False
        if self._cursor.drops_next or self._is_recording:
            self._verifier.doubtful = session.outstanding
            return True
        if session.dialogue.owed and session.dialogue.owed[-1].ends_message:
            return False  # the server may need minutes, and whether it has the message is the point
        self._use_wait()
        if incoming.look(session.waits.bounded(session.waits.timeouts.quit)) or incoming.broken is not None:
            return False
        self._verifier.doubtful = session.outstanding
        return True

    def _conclude(self, session: Session, incoming: IncomingReplies, sent: SentStep, found: Comparison) -> None:
        """Do what follows from the replies to what was sent, and emit the result."""
        if sent.fewer_replies and found.ok and incoming.look(_LAST_LOOK):
            surplus = self._verifier.surplus_of_group(incoming)
            if surplus is not None:
                found = unexpected(surplus, DIFFERS, "a reply came that the transcript does not have")
        found = self._client.settle(session, incoming, self._verifier, sent, found)
        self._unsettled = sent if not found.code else None
        try:
            self._emitter.emit(sent.lines, sent.shown, sent.started, found)
        except DialogueEnded as ended:
            self._skip_mail_after(sent, found, ended)
            raise
        if sent.verb == "DATA" and session.phase is not Phase.MAILDATA and self._unsettled is None:
            skipped = self._client.mail.skip_refused(found)
            if skipped is not None:
                self._emitter.emit_mail_skipped(skipped)

    def _skip_mail_after(self, sent: SentStep, found: Comparison, ended: DialogueEnded) -> None:
        """Report the mail data of a DATA that the dialogue ended with."""
        mail = self._client.mail
        if self._keep_going and sent.verb == "DATA" and (found.accepts_354 or not found.demanded) and mail.is_ahead():
            self._emitter.emit_mail_skipped(mail.skip(f"not sent: the dialogue ended {ended.where}", 0))

    def _await_expected(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Read the replies that are expected without a client line before them, such as the greeting."""
        started = monotonic()
        line = step.line
        self._use_wait()
        found = self._verifier.verify(session, incoming, own=not session.dialogue.answered)
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
        self._emitter.emit((), "", started, self._verifier.verify(session, incoming, own=True))

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

    # What is not sent

    def _emit_unsendable(self, session: Session, steps: Sequence[Step], error: SmtpShellError) -> None:
        """Emit a step that cannot be sent. That a value is missing follows from a difference, where one was reported."""
        ends, in_exchange = isinstance(error, TlsFailed), session.phase is Phase.AUTH
        shown = shown_steps(steps, in_exchange=in_exchange)
        missing = 0 if self._account.status else DIFFERS
        self._skip(steps, shown, error.message.removesuffix("."), error.exit_status if ends else missing)
        if in_exchange or ends:
            raise DialogueEnded(ended_in(steps[0].line))

    # The user

    def _ask(self, session: Session, question: Callable[[], _T]) -> _T:
        """Ask a user. All that happened is reported and recorded before, and the time taken is added to the replay's."""
        self._account.flush()
        session.flush()
        started = monotonic()
        answer = question()
        self._connection.deadline += monotonic() - started
        session.waits.deadline = self._connection.deadline
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
        self._emitter.edited = decided.edited
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
        self._emitter.emit_skipped(tuple(step.line for step in steps), text, why, status)
        if verb == "DATA" and client.mail.is_ahead():
            self._emitter.emit_mail_skipped(client.mail.skip(why, 0))

    def _find_credentials(self, session: Session, incoming: IncomingReplies, steps: list[Step]) -> None:
        """Find the credentials for `${sasl}` in a step. What is missing ends the dialogue when the reply is awaited."""
        sasl, find = self._client.sasl, self._settings.credentials
        if incoming.broken is not None:
            return
        try:
            mechanism = self._client.find_mechanism(session, steps)
            if mechanism is not None and find is not None:
                credentials = self._ask(session, partial(find, mechanism, sasl.user_ahead()))
                sasl.begin(session, mechanism, credentials)
        except AuthFailed as error:
            incoming.broken = error

    # Events

    def _act_on_event(self, step: Step) -> None:
        if step.event[0] == "authenticate":
            self._authenticate(step)
        else:
            if step.event[0] == "connect":
                self._unsettled = None
            self._cursor.advance()
            self._client.sasl.note_event(step)
            self._connection.act(step)

    def _authenticate(self, step: Step) -> None:
        """Do a whole AUTH exchange, with the strongest mechanism that both sides can do."""
        session, incoming = self._connection.opened(step)
        if session.dialogue.asked == 1:
            self._await_greeting(session, incoming, step)
        self._cursor.advance()  # not before: what is expected next is no greeting
        self._connection.check_time()
        if not self._decide(session, [step]):
            return
        if incoming.look():
            self._emitter.emit_surplus(self._verifier, incoming, (step.line,))
        if session.tls_due and not self._start_tls(session, incoming, [step]):
            return
        started, sasl = monotonic(), self._client.sasl
        session.waits.reply_timeout = self._cursor.within
        try:
            self._begin_exchange(session, incoming, step)
            sasl.answer_all(session, incoming)
        except (AuthFailed, TlsFailed, UsageError) as error:
            self._cursor.skip_expected()
            status = TlsFailed.exit_status if isinstance(error, TlsFailed) else AuthFailed.exit_status
            found = Comparison(ended=True).differing(status, error.message.removesuffix("."))
            self._emitter.emit((step.line,), "*: authenticate", started, found)
        else:
            sent = SentStep((step.line,), f"*: authenticate {sasl.mechanism}", started, "AUTH")
            found = self._verifier.verify(session, incoming, own=True)
            found = self._client.settle(session, incoming, self._verifier, sent, found)
            self._emitter.emit(sent.lines, sent.shown, started, replace(found, demanded=True))
        finally:
            session.waits.reply_timeout = None

    def _begin_exchange(self, session: Session, incoming: IncomingReplies, step: Step) -> None:
        """Choose the mechanism of an `*: authenticate`, and find its credentials.

        Raises:
            AuthFailed: There is no mechanism in common, credentials are missing, or must not be sent here.
            TlsFailed: The user demands STARTTLS, and there is no TLS.
            UsageError: There was no EHLO yet.
        """
        if incoming.broken is not None:
            return
        demand_tls(session, ["AUTH"])
        sasl, find = self._client.sasl, self._settings.credentials
        mechanisms, user = authentication(step.event[1:])
        mechanism = sasl.find_strongest(session, mechanisms)
        assert find is not None
        credentials = self._ask(session, partial(find, mechanism, user))
        sasl.begin(session, mechanism, credentials)

    def _is_unanswered(self, step: Step) -> bool:
        """Check a wait without a reply that no client line precedes, as for a greeting; return whether the step is one."""
        session, incoming, name = self.session, self._connection.incoming, step.event[0]
        if session is None or incoming is None:
            return False
        if not self._verifier.is_unanswered(session):
            return False
        started = monotonic()
        found = self._verifier.verify(session, incoming, own=True)
        self._emitter.emit((step.line,), f"*: {name}", started, replace(found, demanded=True))
        if name == "error":
            self._connection.end(look=False)
        return True
