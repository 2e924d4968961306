"""What the DNS and a web server demand of TLS with a mail host: DANE and MTA-STS, asked for and compared with what the host showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.dane import TRUST_ANCHOR, DaneStatus, judge
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.net.dns import TlsaAnswer
    from smtp_shell.net.mta_sts import PolicyServer, StsFailed, StsPolicy
    from smtp_shell.net.name_server import NameServer
    from smtp_shell.protocol.events import TlsStarted

_MOST_SHOWN = 4


class Demand(Struct, frozen=True):
    """One demand, and whether it is met.

    Args:
        status: `none`, `met`, `not met`, `testing` (not met, and mail is delivered all the same), `not authenticated`, `unusable`,
            `not checked` or `unknown`, for programs.
        words: It in words, printable.
    """

    status: str
    words: str


def ask_tlsa_records(host: str, port: int, server: NameServer | None, deadline: float) -> TlsaAnswer | Demand:
    """Return the TLSA records of a host, or why they are not known.

    Args:
        host: Its name, in ASCII.
        port: Its port.
        server: The resolver; None for the system's.
        deadline: When to give up, on the clock of `time.monotonic`.
    """
    from smtp_shell.net.dns import ask_tlsa

    try:
        return ask_tlsa(host, port, server, deadline)
    except ConnectFailed as error:
        return Demand("unknown", f"not known: {error.message.rstrip('.')}")


def dane_demand(
    answer: TlsaAnswer | Demand, facts: TlsStarted | None, names: Sequence[str], *, is_authenticated: bool = True
) -> Demand:
    """Return what the TLSA records of a host demand, and whether its certificates meet it.

    Args:
        answer: The records.
        facts: What the handshake agreed on; None without one.
        names: The host's name and the mail domain's.
        is_authenticated: Whether the answer that led to the host, its MX record, is authenticated too.

    Source: RFC 7672 sections 2.2 and 3
    """
    if isinstance(answer, Demand):
        return answer
    if not answer.records:
        return Demand("none", "no TLSA record")
    shown = ", ".join(map(str, answer.records[:_MOST_SHOWN]))
    more = f" and {len(answer.records) - _MOST_SHOWN} more" if len(answer.records) > _MOST_SHOWN else ""
    records = f"TLSA {shown}{more}"
    if not answer.by.authenticated:
        return Demand("not authenticated", f"{records}; it does not count, since the answer is {answer.by.trust}")
    if not is_authenticated:
        return Demand("not authenticated", f"{records}; it does not count, since the MX record is not authenticated")
    if facts is None:
        return Demand("not checked", f"{records}; no certificate was seen")
    sent = facts.chain or _sent_chain(facts)
    verdict = judge(answer.records, sent or (facts.certificate.der,), names)
    if verdict.status is DaneStatus.MISMATCHED and not sent and _needs_chain(answer):
        return Demand("not checked", f"{records}; the server's chain was not kept")
    status = {DaneStatus.MATCHED: "met", DaneStatus.MISMATCHED: "not met", DaneStatus.UNUSABLE: "unusable"}
    return Demand(status.get(verdict.status, "none"), f"{records}; {verdict.sentence}")


def _sent_chain(facts: TlsStarted) -> tuple[bytes, ...]:
    """Return the certificates that a server sent, from what was kept of its handshake: `ssl` tells them of few servers only."""
    if facts.handshake is None:
        return ()
    from smtp_shell.net.server_flight import read_flight

    return read_flight(facts.handshake.records, facts.handshake.keys).chain


def _needs_chain(answer: TlsaAnswer) -> bool:
    return any(record.usage == TRUST_ANCHOR and not record.problem for record in answer.records)


def ask_policy(
    domain: str, server: NameServer | None, seconds: float, web: PolicyServer | None = None
) -> StsPolicy | StsFailed:
    """Return the MTA-STS policy of a domain, or why there is none.

    Args:
        domain: The domain, in ASCII.
        server: The resolver; None for the system's.
        seconds: How long it may take.
        web: Where the policy is; None for where RFC 8461 puts it.
    """
    from smtp_shell.net.mta_sts import StsFailed, look_up

    try:
        return look_up(domain, server, seconds, web)
    except ConnectFailed as error:
        return StsFailed(f"not known: {error.message.rstrip('.')}")


def policy_words(policy: StsPolicy | StsFailed) -> str:
    """Return an MTA-STS policy in words."""
    from smtp_shell.net.mta_sts import StsFailed

    if isinstance(policy, StsFailed):
        return policy.reason
    hosts = ", ".join(map(escape_str, policy.hosts[:_MOST_SHOWN]))
    more = f" and {len(policy.hosts) - _MOST_SHOWN} more" if len(policy.hosts) > _MOST_SHOWN else ""
    return f"{policy.mode}, for {policy.max_age:,} s: {hosts or 'no host'}{more}"


def policy_demand(
    policy: StsPolicy | StsFailed, host: str, facts: TlsStarted | None, *, seen: bool = True
) -> Demand | None:
    """Return whether a host meets the policy of its domain; None where there is no policy that demands anything.

    Args:
        policy: The policy.
        host: The host's name.
        facts: What the handshake agreed on; None without one.
        seen: Whether the host was asked at all.

    Source: RFC 8461 sections 4 and 5
    """
    from smtp_shell.net.mta_sts import StsFailed

    if isinstance(policy, StsFailed) or policy.mode == "none":
        return None
    found = _policy_demand(policy, host, facts, seen=seen)
    if policy.mode == "testing" and found.status == "not met":
        return Demand("testing", f"{found.words}; it is in testing mode, so that mail is delivered all the same")
    return found


def _policy_demand(policy: StsPolicy, host: str, facts: TlsStarted | None, *, seen: bool) -> Demand:
    if not policy.allows(host):
        return Demand("not met", "the MTA-STS policy does not name this host")
    if not seen:
        return Demand("not checked", "the MTA-STS policy names this host")
    if facts is None:
        return Demand("not met", "the MTA-STS policy demands TLS, and there is none")
    if not facts.verified:
        return Demand("not met", "the MTA-STS policy demands a certificate that can be verified")
    return Demand("met", "as the MTA-STS policy demands")
