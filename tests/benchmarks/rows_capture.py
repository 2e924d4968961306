"""Captures for Wireshark, pictures and lint: how fast a large transcript is read, in how much memory; what a live capture costs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.bench import OURS, Command, compare, marginal, rate, smtp_shell, whole
from tests.benchmarks.figures import Figure, Findings, Sample, Spread, at_least, at_most
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST, sink
from tests.benchmarks.workload import MIB, RECIPIENT, SENDER, lines_of_message, message, with_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.benchmarks.bench import Bench, Side

_BESIDE, _WITHIN = "mail data in a file beside it", "mail data line by line"


_ENVELOPE = f"""\
S: 220 mail.example.org ESMTP
C: EHLO client.example.org
S: 250 mail.example.org
C: MAIL FROM:<{SENDER}>
S: 250
C: RCPT TO:<{RECIPIENT}>
S: 250
C: DATA
S: 354
"""

_WAYS = {
    "lint": ("lint",),
    "md": ("convert", "--to", "md"),
    "html": ("convert", "--to", "html"),
    "svg": ("convert", "--to", "svg"),
    "ladder": ("show", "--diagram"),
    "timing": ("show", "--timing"),
}


def _convert(bench: Bench, transcript: Path) -> Command:
    return smtp_shell("convert", str(transcript), str(bench.folder / "out.pcapng"), "--force")


def _read(way: str, transcript: Path) -> Command:
    command, *options = _WAYS[way]
    return smtp_shell(command, str(transcript), *(("-",) if command == "convert" else ()), *options)


def _transcripts(bench: Bench, octets: int) -> dict[str, Path]:
    return {
        _BESIDE: with_file(bench.folder, message(bench.folder, octets)),
        _WITHIN: _line_by_line(bench.folder, octets),
    }


def _line_by_line(folder: Path, octets: int) -> Path:
    """Return a recording with a message of that size in lines of its own."""
    path = folder / f"within-{octets}.smtp"
    if not path.exists():
        with path.open("w", encoding="utf-8") as file:
            file.write("Transcript: 1\nClient: smtp-shell\n\n*: connect mail.example.org:25\n" + _ENVELOPE)
            file.writelines(f"C: {'.' * line.startswith('.')}{line}\n" for line in lines_of_message(octets))
            file.write("C: .\nS: 250\nC: QUIT\nS: 221\n*: close\n")
    return path


def _speed(bench: Bench) -> Findings:
    octets = bench.size(100, 2) * MIB
    found = []
    for label, path in _transcripts(bench, octets).items():
        side = rate(whole(bench, _convert(bench, path)), octets / 1e6)
        found.append(Figure(label, Spread.of([side().value for _ in range(min(bench.rounds, 5))]), "MB/s"))
    return Findings(tuple(found))


def _memory(bench: Bench) -> Findings:
    return _peaks(bench, {label: lambda path: _convert(bench, path) for label in (_BESIDE, _WITHIN)})


def _pictures(bench: Bench) -> Findings:
    octets = bench.size(100, 2) * MIB
    path = _transcripts(bench, octets)[_WITHIN]
    speed = rate(whole(bench, _read("lint", path)), octets / 1e6)
    spread = Spread.of([speed().value for _ in range(min(bench.rounds, 3))])
    peaks = _peaks(bench, {f"{way}, {_WITHIN}": partial(_read, way) for way in _WAYS})
    return Findings((Figure("lint", spread, "MB/s"), *peaks.figures))


def _peaks(bench: Bench, commands: Mapping[str, Callable[[Path], Command]]) -> Findings:
    """Measure the peak memory of commands by the size of the mail data; the end of each name says where that is."""
    sizes = [MIB, 4 * MIB] if bench.small else [MIB, 10 * MIB, 100 * MIB]
    peaks: dict[str, list[float]] = {}
    for octets in sizes:
        paths = _transcripts(bench, octets)
        for name, command in commands.items():
            label = _WITHIN if name.endswith(_WITHIN) else _BESIDE
            peak = bench.run(command(paths[label])).peak
            if peak is not None:
                peaks.setdefault(name.removesuffix(f", {_WITHIN}"), []).append(peak / MIB)
    span = f"1 MiB to {sizes[-1] // MIB} MiB"
    found = []
    for name, values in peaks.items():
        found.append(Figure(f"{name}: most", Spread.of([max(values)]), "MiB", ours=span))
        found.append(Figure(f"{name}: growth", Spread.of([max(values) - min(values)]), "MiB", ours=span))
    return Findings(tuple(found) or (Figure("most", None, missing="this system does not report peak memory"),))


def _live(bench: Bench) -> Findings:
    few, many = bench.size(50, 5), bench.size(800, 55)
    captures = {count: bench.folder / f"live-{count}.pcapng" for count in (few, many)}
    files = {count: _lines(bench, count) for count in (few, many)}
    with sink(bench) as port:

        def dialogue(count: int, *options: str) -> Command:
            return smtp_shell(f"{HOST}:{port}", *options, "-f", str(files[count]), says="221 ")

        def captured() -> Sample:
            for path in captures.values():
                path.unlink(missing_ok=True)
            return with_capture()

        with_capture, without = (
            marginal(bench, dialogue(many, *options(many)), dialogue(few, *options(few)), many - few)
            for options in (lambda count: ("--capture", str(captures[count])), lambda count: ())
        )
        sides: dict[str, Side] = {OURS: captured, "not captured": without}
        return Findings(tuple(compare(bench, sides).figures("s")))


def _lines(bench: Bench, count: int) -> Path:
    """Return a file with the lines of that many messages over one connection."""
    path = bench.folder / f"lines-{count}"
    one = f"mail {SENDER}\nrcpt {RECIPIENT}\ndata\nSubject: lunch\n\nAt one?\n.\n"
    path.write_text(f"ehlo client.example.org\n{one * count}quit\n", encoding="utf-8")
    return path


ROWS = (
    Row(
        "pcapng",
        "a transcript with 100 MB of mail data as a capture, whole process; MB a second",
        {label: at_least(20.0) for label in (_BESIDE, _WITHIN)},
        _speed,
    ),
    Row(
        "pcapng-memory",
        "peak memory while a transcript of 1 MiB to 100 MiB becomes a capture",
        {f"{label}: most": at_most(100.0) for label in (_BESIDE, _WITHIN)}
        | {f"{label}: growth": at_most(4.0) for label in (_BESIDE, _WITHIN)},
        _memory,
    ),
    Row(
        "study-memory",
        "a transcript with 1 MiB to 100 MiB of mail data, line by line, linted, drawn and as a study sheet",
        {f"{way}: most": at_most(100.0) for way in _WAYS},
        _pictures,
    ),
    Row(
        "capture",
        "a message over one connection while its octets are captured, and not; each",
        {"not captured": at_most(1.05)},
        _live,
    ),
)
