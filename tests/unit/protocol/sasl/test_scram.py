"""SCRAM by the examples that the RFCs print, and every way in which a server may cheat."""

from typing import Any

import pytest

from smtp_shell.errors import AuthFailed, ProtocolViolation
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.sasl.exchange import saslname
from smtp_shell.protocol.sasl.saslprep import saslprep
from smtp_shell.protocol.sasl.scram import ScramClient, another_connection, describe
from smtp_shell.protocol.secret import Secret

NONCE = "fyko+d2lbbFgONRv9qkxdawL"
SERVER_FIRST = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
SERVER_FINAL = b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="


def client(**changes: Any) -> ScramClient:
    given: dict[str, Any] = {"user": "user", "authzid": "", "nonce": NONCE} | changes
    return ScramClient("sha1", password=Secret("pencil"), **given)


def test_rfc_5802_section_5() -> None:
    scram = client()
    assert scram.first() == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    assert scram.final(SERVER_FIRST) == (
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    )
    assert not scram.verified
    scram.check(SERVER_FINAL)
    assert scram.verified


def test_rfc_7677_section_3() -> None:
    scram = ScramClient("sha256", user="user", password=Secret("pencil"), nonce="rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert scram.final(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    scram.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert scram.verified


def test_unknown_extensions_behind_the_known_fields_are_signed_and_otherwise_ignored() -> None:
    scram = client()
    assert scram.final(SERVER_FIRST + b",x=y").startswith(b"c=biws,r=")
    with pytest.raises(ProtocolViolation):
        scram.check(SERVER_FINAL)
    scram = client()
    scram.final(SERVER_FIRST)
    scram.check(SERVER_FINAL + b",x=y,z=w")
    assert scram.verified


@pytest.mark.parametrize(
    ("server_first", "says"),
    [
        (SERVER_FIRST.replace(b"r=fyko", b"r=Fyko"), "nonce does not extend"),
        (b"r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096", "nonce does not extend"),
        (b"r=,s=QSXCR+Q6sek8bf92,i=4096", "nonce does not extend"),
        (b"r=fyko+d2lbbFgONRv9qkxdawL\x1b[2J,s=QSXCR+Q6sek8bf92,i=4096", "nonce does not extend"),
        (b"m=ext," + SERVER_FIRST, "extension"),
        (SERVER_FIRST.replace(b"4096", b"4095"), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"600001"), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"0"), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"-4096"), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"+4096"), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"4_096"), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"4096 "), "iterations"),
        (SERVER_FIRST.replace(b"4096", "\u0664\u0660\u0669\u0666".encode()), "iterations"),
        (SERVER_FIRST.replace(b"4096", b"9" * 60_000), "iterations"),
        (SERVER_FIRST.replace(b"4096", b""), "iterations"),
        (SERVER_FIRST.replace(b"QSXCR+Q6sek8bf92", b"QSXCR"), "salt"),
        (SERVER_FIRST.replace(b"QSXCR+Q6sek8bf92", b""), "salt"),
        (SERVER_FIRST.replace(b"QSXCR+Q6sek8bf92", b"QSX!"), "salt"),
        (b"s=QSXCR+Q6sek8bf92,r=fyko+d2lbbFgONRv9qkxdawL3,i=4096", "form"),
        (b"r=fyko+d2lbbFgONRv9qkxdawL3", "form"),
        (b"", "form"),
        (b"e=other-error", "form"),
        (SERVER_FINAL, "form"),
    ],
)
def test_refuses_a_server_first_message(server_first: bytes, says: str) -> None:
    with pytest.raises(ProtocolViolation, match=says):
        client().final(server_first)


def test_takes_600000_iterations() -> None:
    assert client().final(SERVER_FIRST.replace(b"4096", b"600000")).startswith(b"c=biws,")


@pytest.mark.parametrize(
    ("server_final", "says"),
    [
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKU=", "false"),
        (b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "false"),
        (b"v=", "false"),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ", "did not send"),
        (b"", "did not send"),
        (b"rmF9pqV8S7suAoZWja4dJRkFsKQ=", "did not send"),
        (SERVER_FIRST, "did not send"),
    ],
)
def test_refuses_a_server_final_message(server_final: bytes, says: str) -> None:
    scram = client()
    scram.final(SERVER_FIRST)
    with pytest.raises(ProtocolViolation, match=says):
        scram.check(server_final)
    assert not scram.verified


def test_no_signature_is_good_before_the_proof() -> None:
    scram = client()
    for signature in (b"v=", b"v=WA=="):
        with pytest.raises(ProtocolViolation):
            scram.check(signature)
    assert not scram.verified


def test_an_error_that_the_server_names_waits_for_its_reply_and_verifies_nothing() -> None:
    scram = client()
    scram.final(SERVER_FIRST)
    scram.check(b"e=invalid-proof")
    assert not scram.verified


