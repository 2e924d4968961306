"""AUTH over a session: each exchange as the server sees it, and every way it can go wrong."""

from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest

from smtp_shell.client.authentication import (
    answer,
    authenticate,
    begin_exchange,
    finish,
    offered,
    refuse_in_the_clear,
    send_auth_command,
)
from smtp_shell.client.session import Session
from smtp_shell.errors import AuthFailed, DialogueBroken, NotSendable, ProtocolViolation, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Decoded,
    NoticeKind,
    SaslSent,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import Reply
from smtp_shell.protocol.sasl import Credentials, mechanism
from smtp_shell.protocol.secret import Secret
from tests.support.peer import Log, Peer, Script, talking

PASSWORD = "canary-password"
PRIVATE = Target(Way.UNIX, "/run/submission")
PLAIN_BLOB = b64encode(f"\0student\0{PASSWORD}".encode()).decode()


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def server(*turns: tuple[str, str]) -> Script:
    """Make a script: each line that the server wants to hear, and what it says then."""

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        for wanted, said in turns:
            heard = peer.hear()
            assert heard == f"{wanted}\r\n".encode()
            peer.say(said)
        assert peer.hear_end() == b""

    return script


def authentication(
    session: Session, name: str, password: str = PASSWORD, user: str = "student", *, allow_cleartext: bool = False
) -> Reply:
    return authenticate(session, mechanism(name), Credentials(user, Secret(password)), allow_cleartext=allow_cleartext)


def assert_no_secret(log: Log, *texts: object) -> None:
    """Nothing that is public holds the password, in whatever form."""
    public: list[object] = [*texts, repr(log)]
    for event in log.events:
        if isinstance(event, CommandSent):
            public.append(event.command.shown)
        if isinstance(event, Decoded):
            public.append(event.meaning)
    for secret in (PASSWORD, PLAIN_BLOB, base64(PASSWORD)):
        assert not any(secret in str(text) for text in public)


def test_plain() -> None:
    with talking(server((f"AUTH PLAIN {PLAIN_BLOB}", "235 2.7.0 ok")), target=PRIVATE) as (session, log, _):
        session.read_reply()
        assert authentication(session, "PLAIN").code == 235
        assert session.user == "student"
    assert Decoded(True, "PLAIN", f"NUL student NUL {MASK}") in log.events
    assert Authenticated("PLAIN", "student") in log.events
    assert_no_secret(log)


def test_plain_without_initial_response() -> None:
    script = server(("AUTH PLAIN", "334 "), (PLAIN_BLOB, "235 ok"))
    with talking(script, target=PRIVATE) as (session, log, _):
        session.read_reply()
        credentials = Credentials("student", Secret(PASSWORD))
        exchange = begin_exchange(session, mechanism("PLAIN"), credentials, allow_cleartext=False)
        send_auth_command(session, exchange, exchange.begin(initial=False))
        answer(session, exchange, session.read_reply())
        finish(session, exchange, session.read_reply())
        assert session.user == "student"
    assert_no_secret(log)


def test_login_answers_by_order_whatever_the_words() -> None:
    script = server(
        ("AUTH LOGIN", f"334 {base64('Wie heissen Sie?')}"),
        (base64("student"), f"334 {base64('User Name')}"),
        (base64(PASSWORD), "235 ok"),
    )
    with talking(script, target=PRIVATE) as (session, log, _):
        session.read_reply()
        assert authentication(session, "LOGIN").code == 235
    meanings = [(event.client, event.meaning) for event in log.events if isinstance(event, Decoded)]
    assert meanings == [
        (False, "Wie heissen Sie?"),
        (True, "user name student"),
        (False, "User Name"),
        (True, f"password {MASK}"),
    ]
    assert_no_secret(log)


