"""`smtp-shell replay --update`: shows what would change in each transcript, asks, and writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.results import Outcome
from smtp_shell.replay.updating import AnswerLog, FileUpdate, diff_lines, write_update

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from smtp_shell.client.credentials import Ask
    from smtp_shell.replay.reporters import RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats
    from smtp_shell.replay.workers import Writer

_COLOURS = {"-": "31", "+": "32", "@": "36"}
_QUESTION = "write {file}? [y] yes, [n] no, [a] all, [q] no more: "


def refuse_update(options: argparse.Namespace, *, asks: bool) -> None:
    """Refuse what makes no sense together with `--update`.

    Args:
        options: The parsed options.
        asks: Whether a user can be asked.

    Raises:
        UsageError: Something does.
    """
    for name, is_there in (
        ("--jobs", options.jobs > 1),
        ("--repeat", options.repeat > 1),
        ("--step", options.step),
        ("--json", options.json),
        ("--print", bool(options.print_names)),
        ("--max-failures", options.max_failures > 0),
        ("--budget", bool(options.budget)),
    ):
        if is_there:
            raise UsageError(f"--update replays each transcript once, and asks; leave out {name}.")
    if not options.yes and not asks:
        raise UsageError(
            "--update asks before it writes a file, and nobody can be asked here; give --yes to write without a question."
        )


class Updater:
    """Collects what a replay has to say about its transcripts, and rewrites them. It is a reporter as well.

    Args:
        paths: The transcripts.

    Attributes:
        log: What replies came; to be called by the replay.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.log = AnswerLog(paths)
        self._left: dict[str, list[str]] = {}  # of each transcript: what differs, and no reply explains
        self._status: dict[str, int] = {}
        self._noted = 0
        self._name = ""  # of the transcript that is being replayed

    def refuse_servers(self, servers: Sequence[object]) -> None:
        """Refuse several servers: one transcript cannot expect what each of them answers.

        Args:
            servers: What the user named, or what a file of profiles has.

        Raises:
            UsageError: There are several.
        """
        if len(servers) > 1:
            raise UsageError("--update replays each transcript once, and asks; leave out a second --server.")

    def for_run(self, run: RunInfo, out: Writer) -> Updater:
        """Return the report of a run: runs go one after the other."""
        self._noted, self._name = self._differing(), run.name
        return self

    def start(self) -> None:
        """Do nothing."""

    def step(self, result: StepResult) -> None:
        """Note a step that differs though no reply to it does."""
        noted = self._differing()
        if result.outcome is Outcome.MISMATCHED and noted == self._noted:
            self._left.setdefault(self._name, []).append(f"{result.place}: {result.why}")
        self._noted = noted

    def finish(self, result: ReplayResult) -> None:
        """Note how a run ended."""
        self._status[result.path] = result.exit_status
        if result.ending:
            self._left.setdefault(result.path, []).append(result.ending)

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Do nothing: what changes is shown when the report has ended."""

    def run(self, out: Writer, ask: Ask | None, *, color: bool) -> int:
        """Show what changes, ask, and write it.

        Args:
            out: Where it is shown.
            ask: Asks the user; None to write without a question.
            color: Whether it has colours.

        Returns:
            The exit status: 0 if nothing differs any more.

        Raises:
            UsageError: A file cannot be written.
        """
        status = 0
        answer = "" if ask is not None else "a"
        undone: set[Path] = set()  # files in which something still differs
        for update in self.log.updates():
            name, is_written = escape_str(str(update.path)), False
            if update.edits:
                _show(out, diff_lines(update), color=color)
                if answer not in ("a", "q") and ask is not None:
                    answer = _answer(ask, name)
                if answer in ("a", "y"):
                    write_update(update)
                    is_written = True
                _show(out, [f"{name} is {'rewritten' if is_written else 'left as it is'}{_count(update)}"])
            _show(out, [_not_rewritten(each) for each in update.left])
            if update.left or (update.edits and not is_written):
                undone.add(update.path)
        for name, of_run in self._status.items():
            left = self._left.get(name, ())
            _show(out, [_not_rewritten(each) for each in left])
            is_done = not left and undone.isdisjoint(self.log.files.get(name, ()))
            status = max(status, 0 if of_run <= 1 and is_done else of_run)
        return status

    def _differing(self) -> int:
        return sum(map(len, self.log.differing.values()))


def _answer(ask: Ask, name: str) -> str:
    while True:
        try:
            answer = ask(_QUESTION.format(file=name), False).strip().lower()[:1]
        except (EOFError, KeyboardInterrupt):
            return "q"
        if answer in ("y", "n", "a", "q"):
            return answer


def _not_rewritten(sentence: str) -> str:
    return f"{sentence.rstrip('.')}: not rewritten"


def _count(update: FileUpdate) -> str:
    lines = sum(max(len(edit.new), edit.last - edit.first + 1) for edit in update.edits)
    return f": {lines:,} {'line' if lines == 1 else 'lines'}"


def _show(out: Writer, lines: Iterable[str], *, color: bool = False) -> None:
    from smtp_shell.replay.reporters.inert import inert
    from smtp_shell.replay.reporters.text import paint

    for line in lines:
        style = _COLOURS.get(line[:1]) if color and not line.startswith(("---", "+++")) else None
        shown = inert(line)
        out.write(f"{paint(shown, style) if style else shown}\n")
    out.flush()
