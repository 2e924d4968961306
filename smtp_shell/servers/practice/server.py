"""The practice server's thread: how it starts, what one asks it, and how it stops."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectFailed, SmtpShellError, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.certificate import ServerCertificate, keep_certificate, load_certificate, make_certificate
from smtp_shell.servers.faults import FaultPlan
from smtp_shell.servers.inbox import Inbox
from smtp_shell.servers.listening import listen, reachable_addresses
from smtp_shell.servers.mailboxes import HOSTNAME
from smtp_shell.servers.passwords import make_password
from smtp_shell.servers.practice.commands import PracticeConnection
from smtp_shell.servers.practice.settings import PracticeSettings
from smtp_shell.servers.practice.shared import SharedState
from smtp_shell.servers.practice.tapped import TappedProtocol

if TYPE_CHECKING:
    from smtp_shell.net.tap import Taps

if TYPE_CHECKING:
    from smtp_shell.servers.watching import Watch

START_LIMIT = 10.0
_OF_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_NAMES = ("localhost", "127.0.0.1", "::1", HOSTNAME)


class PracticeServer:
    """A mail server of one's own, on loopback, in a thread of its own.

    Args:
        settings: How it is to be.
        watch: Watches its connections; None where nobody does.
        taps: Gets the octets of each connection as they go over the wire, and the keys of TLS; None for nobody.

    Attributes:
        watch: As above.
    """

    hostname = HOSTNAME

    def __init__(self, settings: PracticeSettings, watch: Watch | None = None, taps: Taps | None = None) -> None:
        self._settings = settings
        self.watch = watch
        self._taps = taps
        self._password = settings.password or make_password()
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._shared: SharedState | None = None
        self._thread: threading.Thread | None = None
        self._maker: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._port = settings.port

    def start(self) -> None:
        """Start to listen, and return when connections are accepted.

        A certificate that is to be made is made from then on; who begins TLS meanwhile waits for it.

        Raises:
            UsageError: The host is not loopback, or the certificate or the mailbox cannot be used, or the server runs already.
            ConnectFailed: The port is taken, or may not be used.
        """
        if self._thread is not None:
            raise UsageError("The practice server is running already.")
        listeners = listen(self._settings.host, self._settings.port, anywhere=self._settings.anywhere)
        try:
            self._port = int(listeners[0].getsockname()[1])
            self._shared = self._open_shared()
            ready: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._thread = threading.Thread(
                target=self._run, args=(self._shared, listeners, ready), name="practice server", daemon=True
            )
            self._thread.start()
            ready.result(START_LIMIT)
            if self._maker is not None:
                self._maker.start()
        except BaseException as error:
            for listener in listeners:
                listener.close()
            self.stop()
            self._shared = None
            if isinstance(error, (OSError, RuntimeError, TimeoutError)) and not isinstance(error, SmtpShellError):
                raise ConnectFailed(f"The practice server could not start: {escape_str(str(error))}.") from None
            raise

    def stop(self) -> None:
        """Close all connections, end the thread and remove the temporary files. Does nothing when stopped already."""
        if self._loop is not None and self._ended is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop has closed in between
                self._loop.call_soon_threadsafe(self._ended.set)
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join(START_LIMIT)
        if self._maker is not None and self._maker.ident is not None:
            self._maker.join()  # it is done in a moment, and may have a file in the directory
        if self.watch is not None:
            self.watch.stop()
        self._thread = self._maker = self._loop = self._ended = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> PracticeServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The address or name to connect to from this machine."""
        return _OF_ALL.get(self._settings.host, self._settings.host)

    @property
    def is_open_to_all(self) -> bool:
        """Whether it listens on more than loopback."""
        return self._settings.anywhere

    @property
    def offers_auth_in_clear(self) -> bool:
        """Whether AUTH is offered without TLS."""
        return self._settings.auth_before_tls

    @property
    def reachable(self) -> tuple[str, ...]:
        """The addresses at which other machines reach it; none where it listens on loopback."""
        return reachable_addresses(self._settings.host) if self._settings.anywhere else ()

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        return self._port

    @property
    def user(self) -> str:
        """Who may authenticate."""
        return self._settings.user

    @property
    def password(self) -> Secret:
        """With which password."""
        return self._password

    def is_at(self, target: Target) -> bool:
        """Return whether this is the server at a target."""
        here = {self.host} | (set() if self._settings.anywhere and self.host == self._settings.host else _LOOPBACK)
        return target.way is Way.TCP and target.port == self.port and target.host.lower() in here

    @property
    def shown_password(self) -> str:
        """The password as it is shown on the screen. It is no secret unless the user gave it."""
        return self._settings.password_shown or escape_str(self._password.reveal())

    @property
    def ca_file(self) -> Path:
        """The PEM file with the certificate to trust, once started; waits until it is there.

        Raises:
            UsageError: The server has never been started, or the certificate could not be written.
        """
        return self._opened().certificate.result().ca_file

    @property
    def maildir(self) -> Path:
        """The mailbox's directory, once started.

        Raises:
            UsageError: The server has never been started.
        """
        return self._opened().inbox.path

    @property
    def inbox(self) -> Inbox:
        """The mailbox, once started.

        Raises:
            UsageError: The server has never been started.
        """
        return self._opened().inbox

    def _opened(self) -> SharedState:
        if self._shared is None:
            raise UsageError("The practice server has not been started.")
        return self._shared

    def _open_shared(self) -> SharedState:
        settings = self._settings
        self._directory = tempfile.TemporaryDirectory(prefix="smtp-shell-practice-", ignore_cleanup_errors=True)
        own = Path(self._directory.name)
        inbox = Inbox(settings.maildir or own / "Maildir")
        inbox.prepare()
        certificate: concurrent.futures.Future[ServerCertificate] = concurrent.futures.Future()
        if self._taps is not None:
            certificate.add_done_callback(self._keep_keys)
        certificate.set_running_or_notify_cancel()  # a connection that ends while it waits must not cancel it for all
        if settings.certificate is not None:
            certificate.set_result(load_certificate(settings.certificate, settings.key))
        else:
            self._maker = threading.Thread(
                target=_make_certificate,
                args=(settings.kept, own, certificate, (*_NAMES, *self.reachable)),
                name="certificate",
                daemon=True,
            )
        faults = FaultPlan(settings.faults, settings.seed)
        return SharedState(settings, self._password, certificate, inbox, faults, watch=self.watch)

    def _keep_keys(self, certificate: concurrent.futures.Future[ServerCertificate]) -> None:
        """Keep the keys of the server's connections for the taps. Called before a waiting connection goes on with the certificate."""
        if self._taps is not None and certificate.exception() is None:
            with contextlib.suppress(OSError):  # without keys the capture holds the records all the same
                self._taps.keys.follow(certificate.result().context)

    def _protocol(self, shared: SharedState, loop: asyncio.AbstractEventLoop) -> asyncio.Protocol:
        connection = PracticeConnection(shared, loop)
        return connection if self._taps is None else TappedProtocol(connection, self._taps)

    def _run(self, shared: SharedState, listeners: list[socket.socket], ready: concurrent.futures.Future[None]) -> None:
        try:
            asyncio.run(self._serve(shared, listeners, ready))
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)

    async def _serve(
        self, shared: SharedState, listeners: list[socket.socket], ready: concurrent.futures.Future[None]
    ) -> None:
        loop = asyncio.get_running_loop()
        # What goes wrong on one connection ends that connection; the default would print a traceback.
        loop.set_exception_handler(lambda _loop, _context: None)
        ended = asyncio.Event()
        self._loop, self._ended = loop, ended
        servers = [
            await loop.create_server(lambda: self._protocol(shared, loop), sock=listener) for listener in listeners
        ]
        ready.set_result(None)
        await ended.wait()
        for server in servers:
            server.close()
        await _close_all(shared)


def _make_certificate(
    kept: Path | None, own: Path, certificate: concurrent.futures.Future[ServerCertificate], names: tuple[str, ...]
) -> None:
    try:
        if kept is not None:
            with contextlib.suppress(OSError):
                certificate.set_result(keep_certificate(kept, *names))
                return
        certificate.set_result(make_certificate(own, *names))
    except BaseException as error:
        certificate.set_exception(error)


async def _close_all(shared: SharedState) -> None:
    for connection in list(shared.connections):
        connection.say_goodbye(f"421 4.3.2 {HOSTNAME} is shutting down")
    await asyncio.sleep(0)
    for connection in list(shared.connections):
        connection.abort()
    for _ in range(100):
        if not shared.connections:
            return
        await asyncio.sleep(0.005)
