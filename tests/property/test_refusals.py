"""Refusals: any text is searched in bounded, linear time, and found facts fit the reply."""

from __future__ import annotations

import re
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.knowledge.lookup import RefusalFact, facts
from smtp_shell.knowledge.refusals import ANY_SERVER, LONGEST_TEXT, find_refusals, refusal_text, refusals_of
from smtp_shell.protocol.replies import Reply

REFUSALS = tuple(facts(RefusalFact).values())
WORDS = sorted({word for fact in REFUSALS for word in fact.example.split()})

replies = st.builds(
    lambda code, lines: Reply(code, tuple(lines), b""),
    st.integers(200, 599),
    st.lists(
        st.binary(max_size=200)
        | st.lists(st.sampled_from(WORDS), max_size=30).map(lambda all_: " ".join(all_).encode()),
        min_size=1,
    ),
)


@given(replies)
def test_any_reply_is_read_without_an_exception_and_shown_clean(reply: Reply) -> None:
    found = find_refusals(reply)
    text = refusal_text(reply)
    assert len(text) <= LONGEST_TEXT
    assert text.isprintable()
    assert not found or reply.is_negative
    assert len(found) == len({id(fact) for fact in found})
    general = [fact.server == ANY_SERVER for fact in found]
    assert general == sorted(general), "those of a certain server come first"
    assert all(re.search(fact.pattern, text, re.IGNORECASE) for fact in found)


@given(
    st.sampled_from([fact for fact in REFUSALS if "$" not in fact.pattern]),
    st.lists(st.sampled_from(WORDS), max_size=8),
)
def test_a_wording_is_found_whatever_follows_it(fact: RefusalFact, words: list[str]) -> None:
    assert fact in refusals_of(" ".join([fact.example, *words]))


def seconds(pattern: re.Pattern[str], text: str) -> float:
    times = []
    for _ in range(3):
        start = perf_counter()
        pattern.search(text)
        times.append(perf_counter() - start)
    return min(times)


# Texts that begin over and over what the patterns look for, and never end it.
NASTY = (
    "<",
    "a",
    "sender ",
    "SPF ",
    "message is ",
    "resolves ",
    "Domain of sender address ",
    "authentication ",
    "exceeded the size ",
    "(RLY:",
    "id=1-",
)


@pytest.mark.parametrize("piece", NASTY)
def test_the_time_of_a_search_grows_with_the_text_and_no_faster(piece: str) -> None:
    short, long = ((piece * size)[:size] for size in (8 * 1024, 64 * 1024))
    patterns = [re.compile(fact.pattern, re.IGNORECASE) for fact in REFUSALS]
    took = [sum(seconds(pattern, text) for pattern in patterns) for text in (short, long)]
    assert took[1] < took[0] * 8 * 2.5


@pytest.mark.parametrize("piece", NASTY)
def test_a_nasty_reply_of_64_kib_takes_little_more_than_a_harmless_one(piece: str) -> None:
    def took(text: str) -> float:
        reply = Reply(550, (text.encode(),), b"")
        start = perf_counter()
        find_refusals(reply)
        return perf_counter() - start

    harmless = "We are sorry to say that this was not possible today. " * 40
    took(harmless)
    assert min(took((piece * 65536)[:65536]) for _ in range(3)) < 12 * min(took(harmless) for _ in range(3))
