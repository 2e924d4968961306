"""AUTH at the mock, with an exchange that is bound to TLS."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import pytest

from smtp_shell.protocol.sasl import ChannelBinding, Credentials, mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.mock.compiling import compile_script
from smtp_shell.servers.mock.report import credentials_warning
from smtp_shell.servers.mock.sasl import AuthDialogue

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.servers.mock.sasl import AuthAct
    from smtp_shell.servers.mock.script import Exchange

WHO = Credentials("student", Secret("pencil"))
BINDINGS = {"tls-exporter": b"x" * 32, "tls-server-end-point": b"y" * 32}


def talk(
    name: str,
    binding: ChannelBinding,
    server_has: dict[str, bytes],
    password: str = "pencil",
    exchange: Exchange | None = None,
) -> AuthAct:
    """Have our client authenticate at the mock, and return how that ends."""
    client = mechanism(name).start(Credentials("student", Secret(password)), nonce=lambda: "abc", binding=binding)
    first = client.initial_response()
    assert first is not None
    dialogue = AuthDialogue(
        exchange, b"AUTH " + name.encode() + b" " + b64encode(first.octets), WHO, bindings=lambda: server_has
    )
    act = dialogue.begin()
    while act.challenge is not None:
        challenge = b64decode(act.challenge[0].octets[4:])
        act = dialogue.respond(b64encode(client.respond(challenge).octets))
    return act


@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("kind", BINDINGS)
def test_a_bound_exchange_is_checked(name: str, kind: str) -> None:
    act = talk(name, ChannelBinding(kind, BINDINGS[kind]), BINDINGS)
    assert (act.replies[0].code, act.why) == (235, "")


@pytest.mark.parametrize(
    ("binding", "server_has", "password"),
    [
        (ChannelBinding("tls-exporter", b"z" * 32), BINDINGS, "pencil"),
        (ChannelBinding("tls-unique", b"x" * 32), BINDINGS, "pencil"),
        (ChannelBinding("tls-exporter", b"x" * 32), {}, "pencil"),
        (ChannelBinding("tls-exporter", b"x" * 32), BINDINGS, "pen"),
    ],
    ids=["another connection", "another type", "no TLS", "another password"],
)
def test_what_is_not_right_is_refused(binding: ChannelBinding, server_has: dict[str, bytes], password: str) -> None:
    act = talk("SCRAM-SHA-256-PLUS", binding, server_has, password)
    assert (act.replies[0].code, act.is_refused) == (535, True)


def test_without_plus_a_client_that_could_bind_is_let_in() -> None:
    act = talk("SCRAM-SHA-256", ChannelBinding("tls-exporter", b"x" * 32), BINDINGS)
    assert act.replies[0].code == 235


def test_a_recorded_refusal_of_scram_comes_after_a_challenge_that_this_client_can_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    challenge = b64encode(b"r=another,s=QUJDRA==,i=4096").decode()
    path.write_text(
        f"S: 220 a\nC: AUTH SCRAM-SHA-256 ${{sasl}}\nS: 334 {challenge}\nC: ${{sasl}}\nS: 454 4.7.0 later\n", "utf-8"
    )
    (session,) = compile_script(path).sessions
    act = talk("SCRAM-SHA-256", ChannelBinding("tls-exporter", b"x" * 32), {}, exchange=session.exchanges[0])
    assert ([reply.octets for reply in act.replies], act.why) == ([b"454 4.7.0 later\r\n"], "")


def test_a_recorded_exchange_that_was_cancelled_has_its_challenge_as_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220 a\nC: AUTH SCRAM-SHA-256 ${sasl}\nS: 334 \nC: *\nS: 501 cancelled\n", "utf-8")
    (session,) = compile_script(path).sessions
    dialogue = AuthDialogue(session.exchanges[0], b"AUTH SCRAM-SHA-256 biwsbj1zdHVkZW50LHI9YWJj", WHO, bindings=dict)
    act = dialogue.begin()
    assert act.challenge is not None
    assert [reply.octets for reply in act.challenge] == [b"334 \r\n"]
    assert [reply.octets for reply in dialogue.respond(b"*").replies] == [b"501 cancelled\r\n"]


@pytest.mark.parametrize(
    ("end", "said"),
    [("S| \\x15\\x03", b"\x15\x03"), ("S: 450 later", b"450 later\r\n"), ("S: 399 odd", b"399 odd\r\n")],
)
def test_what_was_recorded_in_place_of_a_success_is_said_whatever_the_credentials_are(
    tmp_path: Path, end: str, said: bytes
) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(f"Transcript: 1\nClient: x\n\nS: 220 a\nC: AUTH PLAIN =\n{end}\n*: close server\n", "utf-8")
    (session,) = compile_script(path).sessions
    act = AuthDialogue(session.exchanges[0], b"AUTH PLAIN =", WHO, bindings=dict).begin()
    assert ([reply.octets for reply in act.replies], act.why) == ([said], "")


@pytest.mark.parametrize(
    ("name", "knows_password", "said"),
    [
        ("SCRAM-SHA-256-PLUS", False, "needs the password on both sides"),
        ("SCRAM-SHA-256-PLUS", True, ""),
        ("DIGEST-MD5", False, "needs the password on both sides"),
        ("DIGEST-MD5", True, ""),
        ("NTLM", True, "has other answers each time"),
        ("PLAIN", False, ""),
    ],
)
def test_what_no_client_will_accept_is_said(name: str, knows_password: bool, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(f"S: 220 a\nC: EHLO x\nS: 250 a\nC: AUTH {name}\nS: 334 \nC: ${{sasl}}\nS: 235 yes\n", "utf-8")
    warning = credentials_warning(compile_script(path), knows_password=knows_password)
    assert warning == "" if not said else f"a.smtp:4: {name} {said}" in warning
