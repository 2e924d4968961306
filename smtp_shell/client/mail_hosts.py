"""The hosts that take mail for a domain, as targets to connect to, in the order in which to try them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.net.dns import MxAnswer, MxHost
    from smtp_shell.net.name_server import NameServer

MOST_TRIED = 10
"""How many hosts of one domain are connected to."""


class MailHost(Struct, frozen=True):
    """A host to connect to.

    Args:
        host: What the DNS says of it.
        target: How to connect to it; None where that cannot be.
    """

    host: MxHost
    target: Target | None

    def __str__(self) -> str:
        return f"{self.host.name} (preference {self.host.preference})"


def mail_hosts(
    target: Target, server: NameServer | None, deadline: float, *, in_random_order: bool = True
) -> tuple[MxAnswer, list[MailHost]]:
    """Return what the DNS says of a domain, and its hosts in the order in which to try them.

    Args:
        target: A target by way of MX.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.
        in_random_order: Whether hosts of one preference come in a random order, as RFC 5321 wants it.

    Raises:
        ConnectFailed: There is no such domain, or no answer.

    Source: RFC 5321 section 5.1
    """
    from smtp_shell.net.dns import ask_mx, in_turn

    answer = ask_mx(target.host, server, deadline)
    hosts = in_turn(answer.hosts) if in_random_order else list(answer.hosts)
    found = [MailHost(host, None if host.problem else replace(target, way=Way.TCP, host=host.name)) for host in hosts]
    return answer, found


def described(answer: MxAnswer) -> str:
    """Return what the DNS says of a domain, in a sentence without its full stop."""
    domain = escape_str(answer.domain)
    if answer.is_null:
        return f"{domain} takes no mail: its MX record is the null MX (RFC 7505)"
    if answer.is_implicit:
        return f"{domain} has no MX record, so that its own address is meant (RFC 5321 section 5.1)"
    hosts = ", ".join(f"{host.preference} {host.name}" for host in answer.hosts[:MOST_TRIED])
    more = len(answer.hosts) - MOST_TRIED + answer.more
    also = f", and {more} more" if more > 0 else ""
    random = ", those of one preference in a random order" if answer.equal else ""
    return f"MX of {domain}: {hosts}{also}{random}"


def refuse_null(target: Target, answer: MxAnswer) -> None:
    """Check that a domain takes mail.

    Raises:
        ConnectFailed: It says that it takes none.

    Source: RFC 7505 section 3
    """
    if answer.is_null:
        raise ConnectFailed(f"no connection to {target}: {described(answer)}.")
