"""Who is logged in, where a user makes the responses or XCLIENT says it."""

import base64

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Authenticated, Decoded
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.sasl.reading import user_in
from tests.support.peer import Peer, talking


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("mechanism", "response", "user"),
    [
        ("PLAIN", b64("\0ann\0secret"), "ann"),
        ("plain", b64("boss\0ann\0secret"), "ann"),
        ("PLAIN", b64("ann\0secret"), ""),
        ("LOGIN", b64("ann"), "ann"),
        ("LOGIN", "not base64", ""),
        ("CRAM-MD5", b64("ann lee 0123456789abcdef0123456789abcdef"), "ann lee"),
        ("SCRAM-SHA-256", b64("n,,n=a=2Cb=3Dc,r=nonce"), "a,b=c"),
        ("SCRAM-SHA-1", b64("n,a=boss,n=ann,r=nonce"), "ann"),
        ("XOAUTH2", b64("user=ann\1auth=Bearer token\1\1"), "ann"),
        ("OAUTHBEARER", b64("n,a=ann,\1auth=Bearer token\1\1"), "ann"),
        ("EXTERNAL", b64("ann"), "ann"),
        ("EXTERNAL", "=", ""),
        ("DIGEST-MD5", b64('charset=utf-8,username="a\\"nn",realm="x"'), 'a"nn'),
        ("DIGEST-MD5", b64('cusername="ann"'), ""),
        ("SCRAM-SHA-256-PLUS", b64("p=tls-exporter,,n=ann,r=nonce"), "ann"),
        ("ANONYMOUS", b64("ann@example.org"), "ann@example.org"),
        ("OTP", b64("ann"), ""),
        ("", b64("ann"), ""),
    ],
)
def test_a_response_names_its_user(mechanism: str, response: str, user: str) -> None:
    assert user_in(mechanism, response.encode()) == user


def test_no_response_names_nobody() -> None:
    assert user_in("PLAIN", None) == ""


def test_an_exchange_by_hand_is_followed_and_its_challenges_are_masked() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        for challenge in (b64("Username:"), "", b64("said c4nary"), "%"):
            peer.hear()
            peer.say(f"334 {challenge}")
        peer.hear()
        peer.say("235 ok")
        peer.hear()
        peer.say("220 hi again")
        peer.hear_end()

    with talking(script) as (session, log, _):
        session.read_reply()
        session.command(Command.parse(b"AUTH LOGIN"))
        for line in (b64("ann"), b64("c4nary"), "x", "y"):
            session.send_sasl(line.encode())
            session.read_reply()
        assert session.user == "ann"
        decoded = [event for event in log.events if isinstance(event, Decoded)]
        assert [each.meaning for each in decoded] == ["Username:", "(empty)", MASK, "(no base64)"]
        assert Authenticated("LOGIN", "ann") in log.events
        session.command(Command(b"XCLIENT ADDR=192.0.2.7"))
        assert session.user == ""


@pytest.mark.parametrize(
    ("line", "user"),
    [("ADDR=192.0.2.7", ""), ("LOGIN=ann", "ann"), ("NAME=x LOGIN=a+20b", "a b"), ("LOGIN=[UNAVAILABLE]", "")],
)
@pytest.mark.parametrize("code", [220, 501])
def test_xclient_says_who_is_logged_in(line: str, user: str, code: int) -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear()
        peer.say(f"{code} hi")
        peer.hear_end()

    with talking(script) as (session, _, _):
        session.read_reply()
        session.set_user("PLAIN", "before")
        session.command(Command(f"XCLIENT {line}".encode()))
        assert session.user == (user if code == 220 else "before")
