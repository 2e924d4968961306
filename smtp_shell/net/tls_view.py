"""A TLS connection as a value: what an administrator asks of it, and the verdict of each check. `/tls`, JSON, `send` and `replay` share it.

What is not known says why. Nothing here touches the network: what would need it (OCSP, DANE, MTA-STS) says how it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import CertificateRefused
from smtp_shell.net.chain_checks import Check, Verdict, checks_of
from smtp_shell.net.chains import Chain, chain_of
from smtp_shell.net.der import name_words
from smtp_shell.net.server_flight import ServerFlight, read_flight
from smtp_shell.net.staples import Staple, check_staple, staple_of
from smtp_shell.net.tls_names import extension_name
from smtp_shell.net.tls_pins import pin_of
from smtp_shell.protocol.octets import escape, escape_str

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.config import TlsSettings
    from smtp_shell.errors import TlsFailed
    from smtp_shell.protocol.events import TlsStarted

MOST_AUTHORITIES = 100
_LONGEST = 300  # octets of a name
_TLS13 = 0x0304
_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", _TLS13: "TLSv1.3"}
_STAPLE_NOT_ASKED = "Python's ssl cannot ask for an OCSP staple; /tls ocsp does, over a connection of its own"
_OF_OPENSSL = frozenset({"chain", "dates", "name", "purpose", "strength"})
_DANE_NOT_ASKED = Check("dane", Verdict.NOT_ASKED, "/tls dane asks the DNS for TLSA records of this host")
_STS_NOT_ASKED = Check("mta-sts", Verdict.NOT_ASKED, "/tls sts DOMAIN asks for the policy of a mail domain")
_NOT_KEPT = "what the server sent in the handshake was not kept"
_ENCRYPTED = "it is encrypted in TLS 1.3, and the key of the handshake could not be kept here"
_CUT = "the handshake ended before it"
_RESUMED = "the session was resumed, so that the server did not send it"


class Known(Struct, frozen=True):
    """A fact, or why it is not known.

    Args:
        value: The fact, escaped; empty if it is not known.
        why: Why it is not known, in words; empty if it is.
    """

    value: str = ""
    why: str = ""

    def __str__(self) -> str:
        """Return the fact, or why it is not known."""
        return self.value or f"not known: {self.why}"


class TlsView(Struct, frozen=True, kw_only=True):
    """A TLS connection. All text is escaped.

    Args:
        name: The name that the client has asked for.
        outcome: `verified`, `unverified` (the user goes on all the same), `refused` (a check failed) or `failed` (before the checks).
        reason: Why it failed, in a sentence; empty if it did not.
        failed_check: The check that failed first, as its name; empty if none did or that is not known.
        version: Such as `TLSv1.3`; empty if none was agreed on.
        cipher: Cipher suite; empty if none was agreed on.
        bits: Size of its key.
        group: Key-exchange group.
        scheme: How the server signed the handshake.
        alpn: Protocol of ALPN.
        resumed: Whether an earlier session went on; None if unknown.
        ticket: Session ticket, in words.
        compression: Compression of TLS.
        extended_master_secret: Whether the keys are bound to the whole handshake (RFC 7627); None in TLS 1.3, or if unknown.
        secure_renegotiation: Whether the server does RFC 5746; None in TLS 1.3, or if unknown.
        octets: How many octets the server sent in the handshake; 0 if unknown.
        requested: Whether the server asked for a certificate of the client; None if unknown.
        why_unknown: Why `requested` is not known.
        authorities: The authorities that it accepts one from.
        schemes: The signature schemes that it accepts for that.
        key_types: The kinds of key that it accepts for that, before TLS 1.3.
        extensions: The extensions that it sent, each as its name and number.
        chain: The server's certificates.
        checks: The verdict of each check.
        staple: The OCSP answer; None without one.
        pin: SHA-256 of the server's public key, hexadecimal; empty if unknown.
        key_log: The file that the keys are written to; empty for none.
    """

    name: str
    outcome: str
    reason: str = ""
    failed_check: str = ""
    version: str = ""
    cipher: str = ""
    bits: int = 0
    group: Known = Known()
    scheme: Known = Known()
    alpn: str = ""
    resumed: bool | None = None
    ticket: Known = Known()
    compression: str = ""
    extended_master_secret: bool | None = None
    secure_renegotiation: bool | None = None
    octets: int = 0
    requested: bool | None = None
    why_unknown: str = ""
    authorities: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    chain: Chain = Chain()
    checks: tuple[Check, ...] = ()
    staple: Staple | None = None
    pin: str = ""
    key_log: str = ""

    @property
    def is_good(self) -> bool:
        """Whether no check has failed."""
        return self.outcome != "failed" and all(each.verdict is not Verdict.BAD for each in self.checks)


def view_of(
    facts: TlsStarted,
    settings: TlsSettings,
    failure: TlsFailed | None = None,
    *,
    ticket_seconds: int | None = None,
    asked: TlsStarted | None = None,
    demands: Sequence[Check] = (),
) -> TlsView:
    """Return the view of a TLS connection, or of the handshake that failed.

    Args:
        facts: What was agreed on, or what the server had shown by then.
        settings: The settings of the handshake.
        failure: Why it failed; None if it did not.
        ticket_seconds: The lifetime of the session ticket that came by now; None if none is known.
        asked: What the server showed when it was asked for an OCSP staple over a connection of its own; None if it was not.
        demands: What was asked of others: `dane` and `mta-sts`.
    """
    handshake = facts.handshake
    flight = read_flight(handshake.records, handshake.keys) if handshake is not None else ServerFlight()
    sent = facts.chain or flight.chain or ((facts.certificate.der,) if facts.certificate.der else ())
    trusted = handshake.trusted if handshake is not None and facts.verified else ()
    chain = chain_of(sent, trusted, settings)
    why = _why_unknown(facts, flight)
    staple = _staple(flight, asked, chain)
    refused = failure if isinstance(failure, CertificateRefused) else None
    pin = pin_of(chain.leaf.der) if chain.leaf is not None else ""
    return TlsView(
        name=escape_str(facts.name),
        outcome=_outcome(facts, failure),
        reason=(refused.reason if refused else str(failure)) if failure is not None else "",
        failed_check=refused.check if refused is not None else "",
        version=_VERSIONS.get(flight.version, "") if facts.version == "TLS" else facts.version,
        cipher=escape_str(facts.cipher),
        bits=handshake.bits if handshake is not None else 0,
        group=_known(flight.group, why or "the key was not exchanged by one"),
        scheme=_known(flight.scheme, why or "the key exchange is not signed"),
        alpn=escape_str((handshake.alpn if handshake is not None else "") or flight.alpn),
        resumed=handshake.resumed if handshake is not None and failure is None else None,
        ticket=_ticket(facts, flight, ticket_seconds, failure),
        compression=handshake.compression if handshake is not None else "",
        extended_master_secret=_answered(flight, 23),
        secure_renegotiation=_answered(flight, 0xFF01),
        octets=len(handshake.records) if handshake is not None else 0,
        requested=True if flight.requested else None if why else False,
        why_unknown=why,
        authorities=tuple(_name(each) for each in flight.authorities[:MOST_AUTHORITIES]),
        schemes=flight.schemes,
        key_types=flight.key_types,
        extensions=tuple(extension_name(each) for each in flight.extensions),
        chain=chain,
        checks=_checks(chain, facts, settings, refused, _revocation(chain, staple, asked), demands),
        staple=staple,
        pin=pin,
        key_log=escape_str(facts.key_log),
    )


def _outcome(facts: TlsStarted, failure: TlsFailed | None) -> str:
    if failure is not None:
        return "refused" if isinstance(failure, CertificateRefused) else "failed"
    return "verified" if facts.verified else "unverified"


def _staple(flight: ServerFlight, asked: TlsStarted | None, chain: Chain) -> Staple | None:
    """Return the OCSP answer that came with the certificate, or over the connection that asked for one."""
    octets = flight.staple
    if octets is None and asked is not None and asked.handshake is not None:
        octets = read_flight(asked.handshake.records, asked.handshake.keys).staple
    return None if octets is None else staple_of(octets, [link.facts.der for link in chain.links])


def _revocation(chain: Chain, staple: Staple | None, asked: TlsStarted | None) -> Check:
    if staple is not None:
        return check_staple(staple)
    if asked is None:
        return Check("revocation", Verdict.NOT_ASKED, _STAPLE_NOT_ASKED)
    if chain.leaf is not None and chain.leaf.must_staple:
        text = "the server has no OCSP staple, though its certificate says that it must have one (RFC 7633)"
        return Check("revocation", Verdict.BAD, text, "tell the server's operator to have OCSP stapled")
    return Check("revocation", Verdict.UNKNOWN, "the server was asked for an OCSP staple, and has none")


def _checks(
    chain: Chain,
    facts: TlsStarted,
    settings: TlsSettings,
    refused: CertificateRefused | None,
    revocation: Check,
    demands: Sequence[Check],
) -> tuple[Check, ...]:
    checks = [*checks_of(chain, facts.name, settings), revocation]
    if settings.pins:
        checks.append(_pin_check(chain, settings))
    asked = {each.name: each for each in demands}
    checks += [asked.get(each.name, each) for each in (_DANE_NOT_ASKED, _STS_NOT_ASKED)]
    if facts.verified and refused is None:
        return tuple(_as_verified(each, chain) for each in checks)
    if refused is not None and refused.check != "pin":
        return tuple(_as_refused(each, refused) for each in checks)
    return tuple(checks)


def _as_verified(check: Check, chain: Chain) -> Check:
    """Return a check of a certificate that OpenSSL has verified. What is found beyond that is advice, and no verdict."""
    if check.verdict is not Verdict.BAD or check.name not in _OF_OPENSSL:
        return check
    count = f"{len(chain.links):,} certificates" if len(chain.links) > 1 else "1 certificate"
    text = f"OpenSSL has verified {count}" if check.name == "chain" else f"good for OpenSSL; but {check.text}"
    return Check(check.name, Verdict.GOOD, text, "" if check.name == "chain" else check.do)


def _as_refused(check: Check, refused: CertificateRefused) -> Check:
    """Return a check of a certificate that OpenSSL has refused: its verdict counts, whatever was found here."""
    if check.name != refused.check or check.verdict is Verdict.BAD:
        return check
    what, _, do = refused.reason.partition("; ")
    return Check(check.name, Verdict.BAD, what, do.rstrip("."))


def _pin_check(chain: Chain, settings: TlsSettings) -> Check:
    pin = pin_of(chain.leaf.der) if chain.leaf is not None else ""
    if pin in settings.pins:
        return Check("pin", Verdict.GOOD, f"its public key is the pinned one, SHA256:{pin}")
    text = f"its public key is SHA256:{pin or '(unknown)'}, and not the pinned one, SHA256:{settings.pins[0]}"
    return Check("pin", Verdict.BAD, text, "ask the server's operator whether the key was changed")


def _why_unknown(facts: TlsStarted, flight: ServerFlight) -> str:
    """Return why a message of the server that was not found may have been sent all the same; empty if it was not sent."""
    if facts.handshake is None:
        return _NOT_KEPT
    if flight.read_all:
        return _RESUMED if facts.handshake.resumed and not flight.chain else ""
    if facts.handshake.resumed:
        return _RESUMED
    return _ENCRYPTED if flight.version == _TLS13 and not facts.handshake.keys else _CUT


def _answered(flight: ServerFlight, extension: int) -> bool | None:
    """Return whether a server answered an extension of TLS 1.2 and older; None where there is none."""
    return extension in flight.extensions if flight.version and flight.version != _TLS13 else None


def _known(value: str, why: str) -> Known:
    return Known(value) if value else Known("", why)


def _ticket(facts: TlsStarted, flight: ServerFlight, seconds: int | None, failure: TlsFailed | None) -> Known:
    if failure is not None:
        return Known("", "the handshake did not end")
    if facts.handshake is None:
        return Known("", _NOT_KEPT)
    lifetime = seconds if seconds is not None else flight.ticket_seconds
    if lifetime is not None:
        return Known(f"for {lifetime:,} s" if lifetime else "of no stated lifetime")
    return Known("none") if flight.version != _TLS13 else Known("none so far")


def _name(der: bytes) -> str:
    """Return a distinguished name in DER form in words."""
    return escape(name_words(der)[:_LONGEST]) or "(a name that cannot be read)"
