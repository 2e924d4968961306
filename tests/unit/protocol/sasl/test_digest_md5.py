"""DIGEST-MD5 by the examples that RFC 2831 prints, and every way in which a server may cheat."""

import hashlib
import time

import pytest

from smtp_shell.errors import AuthFailed, ProtocolViolation
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.sasl import Credentials
from smtp_shell.protocol.sasl.digest_md5 import DigestMd5, Proofs
from smtp_shell.protocol.secret import Secret

IMAP = b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'
ACAP = b'realm="elwood.innosoft.com",nonce="OA9BSXrbuRhWay",qop="auth",algorithm=md5-sess,charset=utf-8'
PROOF = b"rspauth=ea40f60335c427b5527b84dbabcdfffd"


def start(
    user: str = "chris",
    password: str = "secret",
    *,
    cnonce: str = "OA6MHXh6VqTrRk",
    service: str = "imap",
    authzid: str = "",
) -> DigestMd5:
    return DigestMd5.start(
        Credentials(user, Secret(password), authzid),
        nonce=lambda: cnonce,
        host="elwood.innosoft.com" if service == "imap" else "",
        service=service,
    )


def digest_in(octets: bytes) -> str:
    return octets.rpartition(b"response=")[2].decode()


def test_rfc_2831_section_4_imap() -> None:
    exchange = start()
    assert exchange.initial_response(asked=True) is None
    response = exchange.respond(IMAP)
    assert digest_in(response.octets) == "d388dad90d4bbd760a152321f2143af7"
    assert response.octets.startswith(
        b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,'
        b'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",qop=auth,'
    )
    assert response.meaning.endswith(f",response={MASK}")
    assert response.secret
    assert exchange.explain(PROOF) == "server digest: the proof that it knows the password too"
    last = exchange.respond(PROOF)
    assert (last.octets, last.secret) == (b"", False)
    exchange.finish()


def test_rfc_2831_section_4_acap() -> None:
    exchange = DigestMd5.start(
        Credentials("chris", Secret("secret")),
        nonce=lambda: "OA9BSuZWMSpW8m",
        host="elwood.innosoft.com",
        service="acap",
    )
    assert digest_in(exchange.respond(ACAP).octets) == "6084c6db3fede7352c551284490fd0fc"
    exchange.respond(b"rspauth=2f0b3d7c3c2e486600ef710726aa2eae")
    exchange.finish()


def by_hand(user: bytes, realm: bytes, password: bytes, authzid: bytes = b"") -> str:
    """Compute the response to the challenge of the IMAP example by the formula of section 2.1.2.1."""
    inner = hashlib.md5(b":".join((user, realm, password))).digest()
    a1 = b":".join((inner, b"OA6MG9tEQGm2hh", b"OA6MHXh6VqTrRk", *([authzid] if authzid else [])))
    a2 = b"AUTHENTICATE:imap/elwood.innosoft.com"
    parts = (hashlib.md5(a1).hexdigest(), "OA6MG9tEQGm2hh", "00000001", "OA6MHXh6VqTrRk", "auth")
    return hashlib.md5(":".join((*parts, hashlib.md5(a2).hexdigest())).encode()).hexdigest()


@pytest.mark.parametrize(
    ("user", "password", "inner"),
    [
        ("j\u00f6rg", "p\u00e4ss", (b"j\xf6rg", b"p\xe4ss")),  # ISO 8859-1 holds both
        ("\u017d", "\u20acuro", ("\u017d".encode(), "\u20acuro".encode())),
    ],
)
def test_the_inner_digest_is_over_iso_8859_1_where_that_holds_it(
    user: str, password: str, inner: tuple[bytes, bytes]
) -> None:
    octets = start(user, password).respond(IMAP).octets
    assert digest_in(octets) == by_hand(inner[0], b"elwood.innosoft.com", inner[1])
    assert b'username="' + user.encode() + b'"' in octets


def test_an_authorization_identity_is_named_and_signed() -> None:
    octets = start(authzid="boss").respond(IMAP).octets
    assert b',authzid="boss",' in octets
    assert digest_in(octets) == by_hand(b"chris", b"elwood.innosoft.com", b"secret", b"boss")


@pytest.mark.parametrize(
    ("user", "realms", "chosen"),
    [
        ("ann", b'realm="a",realm="b",', b',realm="a",'),
        ("ann@b", b'realm="a",realm="b",', b',realm="b",'),
        ("ann@c", b'realm="a",realm="b",', b',realm="a",'),
        ("ann@c@b", b'realm="a",realm="b",', b',realm="b",'),
        ("ann", b'realm="",', b',realm="",'),
        ("ann", b"", b",nonce="),
        ("ann", rb'realm="a\"\\,b",', rb',realm="a\"\\,b",'),
    ],
)
def test_the_realm(user: str, realms: bytes, chosen: bytes) -> None:
    octets = start(user).respond(realms + b'nonce="n",algorithm=md5-sess,charset=utf-8').octets
    assert chosen in octets
    assert (b"realm=" in octets) is bool(realms)


