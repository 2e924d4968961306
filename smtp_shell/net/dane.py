"""DANE for SMTP: which TLSA record a server's certificates match. Pure: no look-up, no connection; `net.dns` asks for the records.

`cryptography` is loaded for a record of usage 2 only, whose chain has to be followed.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.net.der import public_key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate

TRUST_ANCHOR = 2
"""Usage: the chain ends at the certificate or key of the record."""
END_ENTITY = 3
"""Usage: the server's own certificate or key is that of the record."""
_USAGES = {0: "PKIX-TA", 1: "PKIX-EE", TRUST_ANCHOR: "DANE-TA", END_ENTITY: "DANE-EE"}
_SELECTORS = {0: "certificate", 1: "public key"}
_MATCHINGS = {0: "itself", 1: "SHA-256", 2: "SHA-512"}
_DIGESTS = {1: ("sha256", 32), 2: ("sha512", 64)}
_MOST_CERTIFICATES = 20


class TlsaRecord(Struct, frozen=True):
    """One TLSA record.

    Args:
        usage: 2 (trust anchor) or 3 (the server's own); 0 and 1 have no meaning for SMTP.
        selector: 0 for the whole certificate, 1 for its public key.
        matching: 0 for the octets themselves, 1 for their SHA-256, 2 for their SHA-512.
        data: What they have to be.

    Source: RFC 6698 section 2.1, RFC 7672 section 3.1
    """

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        digits = self.data.hex()
        return f"{self.usage} {self.selector} {self.matching} {digits[:16]}{'…' if len(digits) > 16 else ''}"

    @property
    def meaning(self) -> str:
        """The three numbers in words."""
        names = (
            table.get(number, f"unknown {number}")
            for table, number in ((_USAGES, self.usage), (_SELECTORS, self.selector), (_MATCHINGS, self.matching))
        )
        return ", ".join(names)

    @property
    def problem(self) -> str:
        """Why a client of SMTP must not use it; empty if it may.

        Source: RFC 7672 section 3.1.3, RFC 6698 section 4.1
        """
        if self.usage not in (TRUST_ANCHOR, END_ENTITY):
            return f"usage {self.usage} is not for SMTP"
        if self.selector not in _SELECTORS:
            return f"selector {self.selector} is unknown"
        if self.matching not in _MATCHINGS:
            return f"matching type {self.matching} is unknown"
        if not self.data:
            return "it is empty"
        _, size = _DIGESTS.get(self.matching, ("", len(self.data)))
        if len(self.data) != size:
            return f"{len(self.data)} octets are no {_MATCHINGS[self.matching]}"
        return ""


