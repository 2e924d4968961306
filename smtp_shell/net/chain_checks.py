"""The verdict of each check of a server's certificate: chain, dates, name, purpose, strength, revocation.

OpenSSL alone decides whether a server is verified. Where it has, its verdicts are repeated. Where it has not, it stops at the first check
that fails; the others are made here, so that an administrator sees all that is wrong at once.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.net.certificates import alternative_name, span
from smtp_shell.net.chains import Chain, chain_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.config import TlsSettings
    from smtp_shell.net.certificate_facts import CertificateFacts
    from smtp_shell.protocol.events import TlsStarted

_WEAK_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
_SHORTEST_RSA = 2048
_SHORTEST_EC = 224
_SOON = 14  # days
_SHOWN_NAMES = 4


class Verdict(Enum):
    """What came of a check."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "not known"
    NOT_ASKED = "not asked"
    NONE = "nothing demanded"


class Check(Struct, frozen=True):
    """One check.

    Args:
        name: `chain`, `dates`, `name`, `purpose`, `strength`, `revocation`, `pin`, `dane` or `mta-sts`.
        verdict: What came of it.
        text: Why, in words, escaped, without a full stop.
        do: What to do, in words; empty for nothing.
    """

    name: str
    verdict: Verdict
    text: str
    do: str = ""


def checks_of(chain: Chain, name: str, settings: TlsSettings, now: float | None = None) -> tuple[Check, ...]:
    """Return the checks of a certificate that can be made with its chain alone.

    Args:
        chain: The chain.
        name: The name that the client has asked for.
        settings: The settings of the handshake.
        now: Seconds since 1970; None for this moment.
    """
    leaf = chain.leaf
    if leaf is None:
        why = "no certificate of the server is known"
        return tuple(Check(each, Verdict.UNKNOWN, why) for each in ("chain", "dates", "name", "purpose", "strength"))
    if leaf.problem:
        rest = ("dates", "name", "purpose", "strength")
        ask = "tell the server's operator that the certificate is damaged"
        return (
            Check("chain", Verdict.BAD, leaf.problem, ask),
            *(Check(each, Verdict.UNKNOWN, "the certificate cannot be read") for each in rest),
        )
    moment = time.time() if now is None else now
    return (
        _chain(chain, settings),
        _dates(chain, moment),
        _name(leaf, name),
        _purpose(chain),
        _strength(chain),
    )


def chain_problems(facts: TlsStarted, settings: TlsSettings) -> list[str]:
    """Return what is wrong with a certificate that was not verified, in words, escaped; empty if nothing is found.

    Args:
        facts: What the handshake agreed on.
        settings: The settings of the handshake; they name the authorities.
    """
    sent = facts.chain or ((facts.certificate.der,) if facts.certificate.der else ())
    if not sent:
        return []
    try:
        checks = checks_of(chain_of(sent, (), settings), facts.name, settings)
    except (ImportError, ValueError):
        return []
    order = ("dates", "name", "purpose", "chain", "strength")
    bad = [each for each in checks if each.verdict is Verdict.BAD]
    return [each.text for each in sorted(bad, key=lambda each: order.index(each.name))]


def matching_name(leaf: CertificateFacts, name: str) -> str:
    """Return the name of a certificate that a server's name matches; empty if none does.

    Args:
        leaf: The server's certificate.
        name: The host name or address that the client has asked for.

    Source: RFC 9525 section 6.3
    """
    names = leaf.names or ((_common_name(leaf),) if not leaf.name_count else ())
    wanted = alternative_name("IP Address", name.lower().rstrip(".")).decode("utf-8", "replace")
    first, _, rest = wanted.partition(".")
    wildcard = (
        f"*.{rest}" if first and "." in rest and not wanted.replace(".", "").isdigit() and ":" not in wanted else ""
    )
    return next((each for each in names if each and each.lower() in (wanted, wildcard or wanted)), "")


def _common_name(leaf: CertificateFacts) -> str:
    return next((part[3:] for part in reversed(leaf.subject.split(", ")) if part.startswith("CN=")), "")


def _chain(chain: Chain, settings: TlsSettings) -> Check:
    top = chain.top
    assert top is not None
    count = f"{len(chain.links):,} certificate{'' if len(chain.links) == 1 else 's'}"
    if chain.trusted:
        extra = "" if chain.in_order else ", though the server sends them out of order"
        return Check("chain", Verdict.GOOD, f"{count}, up to {_owner(top)}, which is trusted here{extra}")
    give = settings.option("ca-file", "FILE")
    trust = f", or give the authority's certificate with {give}" if give else ""
    if chain.broken:
        text = f"the signature is wrong: {chain.broken} did not sign the certificate of {_owner(top)}"
        return Check("chain", Verdict.BAD, text, "ask the server's operator to send the right intermediate certificate")
    if not top.self_issued:
        text = f"the certificate of its issuer, {_shown(top.issuer)}, was not sent, and no authority here has that name and key"
        do = f"ask the server's operator to send the missing intermediate certificate{trust}"
        return Check("chain", Verdict.BAD, text, do)
    if len(chain.links) == 1:
        do = f"if its SHA-256 is the right one, give the certificate itself with {give}" if give else ""
        return Check("chain", Verdict.BAD, "it is self-signed, so that nobody vouches for it", do)
    do = f"if you trust it, give its certificate with {give}" if give else ""
    return Check("chain", Verdict.BAD, f"its authority, {_owner(top)}, is not trusted here", do)


