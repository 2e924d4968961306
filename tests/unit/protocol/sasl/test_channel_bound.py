"""SCRAM with channel binding, ANONYMOUS, and the choice of a mechanism with the reasons for it."""

import hashlib
import hmac
from binascii import a2b_base64, b2a_base64

import pytest

from smtp_shell.errors import AuthFailed, NotSendable, ProtocolViolation
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.sasl import ChannelBinding, Credentials, choose, explain_choice, mechanism
from smtp_shell.protocol.sasl.scram import ScramClient
from smtp_shell.protocol.secret import Secret

NONCE = "rOprNGfwEbeRWgbNEkqO"
BINDING = ChannelBinding("tls-exporter", bytes(range(32)))
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def client(binding: ChannelBinding | None = BINDING, *, unannounced: bool = False) -> ScramClient:
    return ScramClient(
        "sha256",
        user="user",
        password=Secret("pencil"),
        nonce=NONCE,
        binding=binding,
        binding_unannounced=unannounced,
    )


def proof_of(messages: bytes, key: bytes) -> bytes:
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", a2b_base64(b"W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    return hmac.digest(hmac.digest(salted, key, "sha256"), messages, "sha256")


def test_the_proof_covers_the_binding() -> None:
    """RFC 5802 section 3: AuthMessage holds c=, and that the header with the type and the data."""
    scram = client()
    assert scram.first() == b"p=tls-exporter,,n=user,r=" + NONCE.encode()
    final = scram.final(SERVER_FIRST)
    without, _, proof = final.rpartition(b",p=")
    assert without.startswith(b"c=" + b2a_base64(b"p=tls-exporter,," + BINDING.data, newline=False) + b",r=")
    signed = b",".join((b"n=user,r=" + NONCE.encode(), SERVER_FIRST, without))
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", a2b_base64(b"W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    assert a2b_base64(proof) == bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    scram.check(b"v=" + b2a_base64(proof_of(signed, b"Server Key"), newline=False))
    assert scram.verified


def test_each_flag() -> None:
    assert client(None).first().startswith(b"n,,n=user")
    assert client(None, unannounced=True).first().startswith(b"y,,n=user")
    assert client(None, unannounced=True).final(SERVER_FIRST).startswith(b"c=eSws,")
    assert client(unannounced=True).first().startswith(b"p=tls-exporter,,")


def test_what_is_said_of_it() -> None:
    exchange = mechanism("SCRAM-SHA-256-PLUS").start(
        Credentials("user", Secret("pencil")), nonce=lambda: NONCE, binding=BINDING
    )
    exchange.initial_response()
    meaning = exchange.respond(SERVER_FIRST).meaning
    assert meaning.endswith(f",p={MASK} (c holds p=tls-exporter and 32 octets of this TLS connection)")


@pytest.mark.parametrize(
    ("said", "error", "says"),
    [
        (b"e=server-does-support-channel-binding", ProtocolViolation, "taken it out"),
        (b"e=channel-bindings-dont-match", ProtocolViolation, "another TLS connection"),
        (b"e=unsupported-channel-binding-type", AuthFailed, "cannot bind by tls-exporter"),
        (b"v=AAAA", ProtocolViolation, "false"),
    ],
)
def test_a_server_that_sees_another_connection(said: bytes, error: type[Exception], says: str) -> None:
    scram = client()
    scram.final(SERVER_FIRST)
    with pytest.raises(error, match=says):
        scram.check(said)
    assert not scram.verified


def test_another_error_of_a_server_is_none_about_the_binding() -> None:
    scram = client()
    scram.final(SERVER_FIRST)
    scram.check(b"e=invalid-proof")
    assert not scram.verified


# --- ANONYMOUS, RFC 4505 section 3


