"""The mechanisms by the examples that the RFCs print, and every way in which a server may cheat."""

import hmac
import traceback
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable

import pytest

from smtp_shell.errors import AuthFailed, NotSendable, ProtocolViolation, SmtpShellError, UsageError
from smtp_shell.protocol.masking import MASK, conceal_octets, describe_typed, is_secret_answer
from smtp_shell.protocol.sasl import (
    MECHANISMS,
    ChannelBinding,
    Credentials,
    Exchange,
    Response,
    choose,
    decode_challenge,
    mechanism,
)
from smtp_shell.protocol.sasl.scram import ScramSha256
from smtp_shell.protocol.secret import Secret

PASSWORD = "correct-horse"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
STARTED = sorted(set(MECHANISMS) - {"GSSAPI"})
"""GSSAPI needs a library of the system and a ticket; `test_gss` has it."""
BINDING = ChannelBinding("tls-exporter", bytes(32))
READ = "the reason is read, and the refusal may come"
SERVER_FIRST = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
SERVER_FINAL = b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="


def start(
    name: str, user: str = "student", password: str = PASSWORD, authzid: str = "", *, host: str = "", port: int = 0
) -> Exchange:
    credentials = Credentials(user, Secret(password), authzid)
    return mechanism(name).start(
        credentials, nonce=lambda: "fyko+d2lbbFgONRv9qkxdawL", host=host, port=port, binding=BINDING
    )


def initial(exchange: Exchange) -> Response:
    response = exchange.initial_response()
    assert response is not None
    return response


def encoded(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False)


# --- PLAIN, RFC 4616 section 4, RFC 4954 section 4.1


@pytest.mark.parametrize(
    ("user", "password", "authzid", "octets", "meaning"),
    [
        ("tim", "tanstaaftanstaaf", "", b"\0tim\0tanstaaftanstaaf", f"NUL tim NUL {MASK}"),
        ("Kurt", "xipj3plmq", "Ursel", b"Ursel\0Kurt\0xipj3plmq", f"Ursel NUL Kurt NUL {MASK}"),
        ("test", "1234", "", a2b_base64(b"AHRlc3QAMTIzNA=="), f"NUL test NUL {MASK}"),
        ("j\u00f6rg", "p\u00e4ss", "", b"\0j\xc3\xb6rg\0p\xc3\xa4ss", f"NUL j\u00f6rg NUL {MASK}"),
        ("student", "", "", b"\0student\0", f"NUL student NUL {MASK}"),
        ("\x1b[2J", "x", "", b"\0\x1b[2J\0x", f"NUL \\x1b[2J NUL {MASK}"),
    ],
)
def test_plain(user: str, password: str, authzid: str, octets: bytes, meaning: str) -> None:
    response = initial(start("PLAIN", user, password, authzid))
    assert (response.octets, response.meaning, response.secret) == (octets, meaning, True)
    assert response.base64 == response.base64_initial == encoded(octets)


def test_plain_answers_the_empty_challenge_when_no_initial_response_was_sent() -> None:
    exchange = start("PLAIN")
    assert exchange.respond(b"").octets == b"\0student\0correct-horse"
    with pytest.raises(ProtocolViolation, match="one more response than PLAIN"):
        exchange.respond(b"")


# --- LOGIN


def test_login_answers_by_order() -> None:
    exchange = start("LOGIN")
    assert exchange.initial_response() is None
    user, password = exchange.respond(b"Passwort:"), exchange.respond(b"Username:")
    assert (user.octets, user.meaning, user.secret) == (b"student", "user name student", True)
    assert (password.octets, password.meaning, password.secret) == (b"correct-horse", f"password {MASK}", True)
    with pytest.raises(ProtocolViolation, match="one more response than LOGIN"):
        exchange.respond(b"Password:")


def test_login_with_the_user_name_as_initial_response_when_asked() -> None:
    exchange = start("LOGIN")
    response = exchange.initial_response(asked=True)
    assert response is not None
    assert response.octets == b"student"
    assert exchange.respond(b"Username:").octets == b"correct-horse"


# --- CRAM-MD5, RFC 2195 section 2


