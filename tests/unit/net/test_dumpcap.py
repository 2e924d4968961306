"""What dumpcap is asked to capture."""

import pytest

from smtp_shell.net.dumpcap import capture_filter
from smtp_shell.net.target import parse_target


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("mail.example.com:587", "tcp port 587 or port 53 or arp"),
        ("192.0.2.25:25", "(host 192.0.2.25 and tcp port 25) or port 53 or arp"),
        ("smtps://[2001:db8::25]", "(host 2001:db8::25 and tcp port 465) or port 53 or arp"),
        ("pipe:cat", "tcp port 25 or tcp port 465 or tcp port 587 or port 53 or arp"),
    ],
)
def test_the_server_and_what_comes_before_it(address: str, wanted: str) -> None:
    assert capture_filter(parse_target(address)) == wanted


def test_any_mail_server_without_one() -> None:
    assert capture_filter(None) == "tcp port 25 or tcp port 465 or tcp port 587 or port 53 or arp"
