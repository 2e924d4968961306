"""What is suggested in the header of mail data."""

import pytest

from smtp_shell.shell.completion import CompletionContext, TypedAddresses
from smtp_shell.shell.header_completion import is_in_header, suggest_header

HISTORY = ("mail ann@example.org", "rcpt bob@example.org")


def suggested(before: str, *, asked: bool = True) -> list[tuple[str, int]]:
    """Return what is suggested after a text, and how many characters each replaces."""
    context = CompletionContext({}, TypedAddresses(), HISTORY)
    return [(found.text, found.start) for found in suggest_header(context, before, asked=asked)]


def test_the_names_of_fields_are_suggested_with_what_they_mean() -> None:
    context = CompletionContext({}, TypedAddresses())
    found = list(suggest_header(context, "subj"))
    assert [(each.text, each.start, each.description) for each in found] == [
        ("Subject: ", 4, "What the message is about")
    ]
    everything = list(suggest_header(context, ""))
    assert [each.text for each in everything[:4]] == ["From: ", "To: ", "Subject: ", "Date: "]
    assert all(each.description for each in everything)


def test_a_field_that_is_there_is_not_suggested_again() -> None:
    names = [text for text, _ in suggested("From: ann@example.org\nKeywords: x\n")]
    assert "From: " not in names
    assert {"To: ", "Keywords: "} <= set(names)


def test_on_an_empty_line_nothing_is_suggested_unasked() -> None:
    assert suggested("From: ann@example.org\n", asked=False) == []
    assert suggested("From: ann@example.org\nTo: ", asked=False) == []
    assert suggested("From: ann@example.org\nS", asked=False) != []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("To: ", [("bob@example.org", 0), ("ann@example.org", 0)]),
        ("to:b", [("bob@example.org", 1)]),
        ("To: bob@example.org, an", [("ann@example.org", 2)]),
        ("Cc: Ann <an", [("ann@example.org", 2)]),
        ("To: bob@example.org,\n an", [("ann@example.org", 2)]),
        ("MIME-Version: ", [("1.0", 0)]),
        ("Content-Transfer-Encoding: q", [("quoted-printable", 1)]),
        ("Subject: ", []),
        ("Subject: x\n an", []),
        ("Subject: x\n\nan", []),
        ("\nan", []),
    ],
)
def test_what_usually_stands_in_a_field_is_suggested(before: str, expected: list[tuple[str, int]]) -> None:
    assert suggested(before) == expected


def test_a_date_and_an_identifier_are_made_for_the_message() -> None:
    ((date, _),) = suggested("Date: ")
    assert date[3:5] == ", "
    ((identifier, _),) = suggested("From: Ann <ann@mail.example.org>\nMessage-ID: ")
    assert identifier.endswith("@mail.example.org>")


@pytest.mark.parametrize(
    ("before", "expected"),
    [("", True), ("To: x\n", True), ("To: x\n ", True), ("To: x\n\n", False), ("\n", False), ("a\n\nb\n", False)],
)
def test_the_first_empty_line_ends_the_header(before: str, expected: bool) -> None:
    assert is_in_header(before, len(before)) is expected
    assert is_in_header(f"{before}x\n\ny", len(before)) is expected
