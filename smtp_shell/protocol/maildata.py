"""Mail data on its way over the wire: CRLF line ends, transparency, and the end of the data."""

from smtp_shell.protocol.octets import CRLF

END_OF_DATA = b".\r\n"


class MailDataEncoder:
    """Turn the text of a message, in pieces of any size, into mail data.

    LF, CR and CRLF all end a line and go out as CRLF; a dot that begins a line is doubled, on the first line too.

    Args:
        transparent: Whether dots are doubled; BDAT needs none of that.

    Source: RFC 5321 §4.5.2
    """

    def __init__(self, *, transparent: bool = True) -> None:
        self._transparent = transparent
        self._at_line_start = True
        self._after_cr = False

    def encode(self, piece: bytes) -> bytes:
        """Encode the next piece; line ends may be cut between pieces."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if not piece:
            return b""
        self._after_cr = piece.endswith(b"\r")
        lines = piece if b"\r" not in piece else piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not self._transparent:
            return lines.replace(b"\n", CRLF)
        stuffed = lines.replace(b"\n.", b"\n..")
        if self._at_line_start and stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_line_start = stuffed.endswith(b"\n")
        return stuffed.replace(b"\n", CRLF)

    def end(self) -> bytes:
        """Give what ends the mail data: the final dot, behind a CRLF if the last line lacks one."""
        return END_OF_DATA if self._at_line_start else CRLF + END_OF_DATA


class MailDataDecoder:
    """Undo transparency over mail data in pieces, and notice its end.

    Source: RFC 5321 §4.5.2
    """

    def __init__(self) -> None:
        self._held = b"\r\n"
        self._first = True

    def decode(self, piece: bytes) -> bytes:
        """Decode the next piece, the final dot excepted: that is never passed in."""
        octets = self._held + piece
        keep = _cut_before_line_start(octets)
        self._held = octets[keep:]
        ready = octets[:keep].replace(b"\r\n.", b"\r\n")
        return self._without_start(ready)

    def end(self) -> bytes:
        """Give what was held back."""
        ready, self._held = self._held.replace(b"\r\n.", b"\r\n"), b""
        return self._without_start(ready)

    def _without_start(self, ready: bytes) -> bytes:
        if not self._first or not ready:
            return ready
        self._first = False
        return ready[2:]


def _cut_before_line_start(octets: bytes) -> int:
    """Find where to cut so that no CRLF is parted from the octet behind it."""
    if octets.endswith(b"\r\n"):
        return len(octets) - 2
    return len(octets) - 1 if octets.endswith(b"\r") else len(octets)
