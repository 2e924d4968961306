"""`/watch`: a line is run again and again, and what has changed in the answer is said.

The answer is the dialogue that the line brings about. It is compared as `diff` compares two transcripts: times and queue numbers, which
always differ, do not count.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import ConnectionLost, Interrupted, NotSendable, SmtpShellError, UsageError
from smtp_shell.figures import counted, plain, shown_seconds
from smtp_shell.matching.dialogues import Differences
from smtp_shell.matching.turns import turns_of
from smtp_shell.protocol.events import Disconnected, MailDataSent, OctetsSent, ReplyReceived
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.held_view import HeldView
from smtp_shell.shell.typed_answers import LinesInARow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smtp_shell.matching.dialogues import NumberedRow
    from smtp_shell.matching.expectation import Strictness
    from smtp_shell.matching.turns import Turn
    from smtp_shell.protocol.events import Entry
    from smtp_shell.protocol.replies import Reply
    from smtp_shell.shell.shell import Shell

_MOST_ENTRIES = 20_000  # of one run
_MOST_OF_REPLY = 100  # octets
_MOST_ROWS = 20  # of what has changed
_DURATION = re.compile(r"(?:< )?[0-9][0-9.,]* m?s\b")  # it differs each time
_OWN = (MailDataSent, OctetsSent)  # what the client sends: it is long, and the same each time


class Plan(Struct, frozen=True):
    """What to repeat, and how.

    Args:
        line: The line.
        seconds: From the beginning of one run to that of the next.
        count: How many runs; 0 for no limit.
        strictness: How the replies are compared.
        until_change: Whether the first change ends it.
    """

    line: str
    seconds: float
    count: int
    strictness: Strictness
    until_change: bool = False


class Outcome(Struct, frozen=True):
    """What became of one run.

    Args:
        turns: Its dialogue.
        error: The error that ended it; empty for none.
        last: The last reply; empty for none.
        seconds: How long it took.
        words: The program's own words, where there was no reply: what a slash command has found out.
    """

    turns: Sequence[Turn]
    error: str
    last: str
    seconds: float
    words: Sequence[str] = ()


class Watch:
    """Repeats a line.

    Args:
        shell: Runs it.
        plan: What to repeat.
        clock: Returns the time of day, in words.
    """

    def __init__(self, shell: Shell, plan: Plan, clock: Callable[[], str] = lambda: time.strftime("%H:%M:%S")) -> None:
        self._shell = shell
        self._plan = plan
        self._clock = clock
        self._row = LinesInARow(shell)
        self._before: Outcome | None = None
        self._runs = self._changes = 0

    def run(self) -> None:
        """Repeat the line until the count is reached, or the user ends it with Ctrl-C.

        Raises:
            UsageError: The line cannot be run, or not any more.
            NotSendable: It cannot be sent.
            Interrupted: Ctrl-C, where no user is at the prompt.
        """
        begun = due = time.monotonic()
        try:
            while self._goes_on():
                if self._runs:
                    self._wait(due)
                due = max(due + self._plan.seconds, time.monotonic())
                self._once()
        except KeyboardInterrupt:
            if not self._shell.options.interactive:
                raise Interrupted("interrupted.") from None
        finally:
            took = shown_seconds(time.monotonic() - begun)
            changes = counted(self._changes, "change") if self._changes else "no change"
            self._shell.say(f"  {counted(self._runs, 'run')} in {took}, {changes}")

    def _goes_on(self) -> bool:
        shell, plan = self._shell, self._plan
        if shell.stopped and self._runs:
            return False
        if shell.phase is Phase.MAILDATA or shell.awaits_answer:
            raise UsageError("/watch: the server waits for what follows the line, so it is not run again.")
        return not (plan.count and self._runs >= plan.count) and not (plan.until_change and self._changes)

    def _wait(self, due: float) -> None:
        """Wait for the next run, and show what the server says meanwhile."""
        shell = self._shell
        left = due - time.monotonic()
        if left <= 0:
            return
        with shell.waiting_for(lambda: f"the next run of {escape_str(self._plan.line)[:40]}"):
            session = shell.session
            if session is not None and session.is_open:
                try:
                    session.listen(left)
                except ConnectionLost as error:
                    shell.say_loudly(str(error))
            left = due - time.monotonic()
            if left > 0:
                time.sleep(left)

    def _once(self) -> None:
        """Run the line, and show its dialogue if it is the first or has changed."""
        shell, before = self._shell, self._before
        held = HeldView(shell.outlet.to)
        if before is None:
            held.release()
        with shell.outlet.led_to(held, shell.outlet.stream):
            outcome = self._outcome(held)
        self._runs += 1
        self._before = outcome
        changed = [*self._changed(before, outcome)] if before is not None else []
        if shell.stopped:
            held.release()
            return
        if changed:
            self._changes += 1
            held.release()
        if outcome.error and (before is None or changed):
            shell.say_loudly(outcome.error)
        word = "first" if before is None else "CHANGED" if changed else "same"
        last = (
            outcome.error or outcome.last or (f"{counted(len(outcome.words), 'line')}" if outcome.words else "no reply")
        )
        text = f"  {self._clock()}  {word}: {last} ({shown_seconds(outcome.seconds)})"
        facts = {
            "watch": self._runs,
            "line": escape_str(self._plan.line),
            "changed": bool(changed),
            "last": last,
            "seconds": round(outcome.seconds, 6),
        }
        style = "notice" if changed else "quoted"
        shell.view.answer([(text, style), *((f"    {row}", how) for row, how in changed[:_MOST_ROWS])], [facts])

    def _outcome(self, held: HeldView) -> Outcome:
        """Run the line once, its words on a view that keeps them.

        Raises:
            UsageError: It cannot be run.
            NotSendable: It cannot be sent.
        """
        shell = self._shell
        found: list[Entry] = []

        def keep(entry: Entry) -> None:
            if len(found) < _MOST_ENTRIES and not isinstance(entry.event, _OWN):
                found.append(entry)

        error = ""
        session = shell.session if shell.session is not None and shell.session.is_open else None
        if session is not None:
            session.subscribe(keep)
        shell.followers.append(keep)
        begun = time.monotonic()
        try:
            self._row.run(self._plan.line)
        except (UsageError, NotSendable, Interrupted):
            raise
        except SmtpShellError as problem:
            error = str(problem)
        finally:
            shell.followers.remove(keep)
            if session is not None:
                session.unsubscribe(keep)
        replies = [entry.event.reply for entry in found if isinstance(entry.event, ReplyReceived)]
        last = _shown(replies[-1]) if replies else ""
        dialogue = (entry for entry in found if not isinstance(entry.event, Disconnected))
        words = [_DURATION.sub("… ms", text) for text in held.texts] if not replies else []
        return Outcome(turns_of(dialogue, "/watch"), error, last, time.monotonic() - begun, words)

    def _changed(self, before: Outcome, now: Outcome) -> Iterator[tuple[str, str]]:
        """Yield what differs from the run before, as lines with their style."""
        for each in Differences(before.turns, now.turns, self._plan.strictness):
            yield from _rows("-", each.rows_a, "removed")
            yield from _rows("+", each.rows_b, "added")
        if before.words != now.words:
            from difflib import ndiff

            for row in ndiff(before.words, now.words):
                if row[0] in "-+":
                    yield row, "removed" if row[0] == "-" else "added"
        if before.error != now.error:
            if before.error:
                yield f"- {before.error}", "removed"
            if now.error:
                yield f"+ {now.error}", "added"


def _shown(reply: Reply) -> str:
    """Return a reply on one short line: its first line, and how many follow."""
    first, *more = reply.wire_lines()
    follow = f" and {len(more)} more line{'s' if len(more) > 1 else ''}" if more else ""
    return f"{escape(first[:_MOST_OF_REPLY])}{'…' if len(first) > _MOST_OF_REPLY else ''}{follow}"


def _rows(sign: str, rows: Sequence[NumberedRow], style: str) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield f"{sign} {row.text}", style


def interval(text: str) -> float:
    """Return the seconds that were typed.

    Raises:
        UsageError: That is no number from 0.1 to 86,400.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:
        raise UsageError(f"/watch {escape_str(text)[:20]}: seconds are a number from {plain(0.1)} to 86,400.")
    return seconds
