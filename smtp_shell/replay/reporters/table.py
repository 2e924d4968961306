"""The table of several servers: one row for each step, one column for each server, and a mark where they answer differently."""

from __future__ import annotations

from _thread import allocate_lock
from string import ascii_uppercase
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import enhanced_code
from smtp_shell.replay.reporters.inert import inert
from smtp_shell.replay.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smtp_shell.replay.reporters import ReportSettings, RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats
    from smtp_shell.replay.workers import Writer

MOST_ROWS: Final = 10_000
"""How many rows are kept in all."""

_MARKS: Final = "* the servers' reply codes differ   ! not what the transcript expects   - not sent"
_COLUMN: Final = 16
_LEAST_TEXT: Final = 24
_LONGEST_ANSWER: Final = 200
_MOST_ANSWERS: Final = 4
_MOST_WORDS: Final = 20
_ANNOUNCING: Final = ("EHLO ", "LHLO ")
_RANKS: Final = {Outcome.MISMATCHED: 2, Outcome.SKIPPED: 1}

_Key = tuple[str, int, int]


class _Cell(Struct, frozen=True):
    """What one server answered to a step: codes, the first line or what went wrong, and the keywords of EHLO."""

    outcome: Outcome
    codes: str
    shown: str
    answer: str
    keywords: frozenset[str] = frozenset()


class _Row:
    def __init__(self, key: _Key, text: str) -> None:
        self.key = key
        self.text = text
        self.cells: dict[str, _Cell] = {}


