"""Makes the results of a replay, and ends the dialogue where one of them demands that."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from smtp_shell.replay.endings import DialogueEnded, ended_in
from smtp_shell.replay.results import Outcome, StepResult, excerpt
from smtp_shell.replay.verifier import DIFFERS, path_of, step_result, unexpected

if TYPE_CHECKING:
    from smtp_shell.replay.account import RunAccount
    from smtp_shell.replay.incoming import IncomingReplies
    from smtp_shell.replay.mail_data import SkippedMailData
    from smtp_shell.replay.verifier import Comparison, ReplyVerifier


class ResultEmitter:
    """Makes one result for each step, and adds it to the account of the run.

    Args:
        name: The transcript's name, escaped.
        account: Takes the results.
        keep_going: Whether a difference does not end the dialogue.

    Attributes:
        edited: Whether a user has changed the step whose result comes next; false again after that.
        keep_going: As above; may change with the part of the transcript.
        in_finally: Whether the steps follow `*: finally`.
    """

    def __init__(self, name: str, account: RunAccount, *, keep_going: bool) -> None:
        self.edited = False
        self._name = name
        self._account = account
        self.keep_going = keep_going
        self.in_finally = False

    def emit(self, lines: tuple[int, ...], sent: str, started: float, found: Comparison) -> None:
        """Make the result of a step. A difference is passed on at once, anything else with the next flush.

        Args:
            lines: Numbers of its lines.
            sent: What was sent, as it may be shown.
            started: When it began, on the clock of `time.monotonic`.
            found: The replies, compared.

        Raises:
            DialogueEnded: The dialogue ends here.
        """
        edited = self.edited and bool(sent)  # else it is something that came before the step was sent
        self.edited = self.edited and not edited
        result = step_result(
            self._name, lines, sent, monotonic() - started, found, edited=edited, in_finally=self.in_finally
        )
        self._account.add(result, found.status)
        if found.status:
            self._account.flush()
            if found.ended or not self.keep_going:
                raise DialogueEnded(ended_in(result.line) if lines else "at the greeting")

    def emit_skipped(self, lines: tuple[int, ...], sent: str, why: str, status: int = 0) -> None:
        """Make the result of a step that was not sent.

        Raises:
            DialogueEnded: The dialogue ends here.
        """
        outcome = Outcome.MISMATCHED if status else Outcome.SKIPPED
        path = path_of(self._name, lines)
        result = StepResult(path, lines, excerpt(sent), outcome, why, in_finally=self.in_finally)
        self._account.add(result, status)
        self._account.flush()
        if status and not self.keep_going:
            raise DialogueEnded(ended_in(result.line))

    def emit_mail_skipped(self, skipped: SkippedMailData) -> None:
        """Make the result of mail data that was not sent.

        Raises:
            DialogueEnded: The dialogue ends here.
        """
        self.emit_skipped(skipped.lines, "(mail data)", skipped.why, skipped.status)

    def emit_surplus(self, verifier: ReplyVerifier, incoming: IncomingReplies, lines: tuple[int, ...]) -> None:
        """Make the results of what came before anything was sent: it answers nothing, and is not in the transcript.

        Raises:
            DialogueEnded: The dialogue ends here.
        """
        why = "a reply came that the transcript does not have"
        while (surplus := verifier.surplus(incoming)) is not None:
            self.emit(lines, "", monotonic(), unexpected(surplus, DIFFERS, why))
