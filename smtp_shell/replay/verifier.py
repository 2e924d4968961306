"""The verifier: reads the replies to a step, and compares them with what the transcript expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from smtp_shell.client.incoming import IncomingReply
from smtp_shell.errors import (
    AuthFailed,
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    TlsFailed,
    WaitTimedOut,
)
from smtp_shell.figures import plain
from smtp_shell.matching.compare import match, match_octets
from smtp_shell.matching.expectation import ExpectedReply
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import VIOLATIONS
from smtp_shell.replay.results import LONGEST_SHOWN, Answer, Difference, Outcome, StepResult, excerpt, shown_reply
from smtp_shell.transcript.included_line import file_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.client.session import Session
    from smtp_shell.errors import SmtpShellError
    from smtp_shell.matching.expectation import Strictness
    from smtp_shell.matching.ignored import IgnoredText
    from smtp_shell.replay.cursor import StepCursor
    from smtp_shell.replay.incoming import IncomingReplies
    from smtp_shell.replay.results import AnswerConsumer
    from smtp_shell.transcript.variables import Variables

DIFFERS = 1
VIOLATED = 6
_SHORTEST_WAIT_FOR_LINES: Final = 5.0
"""Seconds in which the lines that a recording has of a reply may come: Ctrl-C can end a wait sooner than a server is quick again."""
_ENDINGS = {"timeout": "a timeout", "error": "an error"}
_MOST_SHOWN = 100
_MOST_KEPT = 4
_LONGEST_KEPT = 512


class Comparison(Struct, frozen=True):
    """What came to a step, compared with what the transcript expects there.

    Args:
        status: Exit status that it stands for; 0 when all is as expected.
        why: What differs, in a sentence without its full stop.
        code: The last reply's code; 0 when none came.
        ended: Whether the dialogue cannot go on.
        declines_tls: Whether the transcript has `*: no-tls` here.
        expected: The replies that were expected, or excerpts of them where there are many.
        replies: The replies that came, as octets, or excerpts of them where they are long or many.
        demanded: Whether the transcript expects anything here.
        last_expected: The last reply that was expected; None where none was.
        difference: The two lines that differ; None where none do.
        captures: What named groups of patterns matched.
    """

    status: int = 0
    why: str = ""
    code: int = 0
    ended: bool = False
    declines_tls: bool = False
    expected: tuple[ExpectedReply | str, ...] = ()
    replies: tuple[bytes | str, ...] = ()
    demanded: bool = False
    last_expected: ExpectedReply | None = None
    difference: Difference | None = None
    captures: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all is as expected."""
        return self.status == 0

    @property
    def accepts_354(self) -> bool:
        """Whether a 354 could have been the last reply expected."""
        return self.last_expected is not None and self.last_expected.accepts_354

    def foresaw(self, code: int) -> bool:
        """Return whether this code could have been the last reply expected."""
        return self.last_expected is not None and self.last_expected.allows(code)

    @property
    def shown_expected(self) -> str:
        """What was expected, or the line of it that was not met."""
        return self.difference.expected if self.difference is not None else _first_of(self.expected)

    @property
    def shown_received(self) -> str:
        """What came, or the line of it that differs."""
        return self.difference.received if self.difference is not None else _first_of(self.replies)

    def differing(
        self,
        status: int,
        why: str,
        expected: str = "",
        received: str = "",
        *,
        at: int | None = None,
        line: int = 0,
        reply: int = 0,
    ) -> Comparison:
        """Return it with a difference; one that is there already counts before it. The arguments are those of `Difference`."""
        if self.status:
            return self
        difference = Difference(excerpt(expected), excerpt(received), at, line, reply)
        return replace(self, status=status, why=why, difference=difference)

    def ending(self) -> Comparison:
        """Return it as one after which the dialogue cannot go on."""
        return replace(self, ended=True)

    def ended_by(self, error: DialogueBroken) -> Comparison:
        """Return it with the error that ended the dialogue, which counts before any difference that came of it."""
        return replace(self, ended=True, status=error.exit_status, why=error.message.removesuffix("."))


