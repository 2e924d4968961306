"""The words after `/connect`."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.net.proxy import Proxy
from smtp_shell.net.settings import DIRECT, ConnectSettings
from smtp_shell.protocol.proxy_header import ProxyHeader
from smtp_shell.protocol.secret import Secret
from smtp_shell.shell.connecting import connection_of, parse_connect
from tests.unit.shell.fake import make_shell


def parsed(*words: str, given: ConnectSettings = DIRECT) -> ConnectSettings:
    line, _ = parse_connect(words)
    return connection_of(line, given, lambda question, hidden: "hush")


def test_options_and_addresses_stand_in_any_order() -> None:
    line, places = parse_connect(["--tls", "h:1", "--proxy", "socks5h://p", "--no-wait"])
    assert places == ["h:1"]
    assert (line.tls, line.starttls, line.no_wait, line.proxy) == (True, False, True, "socks5h://p")


def test_what_is_left_out_is_as_before() -> None:
    given = ConnectSettings(source="127.0.0.1", proxy=Proxy("socks5h", "p", 1080))
    assert parsed("h", given=given) == given
    assert parsed("h", "--proxy", "none", given=given) == ConnectSettings(source="127.0.0.1")
    assert parsed("h", "--proxy-protocol", "v2", given=given).proxy_protocol == ProxyHeader("v2")
    assert parsed("h", "-4").family != parsed("h", "-6").family != 0


def test_the_password_of_a_proxy_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMTP_SHELL_PROXY_PASSWORD", raising=False)
    proxy = parsed("h", "--proxy", "http://ann@p:3128").proxy
    assert proxy is not None
    assert proxy.password == Secret("hush")


@pytest.mark.parametrize("words", ["--wrong h", "h --proxy", "--proxy-source 192.0.2.1:1 h", "h --proxy ftp://x"])
def test_what_cannot_be_meant_is_one_sentence(words: str) -> None:
    with pytest.raises(UsageError):
        parsed(*words.split())


def test_a_connection_that_is_not_asked_for_right_is_left_as_it_is() -> None:
    shell, *_ = make_shell()
    before = shell.session
    for line in ("/connect", "/connect a b c", "/connect --wrong a", "/connect --proxy socks5h://ann:hush@p a"):
        with pytest.raises(UsageError) as caught:
            shell.run(line)
        assert "hush" not in caught.value.message
    assert shell.session is before


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/reconnect --again", "has no option --again"),
        ("/reconnect mail.example.org", "takes no address"),
        ("/reconnect --mail", "give both"),
    ],
)
def test_reconnect_takes_no_other_words(line: str, why: str) -> None:
    shell, *_ = make_shell()
    with pytest.raises(UsageError, match=why):
        shell.run(line)
