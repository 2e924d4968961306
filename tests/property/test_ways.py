"""What holds for every URL of a proxy, every answer of one, every address and every PROXY header."""

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtp_shell.errors import SmtpShellError, UsageError
from smtp_shell.net.literals import endpoint, shown_place
from smtp_shell.net.proxy import SCHEMES, Proxy, ask_proxy, parse_proxy
from smtp_shell.net.tls_identity import is_for
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import OctetsSent
from smtp_shell.protocol.proxy_header import FORMS, ProxyHeader
from smtp_shell.protocol.rawlines import is_whole_proxy_header
from smtp_shell.protocol.secret import Secret


def said(act: Callable[[], object]) -> str:
    """Return the sentence of the error that a function raises; empty if it raises none."""
    try:
        act()
    except SmtpShellError as error:
        return error.message
    return ""


ports = st.integers(1, 65_535)
places = st.one_of(st.tuples(st.ip_addresses(v=4).map(str), ports), st.tuples(st.ip_addresses(v=6).map(str), ports))


@given(st.one_of(st.text(max_size=60), st.tuples(st.sampled_from(SCHEMES), st.text(max_size=40)).map("://".join)))
def test_any_text_is_a_proxy_or_a_clean_sentence(text: str) -> None:
    assert said(lambda: str(parse_proxy(text))).isprintable()


@given(st.sampled_from(SCHEMES), st.text("αβγδ€", min_size=6, max_size=9))
def test_a_password_in_a_url_is_never_repeated(scheme: str, password: str) -> None:
    for text in (f"{scheme}://ann:{password}@h.example:1", f"ann:{password}@h.example", f"x://ann:{password}@h"):
        with pytest.raises(UsageError) as caught:
            parse_proxy(text)
        assert password not in caught.value.message


class Answers:
    """A connection on which a proxy answers with these octets, in these pieces, and closes."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.rest = b""

    def send(self, octets: bytes, seconds: float, until: float) -> None:
        assert b"wxyz-wxyz" not in octets or b"\x01" in octets[:1]

    def recv(self, deadline: float) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def unread(self, octets: bytes) -> None:
        self.rest = octets


answers = st.one_of(
    st.binary(max_size=80),
    st.builds(b"HTTP/1.1 %s\r\n\r\n".__mod__, st.binary(max_size=30)),
    st.builds(b"\x05%b".__mod__, st.binary(max_size=30)),
    st.builds(b"\x05\0\x05\0\0%b".__mod__, st.binary(max_size=30)),
    st.builds(b"\x05\x02\x01%b".__mod__, st.binary(max_size=30)),
    st.builds(b"\0\x5a%b".__mod__, st.binary(max_size=30)),
)


@example("socks4a", b"\0\x5a" + bytes(7) + b"\1", 3)
@given(st.sampled_from(SCHEMES), answers, st.integers(1, 90))
def test_any_answer_of_a_proxy_is_a_connection_or_a_clean_sentence(scheme: str, octets: bytes, size: int) -> None:
    proxy = Proxy(scheme, "proxy.example.org", 1080, "ann", Secret("wxyz-wxyz"))
    wire: Any = Answers([octets[start : start + size] for start in range(0, len(octets), size)])
    words = said(lambda: ask_proxy(wire, proxy, "mail.example.org", 25, float("inf")))
    assert words.isprintable()
    assert "wxyz" not in words
    assert words or octets.endswith(wire.rest + b"".join(wire.pieces))


@given(places)
def test_an_address_is_read_as_it_is_written(place: tuple[str, int]) -> None:
    assert endpoint(shown_place(place)) == place


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_none(text: str) -> None:
    for lenient in (False, True):
        found = endpoint(text, lenient=lenient)
        if found is not None and found[0]:
            ipaddress.ip_address(found[0].partition("%")[0])


@given(st.sampled_from(FORMS), st.one_of(st.none(), places), st.one_of(st.none(), places))
def test_a_header_is_whole_and_no_reply_is_owed_to_it(
    form: str, source: tuple[str, int] | None, destination: tuple[str, int] | None
) -> None:
    header = ProxyHeader(form, source, destination)
    try:
        octets = header.octets(None, None)
    except UsageError:
        assert source is not None
        assert destination is not None
        return
    assert header.words(None, None).isprintable()
    assert is_whole_proxy_header(octets)
    dialogue = Dialogue()
    events = dialogue.send_raw(octets)
    assert b"".join(event.octets for event in events if isinstance(event, OctetsSent)) == octets
    assert dialogue.asked == 1
    assert not dialogue.unended


@given(st.lists(st.tuples(st.sampled_from(["DNS", "IP Address"]), st.text(max_size=20))), st.text("ab.*", max_size=9))
def test_a_name_with_a_star_matches_one_label_only(names: list[tuple[str, str]], name: str) -> None:
    if is_for(names, name):
        assert any(kind == "DNS" and value.count(".") >= name.rstrip(".").count(".") for kind, value in names)
