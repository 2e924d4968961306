"""The dates of a certificate, as a person reads them."""

import pytest

from smtp_shell.net.certificates import day_of


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"Jan  1 00:00:00 3000 GMT", "3000-01-01"),
        (b"Nov 27 17:05:00 2026 GMT", "2026-11-27"),
        (b"", "(unknown)"),
        (b"soon\x1b[2J", r"soon\x1b[2J"),
        (b"\xff", r"\xff"),
    ],
)
def test_a_moment_is_shown_as_its_day(written: bytes, shown: str) -> None:
    assert day_of(written) == shown
