"""Dialogues and messages: one process, a warm process, one connection, many connections."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.benchmarks.bench import OURS, Command, compare, marginal, marginal_cpu, peer, rate, replay, smtp_shell, whole
from tests.benchmarks.clients import by_curl, by_msmtp, by_openssl, by_replay, by_smtplib, by_socket, by_swaks
from tests.benchmarks.figures import Figure, Findings, Sample, Spread, at_least, at_most
from tests.benchmarks.processes import Failed, Missing
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST, postfix, practice, relay, sink, smtp_sink
from tests.benchmarks.workload import RECIPIENT, SENDER, message, messages, repeated_message, spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.bench import Bench, Side
    from tests.benchmarks.servers import MailServer

MESSAGE = 700
AT_A_TIME = 10


def _servers(bench: Bench, missing: list[Figure]) -> Iterator[MailServer]:
    """Start each server that offers STARTTLS and AUTH, one after the other."""
    for start in (practice, postfix):
        with ExitStack() as stack:
            try:
                server = stack.enter_context(start(bench))
            except Missing as error:
                missing.append(Figure(f"all clients, {start.__name__}", None, missing=str(error)))
                continue
            yield server


def _process(bench: Bench) -> Findings:
    found: list[Figure] = []
    for server in _servers(bench, found):
        commands = {
            OURS: by_replay(bench, server),
            "swaks": by_swaks(bench, server),
            "smtplib script": by_smtplib(bench, server),
            "curl": by_curl(bench, server),
            "msmtp": by_msmtp(bench, server),
            "openssl s_client": by_openssl(bench, server),
        }
        before = server.delivered
        compared = compare(bench, {name: whole(bench, command) for name, command in commands.items()})
        _check_delivered(server, before, len(compared.samples) * (bench.rounds + 1))
        found += compared.figures("s", label=f"{server.name}: ")
    return Findings(tuple(found))


def _warm(bench: Bench) -> Findings:
    found: list[Figure] = []
    many = bench.size(60, 6)
    for server in _servers(bench, found):
        sides = {OURS: _repeated(bench, server, many)}
        for name, make in (("smtplib", by_smtplib), ("raw socket", by_socket)):
            sides[name] = marginal(bench, make(bench, server, many), make(bench, server, 1), many - 1)
        before = server.delivered
        found += compare(bench, sides).figures("s", label=f"{server.name}: ")
        _check_delivered(server, before, len(sides) * (many + 1) * (bench.rounds + 1))
    return Findings(tuple(found))


def _repeated(bench: Bench, server: MailServer, times: int) -> Side:
    def side() -> Sample:
        one = replay(bench, by_replay(bench, server), 1)
        all_of_them = replay(bench, by_replay(bench, server, times), times)
        return Sample((all_of_them.wall - one.wall) / (times - 1), all_of_them.peak)

    return side


def _check_delivered(server: MailServer, before: int, sent: int) -> None:
    # Postfix delivers after the dialogue, and discards what is for another domain.
    if server.name == "practice" and server.delivered - before != sent:
        raise Failed(f"{sent} messages were sent, and {server.delivered - before} delivered")


def _sink(bench: Bench) -> Findings:
    """Compare our server with Postfix's, so that it is known not to slow the clients down."""
    few, many = bench.size(200, 20), bench.size(3200, 220)

    def side(port: int) -> Side:
        many_messages, few_messages = (
            peer(
                "raw_messages.py", port, str(spool(bench.folder, count, MESSAGE)), "in lock-step", says=f"{count} done"
            )
            for count in (many, few)
        )
        return rate(marginal(bench, many_messages, few_messages, many - few))

    with sink(bench) as port, smtp_sink(bench) as other:
        compared = compare(bench, {"server": side(port), "smtp-sink": side(other)})
    return Findings(tuple(compared.figures("messages/s", ours="server")))


def _over_one_connection(
    bench: Bench, peers: tuple[str, ...], *, pipelined: bool = False, recorded: bool = False
) -> Findings:
    few, many = bench.size(200, 20), bench.size(3200, 220)
    how = "pipelined" if pipelined else "in lock-step"

    def spooled(count: int) -> str:
        return str(spool(bench.folder, count, MESSAGE))

    with sink(bench) as port:

        def by_ours(count: int) -> Command:
            path = messages(bench.folder, count, MESSAGE, pipelined=pipelined)
            record = ("--record", str(bench.folder / "recorded.smtp"), "--force") if recorded else ()
            return smtp_shell("replay", str(path), "--server", f"smtp://{HOST}:{port}", *record, says="matched")

        makers: dict[str, Callable[[int], Command]] = {
            OURS: by_ours,
            "smtplib": lambda count: peer("smtplib_messages.py", port, spooled(count), says=f"{count} done"),
            "raw socket": lambda count: peer("raw_messages.py", port, spooled(count), how, says=f"{count} done"),
            "aiosmtplib": lambda count: peer(
                "aiosmtplib_messages.py", port, spooled(count), "one", says=f"{count} done"
            ),
            "smtp-source": lambda count: _by_source(bench, port, count, "-d"),
        }
        sides = {
            name: rate(marginal(bench, make(many), make(few), many - few))
            for name, make in makers.items()
            if name in (OURS, *peers)
        }
        return Findings(tuple(compare(bench, sides).figures("messages/s")))


def _by_source(bench: Bench, port: int, count: int, *options: str) -> Command:
    """Return the command of smtp-source, which can vary the recipient (`-N`), but neither sender nor message."""
    body = message(bench.folder, MESSAGE, crlf=False)
    envelope = ("-N", "-m", str(count), "-f", SENDER, "-t", RECIPIENT)
    return Command(("smtp-source", *options, *envelope, "-F", str(body), f"{HOST}:{port}"))


