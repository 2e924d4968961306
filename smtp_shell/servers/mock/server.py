"""The mock server's thread: how it starts, what one asks it, and how it stops."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.servers.certificate import deliver_certificate, load_certificate, pending_certificate
from smtp_shell.servers.faults import Fault
from smtp_shell.servers.listening import listen, reachable_addresses
from smtp_shell.servers.mock.compiling import compile_script
from smtp_shell.servers.mock.connection import MockConnection
from smtp_shell.servers.mock.replies import greeting_host
from smtp_shell.servers.mock.settings import Extra, MockSettings
from smtp_shell.servers.mock.shared import MockShared
from smtp_shell.servers.serving import LOOPBACK_NAMES, ServerThread, abort_all, local_host, starting
from smtp_shell.temporary_folders import TemporaryFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from os import PathLike
    from types import TracebackType

    from smtp_shell.servers.certificate import ServerCertificate
    from smtp_shell.servers.mock.results import ServedSession
    from smtp_shell.servers.mock.script import MockScript
    from smtp_shell.servers.watching import Watch

WAIT_SECONDS: Final = 10.0
"""How long `results` waits for sessions that are not over, in seconds."""

_ABORT_SECONDS = 1.0  # that connections have at the end to be gone
_LEAVE_SECONDS = 2.0  # that a client has at the end to close its connection


class MockServer:
    """The server's side of a transcript: a context manager that serves in a thread of its own.

    ```
    with MockServer("delivery.smtp") as server:
        deliver(server.host, server.port, cafile=server.ca_file)
    assert server.ok, server.report()
    ```

    Args:
        transcript: The file, or a compiled one.
        host: The address to listen on: of this machine's loopback, unless the settings say otherwise.
        port: The port to listen on; 0 for any free one.
        faults: What to do wrong, such as `rcpt=451`.
        extra: What a command is answered with that the transcript does not have: `ok`, `421` or `close`.
        certificate: A PEM file with the server's certificate, and with its key unless that is in `key`; None to have one made.
        key: A PEM file with its private key.
        variables: Values of variables, before those of the header.
        settings: All that can be set; None for the defaults. The other arguments precede it.
        outside: Whether mail data may stand outside the transcript's folder.
        watch: Watches the connections; None where nobody does.
        on_session: Called with each session that is over, in the server's thread.

    Attributes:
        script: The compiled transcript.
        watch: As above.

    Raises:
        TranscriptError: The transcript cannot be read or served.
        UsageError: A fault cannot be read, or `extra` is none of the three.
    """

    def __init__(
        self,
        transcript: str | PathLike[str] | MockScript,
        *,
        host: str = "",
        port: int | None = None,
        faults: Iterable[Fault | str] = (),
        extra: Extra | str | None = None,
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
        variables: Mapping[str, str] | None = None,
        settings: MockSettings | None = None,
        outside: bool = False,
        watch: Watch | None = None,
        on_session: Callable[[ServedSession], None] | None = None,
    ) -> None:
        settings = settings or MockSettings()
        parsed = tuple(each if isinstance(each, Fault) else Fault.parse(each) for each in faults)
        self._settings = replace(
            settings,
            host=host or settings.host,
            port=settings.port if port is None else port,
            faults=(*settings.faults, *parsed),
            extra=settings.extra if extra is None else _extra(extra),
            certificate=settings.certificate if certificate is None else Path(certificate),
            key=settings.key if key is None else Path(key),
        )
        if isinstance(transcript, str | bytes) or hasattr(transcript, "__fspath__"):
            self.script = compile_script(
                Path(transcript), variables, keeps_data=self._settings.data_exact, outside=outside
            )
        else:
            self.script = transcript
        self.watch = watch
        self._on_session = on_session
        self._shared = self._share()
        self._port = self._settings.port
        self._directory: TemporaryFolder | None = None
        self._certificate: Future[ServerCertificate] | None = None
        self._lock = threading.Lock()
        self._thread = ServerThread("mock server")

    def start(self) -> None:
        """Start to listen, and return when connections are accepted.

        Raises:
            UsageError: The host is not loopback, or the server runs already.
            ConfigError: The certificate cannot be used.
            ConnectFailed: The port is taken, or may not be used.
        """
        if self._thread.is_running:
            raise UsageError("The mock server is running already.")
        settings = self._settings
        listeners = listen(settings.host, settings.port, anywhere=settings.anywhere, what="The mock server")
        with starting("The mock server", listeners, self.stop):
            self._port = int(listeners[0].getsockname()[1])
            shared = self._shared = self._share()
            if settings.certificate is not None or self.script.has_tls:
                self._have_certificate()
            self._thread.start(listeners, lambda loop: MockConnection(shared, loop), self._leave)

    def stop(self) -> None:
        """Close all connections, end the thread and remove the temporary files. Does nothing when stopped already."""
        self._thread.stop()
        if self._certificate is not None:
            self._certificate.exception()  # it is done in a moment, and may have a file in the directory
        if self.watch is not None:
            self.watch.stop()
        self._certificate = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> MockServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.results(seconds=_LEAVE_SECONDS)
        self.stop()

    @property
    def host(self) -> str:
        """The address or name to connect to from this machine."""
        return local_host(self._settings.host)

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        return self._port

    @property
    def url(self) -> str:
        """What a client on this machine connects to, once started."""
        first = self.script.sessions[0]
        is_lmtp = any(each.verb == "LHLO" for each in first.exchanges)
        scheme = "lmtp" if is_lmtp else "smtps" if first.tls else "smtp"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The PEM file with the certificate that clients are to trust, once started; waits until it is there.

        Raises:
            UsageError: The server is not running, or the certificate could not be written.
        """
        if not self._thread.is_running:
            raise UsageError("The mock server has not been started.")
        return self._have_certificate().result().ca_file

    @property
    def shared(self) -> MockShared:
        """What all connections share, for a driver other than the thread."""
        return self._shared

    @property
    def is_open_to_all(self) -> bool:
        """Whether it listens on more than loopback."""
        return self._settings.anywhere

    @property
    def reachable(self) -> tuple[str, ...]:
        """The addresses at which other machines reach it; none where it listens on loopback."""
        return reachable_addresses(self._settings.host) if self._settings.anywhere else ()

    @property
    def is_done(self) -> bool:
        """Whether as many sessions are over as were to be served."""
        return self._shared.done.is_set()

    @property
    def totals(self) -> tuple[int, int]:
        """How many sessions are over, and in how many of them something differed."""
        return self._shared.totals

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until as many sessions are over as were to be served. Return whether they are."""
        return self._shared.done.wait(seconds)

    def results(self, count: int | None = None, seconds: float = WAIT_SECONDS) -> tuple[ServedSession, ...]:
        """Return the sessions that are over, the oldest first, the last 1,000 of them.

        Args:
            count: How many of them to wait for; None for all that have begun.
            seconds: How long to wait for them at most. A client that keeps its connection open is waited for as long.
        """
        shared = self._shared
        return shared.results(shared.begun if count is None else count, seconds)

    @property
    def ok(self) -> bool:
        """Whether there was a client, and all clients said what is in the transcript."""
        over, differed = self.totals
        return over > 0 and differed == 0

    def report(self) -> str:
        """Return the differences, one a line, each with the file and line of what was expected."""
        return "\n".join(str(each) for session in self._shared.results(0, 0) for each in session.differences)

    def _share(self) -> MockShared:
        return MockShared(self.script, self._settings, self._have_certificate, self.watch, self._on_session)

    def _have_certificate(self) -> Future[ServerCertificate]:
        """Return the certificate, which is made when it is first needed."""
        with self._lock:
            if self._certificate is not None:
                return self._certificate
            certificate = self._certificate = pending_certificate()
        try:
            self._obtain(certificate)
        except BaseException as error:
            certificate.set_exception(error)  # `stop` waits for it
            raise
        return certificate

    def _obtain(self, certificate: Future[ServerCertificate]) -> None:
        """Load the certificate, or have it made in a thread of its own.

        Raises:
            ConfigError: It cannot be used.
            OSError: The system refused the folder for it.
            RuntimeError: The thread cannot be started.
        """
        settings = self._settings
        if settings.certificate is not None:
            certificate.set_result(load_certificate(settings.certificate, settings.key))
            return
        self._directory = TemporaryFolder("serve")
        host = next((name for each in self.script.sessions if (name := greeting_host(each.greeting))), "")
        names = (*LOOPBACK_NAMES, *((host,) if host else ()), *self.reachable)
        threading.Thread(
            target=deliver_certificate,
            args=(settings.kept, Path(self._directory.name), certificate, names),
            name="certificate",
            daemon=True,
        ).start()

    async def _leave(self) -> None:
        await abort_all(self._shared.connections, _ABORT_SECONDS)


def _extra(what: Extra | str) -> Extra:
    try:
        return what if isinstance(what, Extra) else Extra(what.lower())
    except ValueError:
        names = ", ".join(each.value for each in Extra)
        raise UsageError(
            f"There is no way to answer extra commands that is called {escape_str(str(what))}; choose one of {names}."
        ) from None