class ReplyVerifier:
    """Compares incoming replies with the expectations at the cursor.

    Args:
        cursor: The transcript, at the step.
        strictness: How strict `S:` lines are.
        variables: Takes captures.
        keep_going: Whether all replies of a step are compared although one differs.
        ignored: What the level `text` does not compare; None for nothing.

    Attributes:
        observe: Called with each reply and the lines that expect it; None for nobody.
        keep_going: As above; may change with the part of the transcript.
        doubtful: How many replies may still come to octets that were sent as they are, and that nothing is expected for.
    """

    def __init__(
        self,
        cursor: StepCursor,
        strictness: Strictness,
        variables: Variables,
        *,
        keep_going: bool,
        ignored: IgnoredText | None = None,
    ) -> None:
        self.doubtful = 0
        self._cursor = cursor
        self._strictness = strictness
        self._variables = variables
        self.observe: AnswerConsumer | None = None
        self.keep_going = keep_going
        self._ignored = ignored

    def verify(self, session: Session, incoming: IncomingReplies, *, own: bool) -> Comparison:
        """Compare what comes with the `S` lines that follow.

        Args:
            session: The session; its reply timeout follows `*: within`.
            incoming: What the server has sent.
            own: Whether all that is owed is awaited, also what no `S` line expects.
        """
        declines_tls = self._passes_no_tls()
        comparison = self._compare(session, incoming, own=own)
        if self.doubtful:
            self.doubtful = min(self.doubtful, session.outstanding)
        if comparison.status:
            self._cursor.skip_expected()
        return replace(comparison, declines_tls=True) if declines_tls else comparison

    def is_unanswered(self, session: Session) -> bool:
        """Return whether the event that comes next is the end of a wait without a reply, which no client line precedes."""
        if self._cursor.recorded_wait is not None:
            return session.outstanding > self.doubtful
        return self._cursor.next_event() == "error" and session.dialogue.asked == 1 and session.outstanding > 0

    def expects_doubtful(self, replies: int) -> bool:
        """Return whether the `S` lines that come next are for octets that were sent before as well.

        Args:
            replies: How many replies the next step is owed.
        """
        return self.doubtful > 0 and self._cursor.count_after_octets() > replies

    def surplus(self, incoming: IncomingReplies) -> IncomingReply | None:
        """Return something that has come and that the transcript does not have; None if there is nothing."""
        while (found := incoming.drop()) is not None:
            if found.reply is None or self.doubtful == 0:
                return found
            self.doubtful -= 1
        return None

    def surplus_of_group(self, incoming: IncomingReplies) -> IncomingReply | None:
        """Return the first reply to a group beyond those that the transcript has for it; None if none has come.

        Whoever observes gets each of them.
        """
        came = first = self.surplus(incoming)
        while self.observe is not None and came is not None:
            if came.number:
                self.observe(self._answer(None, came, ok=False))
            came = self.surplus(incoming)
        return first

    def verify_close(self, session: Session, incoming: IncomingReplies) -> Comparison:
        """Wait for the server to close the connection; a `*: within` bounds the wait."""
        waits, timeouts = session.waits, session.waits.timeouts
        waits.reply_timeout, self._cursor.within = self._cursor.within, None
        patience = waits.bounded(timeouts.quit if session.phase is Phase.CLOSED else timeouts.reply)
        waits.reply_timeout = None
        incoming.look(patience)
        surplus = self.surplus(incoming)
        if surplus is not None:
            return unexpected(surplus, DIFFERS, "a reply came where the server was to close", "*: close server")
        found = Comparison(demanded=True)
        if session.is_open:
            why = f"the server did not close the connection within {plain(patience)} s"
            return found.differing(DIFFERS, why, "*: close server")
        return found

    def foresees(self, error: DialogueBroken, *, attacked: bool, cut: bool) -> bool:
        """Return whether the transcript ends here in the same way. A timeout that is only recorded is passed.

        Args:
            error: What happened.
            attacked: Whether the server is suspected of an attack, which no transcript excuses.
            cut: Whether the connection is gone.
        """
        name = self._cursor.next_event()
        if attacked or isinstance(error, AuthFailed):
            return False
        if isinstance(error, WaitTimedOut) or (isinstance(error, OutcomeUnknown) and not cut):
            if name == "timeout":
                step = self._cursor.step
                if step is not None and len(step.event) > 1:
                    self._cursor.advance()
                return True
            return False
        if isinstance(error, ConnectionLost | OutcomeUnknown) and name == "close":
            step = self._cursor.step
            return step is not None and step.event[1:2] == ("server",)
        return name == "error" or (name == "close" and isinstance(error, TlsFailed))

    def _compare(self, session: Session, incoming: IncomingReplies, *, own: bool) -> Comparison:
        found = Comparison()
        number = 0  # of the reply, among those to this step
        while found.status == 0 or (self.keep_going and not found.ended):
            expected = self._cursor.take_expected()
            if expected is None and (
                not (own and (session.outstanding > self.doubtful or incoming.broken)) or session.tls_due
            ):
                break
            try:
                came = self._next(session, incoming, expected)
            except DialogueBroken as error:
                return self._not_come(found, expected, error, session, incoming, number + 1)
            number += came.number > 0
            found = self._judge(found, expected, came, session, incoming, number if came.number else 0)
            if came.reply is not None and self._ended_at(came):
                break
            if came.reply is None and session.is_open:  # a reply that is under way, as recorded
                break
        return found

    def _next(self, session: Session, incoming: IncomingReplies, expected: ExpectedReply | None) -> IncomingReply:
        """Return what comes next, in the time that a `*: within` allows, or as long as a wait was that ended without a whole reply.

        Raises:
            DialogueBroken: As `IncomingReplies.next` does.
        """
        may_end = expected is None or expected.is_unfinished
        recorded = self._cursor.recorded_wait if may_end else None
        if expected is not None and recorded is not None and self._cursor.within is None:
            incoming.next_begun(len(expected.lines), max(recorded, _SHORTEST_WAIT_FOR_LINES))
        if self._cursor.within is not None or recorded is not None:
            return self._next_within(session, incoming)
        if expected is not None and may_end and self._cursor.ends_unanswered:
            begun = incoming.next_begun(len(expected.lines))
            if begun:
                return IncomingReply(None, begun)
        return incoming.next()

    def _ended_at(self, came: IncomingReply) -> bool:
        """Return whether the recorded session ended at this reply, which broke the protocol."""
        assert came.reply is not None
        return self._cursor.next_event() == "error" and any(each in VIOLATIONS for each in came.reply.oddities)

    def _next_within(self, session: Session, incoming: IncomingReplies) -> IncomingReply:
        """Return what comes next, in the time that a `*: within` allows.

        Raises:
            DialogueBroken: As `IncomingReplies.next` does.
        """
        cursor = self._cursor
        session.waits.reply_timeout, cursor.within = cursor.within or cursor.recorded_wait, None
        try:
            return incoming.next()
        finally:
            session.waits.reply_timeout = None

    def _passes_no_tls(self) -> bool:
        """Pass the `*: no-tls` that may stand between a step and the reply to it; return whether there is one."""
        found = False
        while self._cursor.next_event() == "no-tls":
            found = True
            self._cursor.advance()
        return found

    def _not_come(
        self,
        found: Comparison,
        expected: ExpectedReply | None,
        error: DialogueBroken,
        session: Session,
        incoming: IncomingReplies,
        number: int,
    ) -> Comparison:
        cut = incoming.broken is not None
        begun = IncomingReply(None, session.begun.octets) if session.begun.octets else None
        if self._is_as_recorded(expected, begun) and self.foresees(error, attacked=session.is_attacked, cut=cut):
            if expected is not None and self._cursor.expects:  # the rest of the reply came later
                self._cursor.put_back_expected(expected.lines)
            return _with(found, expected, begun)
        if self.observe is not None:
            self.observe(self._answer(expected, None, ok=False))
        found = replace(_with(found, expected, begun), ended=True)
        line = expected.lines[0].line if expected is not None else 0
        why = error.message.removesuffix(".")
        return found.differing(error.exit_status, why, str(expected or ""), line=line, reply=number)

    def _is_as_recorded(self, expected: ExpectedReply | None, begun: IncomingReply | None) -> bool:
        """Return whether no more came of a reply than the transcript has. A line is recorded when its end has come."""
        lines = begun.octets[: begun.octets.rfind(b"\n") + 1] if begun is not None else b""
        if expected is None:
            return not lines
        return expected.is_unfinished and match_octets(expected, lines, self._strictness).ok

    def _judge(
        self,
        found: Comparison,
        expected: ExpectedReply | None,
        came: IncomingReply,
        session: Session,
        incoming: IncomingReplies,
        number: int,
    ) -> Comparison:
        verdict = None
        if expected is not None:
            if came.reply is None:
                verdict = match_octets(expected, came.octets, self._strictness)
            else:
                greets = came.number == 1
                owed = self._owed_beyond(session) if expected.is_open else None
                verdict = match(
                    expected,
                    came.reply,
                    self._strictness,
                    verb=came.verb,
                    greeting=greets,
                    owed=owed,
                    ignored=self._ignored,
                )
            if not verdict.ok and came.reply is not None and self.doubtful:
                self.doubtful -= 1
                self._cursor.put_back_expected(expected.lines)
                return found
            if verdict.used < len(expected.lines):
                self._cursor.put_back_expected(expected.lines[verdict.used :])
                expected = ExpectedReply(expected.lines[: verdict.used])
        was_demanded = found.demanded
        if self.observe is not None:
            is_right = verdict.ok if verdict is not None else bool(came.number) and not was_demanded
            self.observe(self._answer(expected, came, ok=is_right))
        found = _with(found, expected, came)
        if came.reply is None and not (verdict and verdict.ok):
            error = incoming.broken
            why = error.message.removesuffix(".") if error else "what came is no SMTP reply"
            status = error.exit_status if error else VIOLATED
            line = expected.lines[0].line if expected is not None else 0
            found = replace(found, ended=True)
            return found.differing(status, why, str(expected or ""), shown(came), line=line)
        if verdict is None:
            return self._judge_unexpected(found, came, number, was_demanded=was_demanded)
        if not verdict.ok:
            status = VIOLATED if verdict.violation else DIFFERS
            received = verdict.received or shown(came)
            return found.differing(
                status, verdict.why, verdict.expected, received, at=verdict.at, line=verdict.line, reply=number
            )
        is_whole = expected is not None and expected.is_unfinished and came.reply is not None
        if is_whole and self._cursor.recorded_wait is not None:
            why = "the whole reply came where the transcript has a timeout in the middle of it"
            return found.differing(DIFFERS, why, "*: timeout", shown(came), reply=number)
        if is_whole and self._cursor.server_closes:
            why = "the whole reply came where the transcript has the end of the connection in the middle of it"
            return found.differing(DIFFERS, why, "*: close server", shown(came), reply=number)
        if not verdict.captures:
            return found
        self._variables.capture(verdict.captures)
        return replace(found, captures={**found.captures, **verdict.captures})

    def _answer(self, expected: ExpectedReply | None, came: IncomingReply | None, *, ok: bool) -> Answer:
        reply = came.reply if came is not None else None
        return Answer(
            self._cursor.name,
            expected.lines if expected is not None else (),
            came.octets if came is not None and reply is not None else None,
            self._strictness,
            ok,
            came.verb if came is not None else "",
            came is not None and came.number == 1,
            reply is not None and any(each in VIOLATIONS for each in reply.oddities),
            self._cursor.line,
        )

    def _owed_beyond(self, session: Session) -> int:
        """Return how many replies are owed beyond those that the lines after the taken ones expect."""
        return session.outstanding - self.doubtful - self._cursor.count_expected()

    def _judge_unexpected(
        self, found: Comparison, came: IncomingReply, number: int, *, was_demanded: bool
    ) -> Comparison:
        reply = came.reply
        assert reply is not None
        violation = next((oddity for oddity in reply.oddities if oddity in VIOLATIONS), None)
        if violation is not None:
            why = "the server broke the protocol: " + violation.value
            return found.differing(VIOLATED, why, "", shown(came), reply=number)
        if was_demanded or not came.number:
            return found.differing(
                DIFFERS, "a reply came that the transcript does not have", "", shown(came), reply=number
            )
        ending = self._cursor.next_event()
        if ending in ("timeout", "error"):
            why = f"a reply came where the transcript has {_ENDINGS[ending]}"
            return found.differing(DIFFERS, why, f"*: {ending}", shown(came), reply=number)
        return found


