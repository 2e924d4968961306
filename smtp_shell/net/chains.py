"""The chain of a server's certificate: from its own, over those that it sent, to an authority that is trusted here."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.net.certificate_facts import CertificateFacts, facts_of
from smtp_shell.net.certificates import load
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smtp_shell.config import TlsSettings

MOST_SENT = 60
"""How many of the certificates that a server sent are read."""

_MOST_AUTHORITIES = 2_000  # files in a folder of authorities that are read


class Link(Struct, frozen=True):
    """One certificate of a chain.

    Args:
        facts: What it says.
        sent: Whether the server sent it.
        place: The file here in which it is trusted, escaped; empty if it is not, or not itself.
    """

    facts: CertificateFacts
    sent: bool = True
    place: str = ""


class Chain(Struct, frozen=True):
    """A chain, from the server's certificate upwards.

    Args:
        links: The server's certificate, and above each the one that signed it.
        unused: What the server sent besides, and no certificate of the chain needs.
        trusted: Whether the last link is, or was found to be signed by, an authority that is trusted here.
        sent: How many certificates the server sent.
        in_order: Whether each was sent right after the one that it signed.
        broken: Subject of a sent certificate that names itself the issuer of the last link and did not sign it; empty for none.
    """

    links: tuple[Link, ...] = ()
    unused: tuple[CertificateFacts, ...] = ()
    trusted: bool = False
    sent: int = 0
    in_order: bool = True
    broken: str = ""

    @property
    def leaf(self) -> CertificateFacts | None:
        """The server's own certificate; None if none is known."""
        return self.links[0].facts if self.links else None

    @property
    def top(self) -> CertificateFacts | None:
        """The last certificate of it."""
        return self.links[-1].facts if self.links else None


def chain_of(sent: Sequence[bytes], verified: Sequence[bytes], settings: TlsSettings) -> Chain:
    """Return the chain of a server's certificate.

    Args:
        sent: What the server sent, in DER form, its own first.
        verified: The chain that OpenSSL has verified, up to the trusted certificate; empty if it has not.
        settings: The settings of the handshake; they name the authorities.

    Source: RFC 5280 section 6.1, RFC 8446 section 4.4.2
    """
    read = tuple(sent[:MOST_SENT])
    known = {der: facts_of(der) for der in {*read, *verified}}
    if verified:
        return _verified(read, verified, known, settings, len(sent))
    if not read:
        return Chain()
    with warnings.catch_warnings(action="ignore"):  # about what breaks a rule, when it is looked at
        path, place, broken = _path(read, [*authorities(settings)])
    own = [der for der in path if der in known]
    links = [Link(known[der]) if der in known else Link(facts_of(der), sent=False) for der in path]
    if place:
        links[-1] = Link(links[-1].facts, links[-1].sent, place)
    unused = tuple(known[der] for der in dict.fromkeys(read) if der not in own)
    return Chain(tuple(links), unused, bool(place), len(sent), tuple(own) == read[: len(own)], broken)


def authorities(settings: TlsSettings) -> Iterator[tuple[Any, Path]]:
    """Yield the authorities that a verification trusts, each with the file that it is in.

    Args:
        settings: They name the file; without one it is the system's.
    """
    from cryptography import x509

    paths = [settings.ca_file] if settings.ca_file is not None else _system_files()
    for path in paths:
        found: list[Any] = []
        with suppress(OSError, ValueError), warnings.catch_warnings(action="ignore"):
            found = list(x509.load_pem_x509_certificates(path.read_bytes()))
        yield from ((each, path) for each in found)


def has_issued(issuer: Any, certificate: Any) -> bool:
    """Return whether a certificate of `cryptography` was signed by the key of another one, and names it."""
    if not _is_issuer(issuer, certificate):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # of `cryptography`: a wrong signature, a key of a kind that it does not know
        return False
    return True


def _is_issuer(issuer: Any, certificate: Any) -> bool:
    """Return whether a certificate names another one as its issuer."""
    try:
        return bool(certificate.issuer == issuer.subject)
    except ValueError:  # a name that cannot be read
        return False


def _verified(
    read: tuple[bytes, ...],
    verified: Sequence[bytes],
    known: Mapping[bytes, CertificateFacts],
    settings: TlsSettings,
    count: int,
) -> Chain:
    place = _place_of(verified[-1], settings)
    links = [Link(known[der], not read or der in read) for der in verified]
    links[-1] = Link(links[-1].facts, verified[-1] in read, place)
    own = tuple(der for der in verified if der in read)
    unused = tuple(known[der] for der in dict.fromkeys(read) if der not in verified)
    return Chain(tuple(links), unused, True, count, own == read[: len(own)])


def _place_of(der: bytes, settings: TlsSettings) -> str:
    """Return the file that a trusted certificate is in."""
    try:
        wanted = load(der)
        place = next((path for each, path in authorities(settings) if each == wanted), None)
    except (ImportError, ValueError):
        return ""
    return "" if place is None else escape_str(str(place))


def _path(read: tuple[bytes, ...], trusted: Sequence[tuple[Any, Path]]) -> tuple[list[bytes], str, str]:
    """Return the certificates from the server's own upwards, the file of the authority, and a false issuer's subject."""
    from cryptography.hazmat.primitives.serialization import Encoding

    places: dict[Any, Path] = dict(reversed(trusted))
    path = [read[0]]
    rest: dict[bytes, Any] = {}
    for der in read[1:]:
        with suppress(ValueError):
            rest[der] = load(der)
    try:
        current = load(read[0])
    except ValueError:
        return path, "", ""
    while True:
        if current in places:
            return path, escape_str(str(places[current])), ""
        anchor = next((each for each in places if has_issued(each, current)), None)
        if anchor is not None:
            return [*path, anchor.public_bytes(Encoding.DER)], escape_str(str(places[anchor])), ""
        above = next((der for der, each in rest.items() if each != current and has_issued(each, current)), None)
        if above is None:
            false = next((der for der, each in rest.items() if each != current and _is_issuer(each, current)), None)
            return path, "", facts_of(false).subject if false is not None else ""
        current = rest.pop(above)
        path.append(above)


def _system_files() -> Iterator[Path]:
    places = ssl.get_default_verify_paths()
    if places.cafile:
        yield Path(places.cafile)
    if places.capath:
        with suppress(OSError):
            yield from sorted(Path(places.capath).iterdir())[:_MOST_AUTHORITIES]
