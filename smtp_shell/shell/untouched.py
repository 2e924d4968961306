"""Files sent as messages: untouched, and what is said of line ends that were changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.registry import Args

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.maildata import MailDataEncoder
    from smtp_shell.protocol.replies import Reply

UNTOUCHED = (
    "--raw: the file goes out as it is. LF alone stays LF, no dot is doubled, and a line with a dot alone ends the message early: "
    "what follows it is taken for commands."
)
"""What is said before a file goes out untouched."""

_MENDED = "{} of the file ended with LF or CR alone, and went out with CRLF (RFC 5321 §2.3.8). --raw sends it as it is."
_LATER_DOT = re.compile(rb"(?<=\n)\.")
_DOT = re.compile(rb"(?<=\n)\.|\A\.")


def split_raw(args: Args) -> tuple[Args, bool]:
    """Return what precedes `--raw` at the end of a line, and whether it is there."""
    text = args.text.rstrip(" \t")
    before = text.removesuffix("--raw")
    is_there = before != text and before[-1:] in (" ", "\t")
    return (Args(args.name, before.rstrip(" \t")), True) if is_there else (args, False)


def mended_remark(encoder: MailDataEncoder) -> str:
    """Return how many lines of a file had other ends than CRLF, in a sentence; empty for none."""
    if not encoder.mended:
        return ""
    return _MENDED.format("1 line" if encoder.mended == 1 else f"{encoder.mended:,} lines")


def send_untouched(session: Session, pieces: Iterable[bytes]) -> Reply:
    """Send a file as mail data without a change, then the final dot if the file has not ended the message itself.

    From the first line on that begins with a dot the session reads what it sends, and finds the end.

    Args:
        session: The session, whose server waits for mail data.
        pieces: The file.

    Returns:
        The last reply to it.

    Raises:
        DialogueBroken: The connection broke.
    """
    ending, as_octets = CRLF, False
    for piece in pieces:
        if not as_octets:
            dot = (_DOT if ending.endswith(b"\n") else _LATER_DOT).search(piece)
            start = dot.start() if dot else len(piece)
            session.send_mail_data(piece[:start])
            as_octets = dot is not None
        else:
            start = 0
        if as_octets:
            session.send_raw(piece[start:])
        ending = (ending + piece)[-2:]
    if session.dialogue.standing is Phase.MAILDATA:
        before = b"" if ending == CRLF else CRLF
        if as_octets:
            session.send_raw(before + END_OF_DATA)
        else:
            session.send_mail_data(before, last=True)
    return session.read_late()
