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
def test_a_file_is_cut_into_its_tables(kind: str) -> None:
    cut = list(tables.tables(tables.text_of(kind)))
    assert {name: tomllib.loads(lines)[name] for name, lines in cut} == WHOLE[kind]
    assert len(cut) == len(WHOLE[kind])


@pytest.mark.parametrize("kind", tables.KINDS)
def test_another_name_finds_a_fact_in_any_case(kind: str) -> None:
    for name, found in WHOLE[kind].items():
        for other in (name, *found.get("also", ())):
            if other.isprintable():
                hit = tables.table(kind, other.swapcase())
                assert hit is not None
                assert other.lower() in {hit[0].lower(), *(each.lower() for each in hit[1].get("also", ()))}  # type: ignore[attr-defined]


def test_a_table_with_lines_of_any_kind() -> None:
    text = """\
# before all of them
["a b"]  # a comment
title = "one \\"quoted\\""
sources = [
    "x",
    "y",  # of two
]

[c]
title = 'two'
also = ["d]e", "[f]"]
replies = { 250 = "fine" }
[c.more]
number = 7
["e.f"]
title = "three"
"""
    whole = tomllib.loads(text)
    cut = dict(tables.tables(text))
    assert {name: tomllib.loads(lines)[name] for name, lines in cut.items()} == whole


@pytest.mark.parametrize("name", ["", "more", "[", '"', "\\", "title", "550\n"])
def test_what_is_no_name_finds_nothing(name: str) -> None:
    assert [tables.table(kind, name) for kind in tables.KINDS] == [None] * len(tables.KINDS)
