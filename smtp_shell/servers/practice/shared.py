"""What all connections of the practice server share."""

from __future__ import annotations

import hmac
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
    from smtp_shell.servers.watching import Watch


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
        certificate: For TLS; it may still be in the making.
        inbox: Where mail goes.
        faults: What is to go wrong, and when.
        greylist: Whom the mailbox `greylisted` has heard of.
        connections: The connections that are open.
        watch: Watches them; None where nobody does.
    """

    settings: PracticeSettings
    password: Secret
    certificate: Future[ServerCertificate]
    inbox: Inbox
    faults: FaultPlan
    greylist: Greylist = field(default_factory=Greylist)
    connections: set[OpenConnection] = field(default_factory=set)
    watch: Watch | None = None

    def accepts(self, user: bytes, password: bytes) -> bool:
        """Check whether these credentials are right, in the same time whether or not the user is.

        Args:
            user: The authentication identity.
            password: Its password.
        """
        right_user = hmac.compare_digest(user, self.settings.user.encode("utf-8", "surrogateescape"))
        return hmac.compare_digest(password, self.password.reveal().encode("utf-8", "surrogateescape")) and right_user

    def accepts_digest(self, user: bytes, digest: bytes, challenge: bytes) -> bool:
        """Check whether a CRAM-MD5 response is right.

        Args:
            user: The authentication identity.
            digest: The keyed digest, as 32 hexadecimal digits in lower case.
            challenge: What the server sent, decoded.

        Source: RFC 2195 section 2
        """
        expected = (
            hmac.new(self.password.reveal().encode("utf-8", "surrogateescape"), challenge, "md5").hexdigest().encode()
        )
        right_user = hmac.compare_digest(user, self.settings.user.encode("utf-8", "surrogateescape"))
        return hmac.compare_digest(digest, expected) and right_user
