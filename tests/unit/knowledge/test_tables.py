"""Facts read one table at a time: the same as the whole file says."""

import tomllib
from importlib.resources import files

import pytest

from smtp_shell.knowledge import tables
from smtp_shell.knowledge.lookup import CLASSES, Kind

WHOLE = {
    kind.value: tomllib.loads(files("smtp_shell.knowledge").joinpath("data", f"{kind.value}.toml").read_text("utf-8"))
    for kind in Kind
}
NAMED = [(kind, name) for kind, found in WHOLE.items() for name in found]


def test_every_kind_is_known() -> None:
    assert set(tables.KINDS) == {kind.value for kind in CLASSES}


@pytest.mark.parametrize("kind", tables.KINDS)
def test_each_table_is_read_as_tomllib_reads_it(kind: str) -> None:
    assert {name: tables.table(kind, name) for name in WHOLE[kind]} == {
        name: (name, found) for name, found in WHOLE[kind].items()
    }


@pytest.mark.parametrize("kind", tables.KINDS)
def test_titles_and_names_are_those_of_the_file(kind: str) -> None:
    assert dict(tables.titles(kind)) == {name: found["title"] for name, found in WHOLE[kind].items()}
    assert list(tables.names(kind)) == [
        each for name, found in WHOLE[kind].items() for each in (name, *found.get("also", ()))
    ]


@pytest.mark.parametrize("kind", tables.KINDS)
def test_another_name_finds_a_fact_in_any_case(kind: str) -> None:
    for name, found in WHOLE[kind].items():
        for other in (name, *found.get("also", ())):
            if other.isprintable():
                hit = tables.table(kind, other.swapcase())
                assert hit is not None
                assert other.lower() in {hit[0].lower(), *(each.lower() for each in hit[1].get("also", ()))}  # type: ignore[attr-defined]


def test_a_table_with_lines_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """\
["a b"]  # a comment
title = "one \\"quoted\\""
sources = [
    "x",
    "y",  # of two
]

[c]
title = 'two'
needs_tls = true
also = ["d]e", "f\\tg"]
replies = { 250 = "fine" }
[c.more]
number = 7
["e.f"]
title = "three"
"""
    monkeypatch.setitem(tables._TEXTS, "term", text)
    monkeypatch.setattr(tables, "_FOUND", {})
    whole = tomllib.loads(text)
    assert {name: tables.table("term", name) for name in ("a b", "c", "E.F")} == {
        name: (name.lower(), whole[name.lower()]) for name in ("a b", "c", "E.F")
    }
    assert tables.table("term", "D]E") == ("c", whole["c"])
    assert tables.table("term", "more") is None
    assert tables.table("term", "") is None
