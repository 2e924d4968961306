"""The dates of a certificate, as a person reads them, and certificates that cannot be read."""

import pytest

from smtp_shell.net.certificates import day_of, load
from tests.support.chains import sign


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


@pytest.mark.parametrize("version", [3, 9, 255])
def test_a_certificate_of_a_version_that_nobody_knows_cannot_be_read(version: int) -> None:
    der = sign("Example Root", authority=True).der
    assert load(der)
    assert der.count(b"\xa0\x03\x02\x01\x02") == 1
    with pytest.raises(ValueError, match="version"):
        load(der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01%c" % version))