def test_cram_md5() -> None:
    exchange = start("CRAM-MD5", "tim", "tanstaaftanstaaf")
    challenge = decode_challenge(b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")
    assert challenge is not None
    assert exchange.initial_response(asked=True) is None
    assert exchange.explain(challenge) == "<1896.697170952@postoffice.reston.mci.net>"
    response = exchange.respond(challenge)
    assert response.octets == b"tim b913a602c7eda7a495b4e6e7334d3890"
    assert response.base64 == b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
    assert (response.meaning, response.secret) == (f"tim and the digest {MASK}", True)
    with pytest.raises(ProtocolViolation):
        exchange.respond(challenge)


def test_cram_md5_where_the_system_has_no_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: bytes, msg: bytes, digest: str) -> bytes:
        raise ValueError(f"[digital envelope routines] unsupported {key!r}")

    monkeypatch.setattr(hmac, "digest", refuse)
    with pytest.raises(AuthFailed, match="MD5") as caught:
        start("CRAM-MD5").respond(b"<1@example.org>")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


# --- SCRAM


def test_scram_sha_1_whole() -> None:
    exchange = start("SCRAM-SHA-1", "user", "pencil")
    first = initial(exchange)
    assert first.base64_initial == b"biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM"
    assert (first.meaning, first.secret) == ("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", True)
    final = exchange.respond(SERVER_FIRST)
    assert final.octets == b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert (final.meaning, final.secret) == (f"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p={MASK}", True)
    assert exchange.explain(SERVER_FINAL) == "server signature: the proof that it knows the password too"
    last = exchange.respond(SERVER_FINAL)
    assert (last.base64, last.meaning, last.secret) == (b"", "(empty): the signature is right", False)
    exchange.finish()
    with pytest.raises(ProtocolViolation):
        exchange.respond(b"")


def test_after_an_error_that_the_server_names_nothing_is_said_of_its_signature() -> None:
    exchange = start("SCRAM-SHA-1", "user", "pencil")
    initial(exchange)
    exchange.respond(SERVER_FIRST)
    assert exchange.respond(b"e=invalid-proof").meaning == "(empty)"


def test_scram_sha_256_uses_the_other_hash() -> None:
    exchange = start("SCRAM-SHA-256", "user", "pencil")
    initial(exchange)
    assert b"p=v0X8v3Bz2T0CJGbJQyF0X" not in exchange.respond(SERVER_FIRST).octets
    with pytest.raises(ProtocolViolation, match="impostor"):
        exchange.respond(SERVER_FINAL)


@pytest.mark.parametrize(
    "said", [(), (SERVER_FIRST,), (SERVER_FIRST, b"e=invalid-proof")], ids=["at once", "no signature", "an error"]
)
def test_scram_does_not_believe_a_235_without_the_signature(said: tuple[bytes, ...]) -> None:
    exchange = start("SCRAM-SHA-1", "user", "pencil")
    initial(exchange)
    for challenge in said:
        exchange.respond(challenge)
    with pytest.raises(ProtocolViolation, match="without a valid signature"):
        exchange.finish()


