"""What all connections of the practice server share."""

from __future__ import annotations

import os
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.certificate import ServerCertificate
from smtp_shell.servers.faults import FaultPlan
from smtp_shell.servers.inbox import Inbox
from smtp_shell.servers.mailboxes import Greylist
from smtp_shell.servers.practice.settings import PracticeSettings

if TYPE_CHECKING:
    from smtp_shell.net.session_keys import SessionKeys
    from smtp_shell.servers.watching import Watch


_SALT_OCTETS = 16


class OpenConnection(Protocol):
    """A connection, as those see it that end it from outside."""

    def say_goodbye(self, reply: str) -> None:
        """Send a last reply that answers no command, and close.

        Args:
            reply: The reply without its line end.
        """

    def abort(self) -> None:
        """Close at once, whatever the other side does."""


class SharedState(Struct):
    """What all connections share.

    Args:
        settings: How the server is to be.
        password: The password of the one user.
        token: The user's token.
        certificate: For TLS; it may still be in the making.
        inbox: Where mail goes.
        faults: What is to go wrong, and when.
        salt: What the password is stored with for SCRAM.
        greylist: Whom the mailbox `greylisted` has heard of.
        connections: The connections that are open.
        watch: Watches them; None where nobody does.
        keys: Where the keys of their TLS go for a tap; None for nowhere.
    """

    settings: PracticeSettings
    password: Secret
    token: Secret
    certificate: Future[ServerCertificate]
    inbox: Inbox
    faults: FaultPlan
    salt: bytes = field(default_factory=lambda: os.urandom(_SALT_OCTETS))
    greylist: Greylist = field(default_factory=Greylist)
    connections: set[OpenConnection] = field(default_factory=set)
    watch: Watch | None = None
    keys: SessionKeys | None = None
