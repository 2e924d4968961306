"""TCP as a stack would have sent it."""

import pytest

from smtp_shell.export.packets import MSS, Endpoint, Packet, TcpConversation
from smtp_shell.export.pcapng import file_start, packet_block
from tests.support.pcapng import Read, read

CLIENT, SERVER = Endpoint.of("198.51.100.7", 49_153), Endpoint.of("192.0.2.25", 25)


def checked(packets: list[Packet]) -> Read:
    return read(file_start("x", "x", "x") + b"".join(packet_block(each.at, each.octets) for each in packets))


def conversation(number: int = 1) -> tuple[TcpConversation, list[Packet]]:
    tcp = TcpConversation(CLIENT, SERVER, number)
    return tcp, list(tcp.open(1.0))


def test_sequence_numbers_may_wrap_around() -> None:
    near_the_end = next(number for number in range(1, 10**6) if number * 0x1D872B41 % 2**32 > 2**32 - 100_000)
    tcp, packets = conversation(near_the_end)
    packets += tcp.send(b"x" * 200_000, 1.0, from_client=True)
    assert checked(packets).sent(by_client=True) == b"x" * 200_000


def test_a_long_write_is_cut_into_segments_and_acknowledged_on_the_way() -> None:
    tcp, packets = conversation()
    sent = list(tcp.send(b"x" * (MSS * 6 + 1), 1.0, from_client=True))
    assert [each.acknowledges for each in sent].count(True) == 2
    assert checked(packets + sent).sent(by_client=True) == b"x" * (MSS * 6 + 1)


def test_ipv6_has_smaller_segments() -> None:
    tcp = TcpConversation(Endpoint.of("2001:db8::7", 49_153), Endpoint.of("fe80::1%eth0", 25))
    packets = [*tcp.open(0.0), *tcp.send(b"x" * MSS, 0.0, from_client=False)]
    assert len(packets) == 5
    assert tcp.segment_size == MSS - 20
    assert checked(packets).sent(by_client=False) == b"x" * MSS


def test_whoever_is_silent_for_long_acknowledges_before() -> None:
    tcp, packets = conversation()
    packets += tcp.send(b"220 x\r\n", 1.0, from_client=False)
    later = list(tcp.send(b"QUIT\r\n", 3.0, from_client=True))
    assert [(each.at, each.acknowledges) for each in later] == [(1.04, True), (3.0, False)]
    checked(packets + later)


def test_each_side_ends_once_and_says_nothing_after_that() -> None:
    tcp, packets = conversation()
    packets += [*tcp.end(1.0, from_client=True), *tcp.end(1.0, from_client=True)]
    packets += tcp.send(b"x", 1.0, from_client=True)
    before = tcp.has_ended
    packets += [*tcp.send(b"late", 1.0, from_client=False), *tcp.end(1.0, from_client=False)]
    assert (before, tcp.has_ended) == (False, True)
    found = checked(packets)
    assert (found.sent(by_client=True), found.sent(by_client=False)) == (b"", b"late")


def test_a_reset_ends_both_sides() -> None:
    tcp, packets = conversation()
    packets += [*tcp.reset(1.0, from_client=False), *tcp.reset(1.0, from_client=True)]
    packets += tcp.send(b"x", 1.0, from_client=True)
    assert checked(packets).packets == 4


@pytest.mark.parametrize(("end", "shown"), [(SERVER, "192.0.2.25:25"), (Endpoint.of("::1", 25), "[::1]:25")])
def test_an_end_is_shown_with_its_port(end: Endpoint, shown: str) -> None:
    assert str(end) == shown
