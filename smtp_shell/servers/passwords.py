"""Made-up passwords for a server on loopback, easy to read off a screen and to type without seeing it, and where one is kept."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from smtp_shell.private_files import locked, read_private, replace_private
from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCK_SECONDS = 5.0
"""How long to wait for another process that makes what is kept."""

_LONGEST = 1000
_NUMBERS = 10_000
_WORDS = """
acorn amber apple april arrow autumn bacon badge bagel baker basil beach berry birch blanket boat bottle branch bread
bridge brook bucket butter button cabin cactus camel candle canoe carrot castle cedar cello chalk cherry cinema circle
clay cliff cloud clover coast cocoa comet copper coral cotton crane cricket crown daisy desert dolphin donkey drum
eagle easel ember engine fabric falcon feather fern fiddle field finch flute forest fossil fountain galaxy garden
garlic ginger glacier glove goose grape gravel guitar hammer harbor harvest hazel helmet heron hill honey island ivory
jacket jasmine jungle kettle kitten ladder lagoon lantern lemon lentil lilac linen lizard lobster lumber magnet mango
maple marble meadow melon mirror mitten monkey mountain mustard needle nickel novel oasis ocean olive onion orange
orchid otter oyster paddle palace panda paper parrot peach pebble pencil pepper piano pigeon pillow planet plum pocket
pony potato prairie puzzle quartz rabbit radio raven ribbon river robin rocket saddle salmon sandal scarf shell silver
sparrow spoon squirrel summer sunset table teapot tiger timber tomato trumpet tulip tunnel turtle valley velvet violet
walnut water willow window winter wizard yellow zebra
"""


def make_password() -> Secret:
    """Make up a password of two words and four digits, such as `paper-river-4821`.

    It has 27 bits of chance or more: enough where only this machine can try, and twenty errors in a row end a connection.
    """
    words = _WORDS.split()
    first, second = secrets.choice(words), secrets.choice(words)
    return Secret(f"{first}-{second}-{secrets.randbelow(_NUMBERS):04d}")


def make_token() -> Secret:
    """Make up a token for OAuth mechanisms, which nobody has to type."""
    return Secret(f"practice.{secrets.token_urlsafe(18)}")


def keep_password(folder: Path) -> Secret:
    """Return the password that is kept in a folder; make one up if there is none, or if it is broken.

    Args:
        folder: The folder, which exists.

    Raises:
        OSError: It cannot be written, or another process holds the lock.
    """
    return _keep(folder, "password", make_password)


def keep_token(folder: Path) -> Secret:
    """Return the token that is kept in a folder; make one up if there is none, or if it is broken.

    Args:
        folder: The folder, which exists.

    Raises:
        OSError: It cannot be written, or another process holds the lock.
    """
    return _keep(folder, "token", make_token)


def _keep(folder: Path, name: str, make: Callable[[], Secret]) -> Secret:
    path = folder / name
    with locked(folder / "lock", LOCK_SECONDS):
        kept = _one_line(read_private(path, _LONGEST))
        if kept is not None:
            return kept
        made = make()
        replace_private(path, f"{made.reveal()}\n".encode())
        return made


def _one_line(octets: bytes | None) -> Secret | None:
    try:
        text = (octets or b"").decode("ascii").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return None
    return Secret(text) if text and text.isprintable() and text == text.strip() else None