class DaneStatus(Enum):
    """What the records say about a server's certificates."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    UNUSABLE = "unusable"
    NONE = "none"


class DaneVerdict(Struct, frozen=True):
    """What TLSA records say about a server's certificates.

    Args:
        status: `MATCHED`: the server is authenticated. `MISMATCHED`: it is not, and mail must not go there. `UNUSABLE`: there are records,
            but none that SMTP can use, so that TLS is needed and the certificate does not count. `NONE`: there are no records.
        sentence: That in words, printable.
        record: The record that matched; None for none.
        depth: Number of the certificate that it is about, 0 for the server's own; None where it is not among those that were sent.
    """

    status: DaneStatus
    sentence: str
    record: TlsaRecord | None = None
    depth: int | None = None


def judge(
    records: Sequence[TlsaRecord], chain: Sequence[bytes], names: Sequence[str], now: datetime | None = None
) -> DaneVerdict:
    """Return what TLSA records say about a server's certificates.

    Args:
        records: The records, which must come from an authenticated answer.
        chain: The certificates that the server sent, in DER form, its own first.
        names: The names that its certificate may be for: the host's, and the mail domain's. Only a record of usage 2 needs one of them.
        now: The time, with a zone; None for the present.

    Source: RFC 7672 sections 3.1 and 3.2, RFC 7671 section 5
    """
    if not records:
        return DaneVerdict(DaneStatus.NONE, "there is no TLSA record")
    usable = [record for record in records if not record.problem]
    if not usable:
        return DaneVerdict(DaneStatus.UNUSABLE, f"no TLSA record can be used: {records[0].problem}")
    if not chain:
        return DaneVerdict(DaneStatus.MISMATCHED, "the server showed no certificate")
    reasons: list[str] = []
    for record in sorted(
        usable, key=lambda each: -each.usage
    ):  # the server's own first: it needs neither names nor dates
        if record.usage == END_ENTITY:
            if matches(record, chain[0]):
                sentence = f"the server's own certificate matches {record} ({record.meaning})"
                return DaneVerdict(DaneStatus.MATCHED, sentence, record, 0)
            continue
        depth, reason = _anchor(record, chain[:_MOST_CERTIFICATES], names, now)
        if not reason:
            where = "the record itself" if depth is None else f"certificate {depth} of the chain"
            return DaneVerdict(
                DaneStatus.MATCHED, f"{where} is the anchor of {record} ({record.meaning})", record, depth
            )
        reasons.append(reason)
    told = next((reason for reason in reasons if reason != _NO_ANCHOR), "none of them is that of a TLSA record")
    return DaneVerdict(DaneStatus.MISMATCHED, f"the server's certificates do not match: {told}")


def matches(record: TlsaRecord, certificate: bytes) -> bool:
    """Return whether a certificate is the one that a record is about. Its usage is not looked at.

    Args:
        record: A record whose `problem` is empty.
        certificate: The certificate in DER form.

    Source: RFC 6698 sections 2.1.2 and 2.1.3
    """
    selected = certificate if record.selector == 0 else public_key_of(certificate)
    if not selected:
        return False
    if record.matching == 0:
        return selected == record.data
    digest, _ = _DIGESTS[record.matching]
    return hashlib.new(digest, selected).digest() == record.data


_NO_ANCHOR = "no anchor"


def _anchor(
    record: TlsaRecord, chain: Sequence[bytes], names: Sequence[str], now: datetime | None
) -> tuple[int | None, str]:
    """Return the place of the anchor of a record in a chain, and why the server is not authenticated by it; empty if it is."""
    import warnings
    from datetime import UTC, datetime

    from cryptography import x509

    with warnings.catch_warnings(action="ignore"):  # about certificates that break rules
        try:
            certificates = [x509.load_der_x509_certificate(der) for der in chain]
            path = list(_path(certificates))
        except ValueError:
            return None, "a certificate in the chain cannot be read"
        depth = next((place for place in path[1:] if matches(record, chain[place])), None)
        if depth is not None:
            path = path[: path.index(depth) + 1]
        elif not _issued_by_record(record, certificates[path[-1]]):
            return None, _NO_ANCHOR
        problem = _dates_problem([certificates[place] for place in path], now or datetime.now(UTC))
        if not problem and not any(_is_for(certificates[0], name) for name in names):
            problem = "the certificate's name is another one"
        return depth, problem


def _path(chain: Sequence[Certificate]) -> Iterator[int]:
    """Yield the places of the certificates from the server's own to the last whose issuer is in the chain."""
    place: int | None = 0
    left = set(range(1, len(chain)))
    while place is not None:
        yield place
        place = next((other for other in sorted(left) if _is_issued_by(chain[place], chain[other])), None)
        left.discard(place or 0)


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        if certificate.issuer != issuer.subject:
            return False
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return True


def _issued_by_record(record: TlsaRecord, certificate: Certificate) -> bool:
    """Return whether a record holds the whole certificate of the issuer, which the server then need not send.

    Source: RFC 7672 section 3.1.2
    """
    from cryptography import x509

    if record.matching or record.selector:
        return False
    try:
        return _is_issued_by(certificate, x509.load_der_x509_certificate(record.data))
    except ValueError:
        return False


def _dates_problem(path: Sequence[Certificate], now: datetime) -> str:
    for certificate in path:
        if now < certificate.not_valid_before_utc:
            return "a certificate in the chain is not valid yet"
        if now > certificate.not_valid_after_utc:
            return "a certificate in the chain has expired"
    return ""


def _is_for(certificate: Certificate, name: str) -> bool:
    """Return whether a certificate is for a host name; an asterisk stands for its whole first label.

    Source: RFC 7672 section 3.2.3
    """
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = extension.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        found = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return any(covers(pattern, name) for pattern in found)


def covers(pattern: str, name: str) -> bool:
    """Return whether a name with or without an asterisk as its first label stands for a host name.

    Args:
        pattern: `mail.example.org` or `*.example.org`.
        name: The host name in ASCII.

    Source: RFC 6125 section 6.4.3, RFC 8461 section 4.1
    """
    wanted, given = name.lower().removesuffix("."), pattern.lower().removesuffix(".")
    if given.startswith("*."):
        _, dot, rest = wanted.partition(".")
        return bool(dot) and rest == given.removeprefix("*.")
    return wanted == given
