"""Mailboxes as users type them."""

import pytest

from smtp_shell.errors import NotSendable, SmtpShellError, UsageError
from smtp_shell.message.mailboxes import Mailbox, parse_mailboxes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        (" ", ()),
        ("ann@example.org", (Mailbox("ann@example.org"),)),
        ("<ann@example.org>", (Mailbox("ann@example.org"),)),
        ("Ann Example <ann@example.org>", (Mailbox("ann@example.org", "Ann Example"),)),
        ('"Example, Ann" <ann@example.org>, bob@example.org', (Mailbox("ann@example.org", "Example, Ann"), Mailbox("bob@example.org"))),
        ('"a \\"b\\" c" <ann@example.org>', (Mailbox("ann@example.org", 'a "b" c'),)),
        ("Jörg <jörg@bücher.example>", (Mailbox("jörg@bücher.example", "Jörg"),)),
        ('"odd, one"@example.org', (Mailbox('"odd, one"@example.org'),)),
        ("ann@[192.0.2.1]", (Mailbox("ann@[192.0.2.1]"),)),
        ("ann@localhost,", (Mailbox("ann@localhost"),)),
    ],
)  # fmt: skip
def test_what_is_typed_is_read(text: str, found: tuple[Mailbox, ...]) -> None:
    assert parse_mailboxes(text, "To") == found


@pytest.mark.parametrize(
    "text",
    [
        "ann", "@example.org", "ann@", "ann@example..org", "a b@example.org", "ann@exa mple.org", "Ann <ann>", "<ann@example.org", "a,b",
        "ann@example.org>", "a@b@c", "ann@-ü-.example", "a..b@example.org", "\x1b@example.org", "ann@example.org bob@example.org",
        f"ann@{'a' * 64}.example", "Ann <ann@example.org> <bob@example.org>", '"Ann <ann@example.org>', "ann@exam_ple.org\x7f",
        f"{'a' * 490}@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_mailboxes(text, "To")
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("char", "name"), [("\r", "CR"), ("\n", "LF"), ("\0", "NUL")])
def test_a_line_break_is_refused_by_the_name_of_its_field(char: str, name: str) -> None:
    with pytest.raises(NotSendable, match=f"Cc: the value holds {name}, which would end the line early"):
        parse_mailboxes(f"ann@example.org{char}Bcc: eve@example.org", "Cc")


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(SmtpShellError, match="not valid Unicode"):
        parse_mailboxes("\udcff@example.org", "To")
