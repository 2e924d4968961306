"""Pins: a server must have one of these public keys, whatever vouches for its certificate.

A pin is the SHA-256 of the SubjectPublicKeyInfo, as in `SHA256:` and 64 hexadecimal digits. A new certificate for the same key keeps it.
Source: RFC 7469 section 2.4
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from smtp_shell.errors import CertificateRefused, ConfigError
from smtp_shell.net.der import public_key_of
from smtp_shell.protocol.octets import decode_base64, escape_str

if TYPE_CHECKING:
    from smtp_shell.config import TlsSettings
    from smtp_shell.protocol.events import TlsStarted

_FORM = re.compile(r"(?i:sha256(?::|//))?(.+)", re.DOTALL)
_HEX = re.compile(r"[0-9a-fA-F]{2}(?::?[0-9a-fA-F]{2}){31}")


def parse_pin(text: str, what: str) -> str:
    """Return the hexadecimal digits of a pin.

    Args:
        text: `SHA256:` and hexadecimal digits, with or without colons, or base64 as curl has it (`sha256//...`).
        what: What takes it, for the message.

    Raises:
        ConfigError: It is no pin.
    """
    found = _FORM.fullmatch(text.strip())
    digits = found[1] if found else ""
    if _HEX.fullmatch(digits):
        return digits.replace(":", "").lower()
    octets = decode_base64(digits.encode("ascii", "replace"))
    if octets is not None and len(octets) == hashlib.sha256().digest_size:
        return octets.hex()
    shown = escape_str(text[:80])
    raise ConfigError(f"{what} {shown}: a pin is SHA256: and the 64 digits of the key's SHA-256; /tls pin prints it.")


def parse_pins(text: str, what: str) -> tuple[str, ...]:
    """Return the pins of a list with commas, as `parse_pin` does.

    Raises:
        ConfigError: One of them is no pin.
    """
    return tuple(parse_pin(each, what) for each in text.split(",") if each.strip())


def pin_of(der: bytes) -> str:
    """Return the pin of a certificate's key, hexadecimal; empty if the certificate cannot be read."""
    key = public_key_of(der)
    return hashlib.sha256(key).hexdigest() if key else ""


def check_pins(facts: TlsStarted, settings: TlsSettings) -> None:
    """Check that the server has one of the keys that were pinned.

    Args:
        facts: What the handshake agreed on.
        settings: They hold the pins.

    Raises:
        CertificateRefused: It has another key, or none that is known.
    """
    pin = pin_of(facts.certificate.der)
    if pin in settings.pins:
        return
    held = f"SHA256:{pin}" if pin else "not known"
    wanted = " or ".join(f"SHA256:{each}" for each in settings.pins[:4])
    option = settings.option("tls-pin", f"SHA256:{pin}") if pin else ""
    accept = f"; if the server's operator confirms the new key, accept it with {option}" if option else ""
    reason = (
        f"the server's public key is not the pinned one: it is {held}, and must be {wanted}; "
        f"somebody may be between you and the server, or its key was changed{accept}."
    )
    from smtp_shell.net.certificates import from_der
    from smtp_shell.net.tls_report import certificate_sentence

    sentence = certificate_sentence([from_der(facts.certificate.der)])
    raise CertificateRefused(reason, sentence, facts, "pin")