def _plain(bench: Bench) -> Findings:
    return _over_one_connection(bench, ("smtplib", "raw socket", "aiosmtplib", "smtp-source"))


def _recorded(bench: Bench) -> Findings:
    return _over_one_connection(bench, ("smtplib",), recorded=True)


def _pipelined(bench: Bench) -> Findings:
    return _over_one_connection(bench, ("smtplib", "raw socket"), pipelined=True)


def _jobs(bench: Bench) -> Findings:
    few, many = bench.size(100, 20), bench.size(1600, 120)
    with sink(bench) as port:

        def by_ours(count: int) -> Command:
            path = str(repeated_message(bench.folder, MESSAGE))
            server = ("--server", f"smtp://{HOST}:{port}")
            options = ("--repeat", str(count), "--jobs", str(AT_A_TIME))
            return smtp_shell("replay", path, *server, *options, says=f"{count} replays")

        def by_script(script: str) -> Callable[[int], Command]:
            return lambda count: peer(
                script, port, str(spool(bench.folder, count, MESSAGE)), AT_A_TIME, says=f"{count} done"
            )

        replay(bench, by_ours(few), few)
        makers: dict[str, Callable[[int], Command]] = {
            OURS: by_ours,
            "aiosmtplib": by_script("aiosmtplib_messages.py"),
            "raw sockets in threads": by_script("raw_connections.py"),
            "smtp-source": lambda count: _by_source(bench, port, count, "-s", str(AT_A_TIME)),
        }
        found: list[Figure] = []
        for label, measure, unit in (("processor time: ", marginal_cpu, "s"), ("wall time: ", marginal, "s")):
            sides = {name: measure(bench, make(many), make(few), many - few) for name, make in makers.items()}
            found += compare(bench, sides).figures(unit, label=label)
        return Findings(tuple(found))


def _watch(bench: Bench) -> Findings:
    """Measure single dialogues with pauses: what a watched server shows of one must not delay it.

    Each dialogue is held with both servers, one right after the other: the machine's own changes are larger than what is measured.
    """
    path = str(spool(bench.folder, bench.size(100, 5), MESSAGE))
    with practice(bench) as plain, practice(bench, "--watch", "--keep", str(bench.folder / "kept")) as watched:
        command = peer("paused_dialogues.py", watched.port, plain.port, path, says=" seconds")
        pairs = [[float(word) for word in bench.run(command).out.split()[:2]] for _ in range(bench.rounds + 1)][1:]
    ours, theirs = (f"{1e3 * statistics.median(each):.2f} ms" for each in zip(*pairs, strict=True))
    ratio = Spread.of([first / second for first, second in pairs])
    return Findings((Figure("not watched", ratio, ours=ours, theirs=theirs),))


def _relay(bench: Bench) -> Findings:
    """Measure single dialogues with pauses, each with the server itself and through the relay, one right after the other."""
    path = str(spool(bench.folder, bench.size(100, 5), MESSAGE))
    kept = str(bench.folder / "relayed")
    with practice(bench) as plain, relay(bench, plain, "--watch", "--keep", kept) as port:
        command = peer("paused_dialogues.py", port, plain.port, path, says=" seconds")
        pairs = [[float(word) for word in bench.run(command).out.split()[:2]] for _ in range(bench.rounds + 1)][1:]
    ours, theirs = (f"{1e3 * statistics.median(each):.2f} ms" for each in zip(*pairs, strict=True))
    added = Spread.of([1e3 * (first - second) / _EXCHANGES for first, second in pairs])
    return Findings((Figure("added to an exchange", added, unit="ms", ours=ours, theirs=theirs),))


_EXCHANGES = 7  # of a dialogue of `paused_dialogues.py`: the greeting, and six commands
_SERVERS = ("practice", "Postfix")

ROWS = (
    Row(
        "dialogue-process",
        "one process: connect, EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT, DATA 2 KiB, QUIT; whole process",
        {
            f"{server}: {name}": at_most(bound)
            for server in _SERVERS
            for name, bound in (("swaks", 1.5), ("smtplib script", 1.35))
        },
        _process,
    ),
    Row(
        "dialogue-warm",
        "the same dialogue in a warm process (replay --repeat), each",
        {f"{server}: smtplib": at_most(1.2) for server in _SERVERS},
        _warm,
    ),
    Row(
        "sink",
        "the server of the following rows beside smtp-sink, with a raw socket; messages a second",
        {"smtp-sink": at_least(1.0)},
        _sink,
    ),
    Row(
        "messages",
        "plain messages over one connection, matching on; messages a second",
        {"smtplib": at_least(0.95)},
        _plain,
    ),
    Row(
        "messages-recorded",
        "the same, recorded (--record)",
        {"smtplib": at_least(0.85)},
        _recorded,
    ),
    Row(
        "messages-pipelined",
        "the same, pipelined (C&)",
        {"raw socket": at_least(0.7)},
        _pipelined,
    ),
    Row(
        "watch",
        "a dialogue with the practice server that is watched and kept (--watch --keep), beside one that is not",
        {"not watched": at_most(1.05)},
        _watch,
    ),
    Row(
        "relay",
        "a dialogue through `relay --watch --keep`, beside one with the server itself; its seven exchanges",
        {"added to an exchange": at_most(1.0)},
        _relay,
    ),
    Row(
        "jobs",
        "one message a connection, ten connections at a time (--jobs 10); time of the client for a dialogue",
        {"processor time: aiosmtplib": at_most(1.3)},
        _jobs,
    ),
)
