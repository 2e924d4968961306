"""The parts `chain` and `practice`: one process each of `replay --repeat`, of `relay` and of a server, and the switch between them."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from tests.soak.accounts import Account, account
from tests.soak.faults import UNKNOWN, catalogue
from tests.soak.intruders import HOST, intruders
from tests.soak.outcome import Outcome
from tests.soak.programs import PASSWORD, PROGRAM, Relayed, Replayed, Running, Served, Switched, running
from tests.soak.sampling import Watched, sample
from tests.support.daemon import free_ports
from tests.support.faulty_clients import right
from tests.support.hostile.certificates import ca_pem

TIMEOUT: Final = 8.0
"""Seconds that `replay` waits for anything: a busy machine must not look like a fault."""

_TICK: Final = 0.05
_QUIET_SECONDS: Final = 4.0
_START_SECONDS: Final = 60.0
_STALLED: Final = 120.0
"""Seconds without one dialogue more after which the run has failed."""

_RELAY_THREADS: Final = 2 + 16
"""The main thread, that of the event loop, and the pool that opens connections."""

TRANSCRIPT: Final = """Transcript: 1
Title: One message, with STARTTLS and AUTH

S: 220 mail.example.com ESMTP
C: EHLO c${count}.example.com
S: 250-mail.example.com
S: 250-STARTTLS
S: 250 SIZE 10485760
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
*: tls
C: EHLO client.example.com
S: 250-mail.example.com
S: 250-AUTH PLAIN LOGIN
S: 250 SIZE 10485760
C: AUTH PLAIN ${sasl}
S: 235 2.7.0 Authentication successful
C: MAIL FROM:<ann@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: From: <ann@example.org>
C: To: <bob@example.org>
C: Subject: soak
C:
C: Hello,
C: ..and a line with a dot.
C: .
S: 250 2.0.0 Ok: queued
C: QUIT
S: 221 2.0.0 Bye
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a part is run.

    Attributes:
        folder: An empty folder.
        practice: Whether the server is `practice`, without a relay, and not `serve`, after one.
        dialogues: How many.
        share: What share of them has a fault.
        seed: The seed of the server's own faults.
        jobs: How many dialogues `replay` has at a time.
        warm: How many dialogues are the warm-up.
        growth: KiB by which memory may grow after that.
        watch: Whether the relay prints each dialogue as JSON.
        say: Takes a line of progress.
    """

    folder: Path
    practice: bool = False
    dialogues: int = 200_000
    share: float = 0.01
    seed: int = 1
    jobs: int = 2
    warm: int = 1000
    growth: int = 5 * 1024
    watch: bool = False
    say: Callable[[str], None] = print


def write_files(folder: Path) -> None:
    """Write the transcript, the certificate of the servers, and the file of what the clients trust: the hostile authority too."""
    authority = trustme.CA()
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes() + ca_pem())
    (folder / "server.pem").touch(mode=0o600)
    authority.issue_cert("localhost", HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    (folder / "soak.smtp").write_text(TRANSCRIPT, "utf-8")


def mock_faults(share: float) -> Iterator[str]:
    """Yield the options for the server's own faults: each kind at each place, `share` of the dialogues in all."""
    places = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT", "QUIT")
    kinds = ("451", "554", "421", "wrong", "drop", "reset", "silent", "delay:0.15", "cut", "pieces", "garbage")
    each_percent = 100 * share / (len(places) * len(kinds))
    for place in places:
        for kind in kinds:
            percent = each_percent / 6 if kind == "silent" else each_percent
            yield "--fault"
            yield f"{place.lower()}={kind}%{percent:.6f}"


