"""What is to be set in Wireshark."""

import pytest

from smtp_shell.export.wireshark import decode_as, decode_as_advice


@pytest.mark.parametrize(("port", "implicit"), [(25, False), (587, False), (465, True)])
def test_nothing_for_a_port_that_it_knows(port: int, implicit: bool) -> None:
    assert decode_as(port, implicit=implicit) == ()
    assert decode_as_advice(port, implicit=implicit) == ""


def test_another_port_is_named_to_it() -> None:
    assert decode_as(2525) == ("tcp.port==2525,smtp",)
    assert decode_as(4650, implicit=True) == ("tcp.port==4650,tls", "tls.port==4650,smtp")
    assert decode_as_advice(2525).endswith("TCP port 2525, SMTP; or tshark -d tcp.port==2525,smtp")