@pytest.mark.parametrize(
    "said",
    [
        (SERVER_FIRST.replace(b"fyko", b"FYKO"),),
        (SERVER_FIRST.replace(b"4096", b"4095"),),
        (SERVER_FIRST.replace(b"4096", b"600001"),),
        (b"m=x," + SERVER_FIRST,),
        (SERVER_FIRST.replace(b"QSXC", b"QS"),),
        (SERVER_FIRST, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        (SERVER_FIRST, SERVER_FIRST),
        (SERVER_FIRST, SERVER_FINAL, SERVER_FINAL),
    ],
)
def test_scram_refuses_a_server_that_cheats(said: tuple[bytes, ...]) -> None:
    exchange = start("SCRAM-SHA-1", "user", "pencil")
    initial(exchange)
    for challenge in said[:-1]:
        exchange.respond(challenge)
    with pytest.raises(ProtocolViolation):
        exchange.respond(said[-1])


def test_a_refused_message_cannot_be_tried_again() -> None:
    exchange = start("SCRAM-SHA-1", "user", "pencil")
    initial(exchange)
    with pytest.raises(ProtocolViolation):
        exchange.respond(b"rubbish")
    with pytest.raises(ProtocolViolation):
        exchange.respond(SERVER_FIRST)


# --- EXTERNAL, RFC 4422 appendix A.2


@pytest.mark.parametrize(
    ("user", "authzid", "line", "meaning", "secret"),
    [
        ("", "", b"=", "(empty): as the user that the certificate names", False),
        ("", "fred@example.com", b"ZnJlZEBleGFtcGxlLmNvbQ==", "act as fred@example.com", True),
        ("ann", "", b"YW5u", "act as ann", True),
        ("ann", "bob", b"Ym9i", "act as bob", True),
    ],
)
def test_external(user: str, authzid: str, line: bytes, meaning: str, secret: bool) -> None:
    response = initial(start("EXTERNAL", user, "", authzid))
    assert (response.base64_initial, response.meaning, response.secret) == (line, meaning, secret)


# --- OAuth


def test_oauthbearer_as_in_rfc_7628_section_4_1() -> None:
    exchange = start("OAUTHBEARER", "user@example.com", TOKEN, host="server.example.com", port=143)
    response = initial(exchange)
    assert response.base64 == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI"
        b"HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert response.meaning == (
        f"n,a=user@example.com,\\x01host=server.example.com\\x01port=143\\x01auth=Bearer {MASK}\\x01\\x01"
    )
    assert response.secret
    exchange.finish()


def test_oauthbearer_failure_as_in_rfc_7628_section_4_3() -> None:
    exchange = start("OAUTHBEARER", "user@example.com", TOKEN)
    initial(exchange)
    challenge = decode_challenge(
        b"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4"
        b"YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0="
    )
    assert challenge is not None
    assert exchange.explain(challenge) == (
        "status invalid_token, scope example_scope, "
        "openid-configuration https://example.com/.well-known/openid-configuration"
    )
    dummy = exchange.respond(challenge)
    assert (dummy.base64, dummy.meaning, dummy.secret) == (b"AQ==", rf"\x01: {READ}", False)
    with pytest.raises(ProtocolViolation):
        exchange.respond(challenge)


@pytest.mark.parametrize(
    ("user", "authzid", "octets"),
    [
        ("", "", b"n,,\x01auth=Bearer t\x01\x01"),
        ("a,b", "", b"n,a=a=2Cb,\x01auth=Bearer t\x01\x01"),
        ("ann", "bob", b"n,a=bob,\x01auth=Bearer t\x01\x01"),
    ],
)
def test_oauthbearer_names(user: str, authzid: str, octets: bytes) -> None:
    assert initial(start("OAUTHBEARER", user, "t", authzid)).octets == octets


def test_xoauth2() -> None:
    exchange = start("XOAUTH2", "ann@example.org", TOKEN, host="mail.example.org", port=587)
    response = initial(exchange)
    assert response.octets == b"user=ann@example.org\x01auth=Bearer " + TOKEN.encode() + b"\x01\x01"
    assert response.meaning == f"user=ann@example.org\\x01auth=Bearer {MASK}\\x01\\x01"
    challenge = b'{"status":"401","schemes":"bearer mac","scope":"https://mail.example.org/"}'
    assert exchange.explain(challenge) == "status 401, schemes bearer mac, scope https://mail.example.org/"
    dummy = exchange.respond(challenge)
    assert (dummy.base64, dummy.meaning, dummy.secret) == (b"", f"(empty): {READ}", False)


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        (b"", "(empty)"),
        (b"{}", "{}"),
        (b"[1]", "[1]"),
        (b'"text"', '"text"'),
        (b"not json\x1b", "not json\\x1b"),
        (b"\xff", "\\xff"),
        (b'{"status": 400, "more": ["a", null]}', 'status 400, more ["a", null]'),
        (b'{"\\u001b[2J": "\\u202e \\ud800"}', "\\x1b[2J \\xe2\\x80\\xae \\xed\\xa0\\x80"),
        (b"[" * 60_000, "[" * 60_000),
        (b'{"a":' * 9_000, '{"a":' * 9_000),
        (b'{"n": ' + b"9" * 5_000 + b"}", '{"n": ' + "9" * 5_000 + "}"),
    ],
    ids=range(11),
)
def test_oauth_errors_are_shown_decoded_and_harmless(challenge: bytes, says: str) -> None:
    assert start("XOAUTH2", "ann", "t").explain(challenge) == says


