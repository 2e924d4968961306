"""Figures in messages and reports: plain decimals, as people write them."""

from __future__ import annotations

_MOST_DECIMALS = 12
_SHORTEST = 0.0005  # seconds


def plain(value: float, digits: int = 6) -> str:
    """Return a number in plain decimals: never with an exponent, and without zeros at the end of its fraction.

    Args:
        value: The number.
        digits: How many significant digits to keep.
    """
    text = f"{float(f'{value:.{digits}g}'):.{_MOST_DECIMALS}f}"
    return text.rstrip("0").rstrip(".")


def shown_seconds(seconds: float) -> str:
    """Return a duration as people write it: milliseconds below a second."""
    if seconds < _SHORTEST:
        return "< 1 ms"
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def shown_octets(octets: int) -> str:
    """Return a number of octets as people write it, in decimal units."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= size:
            shown = octets / size
            return f"{shown:,.0f} {unit}" if shown >= 100 else f"{shown:.3g} {unit}"
    return counted(octets, "octet")


def counted(number: int, noun: str) -> str:
    """Return how many there are of something, such as `1 alias` or `2,000 aliases`.

    Args:
        number: How many.
        noun: What there is one of; its plural ends with s.
    """
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
