"""What a relay passes on: every octet, once and in order, however the octets came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.servers.relay.gate import Gate
from tests.property.test_watched import PIECES, REPLIES

steps = st.lists(
    st.one_of(
        st.tuples(st.just(True), st.lists(st.sampled_from(PIECES), max_size=4).map(b"".join)),
        st.tuples(st.just(False), st.sampled_from([*REPLIES, b"25", b"0 ok\r\n", b"220-", b"hello\r\n"])),
    )
)


@given(steps)
def test_nothing_is_lost_or_invented_or_moved(steps: list[tuple[bool, bytes]]) -> None:
    gate = Gate()
    sent = said = to_server = to_client = b""
    for by_client, octets in steps:
        if by_client:
            sent += octets
            to_server += gate.from_client(octets)
        else:
            said += octets
            to_client += gate.from_server(octets)
            if gate.tls_due:
                assert (said).startswith(to_client + gate.go_ahead)
                assert sent == to_server + gate.start_tls()
                return
            to_server += gate.release()
        assert sent.startswith(to_server)
        assert said.startswith(to_client)
        if gate.garbled:
            return


@given(st.binary(), st.lists(st.integers(1, 20)))
def test_mail_data_ends_where_it_ends_however_it_comes(text: bytes, sizes: list[int]) -> None:
    octets = text.replace(b"\r\n.\r\n", b"").removeprefix(b".\r\n") + b"\r\n.\r\nSTARTTLS\r\nheld"
    if b"\r\n.\r\n" in octets[:-19] or octets.startswith(b".\r\n"):
        return
    gate = Gate()
    gate.from_server(b"220 a\r\n")
    gate.from_client(b"DATA\r\n")
    gate.from_server(b"354 go\r\n")
    passed, start = b"", 0
    for size in (*sizes, len(octets)):
        passed += gate.from_client(octets[start : start + size])
        start += size
    assert passed == octets.removesuffix(b"held")
