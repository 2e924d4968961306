"""`auth`: what it takes after it, what it chooses and why, and what it says of it afterwards."""

from base64 import b64decode, b64encode

import pytest
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.display.render import Presenter
from smtp_shell.errors import AuthFailed, SmtpShellError, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import FakeTransport, Screen, make_shell

PLAIN = b64encode(b"\0student\0open sesame").decode()


def announced(*mechanisms: str, **replies: bytes) -> tuple[Shell, FakeTransport, Screen]:
    """Return a shell whose server announces these mechanisms."""
    said = {b"EHLO": f"250-mail.example.org\r\n250 AUTH {' '.join(mechanisms)}\r\n".encode()}
    said |= {name.encode(): reply for name, reply in replies.items()}
    return make_shell(said, before=["ehlo"])


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("auth plain", f"AUTH PLAIN {PLAIN}"),
        ("auth plain --initial-response", f"AUTH PLAIN {PLAIN}"),
        ("auth login --initial-response", f"AUTH LOGIN {b64encode(b'student').decode()}"),
        ("auth --initial-response login ann", f"AUTH LOGIN {b64encode(b'ann').decode()}"),
        ("auth plain --authzid boss", f"AUTH PLAIN {b64encode(b'boss' + b64decode(PLAIN)).decode()}"),
        ("auth external --authzid=ann", "AUTH EXTERNAL YW5u"),
        ("auth anonymous", "AUTH ANONYMOUS c3R1ZGVudA=="),
    ],
)
def test_what_goes_out(typed: str, sent: str) -> None:
    shell, server, _ = announced("PLAIN", "LOGIN", "EXTERNAL")
    shell.run(typed)
    assert server.heard.decode().splitlines() == [sent]


def test_without_initial_response() -> None:
    shell, server, _ = announced("PLAIN", AUTH=b"334 \r\n")
    with pytest.raises(SmtpShellError):  # the fake server answers the response with 250
        shell.run("auth plain --no-initial-response")
    assert server.heard.decode().splitlines() == ["AUTH PLAIN", PLAIN]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("auth --sideways", "--sideways"),
        ("auth plain --authzid", "--authzid"),
        ("auth plain --initial-response --no-initial-response", "exclude each other"),
        ("auth plain ann --x lee", "--x"),
        ("auth plain --channel-binding tls-exporter", "PLAIN has no channel binding"),
        ("auth scram-sha-256-plus --channel-binding tls-magic", "tls-magic"),
        ("auth cram-md5 --authzid boss", "cannot say whom to act as"),
        ("auth scram-sha-256-plus", "use starttls first, or SCRAM-SHA-256"),
        ("auth digest", "no SASL mechanism that smtp-shell knows"),
    ],
)
def test_what_it_does_not_take(typed: str, says: str) -> None:
    shell, server, _ = announced("PLAIN", "LOGIN")
    with pytest.raises((UsageError, AuthFailed), match=says):
        shell.run(typed)
    assert server.heard == b""


def test_the_strongest_and_why() -> None:
    shell, server, screen = announced("PLAIN", "CRAM-MD5", "OAUTHBEARER", AUTH=b"334 PGE+\r\n")
    with pytest.raises(SmtpShellError):
        shell.run("auth")
    assert server.heard.startswith(b"AUTH CRAM-MD5\r\n")
    assert "CRAM-MD5 is the strongest that both sides can do: the password stays here" in screen.words
    assert "Passed over: OAUTHBEARER (no token)." in screen.words


def test_whom_to_act_as_rules_out_what_cannot_say_so() -> None:
    shell, _, _ = announced("CRAM-MD5", "LOGIN")
    with pytest.raises(AuthFailed, match="no common mechanism"):
        shell.run("auth --authzid boss")


