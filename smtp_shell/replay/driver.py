"""Replay transcripts: act out what the client said, and compare what a server says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from smtp_shell.client.session import Session
from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError, ConnectionLost, DialogueBroken, Interrupted, SmtpShellError, UsageError
from smtp_shell.matching.expectation import Demand
from smtp_shell.net.target import Target, Way, parse_target
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.client import Actor
from smtp_shell.replay.cursor import Script
from smtp_shell.replay.incoming import Arrivals
from smtp_shell.replay.ledger import Ledger
from smtp_shell.replay.plan import Outline, check_for_replay
from smtp_shell.replay.results import Progress, ReplayResult
from smtp_shell.replay.settings import CredentialsFor, ReplaySettings
from smtp_shell.replay.stage import Stage, Stopped
from smtp_shell.replay.time_limit import TimeLimit
from smtp_shell.replay.verifier import DIFFERS, VIOLATED, Settled, Settler
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Variables

__all__ = ["CredentialsFor", "Replay", "ReplaySettings"]

_EVENT = Marker.EVENT
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
        self._keep_going = settings.keep_going or settings.before_step is not None
        self._limit = TimeLimit(settings.overall)

    def check(self, *, keep: bool = True) -> Outline:
        """Make sure that the whole transcript can be acted out; nothing is sent.

        Args:
            keep: Whether the steps of a short transcript are kept, and not read again.

        Raises:
            TranscriptError: It cannot; with its faults and their lines.
            UsageError: There is no server to replay it against, or a variable cannot be one.
            NotSendable: A variable's value would not stay inside one line.
        """
        if self._outline is None:
            outline = check_for_replay(self.path, self.settings.variables, outside=self.settings.outside, keep=keep)
            self._target(outline.address, tls=outline.tls)
            self._outline = outline
        return self._outline

    def anew(self) -> Replay:
        """Give a replay of the same transcript that is to be run once more; what was checked is not checked again."""
        another = Replay(self.path, self.settings)
        another._outline = self._outline
        return another

    def interrupt(self) -> None:
        """Make `run` end soon; any thread may."""
        self._limit.stop()
        session = self.session
        if session is not None:
            session.interrupt()

    def run(self, progress: Progress | None = None) -> ReplayResult:
        """Replay it.

        Args:
            progress: Takes each step's result as it happens.

        Raises:
            TranscriptError: It cannot be acted out; nothing was sent.
            UsageError: There is no server to replay it against, or a variable cannot be one; nothing was sent.
            NotSendable: A variable's value would not stay inside one line; nothing was sent.
        """
        outline = self.check()
        started = monotonic()
        self._ledger = Ledger(progress, keep_going=self._keep_going)
        self._limit.start()
        handed_over = False
        try:
            with self._steps(outline) as steps:
                self._prepare(Script(steps, self.name), outline)
                try:
                    self._walk(outline)
                finally:
                    self._stage.catch_up()
        except Stopped as stopped:
            handed_over = stopped.handed_over and self.session is not None
        except SmtpShellError as error:
            self._ledger.fail(error.exit_status, error.message)
        except KeyboardInterrupt:
            self._ledger.fail(Interrupted.exit_status, "interrupted")
        finally:
            if self.session is not None and handed_over:
                self.session.unsubscribe(self._arrivals)
                self.session.until, self.session.within, self.session.attentive = math.inf, None, False
            elif self.session is not None:
                self.session.close()
        return ReplayResult(
            self.name,
            self._server,
            self._ledger.steps,
            dict(self._ledger.counts),
            self._ledger.status,
            self._ledger.failure,
            monotonic() - started,
            handed_over,
        )

    def _steps(self, outline: Outline) -> AbstractContextManager[Iterable[Step]]:
        if outline.steps is not None:
            return nullcontext(outline.steps)
        from smtp_shell.transcript.reader import open_transcript

        return open_transcript(self.path)

    def _prepare(self, script: Script, outline: Outline) -> None:
        settings = self.settings
        header = outline.header.variables if outline.header else None
        variables = Variables(settings.variables, header, numbers=settings.numbers)
        self._script = script
        self._arrivals = Arrivals()
        self._settler = Settler(
            script, self._arrivals, settings.strictness, variables, keep_going=self._keep_going, cap=self._cap
        )
        self._stage = Stage(
            script,
            settings,
            variables,
            self.path.parent,
            self._settler,
            self._arrivals,
            self._ledger.report,
            self._pause,
        )
        if settings.prepares and outline.uses_sasl:
            self._stage.to_prepare.append(_load_authentication)
        if settings.prepares and outline.starts_tls:
            self._stage.to_prepare.append(partial(_get_tls_ready, settings.tls_settings))
        self._actor = Actor(self._stage)
        self._arrivals.meanwhile = self._stage.use_wait

    def _walk(self, outline: Outline) -> None:
        script = self._script
        while (follows := script.demands_follow()) | ((step := script.peek()) is not None):
            if step is not None and step.marker is _EVENT and not follows:
                self._stage.catch_up()
                self._event(step)
                continue
            session = self.session
            if session is None or not session.is_open:
                session = self._connected(step, outline)
            if follows:
                started = monotonic()
                line = step.line if step is not None else script.line
                settled = self._settler.settle(own=session.phase is Phase.GREETING)
                self._stage.tell((line,), "", settled, started)
            elif step is not None:
                if session.dialogue.asked == 1:
                    self._await_greeting(step)
                self._limit.check()
                self._actor.act(session, step)
        self._end_connection()

    def _connected(self, step: Step | None, outline: Outline) -> Session:
        """Give the session where it is not open; where a transcript has no `connect`, connect first."""
        session = self.session
        if session is None:
            return self._connect(outline.address, tls=outline.tls, line=step.line if step else 0)
        if self._arrivals.broken is None and len(self._arrivals) == 0:
            self._arrivals.broken = ConnectionLost("the connection is closed, and the transcript goes on.")
        return session

    def _await_greeting(self, step: Step) -> None:
        """Read a greeting that no `S` line expects before the first client line."""
        if self._arrivals.greeted or self._talks_early(step):
            return
        started = monotonic()
        self._stage.tell((), "", self._settler.settle(own=True), started)

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

    def _connect(self, address: str, *, tls: bool, line: int) -> Session:
        target = self._target(address, tls=tls)
        self._arrivals = self._renew_arrivals()
        self._cap(None)
        try:
            session = Session.open(
                target,
                (self._arrivals,),
                afterwards=self.settings.consumers,
                timeouts=self._limit.capped(self.settings.timeouts),
                tls=self.settings.tls_settings,
                source=self.settings.source,
                family=self.settings.family,
                attentive=self.settings.attentive,
            )
        except DialogueBroken as error:
            self._server = self._server or str(target)
            if self._settler.foresees(error):
                raise Stopped from None
            settled = Settled(ended=True)
            settled.differ(error.exit_status, error.message.rstrip("."))
            self._stage.tell((line,) if line else (), "*: connect", settled, monotonic())
            raise Stopped from None
        self._server = self._server or str(target)
        session.timeouts = self.settings.timeouts
        session.until = self._limit.deadline
        self.session = session
        self._arrivals.attach(session)
        return session

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
        until = monotonic() + min(seconds, self._limit.left)
        while (left := until - monotonic()) > 0:
            session = self.session
            if session is None or not session.is_open or self._arrivals.broken is not None:
                sleep(min(left, _TICK))
                continue
            self._arrivals.watch(left)
        self._limit.check()

    def _expect_close(self, step: Step) -> None:
        session, started = self.session, monotonic()
        settled = Settled(demanded=True)
        if session is not None and session.is_open:
            self._cap(self._settler.within)
            quit_was_said = session.phase is Phase.CLOSED
            patience = session.bounded(session.timeouts.quit if quit_was_said else session.timeouts.reply)
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
        self._stage.tell((step.line,), "*: close server", settled, started)
        if session is not None:
            session.close()

    def _end_connection(self, *, reset: bool = False, look: bool = True) -> None:
        """Look for what the transcript does not have, and close."""
        session, started = self.session, monotonic()
        if session is None:
            return
        if session.is_open and look and not reset:
            goodbye = min(_GOODBYE, session.bounded(session.timeouts.quit))
            self._arrivals.look(goodbye if session.phase is Phase.CLOSED else _LAST_LOOK)
        surplus = self._settler.surplus() if look else None
        if surplus is not None:
            settled = Settled()
            settled.note(None, surplus)
            settled.differ(
                VIOLATED if surplus.reply is None else DIFFERS,
                "something came that the transcript does not have",
                "",
                settled.received,
            )
            self._stage.tell((self._script.line,), "", settled, started)
        if reset:
            session.drop(reset=True)
        session.close()
        self.session = None

    def _cap(self, within: float | None) -> None:
        """Let the session wait as long as a `*: within` says, or as its settings say."""
        if self.session is not None:
            self.session.within = within

    def _pause(self, seconds: float) -> None:
        """Leave out of the replay's time what a person took."""
        self._limit.extend(seconds)
        if self.session is not None:
            self.session.until = self._limit.deadline


def _get_tls_ready(settings: TlsSettings) -> None:
    from smtp_shell.net.tls_context import make_context

    with suppress(ConfigError):  # it is told where TLS is to start
        make_context(settings)


def _load_authentication() -> None:
    import smtp_shell.client.authentication  # noqa: F401