def test_a_first_response_that_is_too_long_for_the_command_waits_for_its_challenge() -> None:
    token = "t" * 400
    lines: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        lines.append(peer.hear())
        peer.say("334 ")
        lines.append(peer.hear())
        peer.say("235 ok")
        peer.hear_end()

    with talking(script, target=PRIVATE) as (session, log, _):
        session.read_reply()
        assert authentication(session, "XOAUTH2", token).code == 235
    assert lines[0] == b"AUTH XOAUTH2\r\n"
    assert token.encode() in b64decode(lines[1])
    assert token not in repr(log)


def test_a_long_first_response_that_is_not_asked_for() -> None:
    with talking(server(("AUTH XOAUTH2", "504 no such thing")), target=PRIVATE) as (session, _, _):
        session.read_reply()
        with pytest.raises(AuthFailed, match="the server refused XOAUTH2"):
            authentication(session, "XOAUTH2", "t" * 400)


def test_a_refusal() -> None:
    with talking(server((f"AUTH PLAIN {PLAIN_BLOB}", "535 5.7.8 no \x1b[2J")), target=PRIVATE) as (session, log, _):
        session.read_reply()
        with pytest.raises(AuthFailed) as caught:
            authentication(session, "PLAIN")
        assert (session.phase, session.user) == (Phase.FRESH, "")
    assert str(caught.value) == (
        'the server refused PLAIN: "535 5.7.8 no \\x1b[2J"; check user, password and mechanism.'
    )
    assert caught.value.exit_status == 5
    assert_no_secret(log, caught.value)


def test_a_refusal_that_repeats_the_password() -> None:
    said = f"535 wrong password {PASSWORD} in {PLAIN_BLOB}"
    with talking(server((f"AUTH PLAIN {PLAIN_BLOB}", said)), target=PRIVATE) as (session, log, _):
        session.read_reply()
        with pytest.raises(AuthFailed) as caught:
            authentication(session, "PLAIN")
    assert NoticeKind.ECHO in log.notices
    assert_no_secret(log, caught.value)


@pytest.mark.parametrize("code", [250, 220, 354])
def test_only_235_is_success(code: int) -> None:
    with talking(server((f"AUTH PLAIN {PLAIN_BLOB}", f"{code} sure")), target=PRIVATE) as (session, _, _):
        session.read_reply()
        with pytest.raises(AuthFailed):
            authentication(session, "PLAIN")
        assert session.user == ""


@pytest.mark.parametrize("challenge", ["no base64!", "abc", "====", "\x1b[2J"])
def test_a_challenge_that_is_not_base64_cancels(challenge: str) -> None:
    script = server(("AUTH LOGIN", f"334 {challenge}"), ("*", "501 cancelled"))
    with talking(script, target=PRIVATE) as (session, log, peer):
        session.read_reply()
        with pytest.raises(ProtocolViolation, match="base64: the exchange is cancelled"):
            authentication(session, "LOGIN")
    assert [event.line for event in log.events if isinstance(event, SaslSent)] == [b"*"]
    assert peer.heard == b"AUTH LOGIN\r\n*\r\n"


def test_a_server_that_asks_on_and_on_is_told_no() -> None:
    script = server(
        ("AUTH LOGIN", "334 "), (base64("student"), "334 "), (base64(PASSWORD), "334 "), ("*", "501 cancelled")
    )
    with talking(script, target=PRIVATE) as (session, log, _):
        session.read_reply()
        with pytest.raises(ProtocolViolation, match="one more response than LOGIN"):
            authentication(session, "LOGIN")
    assert_no_secret(log)


def scram(change: Callable[[str], str], final: str) -> Script:
    """Make a server that begins SCRAM-SHA-256, with its first message changed, and ends it with these words."""

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        nonce = b64decode(peer.hear().split()[2]).decode().rpartition("r=")[2]
        peer.say("334 " + base64(change(f"r={nonce}server,s=c2FsdHNhbHQ=,i=4096")))
        if peer.hear() != b"*\r\n":
            peer.say(final)
            if final.startswith("334"):
                peer.hear()
                peer.say("235 ok")
        else:
            peer.say("501 cancelled")
        peer.hear_end()

    return script