def test_anonymous() -> None:
    first = mechanism("ANONYMOUS").start(Credentials("sirhc"), nonce=lambda: "").initial_response()
    assert first is not None
    assert (first.base64, first.meaning, first.secret) == (b"c2lyaGM=", "trace sirhc", True)
    nothing = mechanism("ANONYMOUS").start(Credentials(), nonce=lambda: "").initial_response()
    assert nothing is not None
    assert (nothing.base64_initial, nothing.secret) == (b"=", False)
    with pytest.raises(NotSendable, match="255 characters"):
        mechanism("ANONYMOUS").start(Credentials("x" * 256), nonce=lambda: "")
    assert mechanism("ANONYMOUS").start(Credentials("x" * 255), nonce=lambda: "").initial_response() is not None


# --- the choice

ALL = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "DIGEST-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "OAUTHBEARER",
    "ANONYMOUS",
    "EXTERNAL",
    "NTLM",
    "GSSAPI",
    "OTP",
]


@pytest.mark.parametrize(
    ("offered", "has", "chosen", "passed"),
    [
        (ALL, {"binding": True}, "SCRAM-SHA-256-PLUS", "OAUTHBEARER (no token)"),
        (ALL, {"binding": True, "token": True}, "OAUTHBEARER", ""),
        (
            ALL,
            {},
            "SCRAM-SHA-256",
            "OAUTHBEARER (no token), SCRAM-SHA-256-PLUS (nothing of TLS to bind to), "
            "SCRAM-SHA-1-PLUS (nothing of TLS to bind to)",
        ),
        (["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"], {"binding": True}, "SCRAM-SHA-1-PLUS", ""),
        (["PLAIN", "DIGEST-MD5"], {}, "PLAIN", ""),
        (["PLAIN", "DIGEST-MD5"], {"tls": False}, "DIGEST-MD5", "PLAIN (no TLS to protect the secret)"),
        (["DIGEST-MD5", "NTLM", "ANONYMOUS", "GSSAPI"], {}, "DIGEST-MD5", ""),
        (["OAUTHBEARER", "PLAIN"], {"token": True, "password": False}, "OAUTHBEARER", ""),
        (["OAUTHBEARER", "DIGEST-MD5"], {"tls": False}, "DIGEST-MD5", "OAUTHBEARER (no token)"),
    ],
)
def test_the_strongest_and_why(offered: list[str], has: dict[str, bool], chosen: str, passed: str) -> None:
    known = {"tls": True} | has
    found = choose(offered, **known)
    assert found is not None
    assert found.name == chosen
    sentence = explain_choice(found, offered, **known)
    assert sentence.startswith(f"{chosen} is the strongest that both sides can do: {found.merit}.")
    assert sentence.partition(f"{found.merit}.")[2] == (f" Passed over: {passed}." if passed else "")


@pytest.mark.parametrize(
    ("named", "offered", "has", "passed"),
    [
        ("EXTERNAL", ["PLAIN", "EXTERNAL"], {"password": False}, " Passed over: PLAIN (no password)."),
        (
            "EXTERNAL",
            ["SCRAM-SHA-1-PLUS", "EXTERNAL"],
            {"password": False},
            " Passed over: SCRAM-SHA-1-PLUS (nothing of TLS to bind to, no password).",
        ),
        ("EXTERNAL", ["NTLM", "GSSAPI", "EXTERNAL"], {"password": False}, ""),
        ("PLAIN", ["SCRAM-SHA-256", "PLAIN"], {"tls": False}, ""),
        ("LOGIN", ["PLAIN", "LOGIN"], {}, ""),
    ],
)
def test_what_kept_others_from_one_that_was_named(
    named: str, offered: list[str], has: dict[str, bool], passed: str
) -> None:
    chosen = mechanism(named)
    sentence = explain_choice(chosen, offered, **({"tls": True} | has))
    assert sentence.partition(f"{chosen.merit}.")[2] == passed


@pytest.mark.parametrize("name", ["NTLM", "GSSAPI", "ANONYMOUS", "EXTERNAL"])
def test_never_chosen(name: str) -> None:
    assert choose([name], tls=True, password=True, token=True, binding=True) is None
