"""DER, as far as it is needed where no library reads it: the public key of a certificate, the size of a key that is refused, a name.

Source: ITU-T X.690 section 8.1, RFC 5280 section 4.1
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEQUENCE = 0x30
_INTEGER = 0x02
_BIT_STRING = 0x03
_VERSION = 0xA0
_LONGEST_LENGTH = 4  # octets of a length
_MOST_ELEMENTS = 64  # of one sequence
_LONGEST_OID = 40  # octets
_SEPARATING = re.compile(rb'[,+"<>;]|^[ #]| $')
_BMP_STRING = 0x1E
_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "EMAIL",
}
_KEY_INDEX = 5  # serial number, signature, issuer, validity, subject, key


class Element(Struct, frozen=True):
    """One element.

    Args:
        tag: Its first octet.
        content: What it holds.
        whole: It with its tag and length.
    """

    tag: int
    content: bytes
    whole: bytes


def public_key_of(der: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate as it stands there; empty if it is no certificate.

    A library would decode the key and encode it again, and refuses those that it does not know.

    Args:
        der: The certificate.

    Source: RFC 5280 section 4.1
    """
    try:
        (certificate,) = elements(der)
        signed = next(elements(certificate.content))
        key = [each for each in elements(signed.content) if each.tag != _VERSION][_KEY_INDEX]
    except (ValueError, IndexError, StopIteration):
        return b""
    return key.whole if {certificate.tag, signed.tag, key.tag} == {_SEQUENCE} else b""


def rsa_bits(key: bytes) -> int:
    """Return the size of the modulus of an RSA key, in bits; 0 if it cannot be read.

    Args:
        key: A SubjectPublicKeyInfo.
    """
    try:
        (whole,) = elements(key)
        _, bits = elements(whole.content)
        if bits.tag != _BIT_STRING:
            return 0
        (numbers,) = elements(bits.content[1:])
        modulus = next(elements(numbers.content))
    except (ValueError, StopIteration):
        return 0
    return int.from_bytes(modulus.content, "big").bit_length() if modulus.tag == _INTEGER else 0


def name_words(der: bytes) -> bytes:
    """Return a distinguished name in the words that OpenSSL has for it, such as `C=CH, CN=Example`; empty if it cannot be read.

    Source: RFC 5280 section 4.1.2.4
    """
    try:
        (whole,) = elements(der)
        parts = [each for group in elements(whole.content) for each in elements(group.content)]
        return b", ".join(_attribute(*elements(part.content)) for part in parts)
    except (TypeError, ValueError):
        return b""


def _attribute(kind: Element, value: Element) -> bytes:
    oid = _oid(kind.content)
    text = value.content.decode("utf-16-be", "replace").encode() if value.tag == _BMP_STRING else value.content
    return _NAMES.get(oid, oid).encode() + b"=" + quoted_value(text)


def quoted_value(text: bytes) -> bytes:
    """Return a value of a name, in quotes if it holds what separates values, so that `a, O=b` is not taken for two.

    Source: RFC 4514 section 2.4
    """
    if not _SEPARATING.search(text):
        return text
    return b'"' + text.replace(b'"', b'\\"') + b'"'


def _oid(octets: bytes) -> str:
    numbers, number = [], 0
    for octet in octets[:_LONGEST_OID]:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        raise ValueError("no object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(str(each) for each in (first, numbers[0] - 40 * first, *numbers[1:]))


def elements(octets: bytes) -> Iterator[Element]:
    """Yield the elements that stand one after the other.

    Raises:
        ValueError: They are cut off, have a length that DER does not know, or are too many.
    """
    at = number = 0
    while at < len(octets):
        number += 1
        if number > _MOST_ELEMENTS or len(octets) - at < 2:
            raise ValueError("cut off, or too many elements")
        length, begin = octets[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= _LONGEST_LENGTH:
                raise ValueError("a length that DER does not know")
            length, begin = int.from_bytes(octets[begin : begin + size], "big"), begin + size
        if begin + length > len(octets):
            raise ValueError("cut off")
        yield Element(octets[at], octets[begin : begin + length], octets[at : begin + length])
        at = begin + length
