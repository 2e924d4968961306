"""The bottom line has room on any screen."""

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from smtp_shell.shell.bottom_line import Part, fitted

WORDS = st.text(st.sampled_from("ab 名…é"), min_size=1, max_size=30)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    forms = draw(st.lists(WORDS, min_size=1, max_size=4))
    if draw(st.booleans()):
        forms.append("")
    return Part(tuple(forms), tuple(draw(st.integers(0, 20)) for _ in forms[1:]))


@given(st.lists(parts(), max_size=8), st.integers(0, 200))
def test_it_is_never_wider_than_the_screen(given_parts: list[Part], width: int) -> None:
    assert sum(get_cwidth(text) for _, text, *_ in fitted(given_parts, width)) <= width


@given(st.lists(parts(), max_size=8))
def test_where_there_is_room_each_part_has_its_longest_form(given_parts: list[Part]) -> None:
    text = "".join(part[1] for part in fitted(given_parts, 10_000))
    assert text.removeprefix(" ") == " | ".join(part.forms[0] for part in given_parts)
