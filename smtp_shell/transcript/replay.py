"""Replay transcripts: act out what the client said, and compare what a server says."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

from smtp_shell.config import Timeouts
from smtp_shell.errors import ConnectionLost, DialogueBroken, Interrupted, SmtpShellError, UsageError, WaitTimedOut
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape_str
from smtp_shell.session import Session
from smtp_shell.target import Target, Way, parse_target
from smtp_shell.transcript.acting import Actor, CredentialsFor, ReplaySettings, Stopped
from smtp_shell.transcript.arrivals import Arrivals
from smtp_shell.transcript.checked import Outline, check_for_replay
from smtp_shell.transcript.file import open_transcript
from smtp_shell.transcript.matching import Demand
from smtp_shell.transcript.result import MOST_STEPS_KEPT, Outcome, ReplayResult, StepResult
from smtp_shell.transcript.script import Script
from smtp_shell.transcript.settling import DIFFERS, Settled, Settler
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Variables

__all__ = ["CredentialsFor", "Replay", "ReplaySettings", "find_transcripts", "replay_many"]

_TICK = 0.2
_LAST_LOOK = 0.1
"""How many seconds are given to what a server may still say unasked when a transcript ends."""
_GOODBYE = 1.0
"""How many seconds a server is given to close after it has answered QUIT."""


class Replay:
    """One transcript, replayed once.

    Args:
        path: The transcript.
        settings: How to replay it.

    Attributes:
        session: The connection, as long as it is open; after `HAND_OVER` it stays so.
    """

    def __init__(self, path: Path, settings: ReplaySettings) -> None:
        self.path = path
        self.name = escape_str(str(path))
        self.settings = settings
        self.session: Session | None = None
        self._outline: Outline | None = None
        self._server = ""
        self._status = 0
        self._failure: str | None = None
        self._counts = dict.fromkeys(Outcome, 0)
        self._kept: list[StepResult] = []

    def check(self) -> Outline:
        """Make sure that the whole transcript can be acted out; nothing is sent.

        Raises:
            TranscriptError: It cannot; with its faults and their lines.
            UsageError: There is no server to replay it against, or a variable cannot be one.
            NotSendable: A variable's value would not stay inside one line.
        """
        if self._outline is None:
            outline = check_for_replay(self.path, self.settings.variables, outside=self.settings.outside)
            self._target(outline.address, tls=outline.tls)
            self._outline = outline
        return self._outline

    def run(self) -> ReplayResult:
        """Replay it.

        Raises:
            TranscriptError: It cannot be acted out; nothing was sent.
            UsageError: There is no server to replay it against, or a variable cannot be one; nothing was sent.
            NotSendable: A variable's value would not stay inside one line; nothing was sent.
        """
        outline = self.check()
        started = monotonic()
        self._deadline = started + self.settings.overall
        handed_over = False
        try:
            with open_transcript(self.path) as reader:
                self._prepare(Script(reader, self.name), outline)
                self._walk(outline)
        except Stopped as stopped:
            handed_over = stopped.handed_over and self.session is not None
        except SmtpShellError as error:
            self._fail(error.exit_status, error.message)
        except KeyboardInterrupt:
            self._status = Interrupted.exit_status
            self._failure = "interrupted"
        finally:
            if self.session is not None and handed_over:
                self.session.unsubscribe(self._arrivals)
                self.session.timeouts = self.settings.timeouts
            elif self.session is not None:
                self.session.close()
        return ReplayResult(
            self.name,
            self._server,
            tuple(self._kept),
            dict(self._counts),
            self._status,
            self._failure,
            monotonic() - started,
            handed_over,
        )

    def _prepare(self, script: Script, outline: Outline) -> None:
        settings = self.settings
        header = outline.header.variables if outline.header else None
        variables = Variables(settings.variables, header, numbers=settings.numbers)
        keep_going = settings.keep_going or settings.before_step is not None
        self._keep_going = keep_going
        self._script = script
        self._arrivals = Arrivals()
        self._settler = Settler(
            script, self._arrivals, settings.strictness, variables, keep_going=keep_going, cap=self._cap
        )
        self._actor = Actor(
            script,
            settings,
            variables,
            self.path.parent,
            self._settler,
            self._arrivals,
            self._report,
            self._pause,
        )

    def _walk(self, outline: Outline) -> None:
        while self._script.demands_follow() or self._script.peek() is not None:
            step = self._script.peek()
            if step is not None and step.marker is Marker.EVENT and not self._script.demands_follow():
                self._event(step)
                continue
            session = self._connected(step, outline)
            if self._script.demands_follow():
                started = monotonic()
                line = step.line if step is not None else self._script.line
                settled = self._settler.settle(own=session.phase is Phase.GREETING)
                self._tell((line,), settled, started)
            elif step is not None:
                self._await_greeting(session, step)
                self._cap(None)
                self._actor.act(session)
        self._end_connection()

    def _connected(self, step: Step | None, outline: Outline) -> Session:
        """Give the open session; where a transcript has no `connect`, connect first."""
        if self.session is None:
            self._connect(outline.address, tls=outline.tls, line=step.line if step else 0)
        assert self.session is not None
        if not self.session.is_open and self._arrivals.broken is None and len(self._arrivals) == 0:
            self._arrivals.broken = ConnectionLost("the connection is closed, and the transcript goes on.")
        return self.session

    def _await_greeting(self, session: Session, step: Step) -> None:
        """Read a greeting that no `S` line expects before the first client line."""
        if session.dialogue.asked > 1 or self._arrivals.greeted or self._talks_early(step):
            return
        started = monotonic()
        self._tell((), self._settler.settle(own=True), started)

    def _talks_early(self, step: Step) -> bool:
        """Say whether the transcript sends octets first, and has the greeting behind them."""
        if step.marker is not Marker.CLIENT_OCTETS:
            return False
        following = (each for each in self._script.acted_ahead() if each.marker is not Marker.CLIENT_OCTETS)
        first = next(following, None)
        return first is not None and first.marker is Marker.SERVER and Demand.parse(first).takes(220)

    # Events

    def _event(self, step: Step) -> None:
        self._script.next()
        name, *words = step.event
        match name:
            case "connect":
                self._end_connection()
                self._connect(words[0], tls="tls" in words[1:], line=step.line)
            case "wait":
                self._wait(float(words[0]))
            case "within":
                self._settler.within = float(words[0])
            case "close" if words[:1] == ["server"]:
                self._expect_close(step)
            case "close" | "error":
                self._end_connection(reset=words[:1] == ["reset"], look=name == "close")
            case "timeout" if not words:
                self._end_connection(look=False)

    def _connect(self, address: str, *, tls: bool, line: int) -> None:
        target = self._target(address, tls=tls)
        self._arrivals = self._renew_arrivals()
        self._cap(None)
        try:
            session = Session.open(
                target,
                (self._arrivals, *self.settings.consumers),
                timeouts=self._timeouts(),
                tls=self.settings.tls_settings,
                source=self.settings.source,
                family=self.settings.family,
            )
        except DialogueBroken as error:
            self._server = self._server or str(target)
            if self._settler.foresees(error):
                raise Stopped from None
            settled = Settled(ended=True)
            settled.differ(error.exit_status, error.message.rstrip("."))
            self._tell((line,) if line else (), settled, monotonic(), sent="*: connect")
            raise Stopped from None
        self._server = self._server or str(target)
        self.session = session
        self._arrivals.attach(session)

    def _renew_arrivals(self) -> Arrivals:
        self._arrivals.reset()
        self._settler.doubtful = 0
        return self._arrivals

    def _target(self, address: str, *, tls: bool) -> Target:
        """Say what to connect to: what the user named, and only without that what the transcript names."""
        settings = self.settings
        if isinstance(settings.server, Target):
            return settings.server
        if settings.server is not None:
            bare = "://" not in settings.server and not settings.server.startswith(("pipe:", "lmtp+unix:"))
            implicit = settings.tls or (tls and bare and not settings.starttls)
            return parse_target(settings.server, tls=implicit, starttls=settings.starttls)
        if not address:
            raise UsageError(f"{self.name} names no server; say where to replay it with --server URL.")
        target = parse_target(address, tls=(tls or settings.tls) and not settings.starttls, starttls=settings.starttls)
        if target.way is not Way.TCP:
            raise UsageError(f"{self.name} was made with {target}, which a file may not start; name it with --server.")
        return target

    def _wait(self, seconds: float) -> None:
        until = min(monotonic() + seconds, self._deadline)
        while (left := until - monotonic()) > 0:
            session = self.session
            if session is None or not session.is_open or self._arrivals.broken is not None:
                sleep(min(left, _TICK))
                continue
            self._arrivals.watch(left)
        self._cap(None)

    def _expect_close(self, step: Step) -> None:
        session, started = self.session, monotonic()
        settled = Settled(demanded=True)
        if session is not None and session.is_open:
            self._cap(self._settler.within)
            quit_was_said = session.phase is Phase.CLOSED
            patience = session.timeouts.quit if quit_was_said else session.timeouts.reply
            self._settler.within = None
            self._arrivals.look(patience)
            surplus = self._settler.surplus()
            if surplus is not None:
                settled.note(None, surplus)
                settled.differ(
                    DIFFERS, "a reply came where the server was to close", "*: close server", settled.received
                )
            elif session.is_open:
                why = f"the server did not close the connection within {patience:g} s"
                settled.differ(DIFFERS, why, "*: close server")
        elif self._arrivals.attacked:
            return
        self._tell((step.line,), settled, started, sent="*: close server")
        if session is not None:
            session.close()

    def _end_connection(self, *, reset: bool = False, look: bool = True) -> None:
        """Look for what the transcript does not have, and close."""
        session, started = self.session, monotonic()
        if session is None:
            return
        if session.is_open and look and not reset:
            self._arrivals.look(min(_GOODBYE, session.timeouts.quit) if session.phase is Phase.CLOSED else _LAST_LOOK)
        surplus = self._settler.surplus() if look else None
        if surplus is not None:
            settled = Settled()
            settled.note(None, surplus)
            settled.differ(
                6 if surplus.reply is None else DIFFERS,
                "something came that the transcript does not have",
                "",
                settled.received,
            )
            self._tell((self._script.line,), settled, started)
        if reset:
            session.drop(reset=True)
        session.close()
        self.session = None

    # Time, and what is told

    def _timeouts(self) -> Timeouts:
        """Give the waits, none of them longer than what is left in all."""
        times = self.settings.timeouts
        left = max(self._deadline - monotonic(), 0.001)
        return replace(times, **{name: min(getattr(times, name), left) for name in times.__dataclass_fields__})

    def _cap(self, within: float | None) -> None:
        if monotonic() >= self._deadline:
            raise WaitTimedOut(f"the replay took longer than {self.settings.overall:g} s in all.")
        if self.session is not None:
            times = self._timeouts()
            if within is not None:
                bound = min(within, max(self._deadline - monotonic(), 0.001))
                times = replace(times, greeting=bound, reply=bound, data=bound, final_dot=bound, quit=bound)
            self.session.timeouts = times

    def _pause(self, seconds: float) -> None:
        """Leave out of a replay's time what a person took."""
        self._deadline += seconds

    def _tell(self, lines: tuple[int, ...], settled: Settled, started: float, *, sent: str = "") -> None:
        outcome = Outcome.MISMATCHED if not settled.ok else Outcome.MATCHED if settled.demanded else Outcome.SENT
        result = StepResult(
            self.name,
            lines,
            sent,
            settled.expected,
            settled.received,
            outcome,
            settled.why,
            monotonic() - started,
            settled.code,
        )
        self._report(result, settled.status, settled.ended and not settled.ok)

    def _report(self, result: StepResult, status: int, fatal: bool) -> None:
        self._counts[result.outcome] += 1
        self._keep(result)
        if self.settings.progress is not None:
            self.settings.progress(result)
        if status:
            self._fail(status, _sentence(result))
            if fatal or not self._keep_going:
                raise Stopped

    def _keep(self, result: StepResult) -> None:
        if len(self._kept) < MOST_STEPS_KEPT:
            self._kept.append(result)
        elif result.outcome in (Outcome.MISMATCHED, Outcome.SKIPPED):
            matched = (at for at, kept in enumerate(self._kept) if kept.outcome in (Outcome.MATCHED, Outcome.SENT))
            at = next(matched, None)
            if at is not None:
                del self._kept[at]
                self._kept.append(result)

    def _fail(self, status: int, sentence: str) -> None:
        if self._failure is None:
            self._failure = sentence
        self._status = max(self._status, status)


