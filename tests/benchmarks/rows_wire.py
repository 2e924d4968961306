"""Dialogues and messages: one process, a warm process, one connection, many connections."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from tests.benchmarks.bench import OURS, Bench, Command, Side, compare, marginal, peer, rate, replay, smtp_shell, whole
from tests.benchmarks.clients import by_curl, by_msmtp, by_openssl, by_replay, by_smtplib, by_socket, by_swaks
from tests.benchmarks.figures import Figure, Findings, Sample, at_least, at_most
from tests.benchmarks.material import RECIPIENT, SENDER, message, messages
from tests.benchmarks.processes import Failed, Missing
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST, MailServer, postfix, practice, smtp_sink

MESSAGE = 700
TOGETHER = 10


def _servers(bench: Bench, missing: list[Figure]) -> Iterator[MailServer]:
    """Give each server that offers STARTTLS and AUTH, one after the other."""
    for start in (practice, postfix):
        with ExitStack() as stack:
            try:
                server = stack.enter_context(start(bench))
            except Missing as error:
                missing.append(Figure(f"anything, {start.__name__}", None, missing=str(error)))
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
        _must_have_come(server, before, len(compared.samples) * (bench.rounds + 1))
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
        _must_have_come(server, before, len(sides) * (many + 1) * (bench.rounds + 1))
    return Findings(tuple(found))


def _repeated(bench: Bench, server: MailServer, times: int) -> Side:
    def side() -> Sample:
        one = replay(bench, by_replay(bench, server), 1)
        all_of_them = replay(bench, by_replay(bench, server, "--repeat", str(times)), times)
        return Sample((all_of_them.wall - one.wall) / (times - 1), all_of_them.peak)

    return side


def _must_have_come(server: MailServer, before: int, sent: int) -> None:
    # Postfix delivers behind the dialogue; what it took it has.
    if server.name == "practice" and server.delivered - before != sent:
        raise Failed(f"{sent} messages were sent, and {server.delivered - before} came")


def _over_one_connection(
    bench: Bench, peers: tuple[str, ...], *, pipelined: bool = False, recorded: bool = False
) -> Findings:
    few, many = bench.size(200, 20), bench.size(3200, 220)
    body = str(message(bench.folder, MESSAGE))
    how = "pipelined" if pipelined else "in lock-step"
    with smtp_sink(bench) as port:

        def by_ours(count: int) -> Command:
            path = messages(bench.folder, count, MESSAGE, pipelined=pipelined)
            record = ("--record", str(bench.folder / "recorded.smtp"), "--force") if recorded else ()
            return smtp_shell("replay", str(path), "--server", f"smtp://{HOST}:{port}", *record, says="matched")

        def by_source(count: int) -> Command:
            options = ("-d", "-m", str(count), "-f", SENDER, "-t", RECIPIENT)
            lf = message(bench.folder, MESSAGE, crlf=False)
            return Command(("smtp-source", *options, "-F", str(lf), f"{HOST}:{port}"))

        makers: dict[str, Callable[[int], Command]] = {
            OURS: by_ours,
            "smtplib": lambda count: peer("smtplib_messages.py", port, count, body, says=f"{count} done"),
            "raw socket": lambda count: peer("raw_messages.py", port, count, body, how, says=f"{count} done"),
            "aiosmtplib": lambda count: peer("aiosmtplib_messages.py", port, count, body, "one", says=f"{count} done"),
            "smtp-source": by_source,
        }
        sides = {
            name: rate(marginal(bench, make(many), make(few), many - few))
            for name, make in makers.items()
            if name in (OURS, *peers)
        }
        return Findings(tuple(compare(bench, sides).figures("messages/s")))


def _plain(bench: Bench) -> Findings:
    return _over_one_connection(bench, ("smtplib", "raw socket", "aiosmtplib", "smtp-source"))


def _recorded(bench: Bench) -> Findings:
    return _over_one_connection(bench, ("smtplib",), recorded=True)


def _pipelined(bench: Bench) -> Findings:
    return _over_one_connection(bench, ("smtplib", "raw socket"), pipelined=True)


def _jobs(bench: Bench) -> Findings:
    few, many = bench.size(100, 20), bench.size(1600, 120)
    body = str(message(bench.folder, MESSAGE))
    path = str(messages(bench.folder, 1, MESSAGE))
    with smtp_sink(bench) as port:
        server = ("--server", f"smtp://{HOST}:{port}")

        def by_ours(count: int) -> Command:
            return smtp_shell("replay", path, *server, "--repeat", str(count), "--jobs", str(TOGETHER))

        def ours() -> Sample:
            least, most = replay(bench, by_ours(few), few), replay(bench, by_ours(many), many)
            return Sample((most.wall - least.wall) / (many - few), most.peak)

        def with_aiosmtplib(count: int) -> Command:
            return peer("aiosmtplib_messages.py", port, count, body, TOGETHER, says=f"{count} done")

        def with_sockets(count: int) -> Command:
            return peer("raw_connections.py", port, count, body, TOGETHER, says=f"{count} done")

        def with_source(count: int) -> Command:
            options = ("-s", str(TOGETHER), "-m", str(count), "-f", SENDER, "-t", RECIPIENT)
            lf = message(bench.folder, MESSAGE, crlf=False)
            return Command(("smtp-source", *options, "-F", str(lf), f"{HOST}:{port}"))

        sides = {
            OURS: rate(ours),
            "aiosmtplib, 10 connections": rate(
                marginal(bench, with_aiosmtplib(many), with_aiosmtplib(few), many - few)
            ),
            "raw sockets, 10 threads": rate(marginal(bench, with_sockets(many), with_sockets(few), many - few)),
            "smtp-source -s 10": rate(marginal(bench, with_source(many), with_source(few), many - few)),
        }
        return Findings(tuple(compare(bench, sides).figures("messages/s")))


_SERVERS = ("practice", "Postfix")

ROWS = (
    Row(
        "dialogue-process",
        "one process: connect, EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT, DATA 2 KiB, QUIT; whole process",
        {f"{server}: swaks": at_most(1.25) for server in _SERVERS},
        _process,
    ),
    Row(
        "dialogue-warm",
        "the same dialogue in a warm process (replay --repeat), each",
        {
            f"{server}: {name}": at_most(bound)
            for server in _SERVERS
            for name, bound in (("smtplib", 1.15), ("raw socket", 1.25))
        },
        _warm,
    ),
    Row(
        "messages",
        "plain messages over one connection, matching on; messages a second",
        {"smtplib": at_least(1.0)},
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
        {"smtplib": at_least(2.0)},
        _pipelined,
    ),
    Row(
        "jobs",
        "one message a connection, ten connections at a time (--jobs 10); messages a second",
        {"aiosmtplib, 10 connections": at_least(2.0), "smtp-source -s 10": at_least(0.5)},
        _jobs,
    ),
)