@pytest.mark.parametrize(
    ("change", "final"),
    [
        (lambda message: message, "235 no proof"),
        (lambda message: message, "334 " + base64("v=" + base64("x" * 32))),
        (lambda message: message.replace("r=", "r=x"), ""),
        (lambda message: message.replace("4096", "1"), ""),
        (lambda message: message.replace("4096", "100000000"), ""),
        (lambda message: "m=ext," + message, ""),
    ],
    ids=["no proof", "false proof", "foreign nonce", "too few rounds", "too many rounds", "extension"],
)
def test_a_server_that_does_not_prove_itself_is_no_success(change: Callable[[str], str], final: str) -> None:
    with talking(scram(change, final), target=PRIVATE) as (session, log, _):
        session.read_reply()
        with pytest.raises(DialogueBroken) as caught:
            authentication(session, "SCRAM-SHA-256")
        assert caught.value.exit_status in (5, 6)
        assert session.user == ""
        if final.startswith("235"):
            assert not session.is_open
    assert_no_secret(log, caught.value)


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2"])
def test_no_credential_in_the_clear_unless_insisted(name: str) -> None:
    with talking(server()) as (session, _, peer):
        session.read_reply()
        with pytest.raises(AuthFailed, match=r"use starttls first, or --insecure-auth"):
            authentication(session, name)
        with pytest.raises(AuthFailed):
            refuse_in_the_clear(session, allow_cleartext=False)
        refuse_in_the_clear(session, allow_cleartext=True)
    assert peer.heard == b""


def test_who_insists_is_warned() -> None:
    with talking(server((f"AUTH PLAIN {PLAIN_BLOB}", "235 ok"))) as (session, log, _):
        session.read_reply()
        authentication(session, "PLAIN", allow_cleartext=True)
    assert log.notices == [NoticeKind.CLEARTEXT_AUTH]


@pytest.mark.parametrize(("user", "password"), [("ann\r\nRSET", "x"), ("ann", "x\n"), ("ann\0bob", "x")])
def test_a_credential_that_cannot_be_carried(user: str, password: str) -> None:
    with talking(server(), target=PRIVATE) as (session, _, peer):
        session.read_reply()
        with pytest.raises(NotSendable):
            authentication(session, "PLAIN", password, user)
    assert peer.heard == b""


def test_a_connection_that_breaks_in_the_exchange() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear()

    with talking(script, target=PRIVATE) as (session, log, _):
        session.read_reply()
        with pytest.raises(DialogueBroken, match="closed the connection while the reply to AUTH was owed") as caught:
            authentication(session, "PLAIN")
        assert caught.value.exit_status == 3
    assert_no_secret(log, caught.value)


def test_a_server_that_hangs_up_on_the_cancelling() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear()
        peer.say("334 no base64!")
        peer.hear()

    with talking(script, target=PRIVATE) as (session, _, _):
        session.read_reply()
        with pytest.raises(ProtocolViolation, match="base64"):
            authentication(session, "LOGIN")


# --- what is offered


def test_what_is_offered() -> None:
    def ehlo(session: Session) -> None:
        session.command(Command(b"EHLO c"))

    script = server(
        ("EHLO c", "250-mail\r\n250 AUTH PLAIN login X-\x1b"),
        ("EHLO c", "250-mail\r\n250 STARTTLS"),
        ("EHLO c", "250 mail"),
    )
    with talking(script) as (session, _, _):
        session.read_reply()
        with pytest.raises(UsageError, match="say ehlo first"):
            offered(session)
        ehlo(session)
        assert offered(session) == ("PLAIN", "LOGIN", "X-\\x1b")
        ehlo(session)
        with pytest.raises(AuthFailed, match="may offer it after starttls"):
            offered(session)
        ehlo(session)
        with pytest.raises(AuthFailed, match=r"does not offer AUTH\.$"):
            offered(session)