def _sentence(result: StepResult) -> str:
    where = f"{result.path}:{result.lines[0]}" if result.lines else result.path
    return f"{where}: {result.why}."


def find_transcripts(paths: Sequence[Path]) -> list[Path]:
    """Name the transcripts that files and folders stand for: of a folder, all in it that end in `.smtp`, sorted.

    Raises:
        UsageError: A folder has none, or cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = sorted(each for each in path.iterdir() if each.suffix == ".smtp" and not each.is_dir())
        except OSError:
            raise UsageError(f"the folder {escape_str(str(path))} cannot be read; check its permissions.") from None
        if not inside:
            raise UsageError(f"the folder {escape_str(str(path))} has no transcripts (files that end in .smtp).")
        found += inside
    return found


def replay_many(
    paths: Sequence[Path], settings: ReplaySettings, servers: Sequence[str | Target] = ()
) -> Iterator[ReplayResult]:
    """Replay transcripts one after the other, each against each server; all are checked before anything is sent.

    Args:
        paths: Files, and folders with files that end in `.smtp`.
        settings: How to replay them.
        servers: What to replay against; none for what the settings or the transcripts name.

    Raises:
        UsageError: A folder has no transcripts, or a transcript no server.
        TranscriptError: A transcript cannot be acted out.
    """
    replays = prepare(paths, settings, servers)
    for each in replays:
        result = each.run()
        yield result
        if result.exit_status == Interrupted.exit_status:
            return


def prepare(paths: Sequence[Path], settings: ReplaySettings, servers: Sequence[str | Target] = ()) -> list[Replay]:
    """Make the replays of transcripts, all of them checked. Arguments and errors are those of `replay_many`."""
    wanted: Sequence[str | Target | None] = servers or (settings.server,)
    found = [Replay(path, replace(settings, server=server)) for path in find_transcripts(paths) for server in wanted]
    for each in found:
        each.check()
    return found