def unexpected(came: IncomingReply, status: int, why: str, expected: str = "") -> Comparison:
    """Return the comparison of something that came where the transcript expects something else, or nothing."""
    return _with(Comparison(), None, came).differing(status, why, expected, shown(came))


def unsendable(error: SmtpShellError, what: str = "") -> Comparison:
    """Return the comparison of a step that lacks something which the transcript was to bring."""
    return Comparison().differing(DIFFERS, f"{error.message.removesuffix('.')}{what}")


def step_result(
    name: str,
    lines: tuple[int, ...],
    sent: str,
    seconds: float,
    found: Comparison,
    *,
    edited: bool,
    in_finally: bool,
) -> StepResult:
    """Return the result of a step.

    Args:
        name: The transcript's name, escaped.
        lines: Numbers of its lines.
        sent: What was sent, as it may be shown.
        seconds: How long it took.
        found: The replies, compared.
        edited: Whether a user changed it.
        in_finally: Whether it follows `*: finally`.
    """
    path = path_of(name, lines)
    difference = found.difference
    if difference is not None and difference.line and (file := file_of(difference.line) or name) != path:
        difference = replace(difference, file=file)
    well = Outcome.MATCHED if found.demanded else Outcome.SENT
    return StepResult(
        path,
        lines,
        sent,
        Outcome.MISMATCHED if found.status else well,
        found.why,
        seconds,
        found.code,
        edited,
        difference,
        found.expected,
        found.replies,
        found.captures,
        in_finally,
    )


