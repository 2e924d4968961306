"""A replay: one transcript with its settings, checked and then run once. What callers hold."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.errors import Fault, UsageError
from smtp_shell.net.tls_check import check_tls
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.driver import Driver
from smtp_shell.replay.plan import ReplayPlan, plan, planned_steps
from smtp_shell.replay.targets import find_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from smtp_shell.client.session import Session
    from smtp_shell.config import Place
    from smtp_shell.replay.results import ReplayResult, StepConsumer
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.transcript.credentials import CredentialMask
    from smtp_shell.transcript.step import Step


class Replay:
    """One transcript, replayed once.

    Args:
        path: The transcript.
        settings: How to replay it.

    Attributes:
        path: The transcript.
        name: Its name, escaped.
        settings: How it is replayed; may be changed before `run`.
        session: The connection while it is open. After a hand-over it stays open.
    """

    def __init__(self, path: Path, settings: ReplaySettings) -> None:
        self.path = path
        self.name = escape_str(str(path))
        self.settings = settings
        self.session: Session | None = None
        self._plan: ReplayPlan | None = None
        self._driver: Driver | None = None
        self._interrupted = False

    def check(self, *, keep: bool = True) -> ReplayPlan:
        """Check that the whole transcript can be replayed; nothing is sent.

        Args:
            keep: Whether the steps of a short transcript are kept, and not read again.

        Raises:
            TranscriptError: It cannot; with its faults and their lines.
            UsageError: There is no server to replay it against, a variable cannot be one, or credentials stand in it.
            NotSendable: The value of a variable would not stay inside one line.
            ConfigError: A file, version or cipher of the TLS settings cannot be used.
        """
        if self._plan is None:
            check_tls(self.settings.tls_settings)
            checked = plan(self.path, self.settings.variables, outside=self.settings.outside, keep=keep)
            find_target(self.name, self.settings, checked.address, tls=checked.tls)
            if checked.credentials is not None:
                checked = with_credentials(
                    self.name,
                    checked,
                    checked.credentials,
                    send=self.settings.send_secrets,
                    place=self.settings.tls_settings.place,
                )
            self._plan = checked
        return self._plan

    def again(self) -> Replay:
        """Return a replay of the same transcript for one more run; it is not checked again."""
        another = Replay(self.path, self.settings)
        another._plan = self._plan
        return another

    def interrupt(self) -> None:
        """Make `run` end soon. Safe to call from any thread."""
        self._interrupted = True
        if self._driver is not None:
            self._driver.interrupt()

    def run(self, *consumers: StepConsumer) -> ReplayResult:
        """Replay it.

        Args:
            consumers: Called with each step's result, before the next wait.

        Raises:
            TranscriptError: It cannot be replayed; nothing was sent.
            UsageError: There is no server to replay it against, or a variable cannot be one; nothing was sent.
            NotSendable: The value of a variable would not stay inside one line; nothing was sent.
            ConfigError: A file, version or cipher of the TLS settings cannot be used; nothing was sent.
        """
        checked = self.check()
        with _steps_of(checked, self.path, outside=self.settings.outside) as steps:
            self._driver = driver = Driver(self.path, self.settings, checked, steps, consumers)
            if self._interrupted:
                driver.interrupt()
            result = driver.run()
        self.session = driver.session if result.handed_over else None
        return result


def with_credentials(name: str, checked: ReplayPlan, found: CredentialMask, *, send: bool, place: Place) -> ReplayPlan:
    """Return the plan of a transcript in which credentials stand, with a warning where its header does not say so.

    Raises:
        UsageError: The header does not say so, and the user has not asked to send them.
    """
    from smtp_shell.transcript.credentials import are_hidden, where_they_stand

    if not are_hidden(checked.header):
        return checked
    where = where_they_stand(found)
    option = place.option("send-secrets")
    if not send:
        them, instead = ("it", "its place") if found.count == 1 else ("them", "their place")
        give = f"Give {option} to send {them} as written, or write" if option else "Write"
        raise UsageError(
            f"{name}: {where}, and the header does not say `Secrets: included`; nothing was sent. "
            f"{give} ${{sasl}} in {instead}."
        )
    warning = Fault(found.lines[0], f"{where}, sent as written: {option}")
    return replace(checked, warnings=(*checked.warnings, warning))


@contextmanager
def _steps_of(checked: ReplayPlan, path: Path, *, outside: bool) -> Iterator[Iterable[Step]]:
    with planned_steps(checked, path, outside=outside) as steps:
        if checked.credentials is None:
            yield steps
            return
        from smtp_shell.transcript.credentials import with_echo_masked

        yield with_echo_masked(steps, checked.defaults)
