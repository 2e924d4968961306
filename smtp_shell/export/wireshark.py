"""What to type in Wireshark: which ports it takes for SMTP by itself, how others are named to it, and display filters."""

from __future__ import annotations

from typing import Final

_SMTP_PORTS: Final = frozenset({25, 587})
_SMTPS_PORT: Final = 465


def decode_as(port: int, *, implicit: bool = False) -> tuple[str, ...]:
    """Return the values of tshark's `-d` without which Wireshark shows a port as plain TCP; none where it knows the port.

    Args:
        port: The server's port.
        implicit: Whether TLS begins with the first octet.
    """
    if not implicit:
        return () if port in _SMTP_PORTS else (f"tcp.port=={port},smtp",)
    return () if port == _SMTPS_PORT else (f"tcp.port=={port},tls", f"tls.port=={port},smtp")


def decode_as_advice(port: int, *, implicit: bool = False) -> str:
    """Return a sentence about what to set in Wireshark for this port; empty if nothing is to be set."""
    values = decode_as(port, implicit=implicit)
    if not values:
        return ""
    typed = " ".join(f"-d {value}" for value in values)
    return (
        f"Wireshark does not know port {port} as SMTP: Analyze > Decode As, TCP port {port}, "
        f"{'TLS, and TLS port the same, ' if implicit else ''}SMTP; or tshark {typed}"
    )