def path_of(name: str, lines: tuple[int, ...]) -> str:
    """Return the name of the file that lines stand in, escaped.

    Args:
        name: The transcript's name, escaped.
        lines: The numbers of the lines.
    """
    return (file_of(lines[0]) if lines else "") or name


def shown(came: IncomingReply) -> str:
    """Return what came as printable text, cut if it is too long to keep."""
    return escape(came.octets[:LONGEST_SHOWN]) if came.reply is None else shown_reply(came.octets)


def _with(found: Comparison, expected: ExpectedReply | None, came: IncomingReply | None) -> Comparison:
    """Add an expected reply and what came; of a long reply, or of one of many, an excerpt."""
    wanted, replies, code, last = found.expected, found.replies, found.code, found.last_expected
    if came is not None:
        code = came.reply.code if came.reply is not None else 0
        if len(replies) < _MOST_SHOWN:
            is_short = len(replies) < _MOST_KEPT and came.reply is not None and len(came.octets) <= _LONGEST_KEPT
            replies = (*replies, came.octets if is_short else excerpt(shown(came)))
    if expected is not None:
        last = expected
        if len(wanted) < _MOST_SHOWN:
            is_short = len(wanted) < _MOST_KEPT and sum([len(line.text) for line in expected.lines]) <= _LONGEST_KEPT
            wanted = (*wanted, expected if is_short else excerpt(str(expected)))
    return replace(
        found,
        code=code,
        expected=wanted,
        replies=replies,
        demanded=found.demanded or bool(expected),
        last_expected=last,
    )


def _first_of(texts: tuple[object, ...]) -> str:
    if not texts:
        return ""
    first = texts[0]
    return shown_reply(first) if isinstance(first, bytes) else str(first)
