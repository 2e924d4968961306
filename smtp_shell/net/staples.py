"""An OCSP answer that a server sent with its certificate: what it says, and whether its issuer says so.

Source: RFC 6960 sections 3.2 and 4.2, RFC 6066 section 8
"""

from __future__ import annotations

import calendar
import hashlib
import time
import warnings
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.net.certificates import load, name_octets, span
from smtp_shell.net.chain_checks import Check, Verdict
from smtp_shell.net.chains import has_issued
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST = 300  # octets of a name
_CLOCK_SKEW = 300  # seconds
_MOST_RESPONDERS = 10  # certificates in an answer that are tried
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
_HASHES = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})


class Staple(Struct, frozen=True, kw_only=True):
    """An OCSP answer. All text is escaped.

    Args:
        octets: How long it is.
        problem: Why it counts for nothing, in words; empty if its issuer says so, now, of this certificate.
        status: What it says: `good`, `revoked` or `unknown`; empty if it says nothing.
        reason: Why the certificate was revoked; empty if that is not said.
        revoked_at: When, in seconds since 1970; None if it was not.
        produced_at: When the answer was made.
        this_update: Since when it is right.
        next_update: When there will be a newer one; None for at any time.
        responder: Who gives it: a distinguished name or the hash of a key.
        signature_hash: The hash of its signature.
        serial: The serial number that it is about, hexadecimal.
    """

    octets: int = 0
    problem: str = ""
    status: str = ""
    reason: str = ""
    revoked_at: int | None = None
    produced_at: int | None = None
    this_update: int | None = None
    next_update: int | None = None
    responder: str = ""
    signature_hash: str = ""
    serial: str = ""


def staple_of(der: bytes, chain: Sequence[bytes], now: float | None = None) -> Staple:
    """Return what an OCSP answer says.

    Args:
        der: The answer.
        chain: The server's certificate and those above it, in DER form.
        now: Seconds since 1970; None for this moment.
    """
    with warnings.catch_warnings(action="ignore"):  # about what breaks a rule, when it is looked at
        return _staple_of(der, chain, time.time() if now is None else now)


def _staple_of(der: bytes, chain: Sequence[bytes], now: float) -> Staple:
    try:
        from cryptography.x509 import ocsp

        answer = ocsp.load_der_ocsp_response(der)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            words = answer.response_status.name.lower().replace("_", " ")
            return Staple(octets=len(der), problem=f"its issuer gave no answer: {words}")
        return _read(answer, len(der), chain, now)
    except ImportError:
        return Staple(octets=len(der), problem="the cryptography library is missing")
    except Exception:  # of the parser of another library, at any field
        return Staple(octets=len(der), problem="it is no OCSP answer that can be read")


def check_staple(staple: Staple) -> Check:
    """Return the verdict about revocation that an OCSP answer is."""
    if staple.problem:
        text = f"the server sent an OCSP answer that counts for nothing: {staple.problem}"
        return Check("revocation", Verdict.BAD, text, "tell the server's operator that its OCSP staple is of no use")
    if staple.status == "revoked":
        when = f" on {day(staple.revoked_at)}" if staple.revoked_at is not None else ""
        why = f" ({staple.reason})" if staple.reason else ""
        return Check(
            "revocation", Verdict.BAD, f"it was revoked{when}{why}", "trust it no more; tell the server's operator"
        )
    if staple.status == "good":
        until = f", and will say so anew by {day(staple.next_update)}" if staple.next_update is not None else ""
        return Check("revocation", Verdict.GOOD, f"its issuer says that it is not revoked, by OCSP{until}")
    return Check("revocation", Verdict.UNKNOWN, "its issuer says that it does not know the certificate, by OCSP")


def day(moment: int | None) -> str:
    """Return a moment as its day and time in UTC, such as `2026-11-27 17:05`; empty for none."""
    if moment is None:
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))
    except (ValueError, OverflowError, OSError):
        return "unknown"