def test_names_are_encoded() -> None:
    assert client(user="a=b,c", authzid="d,=").first() == b"n,a=d=2C=3D,n=a=3Db=2Cc,r=" + NONCE.encode()
    assert client(authzid="ann").final(SERVER_FIRST).startswith(b"c=bixhPWFubiw=,r=")
    assert saslname("j\u00f6rg") == b"j\xc3\xb6rg"


@pytest.mark.parametrize("nonce", ["", "a,b", "a b", "\u00e9"])
def test_a_bad_nonce_is_our_own_mistake(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        client(nonce=nonce)


def test_a_user_name_of_nothing_but_invisible_characters_is_refused() -> None:
    with pytest.raises(AuthFailed, match="empty"):
        client(user="\u00ad\u200b")


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u3000", " "),
        ("\u0627", "\u0627"),
        ("\u0627 1 \u0628", "\u0627 1 \u0628"),
        ("", ""),
    ],
)
def test_saslprep_as_in_rfc_4013_section_3(typed: str, prepared: str) -> None:
    assert saslprep(typed, "password") == prepared


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("abc\u0007", "prohibits"),
        ("abc\x00", "prohibits"),
        ("abc\u0085", "prohibits"),
        ("abc\ue000", "prohibits"),
        ("abc\ufdd0", "prohibits"),
        ("abc\udcff", "prohibits"),
        ("abc\u2ff0", "prohibits"),
        ("abc\u202e", "prohibits"),
        ("abc\U000e0041", "prohibits"),
        ("abc\U0001f511", "does not know"),
        ("\u06271", "directions"),
        ("1\u0627", "directions"),
        ("\u0627a\u0628", "directions"),
    ],
)
def test_saslprep_refuses_and_does_not_quote(typed: str, says: str) -> None:
    with pytest.raises(AuthFailed, match=says) as caught:
        saslprep(typed, "password")
    assert "abc" not in str(caught.value)
    assert "password" in str(caught.value)


def test_a_name_may_hold_what_unicode_3_2_did_not_know() -> None:
    assert saslprep("\U0001f511", "user name", unassigned=True) == "\U0001f511"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (
            SERVER_FIRST,
            "nonce fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j, salt QSXCR+Q6sek8bf92, 4096 iterations",
        ),
        (b"r=\x1b[2J,s=,i=\xff", "nonce \\x1b[2J, salt , \\xff iterations"),
        (
            SERVER_FIRST + b",x=y",
            "nonce fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j, salt QSXCR+Q6sek8bf92, 4096 iterations",
        ),
        (SERVER_FINAL, "server signature: the proof that it knows the password too"),
        (SERVER_FINAL + b",x=y", "server signature: the proof that it knows the password too"),
        (b"e=invalid-proof,x=y", "error invalid-proof"),
        (b"e=", "error of no known name: "),
        (b"e=\x07", "error of no known name: \\x07"),
        (b"hello\n", "hello\\x0a"),
    ],
)
def test_describe(message: bytes, says: str) -> None:
    assert describe(message) == says


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (b"", b""),
        (b"VXNlcm5hbWU6", b"Username:"),
        (b"AQ==", b"\x01"),
        (b"AQ=", None),
        (b"AQ", None),
        (b"A===", None),
        (b"=", None),
        (b"AQ==AQ==", None),
        (b"AQ ==", None),
        (b"AQ==\n", None),
        (b"A-_=", None),
        (b"\xff\xff\xff\xff", None),
    ],
)
def test_base64_is_strict(text: bytes, octets: bytes | None) -> None:
    assert decode_base64(text) == octets


@pytest.mark.parametrize(
    "name",
    [
        "invalid-encoding", "extensions-not-supported", "invalid-proof", "channel-bindings-dont-match",
        "server-does-support-channel-binding", "channel-binding-not-supported", "unsupported-channel-binding-type", "unknown-user",
        "invalid-username-encoding", "no-resources", "other-error",
    ],
)  # fmt: skip
def test_the_errors_that_rfc_5802_section_7_names(name: str) -> None:
    assert describe(f"e={name}".encode()) == f"error {name}"
    assert describe(f"e={name}-x".encode()) == f"error of no known name: {name}-x"


def test_a_user_name_may_hold_what_a_password_may_not() -> None:
    assert client(user="\U0001f511").first().startswith("n,,n=\U0001f511,".encode())
    with pytest.raises(AuthFailed, match=r"^The password holds"):
        ScramClient("sha1", user="user", password=Secret("\U0001f511"), nonce=NONCE)


@pytest.mark.parametrize(
    ("mechanism", "without"),
    [
        ("SCRAM-SHA-1-PLUS", "scram-sha-1"), ("SCRAM-SHA-256-PLUS", "scram-sha-256"), ("SCRAM-sha1", "scram-sha-1"),
        ("SCRAM-sha256", "scram-sha-256"), ("SCRAM-SHA-256", "scram-sha-256"),
    ],
)  # fmt: skip
def test_where_the_connection_is_another_one_a_mechanism_without_binding_is_named(mechanism: str, without: str) -> None:
    assert f"use `auth {without}`," in another_connection(mechanism)