def test_a_server_without_a_name_and_without_utf_8() -> None:
    octets = start("j\u00f6rg", service="smtp").respond(b'nonce="n",algorithm=md5-sess').octets
    assert b'username="j\xf6rg"' in octets
    assert b'digest-uri="smtp/localhost"' in octets
    assert b"charset" not in octets
    with pytest.raises(AuthFailed, match="The user name \u20ac needs UTF-8"):
        start("\u20ac").respond(b'nonce="n",algorithm=md5-sess')
    with pytest.raises(AuthFailed, match="password needs UTF-8") as caught:
        start("ann", "\u20acuro").respond(b'nonce="n",algorithm=md5-sess')
    assert "uro" not in str(caught.value)


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        (b"", "no nonce"),
        (b'realm="x",algorithm=md5-sess', "no nonce"),
        (IMAP + b',nonce="other"', "no nonce"),
        (IMAP.replace(b'"OA6MG9tEQGm2hh"', b'""'), "no nonce"),
        (b'nonce="n",qop="auth"', "md5-sess"),
        (IMAP.replace(b"md5-sess", b"sha-256"), "md5-sess"),
        (IMAP + b",algorithm=md5-sess", "md5-sess"),
        (IMAP.replace(b"utf-8", b"utf-7"), "charset"),
        (IMAP + b',x="', "name=value"),
        (b"hello", "name=value"),
        (b"\xff" * 100, "name=value"),
        (IMAP + b',x="' + b"a" * 2000 + b'"', "2047 octets"),
        (b"," * 65_536, "2047 octets"),
        (b'a="' + b"\\" * 65_000, "2047 octets"),
    ],
)
def test_a_challenge_that_is_none(challenge: bytes, says: str) -> None:
    begun = time.process_time()
    with pytest.raises(ProtocolViolation, match=says):
        start().respond(challenge)
    assert time.process_time() - begun < 1


def test_a_challenge_may_have_2047_octets() -> None:
    long = IMAP + b',x="' + b"a" * (2047 - len(IMAP) - 5) + b'"'
    assert len(long) == 2047
    assert start().respond(long).octets
    with pytest.raises(ProtocolViolation, match="2047 octets"):
        start().respond(long + b",")


def test_a_directive_that_nobody_knows_is_passed_over() -> None:
    assert start().respond(IMAP + b",x=X").octets == start().respond(IMAP).octets


def test_without_a_host_the_realm_stands_for_it() -> None:
    assert b'digest-uri="smtp/elwood.innosoft.com"' in start(service="smtp").respond(IMAP).octets


def test_what_is_computed_is_not_in_the_repr() -> None:
    assert repr(Proofs(b"who", b"nonce", b"cnonce", b"", b"uri")) == "Proofs(...)"


def test_a_server_that_wants_a_layer_of_its_own() -> None:
    with pytest.raises(AuthFailed, match="layer of its own"):
        start().respond(IMAP.replace(b'qop="auth"', b'qop="auth-int,auth-conf"'))
    assert start().respond(IMAP.replace(b'qop="auth"', b'qop="auth-int, auth"')).octets
    assert start().respond(IMAP.replace(b'qop="auth"', b'qop="auth-int, auth "')).octets
    assert start().respond(IMAP.replace(b'qop="auth"', b'qop="auth-int",qop="auth"')).octets
    assert start().respond(b" , " + IMAP.replace(b",", b" , ") + b" ,").octets


@pytest.mark.parametrize(
    ("proof", "says"),
    [
        (b"rspauth=" + b"0" * 32, "false"),
        (b"rspauth=", "name=value"),
        (PROOF[:-1], "false"),
        (b"", "did not send"),
        (IMAP, "did not send"),
        (PROOF + b"," + PROOF, "did not send"),
    ],
)
def test_a_server_that_does_not_know_the_password(proof: bytes, says: str) -> None:
    exchange = start()
    exchange.respond(IMAP)
    with pytest.raises(ProtocolViolation, match=says):
        exchange.respond(proof)
    with pytest.raises(ProtocolViolation, match="without a valid digest"):
        exchange.finish()


def test_a_235_before_the_servers_digest_is_not_believed() -> None:
    exchange = start()
    exchange.respond(IMAP)
    with pytest.raises(ProtocolViolation, match="without a valid digest"):
        exchange.finish()


def test_where_the_system_has_no_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, data: bytes = b"", **options: object) -> object:
        raise ValueError("unsupported")

    monkeypatch.setattr(hashlib, "new", refuse)
    with pytest.raises(AuthFailed, match="does not allow MD5"):
        start().respond(IMAP)


def test_the_service_is_smtp_where_nothing_else_is_said() -> None:
    exchange = DigestMd5.start(Credentials("ann", Secret("pw")), nonce=lambda: "n", host="mail.example.org")
    found = exchange.respond(b'realm="x",nonce="abc",qop="auth",charset=utf-8,algorithm=md5-sess')
    assert b'digest-uri="smtp/mail.example.org"' in found.octets
    # Commas and blanks at the end of a challenge are nothing (RFC 2831 section 7.1).
    again = DigestMd5.start(Credentials("ann", Secret("pw")), nonce=lambda: "n", host="mail.example.org")
    assert (
        again.respond(b'realm="x",nonce="abc",qop="auth",charset=utf-8,algorithm=md5-sess, ,\t\r\n').octets
        == found.octets
    )
