"""NTLM against the acceptor of pyspnego, and the frame that GSSAPI puts around tokens, over contexts that need no Kerberos."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import spnego

from smtp_shell.errors import AuthFailed, ProtocolViolation
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.sasl import Credentials, Exchange, mechanism
from smtp_shell.protocol.sasl.gss import Gssapi, Ntlm, describe_ntlm
from smtp_shell.protocol.secret import Secret

PASSWORD = "correct horse"


class OverNtlm(Gssapi):
    """GSSAPI whose tokens are those of NTLM."""

    protocol: ClassVar[str] = "ntlm"


@pytest.fixture
def acceptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    users = tmp_path / "users"
    users.write_text(f"EXAMPLE:student:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)


def start(
    kind: type[Exchange], password: str = PASSWORD, user: str = "EXAMPLE\\student", authzid: str = ""
) -> Exchange:
    return kind.start(Credentials(user, Secret(password), authzid), nonce=lambda: "", host="mail.example.org")


# --- NTLM


@pytest.mark.parametrize("initial", [True, False])
def test_ntlm(acceptor: Any, initial: bool) -> None:
    exchange = start(Ntlm)
    assert exchange.initial_response() is None
    first = exchange.initial_response(asked=True) if initial else exchange.respond(b"")
    assert first is not None
    assert first.octets.startswith(b"NTLMSSP\0\1")
    challenge = acceptor.step(first.octets)
    assert exchange.explain(challenge).startswith("NTLM challenge message of ")
    last = exchange.respond(challenge)
    assert last.meaning == f"NTLM authenticate message of EXAMPLE\\\\student, with the digests {MASK}"
    acceptor.step(last.octets)
    assert acceptor.complete
    assert acceptor.client_principal == "EXAMPLE\\student"
    assert PASSWORD.encode() not in first.octets + last.octets
    with pytest.raises(ProtocolViolation, match="one more response"):
        exchange.respond(challenge)


def test_ntlm_with_the_wrong_password(acceptor: Any) -> None:
    exchange = start(Ntlm, "wrong")
    challenge = acceptor.step(exchange.respond(b"").octets)
    with pytest.raises(spnego.exceptions.SpnegoError):
        acceptor.step(exchange.respond(challenge).octets)


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"NTLMSSP\0",
        b"NTLMSSP\0\1\0\0\0" + bytes(40),
        b"NTLMSSP\0\2\0\0\0",
        b"NTLMSSP\0\2\0\0\0" + b"\xff" * 60_000,
        b"NTLMSSP\0\2\0\0\0" + bytes(28) + b"\xff\xff\0\0\xff\xff\xff\xff",
        b"x" * 65_536,
    ],
)
def test_ntlm_refuses_what_is_no_challenge(challenge: bytes) -> None:
    exchange = start(Ntlm)
    exchange.respond(b"")
    assert exchange.explain(challenge).isprintable()
    with pytest.raises(ProtocolViolation):
        exchange.respond(challenge)


def test_the_name_in_a_challenge_is_printable() -> None:
    name = "MAIL\x1b[2J\u202e".encode("utf-16-le")
    head = b"NTLMSSP\0\2\0\0\0" + len(name).to_bytes(2, "little") * 2 + (48).to_bytes(4, "little") + b"\1\0\0\0"
    shown = describe_ntlm(head + bytes(24) + name)
    assert shown.startswith("NTLM challenge message of MAIL\\x1b[2J")
    assert shown.isprintable()


HEAD = b"NTLMSSP\0\2\0\0\0"


def challenge_of(name: bytes, *, at: int, unicode: bool, size: int) -> bytes:
    """Build a challenge message of a size, with the target's name at a place."""
    head = HEAD + len(name).to_bytes(2, "little") * 2 + at.to_bytes(4, "little") + bytes((unicode, 0, 0, 0))
    return (head.ljust(at, b"\0") + name).ljust(size, b"\0")[:size]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (challenge_of(b"", at=0, unicode=True, size=32), "no name, 32 octets"),
        (challenge_of(b"", at=1000, unicode=True, size=48), "no name, 48 octets"),
        (challenge_of(b"", at=0, unicode=True, size=40), "no name, 40 octets"),
        (challenge_of(b"", at=0, unicode=True, size=47), "no name, 47 octets"),
        (challenge_of(b"MAIL", at=32, unicode=False, size=36), "MAIL, 36 octets"),
        (challenge_of(b"MAIL\xe9", at=48, unicode=False, size=60), "MAIL\xe9, 60 octets"),
        (challenge_of("MAIL".encode("utf-16-le"), at=48, unicode=True, size=60), "MAIL, 60 octets"),
        (challenge_of(b"M\0A", at=48, unicode=True, size=60), "M\ufffd, 60 octets"),
    ],
)
def test_the_name_in_an_ntlm_challenge(message: bytes, said: str) -> None:
    assert describe_ntlm(message) == f"NTLM challenge message of {said}"


