"""Header fields as they go over the wire: in ASCII, in UTF-8, folded."""

import pytest

from smtp_shell.message.fields import Field, disposition_field, mailboxes_field, text_field
from smtp_shell.message.mailboxes import Mailbox, parse_mailboxes


@pytest.mark.parametrize(
    ("text", "utf8", "value", "rules"),
    [
        ("hello", False, "hello", ()),
        ("Grüße", False, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", ("RFC 2047",)),
        ("Grüße", True, "Grüße", ("RFC 6532",)),
        ("你好", False, "=?utf-8?b?5L2g5aW9?=", ("RFC 2047",)),
        ("a  b", False, "=?utf-8?q?a__b?=", ("RFC 2047",)),
        ("=?utf-8?q?x?=", False, "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", ("RFC 2047",)),
        ("bell \a", True, "=?utf-8?q?bell_=07?=", ("RFC 2047",)),
        ("from the left \u202eand back", True, "=?utf-8?q?from_the_left_=E2=80=AEand_back?=", ("RFC 2047",)),
    ],
)
def test_a_text_is_written_as_the_header_allows(text: str, utf8: bool, value: str, rules: tuple[str, ...]) -> None:
    assert text_field("Subject", text, utf8=utf8) == Field("Subject", value, text, rules)


def test_an_encoded_word_that_is_typed_into_a_field_of_ones_own_stays() -> None:
    assert text_field("X-Test", "=?utf-8?q?x?=", utf8=False, as_typed=True).value == "=?utf-8?q?x?="


@pytest.mark.parametrize("utf8", [False, True])
def test_long_text_is_folded_at_its_blanks(utf8: bool) -> None:
    field = text_field("Subject", " ".join(["word"] * 60), utf8=utf8)
    assert field.value.replace("\r\n", "") == field.meaning
    assert max(map(len, field.octets.split(b"\r\n"))) <= 78


def test_long_text_outside_ascii_is_folded_between_encoded_words_of_whole_characters() -> None:
    field = text_field("Subject", "ü" * 300 + "你" * 10, utf8=False)
    words = field.value.split("\r\n ")
    assert len(words) > 10
    for word in words:
        assert len(word) <= 75
        assert word.startswith("=?utf-8?")
    assert max(map(len, field.octets.split(b"\r\n"))) <= 76


@pytest.mark.parametrize(
    ("mailbox", "utf8", "value", "rules"),
    [
        (Mailbox("ann@example.org"), False, "ann@example.org", ()),
        (Mailbox("ann@example.org", "Ann Example"), False, "Ann Example <ann@example.org>", ()),
        (Mailbox("ann@example.org", "Ann, 1st"), False, '"Ann, 1st" <ann@example.org>', ()),
        (Mailbox("ann@example.org", 'Ann "1" \\'), False, '"Ann \\"1\\" \\\\" <ann@example.org>', ()),
        (Mailbox("ann@example.org", "Änn"), False, "=?utf-8?q?=C3=84nn?= <ann@example.org>", ("RFC 2047",)),
        (Mailbox("ann@example.org", "Änn"), True, '"Änn" <ann@example.org>', ("RFC 6532",)),
        (Mailbox("ann@bücher.example"), False, "ann@xn--bcher-kva.example", ("RFC 5891",)),
        (Mailbox("änn@bücher.example"), True, "änn@bücher.example", ("RFC 6532",)),
    ],
)
def test_a_mailbox_is_written_as_the_header_allows(
    mailbox: Mailbox, utf8: bool, value: str, rules: tuple[str, ...]
) -> None:
    assert mailboxes_field("To", [mailbox], utf8=utf8) == Field("To", value, str(mailbox), rules)


def test_many_mailboxes_are_folded_between_them() -> None:
    field = mailboxes_field("To", parse_mailboxes(", ".join(["ann@example.org"] * 30), "To"), utf8=False)
    assert field.value.count("ann@example.org") == 30
    assert max(map(len, field.octets.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("name", "utf8", "value"),
    [
        ("a.pdf", False, 'attachment; filename="a.pdf"'),
        ('a"b\\.pdf', False, 'attachment; filename="a\\"b\\\\.pdf"'),
        ("Übung 1.pdf", False, "attachment; filename*=utf-8''%C3%9Cbung%201.pdf"),
        ("Übung 1.pdf", True, 'attachment; filename="Übung 1.pdf"'),
    ],
)
def test_the_name_of_a_file_is_written_as_the_header_allows(name: str, utf8: bool, value: str) -> None:
    assert disposition_field(name, utf8=utf8).value == value


def test_a_long_name_of_a_file_goes_on_in_numbered_pieces() -> None:
    value = disposition_field("ü" * 60 + ".pdf", utf8=False).value
    assert "filename*0*=utf-8''%C3%BC" in value
    assert "filename*1*=%C3%BC" in value
    assert max(map(len, value.split("\r\n"))) <= 78
