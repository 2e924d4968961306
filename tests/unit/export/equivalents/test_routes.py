"""How a connection was made: what a header and the words of a notice say, however broken they are."""

import pytest

from smtp_shell.export.equivalents.acts import Opened, client_acts
from smtp_shell.export.equivalents.routes import Route, proxy_of, source_of
from smtp_shell.export.equivalents.spool import Spool
from smtp_shell.net.proxy import Proxy
from smtp_shell.protocol.events import Connected, Entry, Event, Noticed, NoticeKind, OctetsSent, ReplyReceived
from smtp_shell.protocol.proxy_header import ProxyHeader
from smtp_shell.protocol.rawlines import PROXY_SIGNATURE
from smtp_shell.protocol.replies import Reply

SOURCES = {4: (("192.0.2.7", 4711), ("192.0.2.25", 25)), 6: (("2001:db8::7", 4711), ("2001:db8::25", 25))}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("form", ["v1", "v2"])
def test_a_header_says_who_and_where(form: str, version: int) -> None:
    ends = SOURCES[version]
    route = Route(header=ProxyHeader(form, *ends).octets(None, None))
    assert (route.version, route.ends) == (int(form[1]), ends)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 a b 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 x 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 \xc2\xb2 2\r\n",
        PROXY_SIGNATURE,
        PROXY_SIGNATURE + b"\x20\0\0\0",
        PROXY_SIGNATURE + b"\x21\x11\0\x0c" + b"\1" * 11,
        PROXY_SIGNATURE + b"\x21\x31\0\x0c" + b"\1" * 12,
    ],
)
def test_a_header_without_addresses(header: bytes) -> None:
    assert Route(header=header).ends is None


def test_the_words_of_a_notice() -> None:
    assert proxy_of("socks5h://192.0.2.1:1080; it looks up the name") == Proxy("socks5h", "192.0.2.1", 1080)
    assert (source_of("[2001:db8::1]:4711"), source_of("192.0.2.1:1")) == ("2001:db8::1", "192.0.2.1")
    for words in ("", "nothing", "ftp://x", "socks5h://a:b@c", "\x1b[2J"):
        assert proxy_of(words) is None
    for words in ("", "example.org:25", "$(id):1"):
        assert source_of(words) == ""


def opened(*events: Event) -> Opened:
    with Spool() as spool:
        acts = client_acts((Entry(number, 0.0, event) for number, event in enumerate(events, 1)), spool)
    assert isinstance(acts[0], Opened)
    return acts[0]


def test_only_what_precedes_the_greeting_is_a_header() -> None:
    header = OctetsSent(b"PROXY UNKNOWN\r\n")
    greeting = ReplyReceived(Reply(220, (b"hi",), b"220 hi\r\n"), None)
    connected = Connected("192.0.2.1:25")
    assert opened(connected, header, greeting).route.version == 1
    assert opened(connected, greeting, header).route.version == 0
    assert opened(connected, OctetsSent(b"PROXY UNKNOWN\r\nEHLO a\r\n")).route.version == 0
    through = Noticed(NoticeKind.CONNECTION, "through socks4://192.0.2.9:1080")
    assert opened(connected, through).route.proxy == Proxy("socks4", "192.0.2.9", 1080)
