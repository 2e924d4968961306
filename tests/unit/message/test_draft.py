"""A draft, and the fields that are set in it."""

import pytest

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.message.draft import Draft, with_field
from smtp_shell.message.mailboxes import Mailbox

ANN, BOB = Mailbox("ann@example.org"), Mailbox("bob@example.org")


def test_the_fields_that_a_draft_has_are_replaced_and_others_are_added() -> None:
    draft = Draft()
    for name, value in (
        ("FROM", "ann@example.org"), ("to", "bob@example.org"), ("Subject", "one"), ("Subject", "two"), ("X-A", "1"), ("X-A", "2"),
    ):  # fmt: skip
        draft = with_field(draft, name, value)
    assert draft == Draft(from_=(ANN,), to=(BOB,), subject="two", headers=(("X-A", "1"), ("X-A", "2")))
    assert with_field(draft, "x-a", "").headers == ()
    assert with_field(draft, "To", "").to == ()


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ü", "a\r\nb", "x" * 71, "\x7f"])
def test_a_name_that_no_field_has_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a header field"):
        with_field(Draft(), name, "x")


@pytest.mark.parametrize("name", ["MIME-Version", "content-type", "Content-Transfer-Encoding"])
def test_the_fields_of_mime_are_not_set_by_hand(name: str) -> None:
    with pytest.raises(UsageError, match="/attach FILE --type"):
        with_field(Draft(), name, "x")


@pytest.mark.parametrize("name", ["Subject", "From", "Date", "Message-ID", "X-Test", "Reply-To"])
@pytest.mark.parametrize("char", "\r\n\0")
def test_no_value_ends_its_field(name: str, char: str) -> None:
    with pytest.raises(NotSendable, match=f"{name}: the value holds (CR|LF|NUL)"):
        with_field(Draft(), name, f"x{char}Bcc: eve@example.org")


def test_the_sender_is_the_sender_field_or_the_first_author() -> None:
    draft = with_field(Draft(), "From", "ann@example.org, bob@example.org")
    assert draft.sender == ANN
    assert with_field(draft, "Sender", "bob@example.org").sender == BOB
    assert Draft().sender is None


def test_each_recipient_is_there_once() -> None:
    draft = Draft(to=(ANN,), cc=(BOB, ANN), bcc=(BOB,))
    assert draft.recipients == (ANN, BOB)


def test_an_address_with_letters_before_the_at_needs_smtputf8_and_a_domain_does_not() -> None:
    assert not with_field(Draft(), "To", "ann@bücher.example").needs_smtputf8
    assert with_field(Draft(), "Bcc", "änn@example.org").needs_smtputf8
    assert with_field(Draft(), "Reply-To", "änn@example.org").needs_smtputf8


def test_a_field_that_would_betray_bcc_is_refused() -> None:
    with pytest.raises(UsageError, match="use Bcc, which is in the envelope only"):
        with_field(Draft(), "Resent-Bcc", "eve@example.org")


@pytest.mark.parametrize("value", ["x" * 901, "morgen früh"])
def test_a_date_is_one_line_of_ascii(value: str) -> None:
    with pytest.raises(UsageError, match="at most 900 characters, all of them ASCII"):
        with_field(Draft(), "Date", value)