@pytest.mark.parametrize(
    ("offer", "says"), [("GSSAPI", "GSSAPI must be named, as in `auth gssapi`"), ("XOAUTH2", "XOAUTH2 needs a token")]
)
def test_what_is_never_chosen_says_why(offer: str, says: str) -> None:
    shell, _, _ = announced(offer)
    with pytest.raises(AuthFailed, match=says):
        shell.run("auth")


def test_an_obsolete_mechanism_is_said_to_be() -> None:
    shell, _, screen = announced("DIGEST-MD5", AUTH=b"501 no\r\n")
    with pytest.raises(AuthFailed):
        shell.run("auth digest-md5")
    assert "DIGEST-MD5 is obsolete" in screen.words
    assert "(RFC 6331)" in screen.words


def test_status_says_where_the_password_came_from_and_never_what_it_is() -> None:
    shell, _, screen = announced("PLAIN")
    shell.run("/status")
    assert "login" not in screen.words
    shell.run("auth plain --authzid boss")
    shell.run("/status")
    assert "  login        PLAIN, password from the practice server, acting as boss" in screen.words
    assert "sesame" not in screen.words


@pytest.mark.parametrize("typed", ["auth external", "auth anonymous"])
def test_what_holds_no_credential_is_sent_in_the_clear_without_a_question(typed: str) -> None:
    shell, server, screen = announced("EXTERNAL", "ANONYMOUS")
    clear = Target(Way.TCP, "mail.example.org", 25)
    shell.need_session().target = clear
    shell.settings = replace(shell.settings, insecure_auth=False)
    with pytest.raises(AuthFailed, match="not sent over a connection without TLS"):
        shell.run("auth plain")
    shell.options = replace(shell.options, credentials=CredentialSource())
    shell.run(typed)
    assert server.heard.decode().splitlines() == [f"{typed.upper()} ="]
    assert "a credential goes over" not in screen.words
    assert ("there is no TLS here" in screen.words) == (typed == "auth external")


def test_a_mechanism_that_only_the_server_knows_takes_no_options() -> None:
    shell, server, _ = announced("X-KEY")
    with pytest.raises(UsageError, match="smtp-shell does not know X-KEY"):
        shell.run("auth x-key --initial-response")
    assert server.heard == b""


def test_a_challenge_of_an_unknown_mechanism_is_decoded_and_a_star_cancels() -> None:
    challenge = b64encode(b"touch your key \x1b[2J").decode()
    shell, server, screen = announced("X-KEY", AUTH=f"334 {challenge}\r\n".encode(), **{"*": b"501 cancelled\r\n"})
    shell.run("auth x-key")
    assert "smtp-shell does not know X-KEY: each 334 is decoded" in " ".join(screen.words.split())
    shell.run("*")
    assert server.heard.decode().splitlines() == ["AUTH x-key", "*"]
    assert not shell.awaits_answer


@pytest.mark.parametrize(("has_password", "sent"), [(False, b"AUTH EXTERNAL ="), (True, b"AUTH PLAIN ")])
def test_a_client_certificate_authenticates_where_no_password_is_at_hand(has_password: bool, sent: bytes) -> None:
    said = {b"EHLO": b"250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN EXTERNAL\r\n"}
    shell, server, screen = make_shell(said, before=["ehlo", "starttls", "ehlo"])
    shell.settings = replace(shell.settings, client_cert="me.pem")
    if not has_password:
        shell.options = replace(shell.options, credentials=CredentialSource())
    shell.run("auth")
    assert server.heard.startswith(sent)
    assert ("the client certificate has shown who this is" in screen.words) is not has_password


def test_an_exchange_does_not_begin_in_the_middle_of_a_line() -> None:
    shell, server, screen = announced("PLAIN")
    shell.run("/raw c")
    with pytest.raises(UsageError, match="has not ended"):
        shell.run("auth plain")
    assert server.heard == b"c"
    shell.run(f"AUTH PLAIN {PLAIN}")
    assert server.lines == [f"cAUTH PLAIN {PLAIN}".encode()]
    assert not any(PLAIN in row.text for entry in screen.entries for row in Presenter().rows(entry))
