"""Themes: which is used, and that each has what it promises."""

import re

import pytest
from rich.style import Style

from smtp_shell.display.render import Look, Presenter, Row
from smtp_shell.display.themes import STYLES, THEMES, style_of, usable_theme
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Certificate,
    CommandSent,
    Connected,
    Decoded,
    Entry,
    Event,
    Noticed,
    NoticeKind,
    ReplyReceived,
    TlsStarted,
)
from smtp_shell.protocol.replies import Reply


@pytest.mark.parametrize(
    ("name", "colours", "expected"),
    [
        ("auto", None, "dark"),
        ("auto", "15;0", "dark"),
        ("auto", "0;15", "light"),
        ("auto", "0;default;7", "light"),
        ("auto", "rubbish", "dark"),
        ("dark", "0;15", "dark"),
        ("contrast", "0;15", "contrast"),
    ],
)
def test_auto_is_light_where_the_terminal_says_so(name: str, colours: str | None, expected: str) -> None:
    assert usable_theme(name, {} if colours is None else {"COLORFGBG": colours}) == expected


@pytest.mark.parametrize("theme", THEMES)
def test_each_style_of_a_theme_is_one_that_rich_knows(theme: str) -> None:
    assert set(THEMES[theme]) <= set(STYLES)
    for name in STYLES:
        Style.parse(style_of(name, theme))


def test_contrast_has_no_dim_text_and_no_colour_without_a_background() -> None:
    for name in STYLES:
        style = Style.parse(style_of(name, "contrast"))
        assert not style.dim
        assert not style.italic
        assert (style.color is None) == (style.bgcolor is None)


def heard(code: int, *, seconds: float | None = None) -> Event:
    return ReplyReceived(Reply(code, (b"x",), b"%d x\r\n" % code), None, seconds)


def rows(*events: Event, tls: bool = False) -> list[Row]:
    presenter = Presenter(Look(theme="plain"))
    return [row for number, event in enumerate(events) for row in presenter.rows(Entry(number, 0.0, event, tls=tls))]


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (heard(250), "S: 250 x"),
        (heard(354), "S: 354 x"),
        (heard(451), "refused for now S: 451 x"),
        (heard(550), "refused S: 550 x"),
        (heard(999), "not a reply code S: 999 x"),
        (CommandSent(Command(b"NOOP")), "C: NOOP"),
        (CommandSent(Command(b"NOOP"), pipelined=True), "with the next C: NOOP"),
        (Connected("mx:25"), "*: connect mx:25"),
        (Decoded(False, "LOGIN", "student"), "means: student"),
        (Noticed(NoticeKind.PROGRAM, "over quota"), "program: over quota"),
    ],
)
def test_plain_has_words_for_each_sign(event: Event, shown: str) -> None:
    assert [row.gutter + row.text for row in rows(event)] == [shown]


@pytest.mark.parametrize(("verified", "word"), [(True, "tls"), (False, "tls not verified")])
def test_plain_says_of_each_row_whether_it_is_inside_tls(verified: bool, word: str) -> None:
    started = TlsStarted("TLSv1.3", "X", verified, Certificate(), "mx")
    found = [row.gutter + row.text for row in rows(started, CommandSent(Command(b"NOOP")), heard(550), tls=True)]
    assert found[1:] == [f"{word} C: NOOP", f"{word} refused S: 550 x"]


def test_plain_says_below_what_others_show_at_the_right_edge() -> None:
    reply, took = rows(heard(250, seconds=0.012))
    assert (reply.aside, took.text) == ("", "took 12 ms")


def test_plain_has_no_sign_in_any_gutter() -> None:
    for row in rows(heard(250), heard(550), CommandSent(Command(b"NOOP")), tls=True):
        assert re.fullmatch(r"[a-z ]*(?:[CS]: )?", row.gutter), row
        assert row.further == "more: "
