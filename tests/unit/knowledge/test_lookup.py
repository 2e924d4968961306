"""The facts: what each file holds reads as it should, and a fact is found by each of its names."""

import re
from importlib.resources import files
from typing import TypeVar

import pytest

from smtp_shell.knowledge.lookup import (
    CLASSES,
    Advice,
    CommandFact,
    EnhancedFact,
    ExtensionFact,
    Fact,
    Kind,
    MechanismFact,
    ParameterFact,
    ReplyFact,
    facts,
    find,
)

KINDS: tuple[type[Fact], ...] = (CommandFact, ReplyFact, EnhancedFact, ExtensionFact, ParameterFact, MechanismFact)
_SOURCE = re.compile(
    r"RFC [1-9][0-9]{2,3} (?:section [0-9]+(?:\.[0-9]+)*|appendix [A-Z](?:\.[0-9]+)?)|IANA [A-Z][A-Za-z ]+(?:, X\.[0-9]+\.[0-9]+)?"
    r"|https://[a-z.-]+/[A-Za-z0-9._/-]*"
)
_SENTENCE_END = re.compile(r"[.?](?= [A-Z0-9*<]|$)")
_MARKUP = re.compile(r"`|\*\*|\]\(|</?(?:a|b|i|p|br|code|em|strong)>|&[a-z]+;|^[#>-]")
_DOS = {"fix", "retry", "give up", "none"}

FactT = TypeVar("FactT", bound=Fact)


def texts(fact: Fact) -> dict[str, str]:
    """Collect every text of a fact that is shown as a sentence or part of one."""
    named = {"title": fact.title, "meaning": fact.meaning}
    if isinstance(fact, Advice):
        named |= {"fault": fact.fault, "advice": fact.advice, "retries": fact.retries}
    if isinstance(fact, CommandFact):
        named |= fact.replies
    return named


@pytest.mark.parametrize("kind", Kind)
def test_each_file_is_of_its_class(kind: Kind) -> None:
    assert all(isinstance(fact, CLASSES[kind]) for fact in facts(CLASSES[kind]).values())


@pytest.mark.parametrize("kind", [kind for kind in Kind if CLASSES[kind] in KINDS])
def test_each_fact_is_one_table_with_its_name_in_quotes(kind: Kind) -> None:
    text = (files("smtp_shell.knowledge") / "data" / f"{kind.value}.toml").read_text("utf-8")
    assert re.findall(r"^\[.*", text, re.M) == [f'["{name}"]' for name in facts(CLASSES[kind])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_meaning_is_one_to_five_sentences_and_a_title_is_none(kind: type[Fact]) -> None:
    for name, fact in facts(kind).items():
        assert 1 <= len(_SENTENCE_END.findall(fact.meaning)) <= 5, name
        assert fact.meaning.endswith("."), name
        assert not fact.title.endswith("."), name
        assert len(fact.title) <= 76, name


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_plain_and_printable(kind: type[Fact]) -> None:
    for name, fact in facts(kind).items():
        for where, text in texts(fact).items():
            assert text == " ".join(text.split()) != "", (name, where)
            assert text.isascii(), (name, where)
            assert text.isprintable(), (name, where)
            assert not _MARKUP.search(text), (name, where)


@pytest.mark.parametrize("kind", KINDS)
def test_each_source_is_a_section_a_registry_or_an_address(kind: type[Fact]) -> None:
    for name, fact in facts(kind).items():
        assert fact.sources, name
        assert len(set(fact.sources)) == len(fact.sources), name
        assert [source for source in fact.sources if not _SOURCE.fullmatch(source)] == [], name


@pytest.mark.parametrize("kind", KINDS)
def test_what_to_read_next_is_there(kind: type[Fact]) -> None:
    for name, fact in facts(kind).items():
        assert [other for other in fact.see if not any(find(CLASSES[each], other) for each in Kind)] == [], name


@pytest.mark.parametrize("kind", [ReplyFact, EnhancedFact])
def test_advice_is_one_of_four_and_says_who_tries_again(kind: type[Advice]) -> None:
    for name, fact in facts(kind).items():
        assert fact.do in _DOS, name
        assert fact.advice.endswith("."), name
        assert not fact.fault.endswith("."), name
        assert not fact.retries.endswith("."), name


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_facts_of_a_kind_have_a_name_in_common(kind: type[Fact]) -> None:
    names = [name.casefold() for key, fact in facts(kind).items() for name in (key, *fact.also)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_facts_of_a_kind_say_the_same(kind: type[Fact]) -> None:
    titles = [fact.title for fact in facts(kind).values()]
    assert len(set(titles)) == len(titles) or kind is ReplyFact  # 422 and 432 mean the same


@pytest.mark.parametrize(
    ("kind", "name", "title"),
    [
        (ReplyFact, "354", "Send the message now, and end it with a single dot"),
        (CommandFact, "ehlo", "Introduce the client and ask what the server offers"),
        (CommandFact, "rcpt to", "Name one recipient"),
        (CommandFact, "Final Dot", "The final dot: the message is complete"),
        (EnhancedFact, "X.7.1", "Delivery not authorized"),
        (EnhancedFact, "5.x.y", "Class 5: refused for good"),
        (ExtensionFact, "pipelining", "Commands may be sent without waiting for each reply"),
        (ParameterFact, "size", "Declared size of the message"),
        (MechanismFact, "scram", "Salted challenge and response, a family"),
    ],
)
def test_a_fact_is_found_by_any_of_its_names_in_any_case(kind: type[FactT], name: str, title: str) -> None:
    found = find(kind, name)
    assert found is not None
    assert found.title == title


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_known_is_not_found(kind: type[Fact]) -> None:
    assert find(kind, "no such thing") is None
    assert find(kind, "") is None
