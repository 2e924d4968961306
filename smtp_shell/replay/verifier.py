"""Compare what comes with what a transcript expects, reply by reply."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from smtp_shell.errors import (
    AuthFailed,
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    TlsFailed,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.matching.compare import Expected, Strictness, Verdict, match, match_octets
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import VIOLATIONS, wire_lines
from smtp_shell.replay.cursor import Script
from smtp_shell.replay.incoming import Arrival, Arrivals
from smtp_shell.replay.results import LONGEST_SHOWN, Compared, Words, excerpt
from smtp_shell.transcript.step import SERVER_LINES
from smtp_shell.transcript.variables import Variables

DIFFERS = 1
VIOLATED = 6
_MOST_SHOWN = 100
_MOST_KEPT = 4
_LONGEST_KEPT = 512


class Settled:
    """What came of waiting for the replies to a step.

    Args:
        demanded: Whether the transcript expects anything here.
        ended: Whether the dialogue cannot go on.

    Attributes:
        status: Exit status that it comes to; 0 when all is as expected.
        why: What differs.
        code: The last reply's code; 0 when none came.
        without_tls: Whether the transcript has `*: no-tls` here.
    """

    def __init__(self, *, demanded: bool = False, ended: bool = False) -> None:
        self.status = 0
        self.why = ""
        self.demanded = demanded
        self.code = 0
        self.ended = ended
        self.without_tls = False
        self._noted: list[tuple[Expected | str | None, Arrival | str | None]] = []
        self._differing: tuple[str, str] | None = None
        self._last_expected: Expected | None = None

    @property
    def takes_354(self) -> bool:
        """Whether a 354 could have been the last reply expected."""
        return self._last_expected is not None and self._last_expected.takes_354

    @property
    def ok(self) -> bool:
        """Whether all is as expected."""
        return self.status == 0

    @property
    def expected(self) -> str:
        """What was expected; the line that was not met, if there is one."""
        if self._differing is not None:
            return self._differing[0]
        return _joined([str(expected) for expected, _ in self._noted if expected is not None])

    @property
    def received(self) -> str:
        """What came; the line that was compared, if one differs."""
        if self._differing is not None:
            return self._differing[1]
        received = [arrival for _, arrival in self._noted if arrival is not None]
        return _joined([each if isinstance(each, str) else _shown(each) for each in received])

    @property
    def words(self) -> Compared:
        """What was expected and what came, to be kept for long: little as it is, of much the words."""
        noted = self._noted
        is_little = len(noted) <= _MOST_KEPT and all(_is_short(*each) for each in noted)
        return self if is_little else Words(self.expected, self.received)

    def note(self, expected: Expected | None, arrival: Arrival | None) -> None:
        """Keep what was expected and what came, as far as it is to be shown: a few as they are, of many an excerpt each."""
        if expected is not None:
            self.demanded = True
            self._last_expected = expected
        if arrival is not None:
            self.code = arrival.reply.code if arrival.reply is not None else 0
        if len(self._noted) < _MOST_KEPT:
            self._noted.append((expected, arrival))
        elif len(self._noted) < _MOST_SHOWN:
            self._noted.append(_excerpts(expected, arrival))

    def differ(self, status: int, why: str, expected: str = "", received: str = "") -> None:
        """Note a difference; the first one counts."""
        if self.status == 0:
            self.status, self.why = status, why
            self._differing = (excerpt(expected), excerpt(received))

    def blame(self, error: DialogueBroken) -> None:
        """Note what ended the dialogue; it counts before any difference that came of it."""
        self.ended = True
        self.status, self.why = error.exit_status, error.message.rstrip(".")


def _is_short(expected: Expected | str | None, arrival: Arrival | str | None) -> bool:
    if isinstance(expected, Expected) and not expected.is_short:
        return False
    return not isinstance(arrival, Arrival) or len(arrival.octets) <= _LONGEST_KEPT


def _excerpts(expected: Expected | None, arrival: Arrival | None) -> tuple[str | None, str | None]:
    wanted = None if expected is None else excerpt(str(expected))
    return wanted, None if arrival is None else excerpt(_shown(arrival))


def _joined(lines: list[str]) -> str:
    return excerpt(lines[0]) if len(lines) == 1 else excerpt("\n".join(map(excerpt, lines)))


class Settler:
    """Wait for what a transcript expects.

    Args:
        script: The transcript, at the step.
        arrivals: What comes.
        strictness: How strict `S:` lines are.
        variables: Takes captures.
        keep_going: Whether all replies of a step are compared although one differs.
        cap: Makes the session's waits as long as a `*: within` says, given its seconds, or as they usually are, given None.

    Attributes:
        doubtful: How many replies may still come to octets that were sent as they are, and that nothing is expected for.
    """

    def __init__(
        self,
        script: Script,
        arrivals: Arrivals,
        strictness: Strictness,
        variables: Variables,
        *,
        keep_going: bool,
        cap: Callable[[float | None], None],
    ) -> None:
        self._script = script
        self._arrivals = arrivals
        self._strictness = strictness
        self._variables = variables
        self._keep_going = keep_going
        self._cap = cap
        self.within: float | None = None
        self.doubtful = 0

    def settle(self, *, own: bool) -> Settled:
        """Compare what comes with the `S` lines that follow.

        Args:
            own: Whether all that is owed is awaited, also what no `S` line expects.
        """
        settled = Settled()
        script, arrivals = self._script, self._arrivals
        if script.peek_event():
            self._take_events(settled)
            self._cap(self.within)
        while settled.status == 0 or (self._keep_going and not settled.ended):
            expected = script.take_expected()
            if expected is None and not (own and (arrivals.outstanding > self.doubtful or arrivals.broken)):
                break
            try:
                arrival = arrivals.next()
            except DialogueBroken as error:
                self._not_come(settled, expected, error)
                break
            self._judge(settled, expected, arrival)
        if self.within is not None:
            self.within = None
            self._cap(None)
        if self.doubtful:
            self.doubtful = min(self.doubtful, self._arrivals.outstanding)
        if settled.status:
            script.skip_expected()
        return settled

    def surplus(self) -> Arrival | None:
        """Give something that has come and that the transcript does not have."""
        while (arrival := self._arrivals.drop()) is not None:
            if arrival.reply is None or self.doubtful == 0:
                return arrival
            self.doubtful -= 1
        return None

    def foresees(self, error: DialogueBroken) -> bool:
        """Say whether the transcript ends here in the same way; a timeout that is only noted is gone past."""
        name = self._script.peek_event()
        if self._arrivals.attacked or isinstance(error, AuthFailed):
            return False
        if isinstance(error, WaitTimedOut) or (isinstance(error, OutcomeUnknown) and not self._is_cut()):
            if name == "timeout":
                step = self._script.peek()
                if step is not None and len(step.event) > 1:
                    self._script.next()
                return True
            return False
        if isinstance(error, ConnectionLost | OutcomeUnknown) and name == "close":
            step = self._script.peek()
            return step is not None and step.event[1:2] == ("server",)
        return name == "error" or (name == "close" and isinstance(error, TlsFailed))

    def _is_cut(self) -> bool:
        return self._arrivals.broken is not None

    def _take_events(self, settled: Settled) -> None:
        """Take the events that may stand between a step and the replies to it."""
        while True:
            name = self._script.peek_event()
            if name == "no-tls":
                settled.without_tls = True
            elif name != "within" or not self._demand_behind_event():
                return
            else:
                step = self._script.peek()
                self.within = float(step.event[1]) if step is not None else None
            self._script.next()

    def _demand_behind_event(self) -> bool:
        following = [step for step, _ in zip(self._script.acted_ahead(), range(2), strict=False)]
        return len(following) > 1 and following[1].marker in SERVER_LINES

    def _not_come(self, settled: Settled, expected: Expected | None, error: DialogueBroken) -> None:
        settled.ended = not isinstance(error, WaitTimedOut)
        if expected is None and self.foresees(error):
            return
        settled.note(expected, None)
        settled.ended = True
        settled.differ(error.exit_status, error.message.rstrip("."), str(expected or ""))

    def _judge(self, settled: Settled, expected: Expected | None, arrival: Arrival) -> None:
        was_demanded = settled.demanded
        verdict = None
        if expected is not None:
            if arrival.reply is None:
                verdict = match_octets(expected, arrival.octets)
            else:
                verdict = match(expected, arrival.reply, self._strictness, verb=arrival.verb, greeting=arrival.greeting)
            if not verdict.ok and arrival.reply is not None and self.doubtful:
                self.doubtful -= 1
                self._script.give_back(expected.demands)
                return
            if verdict.used < len(expected.demands):
                self._script.give_back(expected.demands[verdict.used :])
                expected = Expected(expected.demands[: verdict.used])
        settled.note(expected, arrival)
        if arrival.reply is None and not (verdict and verdict.ok):
            self._judge_no_reply(settled, expected, arrival)
        elif verdict is None:
            self._judge_unexpected(settled, arrival, was_demanded)
        elif not verdict.ok:
            settled.differ(VIOLATED if verdict.violation else DIFFERS, verdict.why, verdict.expected, verdict.received)
        elif verdict.captures:
            self._capture(settled, verdict)

    def _judge_no_reply(self, settled: Settled, expected: Expected | None, arrival: Arrival) -> None:
        error = self._arrivals.broken
        settled.ended = True
        why = error.message.rstrip(".") if error else "what came is no SMTP reply"
        settled.differ(error.exit_status if error else VIOLATED, why, str(expected or ""), _shown(arrival))

    def _judge_unexpected(self, settled: Settled, arrival: Arrival, was_demanded: bool) -> None:
        reply = arrival.reply
        assert reply is not None
        if any(oddity in VIOLATIONS for oddity in reply.oddities):
            settled.differ(VIOLATED, "the server broke the protocol: " + reply.oddities[0].value, "", _shown(arrival))
        elif was_demanded or not arrival.asked:
            settled.differ(DIFFERS, "a reply came that the transcript does not have", "", _shown(arrival))
        elif self._script.peek_event() == "timeout":
            settled.differ(DIFFERS, "a reply came where the transcript has a timeout", "*: timeout", _shown(arrival))

    def _capture(self, settled: Settled, verdict: Verdict) -> None:
        try:
            self._variables.capture(verdict.captures)
        except UsageError as error:
            settled.differ(DIFFERS, str(error))


def _shown(arrival: Arrival) -> str:
    if arrival.reply is None:
        return escape(arrival.octets[:LONGEST_SHOWN])
    octets = arrival.octets
    return _shown_kept(octets) if len(octets) <= _LONGEST_KEPT else _shown_lines(octets)


def _shown_lines(octets: bytes) -> str:
    return "\n".join([escape(line[:LONGEST_SHOWN]) for line in wire_lines(octets, most=_MOST_SHOWN)])


# Servers say few things, again and again.
_shown_kept = lru_cache(maxsize=256)(_shown_lines)
