"""How somebody was authenticated, for `/status`: never with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.client.session import Session


class Login(Struct, frozen=True):
    """How somebody was authenticated.

    Args:
        session: The connection.
        mechanism: The mechanism.
        origin: Where the password or token came from; empty where none was needed.
        binding: The type of channel binding; empty for none.
        authzid: Whom the user acts as; empty for the user.
        token: Whether it was a token.
    """

    session: Session
    mechanism: str
    origin: str
    binding: str
    authzid: str
    token: bool

    def __str__(self) -> str:
        parts = [self.mechanism]
        parts += [f"bound to TLS by {self.binding}"] if self.binding else []
        parts += [f"{'token' if self.token else 'password'} from {self.origin}"] if self.origin else []
        parts += [f"acting as {escape_str(self.authzid)}"] if self.authzid else []
        return ", ".join(parts)
