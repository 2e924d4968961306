"""What `/edit` begins with: the last lines, without credentials and mail data."""

import pytest

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.at_hand import LinesAtHand


@pytest.mark.parametrize("typed", ["noop", "noop 1\nnoop 2\n", "auth login", "mail ann@example.org"])
def test_lines_are_kept(typed: str) -> None:
    at_hand = LinesAtHand()
    at_hand.note(typed, Phase.READY, in_exchange=False)
    assert at_hand.last == typed


@pytest.mark.parametrize(
    ("typed", "phase"),
    [
        ("  ", Phase.READY),
        ("/edit", None),
        ("/edit 3", None),
        ("Dear diary", Phase.MAILDATA),
        ("AUTH PLAIN AHN0dWRlbnQAc2VzYW1l", Phase.READY),
        ("noop\nAUTH LOGIN\nc2VzYW1l", Phase.READY),
        ("c2VzYW1l", Phase.AUTH),
        ("noop\n/connect smtp://student:sesame@mail.example.org", None),
    ],
)
def test_credentials_and_mail_data_are_not_kept(typed: str, phase: Phase | None) -> None:
    at_hand = LinesAtHand()
    at_hand.note(typed, phase, in_exchange=False)
    assert at_hand.last == ""


def test_the_next_prompt_begins_with_it_once() -> None:
    at_hand = LinesAtHand()
    at_hand.next = "noop"
    assert (at_hand.take_next(), at_hand.take_next()) == ("noop", "")


def test_lines_follow_one_by_one_until_a_prompt_begins_empty() -> None:
    at_hand = LinesAtHand()
    at_hand.following = ["mail <>", "rset"]
    at_hand.offer_following()
    assert at_hand.take_next() == "mail <>"
    at_hand.offer_following()
    assert (at_hand.take_next(), at_hand.following) == ("rset", [])
    at_hand.following = ["quit"]
    assert at_hand.take_next() == ""
    at_hand.offer_following()
    assert at_hand.take_next() == ""