def _read(answer: Any, octets: int, chain: Sequence[bytes], now: float) -> Staple:
    revoked = getattr(answer.certificate_status, "name", "").lower()
    reason = answer.revocation_reason.value if revoked == "revoked" and answer.revocation_reason is not None else ""
    hashed = answer.signature_hash_algorithm
    facts = Staple(
        octets=octets,
        status=revoked,
        reason=escape(str(reason).encode()[:_LONGEST]),
        revoked_at=_seconds(answer.revocation_time_utc) if revoked == "revoked" else None,
        produced_at=_seconds(answer.produced_at_utc),
        this_update=_seconds(answer.this_update_utc),
        next_update=_seconds(answer.next_update_utc),
        responder=_responder(answer),
        signature_hash=hashed.name if hashed is not None else "",
        serial=f"{answer.serial_number:X}",
    )
    return _with_problem(facts, _problem(answer, facts, chain, now))


def _with_problem(staple: Staple, problem: str) -> Staple:
    from msgspec.structs import replace

    return replace(staple, problem=problem)


def _problem(answer: Any, facts: Staple, chain: Sequence[bytes], now: float) -> str:
    if not chain:
        return "the server's certificate is not known"
    leaf = load(chain[0])
    if answer.serial_number != leaf.serial_number:
        return f"it is about another certificate, of serial number {facts.serial}"
    issuer = next((each for each in map(load, chain[1:]) if has_issued(each, leaf)), None)
    issuer = leaf if issuer is None and has_issued(leaf, leaf) else issuer
    if issuer is None:
        return "the issuer's certificate is not known, so that its signature cannot be checked"
    if not _is_about(answer, issuer):
        return "it is about a certificate of another issuer"
    if facts.signature_hash in ("md5", "sha1"):
        return f"it is signed with {facts.signature_hash.upper()}, which is too weak"
    if not any(_has_signed(key, answer) for key in _keys(answer, issuer)):
        return "its signature is not its issuer's"
    if facts.this_update is not None and facts.this_update > now + _CLOCK_SKEW:
        return f"it is not right yet, for {span(facts.this_update - now)} more"
    if facts.next_update is not None and facts.next_update < now - _CLOCK_SKEW:
        return f"it is out of date since {span(now - facts.next_update)}"
    return ""


def _is_about(answer: Any, issuer: Any) -> bool:
    """Return whether an answer names this issuer, by the hashes of its name and its key."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from smtp_shell.net.der import elements, public_key_of

    name = answer.hash_algorithm.name
    if name not in _HASHES:
        return False
    parts = [*elements(next(elements(public_key_of(issuer.public_bytes(Encoding.DER)))).content)]
    key = parts[1].content[1:]  # without the octet that counts unused bits
    hashed_key = hashlib.new(name, key, usedforsecurity=False).digest()
    hashed_name = hashlib.new(name, issuer.subject.public_bytes(), usedforsecurity=False).digest()
    return bool(answer.issuer_key_hash == hashed_key and answer.issuer_name_hash == hashed_name)


def _keys(answer: Any, issuer: Any) -> Iterator[Any]:
    """Yield the keys that may have signed an answer: the issuer's, and those to which it delegates that.

    Source: RFC 6960 section 4.2.2.2
    """
    yield issuer.public_key()
    for each in answer.certificates[:_MOST_RESPONDERS]:
        if has_issued(issuer, each) and _may_answer(each):
            yield each.public_key()


def _may_answer(certificate: Any) -> bool:
    from cryptography import x509

    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(each.dotted_string == _OCSP_SIGNING for each in usages)


def _has_signed(key: Any, answer: Any) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    signature, octets, hashed = answer.signature, answer.tbs_response_bytes, answer.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, octets, padding.PKCS1v15(), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, octets, ec.ECDSA(hashed))
        else:
            key.verify(signature, octets)
    except Exception:  # InvalidSignature, or a key of a kind that signs in another way
        return False
    return True


def _responder(answer: Any) -> str:
    if answer.responder_name is not None:
        return escape(name_octets(answer.responder_name)[:_LONGEST])
    return f"key {answer.responder_key_hash.hex()}" if answer.responder_key_hash is not None else ""


def _seconds(moment: Any) -> int | None:
    return None if moment is None else calendar.timegm(moment.utctimetuple())
