"""Questions to the DNS that mail needs: MX, addresses, TLSA and TXT.

dnspython is loaded with the first question. Each question ends by its deadline, whatever the resolver sends. What comes back is checked
and bounded here; a name that is no host name is kept for the screen, escaped, with what is wrong about it.
"""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.errors import ConnectFailed
from smtp_shell.figures import plain
from smtp_shell.net.dane import TlsaRecord
from smtp_shell.net.in_time import in_time
from smtp_shell.net.literals import family_of
from smtp_shell.net.name_server import NameServer
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape, escape_str

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dns.name import Name
    from dns.resolver import Answer, Resolver

_MOST_HOSTS = 50
_MOST_ADDRESSES = 16
_MOST_RECORDS = 32
_SECONDS_FOR_ONE_TRY = 3.0
_UDP_SIZE = 1232  # what crosses every network unfragmented: the size that resolvers agreed on in 2020
_LABEL = re.compile(rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_FAMILIES = {"A": int(socket.AF_INET), "AAAA": int(socket.AF_INET6)}


class Answered(Struct, frozen=True):
    """Who answered a question, and how far that can be relied on.

    Args:
        server: The resolver.
        authenticated: Whether the answer was checked with DNSSEC by a resolver on this machine.
        claimed: Whether the resolver says that it was checked.
        seconds: How long the answer took.
    """

    server: str
    authenticated: bool
    claimed: bool
    seconds: float

    @property
    def trust(self) -> str:
        """How far the answer can be relied on, in words."""
        if self.authenticated:
            return "authenticated by DNSSEC"
        if self.claimed:
            return f"not authenticated: {self.server} says it was, and is not on this machine, so that anybody on the way can say so"
        return "not authenticated"


class MxHost(Struct, frozen=True):
    """One host of a mail domain.

    Args:
        preference: Its preference: the lowest is tried first.
        name: Its name, printable.
        problem: Why it cannot be connected to; empty if it may be.
    """

    preference: int
    name: str
    problem: str = ""


class MxAnswer(Struct, frozen=True):
    """Where mail for a domain goes.

    Args:
        domain: The domain, in ASCII.
        hosts: The hosts, the one to try first at the front; those of one preference in the order of their names.
        by: Who answered.
        more: How many hosts more there are than are kept.
        is_null: Whether the domain says that it takes no mail.
        is_implicit: Whether there is no MX record, so that the domain's own address is meant.
    """

    domain: str
    hosts: tuple[MxHost, ...]
    by: Answered
    more: int = 0
    is_null: bool = False
    is_implicit: bool = False

    @property
    def equal(self) -> frozenset[int]:
        """The preferences that more than one host has."""
        numbers = [host.preference for host in self.hosts]
        return frozenset(number for number in numbers if numbers.count(number) > 1)


class TlsaAnswer(Struct, frozen=True):
    """The TLSA records of a server.

    Args:
        name: What was asked for, such as `_25._tcp.mail.example.org`.
        records: The records; they count only if the answer is authenticated.
        by: Who answered.
    """

    name: str
    records: tuple[TlsaRecord, ...]
    by: Answered


def ask_mx(domain: str, server: NameServer | None, deadline: float) -> MxAnswer:
    """Return where mail for a domain goes.

    Args:
        domain: The domain, in ASCII.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.

    Raises:
        ConnectFailed: There is no such domain, or no answer.

    Source: RFC 5321 section 5.1, RFC 7505 section 3
    """
    question = _Question(domain, "MX", server, deadline)
    records, by = question.ask()
    if not records:
        return MxAnswer(domain, (MxHost(0, domain),), by, is_implicit=True)
    if len(records) == 1 and not records[0].exchange.labels[0]:
        return MxAnswer(domain, (), by, is_null=True)
    hosts = sorted(
        (MxHost(record.preference, *_host_name(record.exchange)) for record in records),
        key=lambda host: (host.preference, host.name),
    )
    return MxAnswer(domain, tuple(hosts[:_MOST_HOSTS]), by, max(0, len(hosts) - _MOST_HOSTS))


def in_turn(hosts: Sequence[MxHost], shuffle: Callable[[list[MxHost]], object] | None = None) -> list[MxHost]:
    """Return the hosts in the order in which to try them: those of one preference in a random one.

    Args:
        hosts: The hosts of an answer.
        shuffle: Puts hosts into a random order; None for `random.shuffle`.

    Source: RFC 5321 section 5.1
    """
    import random

    found: list[MxHost] = []
    for preference in sorted({host.preference for host in hosts}):
        same = [host for host in hosts if host.preference == preference]
        (shuffle or random.shuffle)(same)
        found += same
    return found


def ask_addresses(host: str, server: NameServer | None, deadline: float, family: int = 0) -> tuple[str, ...]:
    """Return the addresses of a host, IPv6 first.

    Args:
        host: Name of the host, in ASCII.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.

    Raises:
        ConnectFailed: There is no such host, no answer, or no address.
    """
    found: list[str] = []
    for kind in ("AAAA", "A"):
        if family in (0, _FAMILIES[kind]):
            records, _ = _Question(host, kind, server, deadline).ask()
            found += [str(record.address) for record in records[:_MOST_ADDRESSES]]
    if not found:
        wanted = next((kind for kind, value in _FAMILIES.items() if value == family), "A or AAAA")
        raise ConnectFailed(f"{escape_str(host)} has no address: no {wanted} record; check the name.")
    return tuple(found)


def ask_tlsa(host: str, port: int, server: NameServer | None, deadline: float) -> TlsaAnswer:
    """Return the TLSA records of a server; none is no failure.

    Args:
        host: Name of the host, in ASCII.
        port: Port of the server.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.

    Raises:
        ConnectFailed: There is no answer.

    Source: RFC 7672 section 2.2.3, RFC 6698 section 3
    """
    name = f"_{port}._tcp.{host.removesuffix('.')}"
    records, by = _Question(name, "TLSA", server, deadline, may_be_missing=True).ask()
    found = (TlsaRecord(each.usage, each.selector, each.mtype, bytes(each.cert)) for each in records[:_MOST_RECORDS])
    return TlsaAnswer(name, tuple(found), by)


def ask_texts(name: str, server: NameServer | None, deadline: float) -> tuple[tuple[bytes, ...], Answered]:
    """Return the TXT records at a name, the strings of each joined; none is no failure. And who answered.

    Args:
        name: The name, in ASCII.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.

    Raises:
        ConnectFailed: There is no answer.
    """
    records, by = _Question(name, "TXT", server, deadline, may_be_missing=True).ask()
    return tuple(b"".join(record.strings) for record in records[:_MOST_RECORDS]), by


def load() -> None:
    """Load dnspython, with its modules for the records that are asked for."""
    import dns.rdtypes.ANY.MX
    import dns.rdtypes.ANY.TLSA
    import dns.rdtypes.ANY.TXT
    import dns.rdtypes.IN.A
    import dns.rdtypes.IN.AAAA
    import dns.resolver  # noqa: F401


class _Question:
    """One question.

    Args:
        name: The name, in ASCII.
        kind: Type of the records.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.
        may_be_missing: Whether a name that does not exist is an answer.
    """

    def __init__(
        self, name: str, kind: str, server: NameServer | None, deadline: float, *, may_be_missing: bool = False
    ) -> None:
        self._name = name
        self._kind = kind
        self._server = server
        self._deadline = deadline
        self._may_be_missing = may_be_missing
        self._begun = time.monotonic()

    def ask(self) -> tuple[list[Any], Answered]:  # the records of dnspython have no common type with their fields
        """Return the records, of which there may be none, and who answered.

        Raises:
            ConnectFailed: There is no answer that makes sense.
        """
        import dns.exception
        import dns.resolver

        load()
        self._begun = time.monotonic()  # once the library is loaded, which takes longer than an answer
        try:
            answer = in_time(self._resolve, self._deadline, "look-up")
        except dns.resolver.NXDOMAIN as error:
            if not self._may_be_missing:
                raise self._failed("there is no such name; check its spelling") from None
            return [], self._by(next(iter(error.kwargs.get("responses", {}).values()), None))
        except (dns.resolver.LifetimeTimeout, TimeoutError):
            waited = plain(time.monotonic() - self._begun, 2)
            raise self._failed(f"{self._who} did not answer within {waited} s; {self._advice}") from None
        except dns.resolver.NoResolverConfiguration:
            raise self._failed("this system names no name server; name one with --resolver ADDR") from None
        except dns.resolver.NoNameservers as error:
            raise self._failed(f"{_why_no_server(error)}; {self._advice}") from None
        except OSError as error:
            raise self._failed(f"{self._who}: {reason_of(error)}; {self._advice}") from None
        except (dns.exception.DNSException, ValueError) as error:
            raise self._failed(f"the answer makes no sense ({_words(error)}); {self._advice}") from None
        return list(answer.rrset or ()), self._by(answer.response, answer.nameserver, answer.port)

    def _resolve(self) -> Answer:
        import dns.name

        labels = [label.encode("ascii") for label in self._name.removesuffix(".").split(".")]
        left = max(self._deadline - time.monotonic(), 0.01)
        return self._resolver().resolve(
            dns.name.Name([*labels, b""]), self._kind, raise_on_no_answer=False, lifetime=left, search=False
        )

    def _resolver(self) -> Resolver:
        import dns.flags
        import dns.resolver

        resolver = dns.resolver.Resolver(configure=self._server is None)
        if self._server is not None:
            resolver.nameservers = [self._server.address]
            resolver.port = self._server.port
        resolver.timeout = _SECONDS_FOR_ONE_TRY
        resolver.use_edns(0, 0, _UDP_SIZE)
        resolver.flags = (
            dns.flags.RD | dns.flags.AD
        )  # AD in a question: say whether the answer was checked (RFC 6840 section 5.7)
        return resolver

    def _by(self, response: Any, server: str | None = None, port: int | None = None) -> Answered:
        import dns.flags

        place = str(NameServer(server, port or 53)) if server else self._who
        claimed = response is not None and bool(response.flags & dns.flags.AD)
        local = _is_loopback(server or (self._server.address if self._server is not None else ""))
        return Answered(escape_str(place), claimed and local, claimed, time.monotonic() - self._begun)

    @property
    def _who(self) -> str:
        return "the system's resolver" if self._server is None else f"the resolver {self._server}"

    @property
    def _advice(self) -> str:
        return "check the network" if self._server is None else "check its address, or leave --resolver out"

    def _failed(self, why: str) -> ConnectFailed:
        what = "address" if self._kind in _FAMILIES else f"{self._kind} record"
        return ConnectFailed(f"no {what} of {escape_str(self._name)} was found: {why}.")


def _is_loopback(address: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _host_name(name: Name) -> tuple[str, str]:
    """Return a host's name, printable, and why it cannot be connected to; empty if it may be."""
    labels = [label for label in name.labels if label]
    shown = escape(b".".join(labels).lower()) or "."
    if not labels:
        return shown, "the root is no host: it stands for no mail, and only alone"
    if not all(map(_LABEL.fullmatch, labels)):
        return shown, "it is no host name"
    if family_of(shown) is not None:
        return shown, "it is an address, and an MX record names a host"
    return shown, ""


def _why_no_server(error: Any) -> str:  # dns.resolver.NoNameservers, which puts what it knows into `kwargs`
    """Return what the resolvers answered, in words."""
    import dns.message
    import dns.resolver

    for server, _, port, failure, _ in reversed(error.kwargs.get("errors") or ()):
        address = str(server).removeprefix("Do53:").partition("@")[0]  # as dnspython 2.4 and later write it
        who = f"the resolver {NameServer(address, port)}"
        if isinstance(failure, str):
            return f"{escape_str(who)} answered {escape_str(failure)}"
        if isinstance(failure, dns.message.ChainTooLong):
            return f"its CNAME records lead in a circle or on for too long, says {escape_str(who)}"
        if isinstance(failure, OSError):
            return f"{escape_str(who)}: {reason_of(failure)}"
        return f"the answer of {escape_str(who)} makes no sense ({_words(failure)})"
    return "no resolver answered"


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split()).removesuffix(".")[:200]
    return escape_str(text) or type(error).__name__
