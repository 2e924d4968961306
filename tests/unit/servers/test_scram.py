"""The server's side of SCRAM: the examples of the RFCs, and the client's side of this package."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from smtp_shell.protocol.sasl import ChannelBinding, Credentials, mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.scram import Binding, ScramUser, check_scram

if TYPE_CHECKING:
    from collections.abc import Generator

EXAMPLES = {
    "RFC 5802 section 5": (
        "sha1",
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"3rfcNHYJY1ZVvWVs7j",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "RFC 7677 section 3": (
        "sha256",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


def end_of(exchange: Generator[bytes, bytes, str], response: bytes) -> str:
    """Send the last response, and return what the server makes of it."""
    with pytest.raises(StopIteration) as end:
        exchange.send(response)
    return str(end.value.value)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_rfcs(example: str) -> None:
    name, first, nonce, server_first, final, server_final = EXAMPLES[example]
    salt = b64decode(server_first.split(b"s=")[1].split(b",")[0])
    exchange = check_scram(name, ScramUser("user", Secret("pencil"), salt), nonce_of_server=lambda: nonce)
    assert next(exchange) == b""
    assert exchange.send(first) == server_first
    assert exchange.send(final) == server_final
    assert end_of(exchange, b"") == ""


@pytest.mark.parametrize(
    ("user", "password"), [("student", "pencil"), ("zoë, =C", "pässwörd"), ("\u2168", "I\u00adX"), ("a=2Cb", "\u00aa")]
)
@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_it_takes_what_our_client_sends(name: str, user: str, password: str) -> None:
    bound = Binding({"tls-exporter": b"x" * 32}, demanded=True) if name.endswith("PLUS") else Binding({})
    hashed = "sha1" if name == "SCRAM-SHA-1" else "sha256"
    client = mechanism(name).start(
        Credentials(user, Secret(password)), nonce=lambda: "abc", binding=ChannelBinding("tls-exporter", b"x" * 32)
    )
    server = check_scram(hashed, ScramUser(user, Secret(password), b"salt"), bound)
    next(server)
    response = client.initial_response()
    assert response is not None
    for _ in range(2):
        response = client.respond(server.send(response.octets))
    assert end_of(server, response.octets) == ""
    client.finish()


@pytest.mark.parametrize(
    ("final", "error"),
    [
        (b"", "other-error"),
        (b"c=biws,r=other,p=eA==", "other-error"),
        (b"c=biws,r=abcdef,p=", "invalid-proof"),
        (b"c=biws,r=abcdef,p=eA==", "invalid-proof"),
        (b"c=eSws,r=abcdef,p=eA==", "channel-bindings-dont-match"),
        (b"c=!,r=abcdef,p=eA==", "other-error"),
        (b"c=b,r=abcdef,p=eA==", "channel-bindings-dont-match"),
        (b"c=biws,r=abcdef", "other-error"),
        (b"c=biws,r=abcdef,p=eA==,x=y", "other-error"),
    ],
)
def test_a_final_message_that_is_wrong(final: bytes, error: str) -> None:
    exchange = check_scram("sha256", ScramUser("user", Secret("pencil"), b"salt"), nonce_of_server=lambda: b"def")
    next(exchange)
    exchange.send(b"n,,n=user,r=abc")
    assert end_of(exchange, final) == error
