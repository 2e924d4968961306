"""What other tools wrote, as a transcript: how fast a large log is converted, and in how much memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.bench import Command, rate, smtp_shell, whole
from tests.benchmarks.figures import Figure, Findings, Spread, at_least, at_most
from tests.benchmarks.rows import Row
from tests.benchmarks.workload import MIB, RECIPIENT, SENDER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.bench import Bench

# Said in one dialogue: by whom, and what.
_SAID = (
    ("S", "220 mail.example.org ESMTP"),
    ("C", "EHLO client.example.org"),
    ("S", "250-mail.example.org"),
    ("S", "250 PIPELINING"),
    ("C", f"MAIL FROM:<{SENDER}>"),
    ("S", "250 2.1.0 Ok"),
    ("C", f"RCPT TO:<{RECIPIENT}>"),
    ("S", "250 2.1.5 Ok"),
    ("C", "DATA"),
    ("S", "354 End data with <CR><LF>.<CR><LF>"),
    ("C", "Subject: lunch"),
    ("C", ""),
    *(("C", "At one? The place by the river has a table, and the sun is out.") for _ in range(10)),
    ("C", "."),
    ("S", "250 2.0.0 Ok: queued as 3xQp0T6yKzLm"),
    ("C", "QUIT"),
    ("S", "221 2.0.0 Bye"),
)


def _swaks(who: str, text: str) -> str:
    return f"{' -> ' if who == 'C' else '<-  '}{text}\n"


def _smtplib(who: str, text: str) -> str:
    return f"10:00:00.000001 {'send' if who == 'C' else 'reply'}: b'{text}\\r\\n'\n"


_FORMS = {"swaks": ("=== Trying mail.example.org:25...\n", _swaks), "smtplib": ("", _smtplib)}


def _log(folder: Path, form: str, octets: int) -> Path:
    """Return a log of about that many octets."""
    path = folder / f"{form}-{octets}.log"
    if not path.exists():
        start, line = _FORMS[form]
        one = start + "".join(line(who, text) for who, text in _SAID)
        with path.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(one for _ in range(octets // len(one) + 1))
    return path


def _convert(bench: Bench, path: Path) -> Command:
    return smtp_shell("convert", "--force", str(path), str(bench.folder / "imported.smtp"))


def _import(bench: Bench) -> Findings:
    sizes = [MIB, 2 * MIB] if bench.small else [MIB, 10 * MIB, 100 * MIB]
    found: list[Figure] = []
    for form in _FORMS:
        logs = {octets: _log(bench.folder, form, octets) for octets in sizes}
        speed = rate(whole(bench, _convert(bench, logs[sizes[-1]])), sizes[-1] / 1e6)
        found.append(Figure(form, Spread.of([speed().value for _ in range(min(bench.rounds, 3))]), "MB/s"))
        done = [bench.run(_convert(bench, path)).peak for path in logs.values()]
        peaks = [peak / MIB for peak in done if peak is not None]
        if peaks:
            span = f"1 MiB to {sizes[-1] // MIB} MiB"
            found.append(Figure(f"{form}: most", Spread.of([max(peaks)]), "MiB", ours=span))
            found.append(Figure(f"{form}: growth", Spread.of([max(peaks) - min(peaks)]), "MiB", ours=span))
    return Findings(tuple(found))


ROWS = (
    Row(
        "import",
        "a log of 100 MB converted to a transcript, whole process; MB a second, and peak memory from 1 MiB on",
        # 100 MB within a minute.
        {form: at_least(1.7) for form in _FORMS}
        | {f"{form}: most": at_most(100.0) for form in _FORMS}
        | {f"{form}: growth": at_most(4.0) for form in _FORMS},
        _import,
    ),
)