class TableReporter:
    """Collects what each server answers, and writes one table for each transcript at the end.

    Args:
        settings: What it needs to know of the batch.
    """

    def __init__(self, settings: ReportSettings) -> None:
        self._lock = allocate_lock()
        self._servers: list[str] = []
        self._tables: dict[str, list[_Row]] = {}
        self._rows: dict[tuple[str, _Key], _Row] = {}
        self._endings: dict[str, dict[str, str]] = {}
        self._left_out = 0

    def for_run(self, run: RunInfo, out: Writer) -> TableRunReport:
        """Return the report of a run."""
        with self._lock:
            if run.server not in self._servers:
                self._servers.append(run.server)
            self._tables.setdefault(run.name, [])
        return TableRunReport(self, run.name, run.server)

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Write the tables."""
        out.write(inert("\n".join([*self._lines(), ""])))
        out.flush()

    def add(self, name: str, server: str, key: _Key, before: _Key | None, text: str, cell: _Cell) -> None:
        """Add what a server answered to a step. Safe to call from any thread.

        Args:
            name: The transcript's name.
            server: The server.
            key: What tells the step from the others of the transcript.
            before: The step before it in this run; None for the first one.
            text: The step.
            cell: The answer. Of several runs the worst is kept.
        """
        with self._lock:
            row = self._rows.get((name, key))
            if row is None:
                if len(self._rows) == MOST_ROWS:
                    self._left_out += 1
                    return
                row = self._rows[name, key] = _Row(key, text)
                table = self._tables[name]
                table.insert(_place_after(table, before), row)
            known = row.cells.get(server)
            if known is None or _RANKS.get(cell.outcome, 0) > _RANKS.get(known.outcome, 0):
                row.cells[server] = cell

    def end(self, name: str, server: str, ending: str) -> None:
        """Add what ended a run early. Safe to call from any thread.

        Args:
            name: The transcript's name.
            server: The server.
            ending: It, in a sentence.
        """
        with self._lock:
            self._endings.setdefault(name, {}).setdefault(server, ending)

    def _lines(self) -> Iterator[str]:
        from shutil import get_terminal_size

        letters = {server: _letter(number) for number, server in enumerate(self._servers)}
        yield ""
        for server, letter in letters.items():
            yield f"{letter} = {server or 'the server that the transcript names'}"
        for name, rows in self._tables.items():
            yield from ("", name)
            yield from _table_lines(rows, letters, get_terminal_size().columns)
            for server, ending in self._endings.get(name, {}).items():
                yield f"         {letters[server]}: {ending}"
        yield from ("", _MARKS)
        if self._left_out:
            yield f"{self._left_out:,} more answers are not in the table, which has {MOST_ROWS:,} rows at most"


class TableRunReport:
    """Collects what one server answers in one run.

    Args:
        reporter: Takes it.
        name: The transcript's name.
        server: The server.
    """

    def __init__(self, reporter: TableReporter, name: str, server: str) -> None:
        self._reporter = reporter
        self._name = name
        self._server = server
        self._times: dict[tuple[str, int], int] = {}
        self._before: _Key | None = None

    def start(self) -> None:
        """Collect nothing yet."""

    def step(self, result: StepResult) -> None:
        """Collect the answer to a step."""
        place = (result.path, result.lines[0] if result.lines else 0)
        number = self._times[place] = self._times.get(place, 0) + 1
        key = (*place, number)
        text = _step_text(result, is_first=self._before is None)
        self._reporter.add(self._name, self._server, key, self._before, text, _cell_of(result))
        self._before = key

    def finish(self, result: ReplayResult) -> None:
        """Collect what ended the run, if no step says so."""
        if result.ending:
            self._reporter.end(self._name, self._server, result.ending)


def _place_after(table: list[_Row], before: _Key | None) -> int:
    if before is None:
        return 0
    if table[-1].key == before:
        return len(table)
    return next((number + 1 for number, row in enumerate(table) if row.key == before), len(table))


def _step_text(result: StepResult, *, is_first: bool) -> str:
    first, _, more = result.sent.partition("\n")
    if not first:
        return "(the greeting)" if is_first else "(a reply)"
    line = first if first.startswith(("(", "*:")) else f"C: {first}"
    return f"{line} …" if more else line


def _cell_of(result: StepResult) -> _Cell:
    if result.outcome is Outcome.SKIPPED:
        return _Cell(result.outcome, "", "-", result.why)
    replies = [reply if isinstance(reply, str) else escape(reply) for reply in result.replies]
    codes = shown = ",".join(reply[:3] for reply in replies)
    if len(replies) == 1:
        enhanced = enhanced_code(replies[0][4:].encode())
        shown += f" {enhanced}" if enhanced else ""
    answer = " / ".join(_first_line(reply) for reply in replies[:_MOST_ANSWERS]) or result.why
    announces = result.sent.startswith(_ANNOUNCING) and codes == "250"
    keywords = _keywords(replies[0]) if announces else frozenset[str]()
    mark = " !" if result.outcome is Outcome.MISMATCHED else ""
    return _Cell(result.outcome, codes, f"{shown or 'none'}{mark}", answer[:_LONGEST_ANSWER], keywords)


def _first_line(reply: str) -> str:
    return reply.replace("\\x0d\\x0a", "\n").partition("\n")[0]


def _keywords(reply: str) -> frozenset[str]:
    """Return what a reply to EHLO announces; of AUTH each mechanism."""
    found: set[str] = set()
    for line in reply.replace("\\x0d\\x0a", "\n").split("\n")[1:]:
        words = line[4:].upper().split()
        if words[:1] == ["AUTH"]:
            found |= {f"AUTH {word}" for word in words[1:]}
        elif words:
            found.add(words[0])
    return frozenset(found)


def _table_lines(rows: Sequence[_Row], letters: Mapping[str, str], width: int) -> Iterator[str]:
    widths = {
        server: min(_COLUMN, max([len(letter), 3, *(len(_shown(row, server)) for row in rows)]))
        for server, letter in letters.items()
    }
    room = max(_LEAST_TEXT, width - 9 - sum(each + 2 for each in widths.values()))
    room = min(room, max([4, *(len(row.text) for row in rows)]))
    heading = "".join(f"  {letter:<{widths[server]}}" for server, letter in letters.items())
    yield f"   line  {'step':<{room}}{heading}".rstrip()
    for row in rows:
        differs = len({cell.codes for cell in row.cells.values() if cell.outcome is not Outcome.SKIPPED}) > 1
        text = row.text if len(row.text) <= room else f"{row.text[: room - 1]}…"
        cells = "".join(f"  {_cut(_shown(row, server)):<{widths[server]}}" for server in letters)
        number = row.key[1] or "-"
        yield f"{'*' if differs else ' '} {number:>5}  {text:<{room}}{cells}".rstrip()
        if differs or any(cell.outcome is Outcome.MISMATCHED for cell in row.cells.values()):
            yield from _answers(row, letters)
        yield from _announced(row, letters)


def _answers(row: _Row, letters: Mapping[str, str]) -> Iterator[str]:
    """Yield each answer once, with the servers that gave it."""
    by_answer: dict[str, list[str]] = {}
    for server, letter in letters.items():
        cell = row.cells.get(server)
        if cell is not None:
            by_answer.setdefault(cell.answer, []).append(letter)
    for answer, who in by_answer.items():
        yield f"         {', '.join(who)}: {answer}"


def _announced(row: _Row, letters: Mapping[str, str]) -> Iterator[str]:
    """Yield what some servers announce and others do not."""
    cells = {letters[server]: cell for server, cell in row.cells.items() if cell.keywords}
    by_servers: dict[str, list[str]] = {}
    for word in sorted(frozenset[str]().union(*(cell.keywords for cell in cells.values()))):
        who = [letter for letter, cell in cells.items() if word in cell.keywords]
        if len(who) < len(cells):
            by_servers.setdefault(", ".join(who), []).append(word)
    for servers, words in by_servers.items():
        more = f" and {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else ""
        yield f"         only {servers}: {', '.join(words[:_MOST_WORDS])}{more}"


def _shown(row: _Row, server: str) -> str:
    cell = row.cells.get(server)
    return cell.shown if cell is not None else "-"


def _cut(text: str) -> str:
    return text if len(text) <= _COLUMN else f"{text[: _COLUMN - 1]}…"


def _letter(number: int) -> str:
    """Return A to Z, then A1 to Z1 and so on."""
    turn, at = divmod(number, len(ascii_uppercase))
    return f"{ascii_uppercase[at]}{turn or ''}"
