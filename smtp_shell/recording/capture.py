"""A capture: a pcapng file with the octets of live connections as they went over the wire, and the keys of their TLS.

The octets are real, and so are addresses, ports and times. The headers around them are made up: to read those from the wire takes the
rights of an administrator. A file that is cut off at any octet is whole up to its last block.

A tap only notes what went over the wire. Packets are made and written before the next wait for the server, which hides the work, and by a
thread where no such wait comes: at a prompt, and in a server. Written at once they cost a plain message 14 % of its time. The row
`capture` of the benchmark allows 5 %.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from smtp_shell import __version__
from smtp_shell.errors import UsageError
from smtp_shell.export.packets import Endpoint, Packet, TcpConversation
from smtp_shell.export.pcapng import file_start, packet_block, secrets_block
from smtp_shell.net.key_log import CLIENT_RANDOM
from smtp_shell.net.session_keys import SessionKeys, are_complete
from smtp_shell.net.tap import Place
from smtp_shell.private_files import open_started, reason_of
from smtp_shell.protocol.octets import escape_str

COMMENT: Final = (
    "Captured by smtp-shell in the program itself: octets, times, addresses and ports are real, TLS records as they went over the wire. "
    "Ethernet, IP and TCP headers are made up. The keys of TLS are in this file: whoever has it reads all that was said, passwords too."
)
WARNING: Final = "whoever has this file can decrypt the connections in it, passwords included"

if TYPE_CHECKING:
    _Noted = tuple[float, "_ConnectionTap", "_What", bytes]

_MIDDLE = "the capture begins in the middle of this connection"
_CLIENT_HELLO = b"\x16\x03"
_MOST_NOTED = 256 * 1024  # octets that are noted and not written
_FLUSH_SECONDS = 0.1
_MOST_HELD = 256 * 1024  # octets of a handshake that wait for its keys


class _What(Enum):
    """What happened on a connection."""

    OPENED = auto()
    JOINED = auto()  # after octets had gone over it
    SENT = auto()
    RECEIVED = auto()
    CLIENT_ENDED = auto()
    SERVER_ENDED = auto()
    CLIENT_RESET = auto()
    SERVER_RESET = auto()


def new_capture_file(path: Path, start: bytes = b"") -> BinaryIO:
    """Create the file of a capture, for its owner only. What is there already is never replaced: a capture cannot be made again.

    Args:
        path: The file.
        start: What it begins with. Without room for that it is not created.

    Raises:
        UsageError: There is a file of that name already, or it cannot be created.
    """
    shown = escape_str(str(path))
    try:
        return open_started(path, start)
    except FileExistsError:
        raise UsageError(f"{shown} is there already and is left as it is; choose another name.") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be created: {reason_of(error)}; choose another place.") from None
    except ValueError:
        raise UsageError(f"{shown} is no file name; choose another.") from None


class Capture:
    """A capture file, and the taps that write to it. Made with `create`. Usable from several threads.

    It never raises: if the file cannot be written to, it reports that once and stops.

    Args:
        path: The file's path.
        stream: The file, just created; None to collect keys only.
        on_failure: Called with a sentence when the capture fails.

    Attributes:
        path: The file's path.
        keys: Where the connections' keys come from.
        secrets: Lines of a key log: the keys of all connections so far, where there is no file.
        connections: How many connections were captured.
    """

    def __init__(self, path: Path, stream: BinaryIO | None, *, on_failure: Callable[[str], None] | None = None) -> None:
        self.path = path
        self.keys = SessionKeys()
        self.secrets: list[bytes] = []
        self.connections = 0
        self._stream = stream
        self._on_failure = on_failure
        self._lock = threading.RLock()
        self._open: set[_ConnectionTap] = set()
        self._now = 0.0
        self._noted: deque[_Noted] = deque()
        self._noted_size = 0
        self._closing = threading.Event()
        threading.Thread(target=self._flush_now_and_then, name="capture", daemon=True).start()

    @classmethod
    def create(cls, path: Path, *, on_failure: Callable[[str], None] | None = None) -> Capture:
        """Create the file, readable by its owner only, and write its first blocks.

        Args:
            path: The file's path.
            on_failure: As for the class.

        Raises:
            UsageError: There is a file of that name already, or it cannot be written to.
        """
        start = file_start(f"smtp-shell {__version__}", COMMENT, "smtp-shell")
        return cls(path, new_capture_file(path, start), on_failure=on_failure)

    def begin(self, client: Place, server: Place, *, opened: bool) -> _ConnectionTap:
        """Return the tap for a connection.

        Args:
            client: The client's end.
            server: The server's end. Where an end has no address, as that of a pipe, both get one of the documentation range.
            opened: Whether nothing has gone over the connection yet.
        """
        with self._lock:
            self.connections += 1
            tap = _ConnectionTap(self, _conversation(client, server, self.connections))
            self._open.add(tap)
        self.note(tap, _What.OPENED if opened else _What.JOINED)
        return tap

    def flush(self) -> None:
        """Write what has been noted."""
        blocks: list[bytes] = []
        with self._lock:
            while self._noted:
                at, tap, what, octets = self._noted.popleft()
                self._now = max(self._now, at)  # time never runs back in a capture
                blocks += tap.blocks(self._now, what, octets)
            self._noted_size = 0
            self._write(b"".join(blocks))

    def close(self) -> None:
        """Write what is held back, close the file, and forget the keys. Closing twice does nothing."""
        self._closing.set()
        self.flush()
        with self._lock:
            for tap in self._open:
                self._write(b"".join(tap.release()))
            self._open.clear()
            stream, self._stream = self._stream, None
            if stream is not None:
                try:
                    stream.close()
                except OSError as error:
                    self._fail(error)
        self.keys.close()

    # For the taps

    def note(self, tap: _ConnectionTap, what: _What, octets: bytes = b"") -> None:
        """Note what happened on a connection, and when."""
        self._noted.append((time.time(), tap, what, octets))
        self._noted_size += len(octets)
        if self._noted_size > _MOST_NOTED:
            self.flush()

    def add_secrets(self, keys: bytes) -> Iterator[bytes]:
        """Yield the block for keys. Where there is no file, keep them."""
        if keys and self._stream is None:
            self.secrets.append(keys)
        elif keys:
            yield secrets_block(keys)

    def forget(self, tap: _ConnectionTap) -> None:
        """Note that a connection has ended."""
        self._open.discard(tap)

    def _flush_now_and_then(self) -> None:
        while not self._closing.wait(_FLUSH_SECONDS):
            self.flush()

    def _write(self, blocks: bytes) -> None:
        if self._stream is None or not blocks:
            return
        try:
            self._stream.write(blocks)
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        stream, self._stream = self._stream, None
        with suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
        reason = reason_of(error) if isinstance(error, OSError) else escape_str(str(error)).rstrip(".")
        if self._on_failure is not None:
            self._on_failure(
                f"the capture {escape_str(str(self.path))} has stopped: {reason}; what follows is not captured."
            )


class _ConnectionTap:
    """A `net.tap.Tap` whose octets become packets. Those of a TLS handshake wait until its keys are known, which must precede them."""

    def __init__(self, capture: Capture, tcp: TcpConversation) -> None:
        self._capture = capture
        self._tcp = tcp
        self._comment = ""
        self._held: list[bytes] = []
        self._held_size = 0
        self._hello = bytearray()  # the start of the ClientHello
        self._holds = False
        self._had_tls = False

    def sent(self, octets: bytes) -> None:
        self._capture.note(self, _What.SENT, octets)

    def received(self, octets: bytes) -> None:
        self._capture.note(self, _What.RECEIVED, octets)

    def ended(self, *, by_client: bool, reset: bool = False) -> None:
        ends = (_What.SERVER_RESET, _What.CLIENT_RESET) if reset else (_What.SERVER_ENDED, _What.CLIENT_ENDED)
        self._capture.note(self, ends[by_client])

    def flush(self) -> None:
        self._capture.flush()

    def blocks(self, at: float, what: _What, octets: bytes) -> Iterator[bytes]:
        """Yield the blocks for what happened, and with them those that waited for keys which are known now."""
        if what is _What.JOINED:
            self._comment = _MIDDLE
            return
        if what is _What.SENT:
            self._look_for_hello(octets)
        for packet in self._packets(at, what, octets):
            block = packet_block(packet.at, packet.octets, self._comment)
            self._comment = ""
            if self._holds:
                self._held.append(block)
            else:
                yield block
        if self._holds:
            self._held_size += len(octets)
            if self._tcp.has_ended or self._held_size > _MOST_HELD or are_complete(self._keys()):
                yield from self.release()
        if self._tcp.has_ended:
            self._capture.forget(self)

    def release(self) -> Iterator[bytes]:
        """Yield what is held back, after the keys that are known."""
        if self._holds:
            self._holds = False
            yield from self._capture.add_secrets(self._keys())
            yield from self._held
            self._held.clear()

    def _packets(self, at: float, what: _What, octets: bytes) -> Iterator[Packet]:
        match what:
            case _What.SENT | _What.RECEIVED:
                return self._tcp.send(octets, at, from_client=what is _What.SENT)
            case _What.CLIENT_ENDED | _What.SERVER_ENDED:
                return self._tcp.end(at, from_client=what is _What.CLIENT_ENDED)
            case _What.CLIENT_RESET | _What.SERVER_RESET:
                return self._tcp.reset(at, from_client=what is _What.CLIENT_RESET)
            case _:
                return self._tcp.open(at)

    def _look_for_hello(self, octets: bytes) -> None:
        if not self._had_tls and octets.startswith(_CLIENT_HELLO):
            self._had_tls = self._holds = True
        if self._holds and len(self._hello) < CLIENT_RANDOM.stop:
            self._hello += octets[: CLIENT_RANDOM.stop]

    def _keys(self) -> bytes:
        client_random = bytes(self._hello[CLIENT_RANDOM])
        return self._capture.keys.find(client_random) if len(client_random) == 32 else b""


def _conversation(client: Place, server: Place, number: int) -> TcpConversation:
    with suppress(ValueError):
        if client is not None and server is not None:
            ends = Endpoint.of(*client), Endpoint.of(*server)
            if len(ends[0].address) == len(ends[1].address):
                return TcpConversation(*ends, number)
    return TcpConversation(Endpoint.of("198.51.100.7", 49_152 + number), Endpoint.of("192.0.2.25", 25), number)
