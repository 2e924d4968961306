from __future__ import annotations

from smtp_shell.importers import sessions
from smtp_shell.importers.dialect import Kind, Record
from smtp_shell.importers.sessions import MOST_OPEN, Sessions


def said(*calls: tuple[str, int, str]) -> list[str]:
    """Return the texts in the order in which they are passed on."""
    order = Sessions()
    found: list[Record] = []
    for what, key, text in calls:
        found += order.add(key, Record(Kind.CLIENT, text)) if what == "add" else order.end(key)
    found += order.finish()
    return [record.text for record in found]


def test_the_earliest_session_passes_at_once() -> None:
    order = Sessions()
    assert [record.text for record in order.add(1, Record(Kind.CLIENT, "a"))] == ["a"]
    assert [*order.add(2, Record(Kind.CLIENT, "b"))] == []
    assert [record.text for record in order.end(1)] == ["b"]


def test_sessions_are_in_the_order_of_their_beginning() -> None:
    calls = [("add", 1, "1a"), ("add", 2, "2a"), ("add", 3, "3a"), ("end", 3, ""), ("add", 2, "2b"), ("add", 1, "1b")]
    assert said(*calls) == ["1a", "1b", "2a", "2b", "3a"]


def test_a_key_may_be_used_again() -> None:
    assert said(("add", 1, "a"), ("end", 1, ""), ("add", 1, "b"), ("end", 1, "")) == ["a", "b"]


def test_what_waits_is_the_same_after_it_was_in_a_file() -> None:
    records = [
        Record(Kind.SERVER, f"{number} \udcff \u00e9", number, number / 2, True, True) for number in range(2_000)
    ]
    order = Sessions()
    found = [*order.add(1, Record(Kind.CLIENT, "first"))]
    for record in records:
        found += order.add(2, record)
    found += order.end(1)
    assert found[1:] == records


def test_more_sessions_than_can_wait_are_given_up_one_by_one() -> None:
    calls = [("add", number, str(number)) for number in range(MOST_OPEN * 2)]
    found = said(*calls)
    notes = [text for text in found if text == sessions._CUT]
    assert len(found) - len(notes) == MOST_OPEN * 2
    assert notes
