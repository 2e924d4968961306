"""The practice server's thread: how it starts, what one asks it, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.certificate import deliver_certificate, load_certificate, pending_certificate
from smtp_shell.servers.faults import FaultPlan
from smtp_shell.servers.inbox import Inbox
from smtp_shell.servers.listening import listen, reachable_addresses
from smtp_shell.servers.mailboxes import HOSTNAME
from smtp_shell.servers.passwords import make_password, make_token
from smtp_shell.servers.practice.commands import PracticeConnection
from smtp_shell.servers.practice.settings import PracticeSettings
from smtp_shell.servers.practice.shared import SharedState
from smtp_shell.servers.practice.tapped import TappedProtocol
from smtp_shell.servers.serving import LOOPBACK_NAMES, ServerThread, abort_all, local_host, starting
from smtp_shell.temporary_folders import TemporaryFolder

if TYPE_CHECKING:
    from concurrent.futures import Future

    from smtp_shell.net.tap import Taps
    from smtp_shell.servers.certificate import ServerCertificate
    from smtp_shell.servers.watching import Watch

_LEAVE_SECONDS = 0.5  # that connections have at the end to be gone


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
        self._token = settings.token or make_token()
        self._directory: TemporaryFolder | None = None
        self._shared: SharedState | None = None
        self._thread = ServerThread("practice server")
        self._maker: threading.Thread | None = None
        self._port = settings.port

    def start(self) -> None:
        """Start to listen, and return when connections are accepted.

        A certificate that is to be made is made from then on; who begins TLS meanwhile waits for it.

        Raises:
            UsageError: The host is not loopback, or the certificate or the mailbox cannot be used, or the server runs already.
            ConnectFailed: The port is taken, or may not be used.
        """
        if self._thread.is_running:
            raise UsageError("The practice server is running already.")
        listeners = listen(self._settings.host, self._settings.port, anywhere=self._settings.anywhere)
        with starting("The practice server", listeners, self._undo):
            self._port = int(listeners[0].getsockname()[1])
            self._shared = self._open_shared()
            self._thread.start(listeners, partial(self._protocol, self._shared), self._leave)
            if self._maker is not None:
                self._maker.start()

    def stop(self) -> None:
        """Close all connections, end the thread and remove the temporary files. Does nothing when stopped already."""
        self._thread.stop()
        if self._maker is not None and self._maker.ident is not None:
            self._maker.join()  # it is done in a moment, and may have a file in the directory
        if self.watch is not None:
            self.watch.stop()
        self._maker = None
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
        return local_host(self._settings.host)

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

    @property
    def token(self) -> Secret:
        """The token that XOAUTH2 and OAUTHBEARER take in place of the password."""
        return self._token

    def is_at(self, target: Target) -> bool:
        """Return whether this is the server at a target."""
        here = {self.host} | (
            set() if self._settings.anywhere and self.host == self._settings.host else set(LOOPBACK_NAMES)
        )
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
        self._directory = TemporaryFolder("practice")
        own = Path(self._directory.name)
        inbox = Inbox(settings.maildir or own / "Maildir")
        inbox.prepare()
        certificate = pending_certificate()
        if self._taps is not None:
            certificate.add_done_callback(self._keep_keys)
        if settings.certificate is not None:
            certificate.set_result(load_certificate(settings.certificate, settings.key))
        else:
            self._maker = threading.Thread(
                target=deliver_certificate,
                args=(settings.kept, own, certificate, (*LOOPBACK_NAMES, HOSTNAME, *self.reachable)),
                name="certificate",
                daemon=True,
            )
        faults = FaultPlan(settings.faults, settings.seed)
        keys = None if self._taps is None else self._taps.keys
        return SharedState(
            settings, self._password, self._token, certificate, inbox, faults, watch=self.watch, keys=keys
        )

    def _keep_keys(self, certificate: Future[ServerCertificate]) -> None:
        """Keep the keys of the server's connections for the taps. Called before a waiting connection goes on with the certificate."""
        if self._taps is not None and certificate.exception() is None:
            with contextlib.suppress(OSError):  # without keys the capture holds the records all the same
                self._taps.keys.follow(certificate.result().context)

    def _protocol(self, shared: SharedState, loop: asyncio.AbstractEventLoop) -> asyncio.Protocol:
        connection = PracticeConnection(shared, loop)
        return connection if self._taps is None else TappedProtocol(connection, self._taps)

    async def _leave(self) -> None:
        connections = self._opened().connections
        for connection in list(connections):
            connection.say_goodbye(f"421 4.3.2 {HOSTNAME} is shutting down")
        await asyncio.sleep(0)
        await abort_all(connections, _LEAVE_SECONDS)

    def _undo(self) -> None:
        self.stop()
        self._shared = None