# --- what cannot be sent


@pytest.mark.parametrize("name", STARTED)
@pytest.mark.parametrize("field", ["user", "password", "authzid"])
@pytest.mark.parametrize("char", ["\0", "\r", "\n", "\ud800"])
def test_refuses_what_would_be_read_as_something_else(name: str, field: str, char: str) -> None:
    if field == "authzid" and not mechanism(name).takes_authzid:
        return
    with pytest.raises(NotSendable) as caught:
        start(name, *({"user": "student", "password": PASSWORD, "authzid": ""} | {field: f"hun{char}ter2"}).values())
    text = "".join(traceback.format_exception(caught.value))
    assert "ter2" not in text.split("smtp_shell.errors.")[-1]


@pytest.mark.parametrize(
    ("name", "user", "token", "host"),
    [
        ("XOAUTH2", "ann\x01auth=Bearer other", "t", ""),
        ("OAUTHBEARER", "ann\x01", "t", ""),
        ("OAUTHBEARER", "ann", "t\x01", ""),
        ("OAUTHBEARER", "ann", "t t", ""),
        ("OAUTHBEARER", "ann", "\u00e9", ""),
        ("OAUTHBEARER", "ann", "t", "mail.example.org\x01port=1"),
    ],
)
def test_oauth_fields_cannot_hold_their_separator(name: str, user: str, token: str, host: str) -> None:
    with pytest.raises(NotSendable) as caught:
        start(name, user, token, host=host)
    assert not host or str(caught.value).startswith("The host holds")


@pytest.mark.parametrize(
    ("name", "user", "password", "authzid", "says"),
    [
        ("PLAIN", "", "x", "", "user name"),
        ("SCRAM-SHA-256", "", "x", "", "user name"),
        ("XOAUTH2", "", "x", "", "user name"),
        ("XOAUTH2", "ann", "", "", "token"),
        ("OAUTHBEARER", "ann", "", "", "token"),
        ("LOGIN", "ann", "x", "bob", "whom to act as"),
        ("CRAM-MD5", "ann", "x", "bob", "whom to act as"),
        ("XOAUTH2", "ann", "x", "bob", "whom to act as"),
        ("SCRAM-SHA-1", "ann", "x\x07", "", "SASLprep"),
    ],
)
def test_says_what_is_missing(name: str, user: str, password: str, authzid: str, says: str) -> None:
    with pytest.raises(AuthFailed, match=says):
        start(name, user, password, authzid)


def test_octets_of_the_system_that_are_not_utf_8_go_out_as_they_are() -> None:
    assert initial(start("PLAIN", password="p\udce4ss")).octets == b"\0student\0p\xe4ss"


# --- bounds


@pytest.mark.parametrize("name", STARTED)
def test_every_exchange_ends(name: str) -> None:
    exchange = start(name)
    exchange.initial_response()
    with pytest.raises(ProtocolViolation):
        [exchange.respond(SERVER_FIRST) for _ in range(4)]


def test_a_challenge_is_bounded() -> None:
    assert start("CRAM-MD5").respond(b"x" * 65_536).octets.startswith(b"student ")
    with pytest.raises(ProtocolViolation, match="65536"):
        start("CRAM-MD5").respond(b"x" * 65_537)


# --- the table and the choice


def test_mechanisms_by_name_in_any_case() -> None:
    assert all(mechanism(name.lower()).name == name for name in MECHANISMS)
    assert mechanism("scram-sha-256") is ScramSha256
    assert {name for name in MECHANISMS if mechanism(name).plaintext} == {"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}


@pytest.mark.parametrize("name", ["", "hunter2", "\u017fcram-sha-1", "PLA\u0131N"])
def test_an_unknown_mechanism_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=f"knows {', '.join(sorted(MECHANISMS))}[.]$") as caught:
        mechanism(name)
    assert not name or name not in str(caught.value)