def _dates(chain: Chain, now: float) -> Check:
    problems = []
    for number, link in enumerate(chain.links):
        words = life_of(link.facts, now)
        if words.endswith(" left"):
            continue
        words = words or "its dates cannot be read"
        problems.append(words if number == 0 else f"the certificate of {_owner(link.facts)} in its chain: {words}")
    if problems:
        return Check(
            "dates", Verdict.BAD, "; ".join(problems), "check this machine's clock and tell the server's operator"
        )
    lives = [(link.facts.days_left(now) or 0, number) for number, link in enumerate(chain.links)]
    days, first = min(lives)
    words = life_of(chain.links[0].facts, now)
    shorter = f", but {days:,} days of {_owner(chain.links[first].facts)} in its chain" if first else ""
    do = "have it renewed soon" if days < _SOON else ""
    return Check("dates", Verdict.GOOD, f"{words}{shorter}", do)


def life_of(facts: CertificateFacts, now: float) -> str:
    """Return what the dates of a certificate mean, such as `12 days left` or `expired 3 days ago`; empty if they cannot be read."""
    if facts.not_before is None or facts.not_after is None:
        return ""
    if now < facts.not_before:
        return f"not valid yet, for {span(facts.not_before - now)} more"
    if now > facts.not_after:
        return f"expired {span(now - facts.not_after)} ago"
    return f"{span(facts.not_after - now)} left"


def _name(leaf: CertificateFacts, name: str) -> Check:
    shown = escape_str(name)
    found = matching_name(leaf, name)
    if found:
        how = f"it is for {shown}" if found.lower() == shown.lower() else f"it is for {found}, which covers {shown}"
        old = "" if leaf.names else ", in its subject alone, which most clients do not look at"
        return Check("name", Verdict.GOOD, f"{how}{old}")
    held = ", ".join(leaf.names[:_SHOWN_NAMES]) or _common_name(leaf) or "none"
    more = f" and {leaf.name_count - _SHOWN_NAMES:,} more" if leaf.name_count > _SHOWN_NAMES else ""
    do = (
        f"connect by a name that it holds: {held}{more}"
        if held != "none"
        else "tell the server's operator that it has no name"
    )
    return Check("name", Verdict.BAD, f"it is not for {shown}", do)


def _purpose(chain: Chain) -> Check:
    leaf = chain.links[0].facts
    if leaf.purposes and not {"TLS server", "any"} & set(leaf.purposes):
        held = ", ".join(leaf.purposes[:_SHOWN_NAMES])
        do = f"tell the server's operator that its extended key usage lacks server authentication; it has {held}"
        return Check("purpose", Verdict.BAD, "its purpose is not to be a server's", do)
    for link in chain.links[1:]:
        if link.facts.authority is False or (link.facts.usages and "certificate signing" not in link.facts.usages):
            text = f"the certificate of {_owner(link.facts)} in its chain may not sign others"
            return Check("purpose", Verdict.BAD, text, "tell the server's operator")
    for number, link in enumerate(chain.links):
        if link.facts.path_length is not None and number - 1 > link.facts.path_length:
            text = (
                f"{_owner(link.facts)} allows {link.facts.path_length:,} authorities below it, and has {number - 1:,}"
            )
            return Check("purpose", Verdict.BAD, text, "tell the server's operator")
    return Check("purpose", Verdict.GOOD, ", ".join(leaf.purposes[:_SHOWN_NAMES]) or "not limited, so a server's too")


def _strength(chain: Chain) -> Check:
    problems = [
        problem if number == 0 else f"{problem} ({_owner(link.facts)})"
        for number, link in enumerate(chain.links)
        for problem in _weaknesses(link.facts, signed=not link.facts.self_issued or number == 0)
    ]
    if problems:
        return Check("strength", Verdict.BAD, "; ".join(problems[:_SHOWN_NAMES]), "tell the server's operator")
    leaf = chain.links[0].facts
    return Check("strength", Verdict.GOOD, f"key {leaf.key}, signed by {leaf.signature}")


def _weaknesses(facts: CertificateFacts, *, signed: bool) -> Iterator[str]:
    """Yield what is weak about a certificate. The signature of an authority by itself counts for nothing."""
    key = facts.key
    if key.kind in ("RSA", "DSA") and 0 < key.bits < _SHORTEST_RSA:
        yield f"its key of {key.bits:,} bits is too short"
    if key.kind == "EC" and 0 < key.bits < _SHORTEST_EC:
        yield f"its key on a curve of {key.bits:,} bits is too short"
    if signed and facts.hash_name in _WEAK_HASHES:
        yield f"it is signed with {facts.hash_name.upper()}, which is too weak"


def _owner(facts: CertificateFacts) -> str:
    return _shown(facts.subject)


def _shown(name: str) -> str:
    return name or "(no name)"
