"""Pins: their forms, and what is none."""

import pytest

from smtp_shell.errors import ConfigError
from smtp_shell.net.tls_pins import parse_pin, parse_pins, pin_of

DIGITS = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        f"SHA256:{DIGITS}",
        f"sha256:{DIGITS.upper()}",
        DIGITS,
        "SHA256:" + ":".join(DIGITS[at : at + 2] for at in range(0, 64, 2)),
        "sha256//ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=",
        f" SHA256:{DIGITS} ",
    ],
)
def test_a_pin_is_hexadecimal_or_base64(text: str) -> None:
    assert parse_pin(text, "--tls-pin") == DIGITS


@pytest.mark.parametrize(
    "text", ["", "SHA256:", "abc", f"SHA1:{DIGITS[:40]}", f"{DIGITS}0", "SHA256:\x1b[2J", "sha256//AAAA", "é" * 64]
)
def test_what_is_no_pin_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(ConfigError, match=r"a pin is SHA256: and the 64 digits") as failed:
        parse_pin(text, "--tls-pin")
    assert str(failed.value).isprintable()


def test_several_pins_are_a_list_with_commas() -> None:
    assert parse_pins(f"SHA256:{DIGITS}, {'f' * 64}", "/set tls-pin") == (DIGITS, "f" * 64)
    assert parse_pins("", "/set tls-pin") == ()


def test_what_is_no_certificate_has_no_pin() -> None:
    assert pin_of(b"\x30\x80") == ""
