"""Mail data: throughput of one large message, and the memory that sending it takes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.benchmarks.bench import OURS, Command, compare, peer, rate, smtp_shell, whole
from tests.benchmarks.figures import Figure, Findings, Line, Plot, Sample, Spread, at_least, at_most, in_words
from tests.benchmarks.processes import Failed
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST, smtp_sink
from tests.benchmarks.workload import CLIENT, MIB, RECIPIENT, SENDER, message, with_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.benchmarks.bench import Bench, Side

COMMAND, TRANSCRIPT = f"{OURS} data < FILE", f"{OURS} C<"


def _by_command(port: int, body: Path) -> Command:
    lines = (f"ehlo {CLIENT}", f"mail {SENDER}", f"rcpt {RECIPIENT}", f"data < {body}", "quit")
    return smtp_shell(f"{HOST}:{port}", *(word for line in lines for word in ("-c", line)), says="221 ")


def _by_transcript(port: int, body: Path) -> Command:
    transcript = with_file(body.parent, body)
    return smtp_shell("replay", str(transcript), "--server", f"smtp://{HOST}:{port}", says="matched")


def _others(port: int, body: Path) -> Mapping[str, Command]:
    envelope = ("--mail-from", SENDER, "--mail-rcpt", RECIPIENT)
    return {
        "curl": Command(("curl", "-sS", *envelope, "--upload-file", str(body), f"smtp://{HOST}:{port}/{CLIENT}")),
        "raw socket": peer("raw_data.py", port, str(body), says="1 done"),
        "smtplib": peer("smtplib_data.py", port, str(body), says="1 done"),
        "swaks": Command(
            (
                *("swaks", "--server", f"{HOST}:{port}", "--ehlo", CLIENT, "--from", SENDER, "--to", RECIPIENT),
                *("--suppress-data", "--data", f"@{body}"),
            ),
            says="221 ",
        ),
    }


def _check_content(bench: Bench) -> None:
    """Send a message each way to a server that keeps it, and check that it arrived unchanged.

    Raises:
        Failed: It did not.
    """
    body = message(bench.folder, MIB)
    wanted = body.read_bytes().replace(b"\r\n", b"\n")
    for number, make in enumerate((_by_command, _by_transcript)):
        dump = bench.folder / f"dumped-{number}" / "message"
        dump.parent.mkdir(exist_ok=True)
        dump.unlink(missing_ok=True)
        with smtp_sink(bench, dump=dump) as port:
            bench.run(make(port, body))
        if wanted not in dump.read_bytes():
            raise Failed(f"smtp-sink did not receive {body.name}")


def _speed(bench: Bench) -> Findings:
    _check_content(bench)
    octets = bench.size(100, 2) * MIB
    body = message(bench.folder, octets)
    with smtp_sink(bench) as port:
        commands = {COMMAND: _by_command(port, body), TRANSCRIPT: _by_transcript(port, body), **_others(port, body)}
        sides = {name: rate(whole(bench, command), octets / 1e6) for name, command in commands.items()}
        sides[COMMAND] = _then_clear(bench, sides[COMMAND])
        compared = compare(bench, sides, rounds=min(bench.rounds, 5))
    found = [
        figure
        for ours in (COMMAND, TRANSCRIPT)
        for figure in compared.figures("MB/s", ours=ours, label=f"{ours.removeprefix(OURS + ' ')}: ")
    ]
    return Findings(tuple(found))


def _then_clear(bench: Bench, side: Side) -> Side:
    """Measure, then remove the recording and its copy of the message, which would be flushed to disk while a peer is measured."""

    def measured() -> Sample:
        sample = side()
        shutil.rmtree(bench.state)
        return sample

    return measured


def _memory(bench: Bench) -> Findings:
    sizes = [MIB, 4 * MIB] if bench.small else [MIB, 10 * MIB, 100 * MIB, 1000 * MIB]
    ways = {"data < FILE": _by_command, "C<": _by_transcript}
    lines: dict[str, list[tuple[float, float]]] = {}
    with smtp_sink(bench) as port:
        for octets in sizes:
            body = message(bench.folder, octets)
            commands = {name: make(port, body) for name, make in ways.items()}
            if octets <= 100 * MIB:  # some peers keep the whole message in memory
                commands |= _others(port, body)
            for name, command in commands.items():
                peak = bench.run(command).peak
                if peak is not None:
                    lines.setdefault(name, []).append((octets / MIB, peak / MIB))
            if octets > 100 * MIB:
                body.unlink()
    found = []
    for name in ways:
        peaks = [y for _, y in lines.get(name, [])]
        if not peaks:
            found.append(Figure(f"{name}: most", None, missing="this system does not report peak memory"))
            continue
        span = f"1 MiB to {sizes[-1] // MIB:,} MiB"
        found.append(Figure(f"{name}: most", Spread.of([max(peaks)]), "MiB", ours=span))
        found.append(Figure(f"{name}: growth", Spread.of([max(peaks) - min(peaks)]), "MiB", ours=span))
    found += [
        Figure(f"{name}: most", Spread.of([max(y for _, y in points)]), "MiB", theirs=in_words(points[-1][0], "MiB"))
        for name, points in lines.items()
        if name not in ways
    ]
    plot = Plot(
        "memory-by-message",
        "Peak memory while a message is sent",
        "message, MiB",
        "peak memory, MiB",
        tuple(Line(f"{OURS} {name}" if name in ways else name, tuple(points)) for name, points in lines.items()),
    )
    return Findings(tuple(found), (plot,))


ROWS = (
    Row(
        "mail-data",
        "100 MB of mail data to smtp-sink, whole process; MB a second",
        {f"{way}: curl": at_least(0.9) for way in ("data < FILE", "C<")},
        _speed,
    ),
    Row(
        "mail-data-memory",
        "peak memory while a message of 1 MiB to 1,000 MiB is sent",
        {
            **{f"{way}: most": at_most(60.0) for way in ("data < FILE", "C<")},
            **{f"{way}: growth": at_most(4.0) for way in ("data < FILE", "C<")},
        },
        _memory,
    ),
)
