"""A change of one key, in files of many shapes: what it says is what it said, with the one change, and no comment is lost."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.configuration.loading import Scalar, configuration_of
from smtp_shell.configuration.reading import parse_toml
from smtp_shell.configuration.writing import literal, with_value
from smtp_shell.errors import ConfigError

KEYS = st.sampled_from(["theme", "times", "auto-ehlo", "ehlo", "timeout"])
VALUES: st.SearchStrategy[Scalar] = st.one_of(
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
COMMENTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=10).map(lambda text: f"# {text}")
LINES = st.one_of(
    st.tuples(KEYS, VALUES, COMMENTS).map(lambda each: f"{each[0]} = {literal(each[1])} {each[2]}"),
    KEYS.map(lambda key: f"{key} = '''\ntheme = 1\n'''"),
    KEYS.map(lambda key: f"{key} = [\n  1, # one\n]"),
    COMMENTS,
    st.just(""),
)


def file_of(lines: list[str], after: list[str], end: str) -> str:
    seen: set[str] = set()
    kept = []
    for line in lines:
        key = "" if line.startswith("#") else line.partition(" ")[0]
        if key not in seen or not key:
            kept.append(line)
        seen.add(key)
    return end.join("\n".join(["[settings]", *kept, "", "[profile.lab]", 'host = "mx"', *after]).split("\n")) + end


@given(st.lists(LINES, max_size=8), st.lists(COMMENTS, max_size=2), st.sampled_from(["\n", "\r\n"]), KEYS, VALUES)
def test_one_key_changes_and_nothing_else(
    lines: list[str], after: list[str], end: str, key: str, value: Scalar
) -> None:
    text = file_of(lines, after, end)
    before = tomllib.loads(text)
    new = with_value(parse_toml(Path("x.toml"), text.encode()), "settings", key, value)
    assert tomllib.loads(new) == {**before, "settings": {**before["settings"], key: value}}
    for comment in (line for line in text.split(end) if line.startswith("#")):
        assert comment in new
    gone = with_value(parse_toml(Path("x.toml"), new.encode()), "settings", key, None)
    before["settings"].pop(key, None)
    assert tomllib.loads(gone) == before


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused_in_a_sentence(octets: bytes) -> None:
    said = ""
    try:
        configuration_of(parse_toml(Path("x.toml"), octets), ("theme",))
    except ConfigError as error:
        said = error.message
    assert all(line.isprintable() for line in said.split("\n"))
