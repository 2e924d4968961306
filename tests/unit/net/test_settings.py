"""What a user says about how to connect."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.net.literals import endpoint
from smtp_shell.net.settings import DIRECT, ConnectSettings, Words, with_words
from smtp_shell.protocol.proxy_header import ProxyHeader


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [
        ("192.0.2.1:25", ("192.0.2.1", 25), ("192.0.2.1", 25)),
        ("[2001:db8::1]:25", ("2001:db8::1", 25), ("2001:db8::1", 25)),
        ("192.0.2.1", None, ("192.0.2.1", 0)),
        ("2001:db8::1", None, ("2001:db8::1", 0)),
        ("[2001:db8::1]", None, ("2001:db8::1", 0)),
        (":2525", None, ("", 2525)),
        *(
            (text, None, None)
            for text in ("", ":", "[]:1", "[1", "[192.0.2.1]:5", "h:25", "192.0.2.1:0", "192.0.2.1:99999")
        ),
        *((text, None, None) for text in ("192.0.2.1:x", "192.0.2.1:\u0665", "[::1]x", "[::1]:", "192.0.2.1:")),
    ],
)
def test_an_address_with_a_port(text: str, strict: tuple[str, int] | None, lenient: tuple[str, int] | None) -> None:
    assert endpoint(text) == strict
    assert endpoint(text, lenient=True) == lenient


@pytest.mark.parametrize(
    ("text", "source", "port"),
    [("127.0.0.1", "127.0.0.1", 0), ("[::1]:25", "::1", 25), (":25", None, 25), ("nonsense", "nonsense", 0)],
)
def test_the_local_end(text: str, source: str | None, port: int) -> None:
    assert with_words(DIRECT, Words(source=text)) == ConnectSettings(source=source, source_port=port)


def test_none_takes_back_what_was_given_before() -> None:
    before = with_words(DIRECT, Words(proxy="socks5h://h", proxy_protocol="v1"))
    assert before.proxy is not None
    assert before.proxy_protocol == ProxyHeader("v1")
    assert with_words(before, Words()) == before
    assert with_words(before, Words(proxy="none", proxy_protocol="none")) == DIRECT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (Words(proxy_protocol="v3"), "use one of v1, v2, v1-unknown, v2-local"),
        (Words(proxy_source="192.0.2.1:1"), "add --proxy-protocol"),
        (Words(proxy_protocol="v2-local", proxy_destination="192.0.2.1:1"), "add --proxy-protocol"),
        (Words(proxy_protocol="v1", proxy_source="192.0.2.1"), "write ADDR:PORT"),
        (Words(proxy_protocol="v1", proxy_source="h.example:1"), "write ADDR:PORT"),
        (Words(proxy_protocol="v1", proxy_source="192.0.2.1:1", proxy_destination="[::1]:1"), "one family"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(words: Words, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        with_words(DIRECT, words)