ALL = ("LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "GSSAPI")


@pytest.mark.parametrize(
    ("offered", "tls", "password", "token", "chosen"),
    [
        (ALL, True, True, False, "SCRAM-SHA-256"),
        (ALL[:4], True, True, False, "SCRAM-SHA-1"),
        (ALL[:3], True, True, False, "CRAM-MD5"),
        (ALL[:2], True, True, False, "PLAIN"),
        (ALL[:1], True, True, False, "LOGIN"),
        (ALL, False, True, False, "SCRAM-SHA-256"),
        (ALL[:3], False, True, False, "CRAM-MD5"),
        (ALL[:2], False, True, False, "PLAIN"),
        (ALL, True, True, True, "OAUTHBEARER"),
        (ALL[:6], True, True, True, "XOAUTH2"),
        (ALL, False, True, True, "SCRAM-SHA-256"),
        (ALL, False, False, True, "OAUTHBEARER"),
        (ALL[5:], True, True, False, None),
        (ALL[:5], True, False, True, None),
        (("EXTERNAL",), True, True, True, None),
        (("plain", "login"), True, True, False, "PLAIN"),
        (("PLAIN\u0130",), True, True, False, None),
        ((), True, True, True, None),
    ],
)
def test_choose(offered: tuple[str, ...], tls: bool, password: bool, token: bool, chosen: str | None) -> None:
    found = choose(offered, tls=tls, password=password, token=token)
    assert (found.name if found else None) == chosen


# --- nothing is shown that must not be


def test_reprs_are_blank() -> None:
    credentials = Credentials("student", Secret(PASSWORD), "ann")
    assert repr(credentials) == str(credentials) == "Credentials(...)"
    response = initial(start("PLAIN"))
    assert repr(response) == f"Response(meaning='NUL student NUL {MASK}', secret=True)"


@pytest.mark.parametrize(
    "echo",
    [
        PASSWORD.encode(),
        encoded(PASSWORD.encode()),
        encoded(b"\0student\0" + PASSWORD.encode()),
        encoded(b"x" + PASSWORD.encode() + b"y"),
        encoded(b"xx" + PASSWORD.encode() + b"yy"),
    ],
)
@pytest.mark.parametrize("frame", [b"%s", b"your password is %s!", b'{"status": "%s"}'])
def test_a_password_that_the_server_echoes_is_masked(echo: bytes, frame: bytes) -> None:
    said = frame % echo
    shown = conceal_octets(said, Secret(PASSWORD))
    assert MASK.encode() in shown
    assert PASSWORD.encode() not in shown
    assert encoded(PASSWORD.encode())[:-2] not in shown
    for name in STARTED:
        assert MASK in start(name).explain(said)


def test_a_token_hidden_behind_json_escapes_is_masked() -> None:
    said = b'{"status": "' + "".join(f"\\u{ord(char):04x}" for char in PASSWORD).encode() + b'"}'
    assert start("OAUTHBEARER").explain(said) == f"status {MASK}"


@pytest.mark.parametrize("secret", ["", "abc"])
def test_a_secret_too_short_to_be_told_from_words_is_not_looked_for(secret: str) -> None:
    assert conceal_octets(b"abc of abc", Secret(secret)) == b"abc of abc"


@pytest.mark.parametrize(
    ("line", "name", "says"),
    [
        (encoded(b"\0student\0hunter2"), "plain", f"NUL student NUL {MASK}"),
        (encoded(b"ann\0student\0hunter2"), "PLAIN", f"ann NUL student NUL {MASK}"),
        (encoded(b"\0student\0hunter2\n"), "PLAIN", f"NUL student NUL {MASK} (ends in a line feed)"),
        (encoded(b"\0\x1b[2J\0hunter2"), "PLAIN", f"NUL \\x1b[2J NUL {MASK}"),
        (encoded(b"student\0hunter2"), "PLAIN", f"{MASK} (NUL stands in it 1 times, not twice)"),
        (encoded(b"student\0hunter2\0"), "PLAIN", f"{MASK} (the user name or the password is empty)"),
        (encoded(b"\0\0hunter2"), "PLAIN", f"{MASK} (the user name or the password is empty)"),
        (b"hunter2", "PLAIN", f"{MASK} (no base64)"),
        (encoded(b"hunter2"), "LOGIN", MASK),
        (encoded(b"hunter2\n"), "LOGIN", f"{MASK} (ends in a line feed)"),
        (encoded(b"tim b913a602c7eda7a495b4e6e7334d3890"), "CRAM-MD5", f"tim and the digest {MASK}"),
        (encoded(b"tim hunter2"), "CRAM-MD5", MASK),
        (encoded(b"n,,n=tim,r=abc"), "SCRAM-SHA-1", "n,,n=tim,r=abc"),
        (encoded(b"c=biws,r=abc,p=hunter2"), "SCRAM-SHA-256", f"c=biws,r=abc,p={MASK}"),
        (encoded(b"c=biws,p=hunter2,r=abc,p=hunter2"), "SCRAM-SHA-1", f"c=biws,p={MASK},r=abc,p={MASK}"),
        (encoded(b"hunter2"), "SCRAM-SHA-1", MASK),
        (
            encoded(b"user=tim\x01auth=Bearer hunter2\x01\x01"),
            "XOAUTH2",
            f"user=tim\\x01auth=Bearer {MASK}\\x01\\x01",
        ),
        (
            encoded(b"n,a=tim,\x01host=h\x01port=1\x01auth=Bearer hunter2\x01\x01"),
            "OAUTHBEARER",
            f"n,a=tim,\\x01host=h\\x01port=1\\x01auth=Bearer {MASK}\\x01\\x01",
        ),
        (encoded(b"user=tim auth=Bearer hunter2"), "XOAUTH2", MASK),
        (encoded(b"user=tim\x01auth=Bearer hunter2\x01\x01hunter2"), "XOAUTH2", MASK),
        (encoded(b"hunter2"), "EXTERNAL", MASK),
        (encoded(b"hunter2"), "\u017fomething", MASK),
        (b"*", "PLAIN", "cancel the exchange"),
        (b" * ", "PLAIN", "cancel the exchange"),
        (b"", "PLAIN", "(empty)"),
        (b"=", "EXTERNAL", "(empty)"),
    ],
)
def test_what_a_person_types_is_described_without_its_secret(line: bytes, name: str, says: str) -> None:
    assert describe_typed(line, name) == says


@pytest.mark.parametrize(
    ("line", "secret"), [(b"", False), (b"*", False), (b"=", True), (b"aHVudGVyMg==", True), (b"**", True)]
)
def test_every_typed_answer_is_secret_but_the_one_that_cancels(line: bytes, secret: bool) -> None:
    assert is_secret_answer(line) is secret


@pytest.mark.parametrize("name", STARTED)
def test_no_exception_holds_the_password(name: str) -> None:
    def attempt(act: Callable[[], object]) -> str:
        try:
            act()
        except SmtpShellError as error:
            return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
        return ""

    exchange = start(name)
    said = (PASSWORD.encode(), b"v=" + PASSWORD.encode(), b"x" * 70_000, b"", b"")
    texts = [attempt(lambda each=challenge: exchange.respond(each)) for challenge in said]  # type: ignore[misc]
    texts += [attempt(exchange.finish), attempt(lambda: start(name, password=PASSWORD + "\x07"))]
    assert any(texts)
    assert not [text for text in texts if PASSWORD in text.replace('PASSWORD + "', "")]


@pytest.mark.parametrize(
    ("name", "unasked", "asked"),
    [
        ("PLAIN", True, True), ("LOGIN", False, True), ("CRAM-MD5", False, False), ("DIGEST-MD5", False, False), ("EXTERNAL", True, True),
        ("SCRAM-SHA-1", True, True), ("SCRAM-SHA-256", True, True), ("XOAUTH2", True, True), ("OAUTHBEARER", True, True),
        ("ANONYMOUS", True, True),
    ],
)  # fmt: skip
def test_whether_the_first_response_goes_into_the_command(name: str, unasked: bool, asked: bool) -> None:
    for is_asked, is_there in ((False, unasked), (True, asked)):
        kind = mechanism(name)
        exchange = kind.start(Credentials("ann", Secret("pw")), nonce=lambda: "nonce", host="mail.example.org")
        assert (exchange.initial_response(asked=is_asked) is not None) is is_there
