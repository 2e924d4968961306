"""A capture from the wire itself: dumpcap reads the packets, and the keys of TLS are put into the file when it ends."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.errors import UsageError
from smtp_shell.export.pcapng import secrets_block, section_header
from smtp_shell.net.dumpcap import Dumpcap, capture_filter
from smtp_shell.private_files import reason_of, replacing
from smtp_shell.protocol.octets import escape_str
from smtp_shell.recording.capture import Capture, new_capture_file

if TYPE_CHECKING:
    from smtp_shell.net.target import Target

_MOST_HEADER = 64 * 1024


class LiveCapture:
    """A file that dumpcap writes through us, so that it is its owner's alone.

    Args:
        path: The file, which must not exist.
        target: The server, for the capture filter; None for any mail server.

    Attributes:
        path: The file.
        filter: The capture filter.
        taps: Collects the keys of the connections meanwhile.

    Raises:
        UsageError: The file exists or cannot be created, or dumpcap is missing or may not capture.
    """

    def __init__(self, path: Path, target: Target | None) -> None:
        self.path = path
        self.filter = capture_filter(target)
        self.taps = Capture(path, None)
        self._stream = new_capture_file(path)
        try:
            self._dumpcap = Dumpcap(self.filter, self._stream)
        except BaseException:
            self._stream.close()
            with suppress(OSError):
                path.unlink()
            raise

    def close(self) -> None:
        """Stop dumpcap, and put the keys before the packets, where Wireshark reads them first.

        Raises:
            UsageError: The disk is full, or the file has gone. What was captured stays as it is.
        """
        self._dumpcap.stop()
        self._stream.close()
        self.taps.close()
        try:
            if self._dumpcap.failed:
                raise OSError("the disk may be full")
            if self.taps.secrets:
                insert_secrets(self.path, b"".join(self.taps.secrets))
        except OSError as error:
            raise UsageError(
                f"{escape_str(str(self.path))} is not complete: {reason_of(error)}; it holds no keys."
            ) from None


def insert_secrets(path: Path, keys: bytes) -> None:
    """Put keys into a capture, after the header of its section and before all packets.

    Raises:
        OSError: It cannot be read or written, or is no pcapng file.
    """
    with replacing(path) as target, path.open("rb") as source:
        _copy_with_secrets(source, target, keys)


def _copy_with_secrets(source: BinaryIO, target: BinaryIO, keys: bytes) -> None:
    found = section_header(source.read(12))
    if found is None or not 28 <= found[0] <= _MOST_HEADER:
        raise OSError("it is no pcapng file")
    length, order = found
    source.seek(0)
    target.write(source.read(length))
    target.write(secrets_block(keys, order))
    copyfileobj(source, target)