@pytest.mark.parametrize(
    "message",
    [
        challenge_of(b"", at=0, unicode=True, size=31),
        challenge_of(b"MAIL", at=32, unicode=False, size=35),
        b"hello, this is none".ljust(60, b"\0"),
        b"NTLMSSP\0\1\0\0\0".ljust(60, b"\0"),
    ],
)
def test_what_is_no_ntlm_challenge_is_only_escaped(message: bytes) -> None:
    assert describe_ntlm(message) == escape(message)


@pytest.mark.parametrize(("name", "extra"), [("NTLM", "ntlm"), ("GSSAPI", "gssapi")])
def test_the_extra_is_named(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spnego", None)
    with pytest.raises(AuthFailed, match=rf'needs an extra that is not installed: pip install "smtp-shell\[{extra}\]"'):
        start(mechanism(name))


# --- GSSAPI


def tokens(exchange: Exchange, acceptor: Any) -> None:
    """Exchange tokens until both sides have proved themselves."""
    first = exchange.initial_response()
    assert first is not None
    last = exchange.respond(acceptor.step(first.octets))
    assert acceptor.step(last.octets) is None
    assert acceptor.complete


@pytest.mark.parametrize(("authzid", "meaning"), [("", "no layer"), ("ann", "no layer, act as ann")])
def test_the_layers_of_gssapi(acceptor: Any, authzid: str, meaning: str) -> None:
    exchange = start(OverNtlm, authzid=authzid)
    tokens(exchange, acceptor)
    offer = acceptor.wrap(bytes((7, 0, 16, 0)), encrypt=False).data
    assert exchange.explain(offer) == f"token of {len(offer)} octets"
    answer = exchange.respond(offer)
    assert answer.meaning == meaning
    assert acceptor.unwrap(answer.octets).data == bytes((1, 0, 0, 0)) + authzid.encode()
    exchange.finish()
    with pytest.raises(ProtocolViolation, match="one more response"):
        exchange.respond(offer)


@pytest.mark.parametrize(
    ("offer", "error", "says"),
    [
        (bytes((6, 0, 16, 0)), AuthFailed, "a layer of its own"),
        (b"\1\0\0", ProtocolViolation, "not four octets"),
        (b"\1\0\0\0\0", ProtocolViolation, "not four octets"),
    ],
)
def test_an_offer_of_layers_that_cannot_be_taken(
    acceptor: Any, offer: bytes, error: type[Exception], says: str
) -> None:
    exchange = start(OverNtlm)
    tokens(exchange, acceptor)
    with pytest.raises(error, match=says):
        exchange.respond(acceptor.wrap(offer, encrypt=False).data)


@pytest.mark.parametrize("offer", [b"", b"x", b"x" * 60_000])
def test_an_offer_that_the_server_did_not_sign(acceptor: Any, offer: bytes) -> None:
    exchange = start(OverNtlm)
    tokens(exchange, acceptor)
    with pytest.raises(ProtocolViolation, match="cannot be used"):
        exchange.respond(offer)
    with pytest.raises(ProtocolViolation, match="before it had proved itself"):
        exchange.finish()


def test_a_235_before_the_end_is_not_believed(acceptor: Any) -> None:
    exchange = start(OverNtlm)
    exchange.initial_response()
    with pytest.raises(ProtocolViolation, match="before it had proved itself"):
        exchange.finish()


def test_gssapi_without_a_host_or_without_kerberos() -> None:
    with pytest.raises(AuthFailed, match="needs the server's host name"):
        Gssapi.start(Credentials(), nonce=lambda: "", host="")
    with pytest.raises(AuthFailed, match=r"no Kerberos ticket for smtp@mail.example.org|needs an extra") as caught:
        start(Gssapi, "", "").initial_response()
    assert "\n" not in str(caught.value)


def test_the_last_step_of_kerberos_has_no_token_and_is_answered_with_nothing() -> None:
    """As MIT Kerberos does it: the context is complete with the server's token, and has none of its own left."""

    class Context:
        complete = False

        def step(self, token: bytes | None) -> bytes | None:
            self.complete = token is not None
            return None if self.complete else b"first"

    exchange = start(OverNtlm)
    exchange._context = Context()  # type: ignore[attr-defined]
    first = exchange.initial_response()
    assert first is not None
    assert first.meaning == "token of 5 octets for smtp@mail.example.org"
    answer = exchange.respond(b"from the server")
    assert (answer.octets, answer.meaning) == (b"", "(empty)")
    with pytest.raises(ProtocolViolation, match="cannot be used"):
        exchange.respond(b"an offer")


class Endless:
    """A context that never has enough."""

    complete = False

    def step(self, token: bytes | None) -> bytes | None:
        return None if token is None else b"more"


def test_gssapi_has_eight_tokens_at_most() -> None:
    exchange = start(OverNtlm)
    exchange._context = Endless()  # type: ignore[attr-defined]
    first = exchange.initial_response()
    assert first is not None
    assert (first.octets, first.meaning, first.secret) == (b"", "(empty)", True)
    for _ in range(7):
        assert exchange.respond(b"x").octets == b"more"
    with pytest.raises(ProtocolViolation, match="one more response"):
        exchange.respond(b"x")


def test_ntlm_whose_library_has_no_token_sends_the_empty_response() -> None:
    class Silent:
        def step(self, token: bytes | None) -> None:
            return None

    exchange = start(Ntlm)
    exchange._context = Silent()  # type: ignore[attr-defined]
    first = exchange.respond(b"")
    last = exchange.respond(challenge_of(b"", at=0, unicode=True, size=48))
    assert [(each.octets, each.secret) for each in (first, last)] == [(b"", True)] * 2


def test_the_layer_is_agreed_on_in_a_message_that_is_signed_and_not_encrypted() -> None:
    class Agreeing:
        complete = True

        def unwrap(self, token: bytes) -> Any:
            return SimpleNamespace(data=token)

        def wrap(self, octets: bytes, encrypt: bool = True) -> Any:
            return SimpleNamespace(data=(b"encrypted " if encrypt else b"signed ") + octets)

    exchange = start(OverNtlm)
    exchange._context = Agreeing()  # type: ignore[attr-defined]
    answer = exchange.respond(b"\1\0\0\0")
    assert (answer.octets, answer.secret) == (b"signed \1\0\0\0", True)


class Refusal(Exception):
    pass


def test_a_ticket_that_cannot_be_had_is_noticed_at_the_first_token_too() -> None:
    class Ticketless:
        complete = False

        def step(self, token: bytes | None) -> bytes:
            raise Refusal("Minor (1): no ticket")

    exchange = start(OverNtlm)
    exchange._context = Ticketless()  # type: ignore[attr-defined]
    with pytest.raises(AuthFailed, match=r"no Kerberos ticket for smtp@mail.example.org can be had: no ticket;"):
        exchange.initial_response()


@pytest.mark.parametrize(
    ("kind", "user", "password", "setting", "options"),
    [
        (
            Ntlm,
            "ann",
            "pw",
            {},
            {"protocol": "ntlm", "username": "ann", "password": "pw", "hostname": "localhost", "options": "use_ntlm"},
        ),
        (
            Ntlm,
            "ann",
            "pw",
            {"host": "mail.example.org"},
            {
                "protocol": "ntlm",
                "username": "ann",
                "password": "pw",
                "hostname": "mail.example.org",
                "options": "use_ntlm",
            },
        ),
        (
            Gssapi,
            "",
            "",
            {"host": "mail.example.org", "service": "imap"},
            {
                "protocol": "kerberos",
                "username": None,
                "password": None,
                "hostname": "mail.example.org",
                "service": "imap",
                "options": "none",
            },
        ),
        (
            Gssapi,
            "ann",
            "pw",
            {"host": "mail.example.org"},
            {
                "protocol": "kerberos",
                "username": "ann",
                "password": "pw",
                "hostname": "mail.example.org",
                "service": "smtp",
                "options": "none",
            },
        ),
    ],
)
def test_what_the_library_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Exchange],
    user: str,
    password: str,
    setting: Any,
    options: dict[str, Any],
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(spnego, "client", asked.update)
    kind.start(Credentials(user, Secret(password)), nonce=lambda: "", **setting)
    assert asked == options | {"options": getattr(spnego.NegotiateOptions, options["options"])}