class Chain:
    """The processes of a chain, while they run.

    Args:
        plan: How it is run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.replayed, self.served, self.relayed, self.switched = Replayed(), Served(), Relayed(), Switched()
        self.watched: list[Watched] = []
        self._ports = free_ports(2)
        self._programs: list[Running] = []
        self._intruded = 0
        self._swept = 0
        self._ends = threading.Event()

    def run(self) -> Outcome:
        """Run all dialogues, and account for them."""
        plan = self.plan
        write_files(plan.folder)
        with ExitStack() as stack:
            self._start_servers(stack)
            client, seconds = self._replay(stack)
            time.sleep(_QUIET_SECONDS)
            for each in self.watched:
                if each.name != "replay":
                    each.after = sample(each.pid, self.replayed.done, seconds)
            for program in self._programs:
                program.finish()
        known = {fault.name: fault for fault in catalogue(relayed=True)}
        served = None if plan.practice else self.served
        outcome = Outcome(self.watched, round(seconds, 1))
        self._judge(outcome, account(self.replayed, self.switched, served, known), client)
        return outcome

    def _start_servers(self, stack: ExitStack) -> None:
        plan, (server_port, relay_port) = self.plan, self._ports
        name = "practice" if plan.practice else "mock"
        server = stack.enter_context(running(name, self._server_command(server_port), plan.folder, self._take_server))
        settings = {
            "relay": relay_port,
            "server": server_port,
            "relayed": int(not plan.practice),
            "warm": plan.warm,
            "every": max(1, round(1 / (plan.share * self._switched_share))),
        }
        command = [sys.executable, "-m", "tests.soak.switch", json.dumps(settings)]
        switch = stack.enter_context(running("switch", command, plan.folder, self.switched.take))
        wait_until(lambda: bool(self.switched.ports), "the switch")
        self._programs, ports = [server, switch], [server_port]
        busy = 8 * plan.jobs + 40
        self.watched = [Watched(name, server.pid, busy), Watched("switch", switch.pid, 0)]
        if not plan.practice:
            relay = stack.enter_context(running("relay", self._relay_command(), plan.folder, self._take_relay))
            self._programs.insert(0, relay)
            self.watched.insert(0, Watched("relay", relay.pid, busy, _RELAY_THREADS))
            ports.append(relay_port)
        for port in ports:
            wait_until(lambda port=port: listens(port), f"port {port}")  # type: ignore[misc]
        self._warm_up()
        for each in self.watched:
            each.before = sample(each.pid, 0, 0.0)

    @property
    def _switched_share(self) -> float:
        """What share of the faults the switch does; the mock does the others."""
        return 1.0 if self.plan.practice else 0.7

    def _server_command(self, port: int) -> list[str]:
        plan = self.plan
        if plan.practice:
            return [
                *PROGRAM,
                "practice",
                "--serve-only",
                "--port",
                str(port),
                "--maildir",
                "mail",
                "--cert",
                "server.pem",
            ]
        faults = mock_faults(plan.share * (1 - self._switched_share))
        words = ["serve", "soak.smtp", "--port", str(port), "--json", "--user", "student", "--cert", "server.pem"]
        return [*PROGRAM, *words, "--timeout", "30", "--seed", str(plan.seed), *faults]

    def _relay_command(self) -> list[str]:
        words = ["relay", f"{HOST}:{self.switched.ports['b']}", "--port", str(self._ports[1]), "--timeout", "15"]
        return [
            *PROGRAM,
            *words,
            "--ca-file",
            "ca.pem",
            "--cert",
            "server.pem",
            *(["--json"] if self.plan.watch else []),
        ]

    def _take_server(self, line: bytes) -> None:
        if not self.plan.practice:
            self.served.take(line)

    def _take_relay(self, line: bytes) -> None:
        if self.plan.watch:
            self.relayed.take(line)

    def _warm_up(self) -> None:
        """Have one good client come to the relay: what is opened once for all TLS is open then."""
        with suppress(OSError, AssertionError):
            right(
                HOST,
                self.switched.ports["mock" if self.plan.practice else "relay"],
                str(self.plan.folder / "ca.pem"),
                PASSWORD,
            )
        time.sleep(3.0)

    def _replay(self, stack: ExitStack) -> tuple[Running, float]:
        plan = self.plan
        url = f"smtp://{HOST}:{self.switched.ports['main']}"
        words = ["replay", "soak.smtp", "--server", url, "--ca-file", "ca.pem", "--user", "student", "--json"]
        often = ["--repeat", str(plan.dialogues), "--jobs", str(plan.jobs), "--timeout", str(TIMEOUT)]
        client = stack.enter_context(running("replay", [*PROGRAM, *words, *often], plan.folder, self.replayed.take))
        self.watched.insert(0, Watched("replay", client.pid, 8 * plan.jobs, plan.jobs + 2))
        started = time.monotonic()
        intruding = threading.Thread(target=self._intrude, daemon=True)
        intruding.start()
        stack.callback(self._ends.set)
        self._watch(client, started)
        self._ends.set()
        intruding.join(30.0)
        self._await_relay()
        client.finish()
        return client, time.monotonic() - started

    def _await_relay(self) -> None:
        """Wait until the relay has told the end of each dialogue: it lingers for a client that is slow to close."""
        deadline = time.monotonic() + 30.0
        while self.relayed.over < self.relayed.begun and time.monotonic() < deadline:
            time.sleep(_TICK)

    def _watch(self, client: Running, started: float) -> None:
        """Take samples until `replay` has ended, or does not go on."""
        plan = self.plan
        step = max(plan.warm // 10, plan.dialogues // 400)
        due = said = last = 0
        moved = started
        while client.is_alive:
            time.sleep(_TICK)
            done, now = self.replayed.done, time.monotonic()
            if self.plan.practice:
                self._sweep()
            if done != last:
                last, moved = done, now
            elif now - moved > _STALLED:
                self.switched.stray.append(f"nothing was done for {_STALLED:g} s after {done:,} dialogues")
                return
            if done < due:
                continue
            due = done + step
            for each in self.watched:
                if (taken := sample(each.pid, done, now - started)) is not None:
                    each.samples.append(taken)
            if done >= said:
                said = done + plan.dialogues // 50
                plan.say(self._progress(done, now - started))

    def _sweep(self) -> None:
        """Count the messages that have arrived, and remove them: how many a mailbox keeps is its user's affair."""
        for path in (self.plan.folder / "mail" / "new").iterdir():
            self._swept += b"Subject: soak" in path.read_bytes()
            path.unlink()

    def _progress(self, done: int, seconds: float) -> str:
        memory = ", ".join(
            f"{each.name} {each.samples[-1].memory:,} KiB ({each.growth(self.plan.warm):+,})"
            for each in self.watched
            if each.samples
        )
        rate = done / seconds if seconds else 0.0
        return f"{done:,} of {self.plan.dialogues:,} dialogues, {len(self.replayed.failures):,} failed, {rate:.0f} a second; {memory}"

    def _intrude(self) -> None:
        """Have faulty clients come to the relay and to the mock, by turns: one for each two faults."""
        every = max(1, round(2 / self.plan.share))
        clients = intruders()
        for come in clients:
            for to in ("mock",) if self.plan.practice else ("relay", "mock"):
                while self.replayed.done < (self._intruded + 1) * every:
                    if self._ends.wait(_TICK):
                        return
                if self._ends.is_set():  # it is behind, and the work is over
                    return
                with suppress(OSError):
                    come(self.switched.ports[to], str(self.plan.folder / "ca.pem"), PASSWORD)
                self._intruded += 1

    def _judge(self, outcome: Outcome, found: Account, client: Running) -> None:
        plan, summary = self.plan, self.replayed.summary
        wrong = outcome.faults
        wrong += found.wrong + self.switched.stray
        if found.dialogues != plan.dialogues:
            wrong.append(f"replay has had {found.dialogues:,} dialogues of {plan.dialogues:,}: {client.complaints()}")
        failed = len(self.replayed.failures)
        if summary.get("replays") != found.dialogues or summary.get("failed", 0) != failed:
            wrong.append(f"replay sums up other figures than it has reported: {summary}")
        if plan.practice:
            self._sweep()
        else:
            wrong += self._of_servers()
        wrong += self._of_messages(self._swept if plan.practice else found.stored)
        for each in outcome.watched:
            if each.name != "switch":  # it is ours, with the hostile servers in it
                wrong += each.faults(plan.warm, plan.growth)
        for program in self._programs:
            if "Traceback" in program.complaints():
                wrong.append(f"{program.name} has failed: {program.complaints()}")
        outcome.lines = [*found.lines()]
        outcome.figures = {
            "account": found.report(),
            "replay": summary,
            "mock": self.served.summary,
            "mock_faults": dict(self.served.faults),
            "acknowledged": self.replayed.acknowledged,
            "stored": self._swept if plan.practice else found.stored,
            "relayed": self._relayed,
            "relay": [self.relayed.begun, self.relayed.over],
            "intruders": self._intruded,
        }

    @property
    def _relayed(self) -> int:
        return sum(1 for each in self.switched.over if each["relayed"])

    def _of_servers(self) -> Iterator[str]:
        """Yield where the figures of the mock or the relay are not those of the switch."""
        if self.served.summary.get("sessions") != self.served.over:
            yield f"the mock sums up other figures than it has reported: {self.served.summary}"
        if self.plan.watch and not self._relayed <= self.relayed.begun == self.relayed.over:
            begun, over = self.relayed.begun, self.relayed.over
            yield f"the relay has had {begun:,} dialogues, {over:,} have ended, {self._relayed:,} went on to the mock"

    def _of_messages(self, stored: int) -> Iterator[str]:
        """Yield whether the server has other messages than were acknowledged: more by those alone whose reply was lost or refused."""
        acknowledged = self.replayed.acknowledged
        unknown = Counter(self.replayed.statuses.values())[UNKNOWN]
        refused = sum(times for fault, times in self.served.faults.items() if fault.startswith("dot="))
        if not 0 <= stored - acknowledged <= unknown + refused:
            yield (
                f"{stored:,} messages are stored, {acknowledged:,} were acknowledged, of {unknown:,} it is not known, "
                f"and {refused:,} were refused by a fault"
            )


def listens(port: int) -> bool:
    """Return whether a server listens, without a connection: each connection is in the account."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.1)
