"""Messages as programs have them: text, octets, open files and the `email` package, with the envelope that they imply."""

from __future__ import annotations

from copy import copy
from email.generator import BytesGenerator
from email.message import Message
from email.utils import getaddresses
from io import BytesIO
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FOR = ("To", "Cc", "Bcc")
_HIDDEN = ("Bcc", "Resent-Bcc")
_PIECE = 64 * 1024


def envelope_of(
    message: bytes | str | Iterable[bytes] | Message, sender: str | None, recipients: Sequence[str] | None
) -> tuple[str, Sequence[str]]:
    """Return the reverse-path and the forward-paths of a message.

    Args:
        message: The message.
        sender: The reverse-path, if the caller names one.
        recipients: The forward-paths, if the caller names them.

    Raises:
        UsageError: There is no sender or no recipient.
    """
    if isinstance(message, Message):
        if sender is None:
            found = _addresses(message, "Sender") or _addresses(message, "From")
            sender = found[0] if found else None
        if recipients is None:
            recipients = list(dict.fromkeys(each for name in _FOR for each in _addresses(message, name)))
    if sender is None:
        raise UsageError("the message has no sender: give sender=, which may be empty for the null reverse-path.")
    if isinstance(recipients, str):
        recipients = [recipients]
    if not recipients:
        raise UsageError("the message has no recipient: give recipients=[…].")
    return sender, recipients


def pieces_of(message: bytes | str | Iterable[bytes] | Message) -> Iterable[bytes]:
    """Return the octets of a message, in pieces."""
    if isinstance(message, Message):
        return _flattened(message)
    if isinstance(message, str):
        message = message.encode("utf-8", "surrogateescape")
    if isinstance(message, bytes):
        octets = message
        return (octets[start : start + _PIECE] for start in range(0, len(octets), _PIECE))
    return message


def _flattened(message: Message) -> Iterable[bytes]:
    shown = copy(message)  # `del` gives the copy a list of fields of its own
    for name in _HIDDEN:
        del shown[name]
    target = BytesIO()
    BytesGenerator(target, policy=message.policy.clone(linesep="\r\n")).flatten(shown)
    return [target.getvalue()]


def _addresses(message: Message, name: str) -> list[str]:
    return [address for _, address in getaddresses([str(each) for each in message.get_all(name, [])]) if address]