def test_the_ticket_that_cannot_be_had_is_named_by_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise Refusal("none")

    monkeypatch.setattr(spnego, "client", refuse)
    with pytest.raises(AuthFailed, match=r"no Kerberos ticket for imap@mail.example.org can be had: none;"):
        Gssapi.start(Credentials(), nonce=lambda: "", host="mail.example.org", service="imap")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "SpnegoError (16): x, Minor (2529638919): No credentials were supplied, Context: y",
            "No credentials were supplied",
        ),
        ("Minor (1): no  file\nhere., Context: z", "no file here"),
        ("Minor (1): the file (cache): none, Context: z", "the file (cache): none"),
        ("Minor (1): outer, Minor (2): inner", "inner"),
        ("Minor (1): no box X", "no box X"),
        ("nothing with a number", "nothing with a number"),
        ("", ""),
        ("x" * 301, "x" * 200),
    ],
)
def test_the_reason_of_the_kerberos_library_is_shown_in_short(
    monkeypatch: pytest.MonkeyPatch, error: str, said: str
) -> None:
    def refuse(**_: Any) -> Any:
        raise Refusal(error)

    monkeypatch.setattr(spnego, "client", refuse)
    with pytest.raises(AuthFailed) as found:
        start(Gssapi)
    assert str(found.value) == f"no Kerberos ticket for smtp@mail.example.org can be had: {said}; use kinit first."
    with pytest.raises(AuthFailed, match="NTLM cannot use the user name or the password"):
        start(Ntlm)
