"""The account of one run: its results, their number, and the exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import TlsFailed
from smtp_shell.replay.results import MOST_STEPS_KEPT, Outcome, ReplayResult, StepResult, no_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.config import TlsSettings
    from smtp_shell.errors import DialogueBroken
    from smtp_shell.net.tls_view import TlsView
    from smtp_shell.replay.results import StepConsumer


class RunAccount:
    """Keeps the results of a run, and passes them on when it is flushed.

    Args:
        consumers: Called with each result at the next flush.

    Attributes:
        kept: The results, at most `MOST_STEPS_KEPT`; those that differ or were skipped are kept before others.
        counts: How many steps had which outcome.
        status: The exit status so far: the highest that anything stood for.
        failure: The first thing that went wrong, in a sentence; None while nothing did.
        ending: What ended the run, in a sentence, where no result says so; empty while nothing did.
        tls: The TLS handshake that failed; None while none did.
    """

    def __init__(self, consumers: Sequence[StepConsumer]) -> None:
        self.kept: list[StepResult] = []
        self.counts = no_counts()
        self.status = 0
        self.failure: str | None = None
        self.ending = ""
        self.tls: TlsView | None = None
        self._consumers = consumers
        self._pending: list[StepResult] = []  # added, and not yet passed to the consumers

    def add(self, result: StepResult, status: int) -> None:
        """Add a result.

        Args:
            result: The result.
            status: The exit status that it stands for; 0 when it is no failure.
        """
        self.counts[result.outcome] += 1
        self._pending.append(result)
        if len(self.kept) < MOST_STEPS_KEPT:
            self.kept.append(result)
        elif result.outcome in (Outcome.MISMATCHED, Outcome.SKIPPED):
            self._keep_in_place_of_a_match(result)
        if status:
            where = f"{result.path}:{result.line}" if result.lines else result.path
            expected = (
                f"; expected in {result.expected_path}:{result.expected_line}" if result.names_expectation else ""
            )
            self._fail(status, f"{where}: {result.why}{expected}.")

    def end(self, status: int, sentence: str) -> None:
        """Note what ended the run, and is no result of a step."""
        self.ending = sentence
        self._fail(status, sentence)

    def note_handshake(self, error: DialogueBroken, settings: TlsSettings) -> None:
        """Keep what is known of a TLS handshake that failed, where details are wanted."""
        if settings.detailed and isinstance(error, TlsFailed) and error.seen is not None:
            from smtp_shell.net.tls_view import view_of

            self.tls = view_of(error.seen, settings, error)

    def result(self, name: str, server: str, seconds: float, *, handed_over: bool) -> ReplayResult:
        """Return the result of the run.

        Args:
            name: The transcript's name, escaped.
            server: What it was replayed against.
            seconds: How long it took.
            handed_over: Whether a user goes on by hand.
        """
        return ReplayResult(
            name,
            server,
            tuple(self.kept),
            dict(self.counts),
            self.status,
            self.failure,
            seconds,
            handed_over,
            self.ending,
            self.tls,
        )

    def _fail(self, status: int, sentence: str) -> None:
        self.failure = self.failure or sentence
        self.status = max(self.status, status)

    def flush(self) -> None:
        """Pass results to the consumers. Called before every wait."""
        if self._pending:
            pending, self._pending = self._pending, []
            for result in pending:
                for consumer in self._consumers:
                    consumer(result)

    def _keep_in_place_of_a_match(self, result: StepResult) -> None:
        matched = (at for at, kept in enumerate(self.kept) if kept.outcome in (Outcome.MATCHED, Outcome.SENT))
        at = next(matched, None)
        if at is not None:
            del self.kept[at]
            self.kept.append(result)
