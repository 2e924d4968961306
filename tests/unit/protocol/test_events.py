"""Events say what they are about, and keep quiet about what is secret."""

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Event, Noticed, NoticeKind, OctetsSent, SaslSent

SECRET = b"AHN0dWRlbnQAcGFzcw=="


@pytest.mark.parametrize(
    "event",
    [SaslSent(SECRET), OctetsSent(SECRET, 0), CommandSent(Command.parse(b"AUTH PLAIN " + SECRET))],
)
def test_a_credential_is_not_in_the_repr(event: Event) -> None:
    assert SECRET.decode() not in repr(event)


def test_a_notice_in_words() -> None:
    assert Noticed(NoticeKind.LATE).sentence == "the reply to a command whose wait had ended"
    assert (
        Noticed(NoticeKind.TOO_MUCH, "the limit is 5").sentence == "more than a server may send unasked: the limit is 5"
    )


def test_what_a_client_says_in_an_exchange_is_secret_unless_said_otherwise() -> None:
    assert SaslSent(b"x").secret
