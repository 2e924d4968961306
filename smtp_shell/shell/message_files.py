"""Files with messages: `data < FILE`, `bdat < FILE` and `mail ADDRESS < FILE`."""

from __future__ import annotations

import re
import stat
from os import fstat
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.announcements import size_limit
from smtp_shell.protocol.maildata import PIECE, measure
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.written_paths import parameters_of
from smtp_shell.shell.registry import Args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.protocol.dialogue import Dialogue
    from smtp_shell.protocol.maildata import Measure

_AT_THE_END = re.compile(r"(?:^|[ \t])<[^<>]+$")


def split_file(text: str) -> tuple[str, str]:
    """Return what stands before a `< FILE` at the end of a line, and that with its `<`; empty where there is none.

    Args:
        text: What follows the name of a shorthand.
    """
    found = _AT_THE_END.search(text)
    return (text, "") if found is None else (text[: found.start()].rstrip(), text[found.start() :].strip())


def open_message(args: Args) -> BinaryIO:
    """Open the file that a shorthand names.

    Args:
        args: Its name, and `< FILE`.

    Raises:
        UsageError: No file is named, or it cannot be opened; nothing was sent.
    """
    name = Args(f"{args.name} <", args.text.removeprefix("<").strip()).one("file")
    path = user_path(name)
    shown = escape_str(str(path))
    try:
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name holds NUL"
        raise UsageError(f"{shown} cannot be read: {reason}; nothing was sent.") from None
    try:
        if is_device(stream):
            raise UsageError(f"{shown} is a device and no file; nothing was sent.")
    except BaseException:
        stream.close()
        raise
    return stream


def is_device(source: BinaryIO) -> bool:
    """Return whether a file is a device that nobody types at: such a one may have no end."""
    mode = fstat(source.fileno()).st_mode
    return stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not source.isatty())


def read_pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a file in pieces.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        while piece := stream.read(PIECE):
            yield piece
    except (OSError, MemoryError) as error:
        raise UsageError(f"the file cannot be read: {reason_of(error)}.") from None


def measure_file(stream: BinaryIO) -> Measure | None:
    """Measure a message in a file, and go back to its start; None for what can be read only once, such as a pipe.

    Raises:
        UsageError: It cannot be read.
    """
    if not stat.S_ISREG(fstat(stream.fileno()).st_mode):
        return None
    found = measure(read_pieces(stream))
    stream.seek(0)
    return found


def size_parameters(stream: BinaryIO, dialogue: Dialogue, typed: str) -> list[str]:
    """Return the parameters of MAIL that a message asks for: its size, and the kind of its octets.

    Only those are returned that the server has announced, and that were not typed.

    Args:
        stream: The file.
        dialogue: The state of the dialogue.
        typed: The line as it was typed.

    Raises:
        UsageError: The file cannot be read.

    Source: RFC 1870 section 6.1, RFC 6152 section 3
    """
    found, extensions, upper = measure_file(stream), dialogue.extensions, typed.upper()
    if found is None or extensions is None:
        return []
    wanted = []
    if "SIZE" in extensions and " SIZE=" not in upper:
        wanted.append(f"SIZE={found.size}")
    needed = {"8BITMIME": "8BITMIME", "BINARYMIME": "BINARYMIME"}.get(found.body)
    if needed is not None and needed in extensions and " BODY=" not in upper:
        wanted.append(f"BODY={found.body}")
    return wanted


def advice_before(stream: BinaryIO, dialogue: Dialogue) -> str:
    """Return what is to be said before a file is sent: that it is larger than was announced or declared; empty for nothing.

    Args:
        stream: The file.
        dialogue: The state of the dialogue.

    Raises:
        UsageError: The file cannot be read.

    Source: RFC 1870 sections 6.1 and 6.3
    """
    limit = size_limit(dialogue.extensions)
    declared = parameters_of(dialogue.mail).get("SIZE", b"")
    promised = int(declared) if declared.isdigit() and len(declared) <= 20 else 0
    # Each octet takes one or two over the wire: of most files that is enough to know, and they are read once.
    most = 2 * fstat(stream.fileno()).st_size + 2
    if not any(0 < bound < most for bound in (limit, promised)) or (found := measure_file(stream)) is None:
        return ""
    if limit and found.size > limit:
        return (
            f"The file has {found.size:,} octets as it goes over the wire, more than the {limit:,} that the server announced; "
            "it is sent all the same."
        )
    if promised and found.size > promised:
        return f"The file has {found.size:,} octets as it goes over the wire, more than the {promised:,} that MAIL declared with SIZE."
    return ""


def is_binary(dialogue: Dialogue) -> bool:
    """Return whether MAIL declared a body whose line ends are to stay as they are.

    Source: RFC 3030 section 3
    """
    return parameters_of(dialogue.mail).get("BODY", b"").upper() == b"BINARYMIME"
