"""Each mechanism against each way to cheat: one sentence, an exit status of 5 or 6, and soon."""

import time
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from smtp_shell.client.authentication import AuthExchange
from smtp_shell.errors import AuthFailed, ProtocolViolation
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.replies import Reply
from smtp_shell.protocol.sasl import MECHANISMS, ChannelBinding, Credentials, mechanism
from smtp_shell.protocol.secret import Secret

PASSWORD = "canary-password"
NAMES = [name for name in MECHANISMS if name != "GSSAPI"]  # that needs a library of the system and a ticket
TARGET = Target(Way.TCP, "mail.example.org", 587)
SCRAM = "r=%s,s=c2FsdHNhbHQ=,i=%s"
DIGEST = b'realm="x",nonce="n",qop="auth",charset=utf-8,algorithm=md5-sess'


def encoded(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False)


def scram(nonce: str = "{}server", count: str = "4096", *, before: str = "") -> Iterator[bytes]:
    """Yield a server-first-message, then what is no signature."""
    yield encoded((before + SCRAM % (nonce, count)).encode())
    yield from repeat(encoded(b"v=" + encoded(b"x" * 32)))


CHEATS: dict[str, Callable[[], Iterator[bytes]]] = {
    "not base64": lambda: repeat(b"no base64!"),
    "half base64": lambda: repeat(b"abc"),
    "nothing, for ever": lambda: repeat(b""),
    "a word, for ever": lambda: repeat(encoded(b"Password:")),
    "huge": lambda: repeat(encoded(b"x" * 70_000)),
    "as large as may be": lambda: repeat(encoded(b"\0" * 65_536)),
    "a nonce that is not ours": lambda: scram("elsewhere"),
    "one iteration": lambda: scram(count="1"),
    "a billion iterations": lambda: scram(count="1000000000"),
    "iterations of many digits": lambda: scram(count="9" * 50_000),
    "an extension": lambda: scram(before="m=x,"),
    "a wrong signature": lambda: scram(),
    "the binding is another": lambda: iter([*[next(scram())], *[encoded(b"e=channel-bindings-dont-match")] * 9]),
    "the type of binding is unknown": lambda: iter(
        [*[next(scram())], *[encoded(b"e=unsupported-channel-binding-type")] * 9]
    ),
    "a digest of its own": lambda: iter([encoded(DIGEST), *[encoded(b"rspauth=" + b"0" * 32)] * 9]),
    "the challenge again": lambda: repeat(encoded(DIGEST)),
    "an NTLM message": lambda: repeat(encoded(b"NTLMSSP\0\2\0\0\0" + b"\xff" * 100)),
    "deep JSON": lambda: repeat(encoded(b'{"a":' * 9000)),
    "the password": lambda: repeat(encoded(PASSWORD.encode())),
}


@pytest.mark.parametrize("cheat", CHEATS)
@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_cheats(name: str, cheat: str) -> None:
    begun = time.process_time()
    exchange = AuthExchange(
        mechanism(name),
        Credentials("student", Secret(PASSWORD)),
        TARGET,
        binding=ChannelBinding("tls-exporter", bytes(32)),
    )
    line = exchange.begin()
    nonce = ""
    said: list[str] = [line.meaning]
    with pytest.raises((ProtocolViolation, AuthFailed)) as caught:  # noqa: PT012 - which step it is depends on both
        for number, challenge in enumerate(CHEATS[cheat]()):
            assert number < 5, "it never ends"
            nonce = nonce or line.meaning.rpartition(",r=")[2]
            text = challenge
            if number == 0 and b"r={}" in (plain := decode_base64(text) or b""):
                text = encoded(plain.replace(b"{}", nonce.encode()))
            reply = Reply(334, (text,), b"334 " + text + b"\r\n")
            read = exchange.read_challenge(reply)
            line = exchange.respond(read)
            said += [read.meaning, line.meaning]
        exchange.finish(Reply(235, (b"welcome",), b"235 welcome\r\n"))
    assert caught.value.exit_status in (5, 6)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert not [text for text in (*said, str(caught.value)) if PASSWORD in text]
    assert time.process_time() - begun < 5
