"""Refusals: any text is searched as far as a bound, and the facts found fit the reply. That a search is linear is read off the patterns."""

from __future__ import annotations

import re

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
