"""The relay's thread: how it starts, what one asks it, and how it stops."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import UsageError
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import Target, Way, parse_target
from smtp_shell.net.tls_context import make_context
from smtp_shell.servers.certificate import deliver_certificate, load_certificate, pending_certificate
from smtp_shell.servers.keeping import Keeper
from smtp_shell.servers.listening import is_loopback, listen, reachable_addresses
from smtp_shell.servers.relay.connection import Relayed
from smtp_shell.servers.relay.shared import Shared
from smtp_shell.servers.serving import LOOPBACK_NAMES, ServerThread, abort_all, local_host, starting
from smtp_shell.servers.watching import Watch
from smtp_shell.temporary_folders import TemporaryFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

IDLE_SECONDS = 600.0
"""How long nothing may pass: the reply to the final dot may take as long (RFC 5321 section 4.5.3.2.6)."""

CONNECTION_LIMIT = 50

_LEAVE_SECONDS = 1.0  # that connections have at the end to be gone
_THREADS = 16


class RelayServer:
    """A server between a client and a server: a context manager that runs in a thread of its own.

    Args:
        target: The server: a URL, HOST[:PORT], or a parsed target.
        host: The address to listen on: of this machine's loopback, unless `anywhere`.
        port: The port to listen on; 0 for any free one.
        anywhere: Whether `host` may be any address of this machine, as the user has confirmed.
        implicit_tls: Whether TLS with the clients begins with the first octet. Otherwise it begins with STARTTLS.
        tls: How to do TLS with the server; None to verify its certificate, with TLS 1.2 at least.
        keep: The folder for the transcripts, one for each dialogue; None to write none.
        shows: Whether a screen takes what is in `watch.news`.
        certificate: A PEM file with the certificate for the clients; None to have one made.
        key: A PEM file with its private key; None when it is in the file of the certificate.
        kept: A folder of this user in which a certificate that is made is kept; None to make one for this run.
        timeouts: Of the connection to the server and of the handshakes; None for the defaults.
        idle: Seconds without an octet in either direction after which both sides are closed.
        connection: How the connection to the server is opened.
        on_failure: Called with a sentence when a transcript cannot be written; None to say nothing.

    Attributes:
        target: The server, parsed.
        watch: Watches the dialogues; None where nobody does.

    Raises:
        UsageError: The target is none, or the folder for the transcripts cannot be used.
    """

    def __init__(
        self,
        target: Target | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        anywhere: bool = False,
        implicit_tls: bool = False,
        tls: TlsSettings | None = None,
        keep: Path | str | None = None,
        shows: bool = False,
        certificate: Path | None = None,
        key: Path | None = None,
        kept: Path | None = None,
        timeouts: Timeouts | None = None,
        idle: float = IDLE_SECONDS,
        connection: ConnectSettings | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        self.target = parse_target(target) if isinstance(target, str) else target
        self._keeper: Keeper | None = None
        if keep is not None:
            self._keeper = Keeper(
                Path(keep), "relay", f"between a client and {self.target}, relayed", on_failure or (lambda _: None)
            )
        self.watch = Watch(keep=self._keeper, shows=shows) if shows or keep is not None else None
        self._host, self._port, self._anywhere = host, port, anywhere
        self._implicit_tls = implicit_tls
        self._tls, self._timeouts, self._idle = tls or TlsSettings(), timeouts or Timeouts(), idle
        self._files, self._kept = (certificate, key), kept
        self._connection = connection or ConnectSettings()
        self._shared: Shared | None = None
        self._directory: TemporaryFolder | None = None
        self._thread = ServerThread("relay")

    def start(self) -> None:
        """Start to listen, and return when connections are accepted.

        A certificate that is to be made is made from then on; who begins TLS meanwhile waits for it.

        Raises:
            UsageError: The host is not loopback, a file cannot be used, the target is the relay itself, or it runs already.
            ConfigError: A file, version or cipher of the TLS settings, or the certificate, cannot be used.
            ConnectFailed: The port is taken, or may not be used.
        """
        if self._thread.is_running:
            raise UsageError("The relay is running already.")
        listeners = listen(self._host, self._port, anywhere=self._anywhere, what="The relay")
        with starting("The relay", listeners, self.stop):
            self._port = int(listeners[0].getsockname()[1])
            if self.target.way is Way.TCP and self.target.port == self._port and is_loopback(self.target.host):
                raise UsageError(
                    f"The relay would connect to itself: {self.target} is where it listens; choose another port."
                )
            shared = self._shared = self._open_shared()
            self._thread.start(listeners, lambda loop: Relayed(shared, loop).client, self._leave)

    def stop(self) -> None:
        """Close all connections, end the thread and remove the temporary files. Does nothing when stopped already."""
        self._thread.stop()
        if self._shared is not None:
            self._shared.executor.shutdown(wait=True)
        if self.watch is not None:
            self.watch.stop()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> RelayServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The address or name to connect to from this machine."""
        return local_host(self._host)

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        return self._port

    @property
    def url(self) -> str:
        """What a client on this machine connects to, once started."""
        scheme = "lmtp" if self.target.lmtp else "smtps" if self._implicit_tls else "smtp"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The PEM file with the certificate that clients are to trust, once started; waits until it is there.

        Raises:
            UsageError: The relay has never been started, or the certificate could not be written.
        """
        if self._shared is None:
            raise UsageError("The relay has not been started.")
        return self._shared.certificate.result().ca_file

    @property
    def is_open_to_all(self) -> bool:
        """Whether it listens on more than loopback."""
        return self._anywhere

    @property
    def reachable(self) -> tuple[str, ...]:
        """The addresses at which other machines reach it; none where it listens on loopback."""
        return reachable_addresses(self._host) if self._anywhere else ()

    def recordings(self) -> Sequence[Path]:
        """Return the transcripts that were made, the oldest first. One is complete when its dialogue has ended."""
        if self.watch is not None:
            self.watch.sessions()  # waits until what has passed is written
        return tuple(self._keeper.paths) if self._keeper is not None else ()

    def _open_shared(self) -> Shared:
        tls = self._tls
        make_context(tls)  # what cannot be used is reported now, and reading the system's authorities takes 20 ms
        self._directory = TemporaryFolder("relay")
        executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="relay")
        certificate = pending_certificate()
        shared = Shared(
            self.target,
            tls,
            certificate,
            self._timeouts,
            self._idle,
            CONNECTION_LIMIT,
            executor,
            implicit_tls=self._implicit_tls,
            connection=self._connection,
            watch=self.watch,
        )
        file, key = self._files
        if file is not None:
            certificate.set_result(load_certificate(file, key))
        else:
            executor.submit(deliver_certificate, self._kept, Path(self._directory.name), certificate, self._names)
        return shared

    @property
    def _names(self) -> tuple[str, ...]:
        """The names of the certificate: a client may still call the relay by the name of the server."""
        server = (self.target.name,) if self.target.way is Way.TCP and self.target.name not in LOOPBACK_NAMES else ()
        return (*LOOPBACK_NAMES, *server, *self.reachable)

    async def _leave(self) -> None:
        if self._shared is not None:
            await abort_all(self._shared.connections, _LEAVE_SECONDS)
