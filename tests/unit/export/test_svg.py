"""The picture of the screen: well-formed, self-contained, and without markup from a server."""

import re

import pytest

from smtp_shell.export.svg import WIDTH
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry, ReplyReceived
from smtp_shell.protocol.replies import Reply
from tests.support.pictures import check_picture, export

SVG = "{http://www.w3.org/2000/svg}"
ENTRIES = [
    Entry(1, 0.0, CommandSent(Command(b"EHLO laptop.example"))),
    Entry(2, 0.1, ReplyReceived(Reply(250, (b"<b>{x}</b>",), b"250 <b>{x}</b>\r\n"), None)),
]


def rows(text: str) -> list[str]:
    picture = check_picture(text)
    return [(each.text or "").replace("\N{NO-BREAK SPACE}", " ") for each in picture.iter(f"{SVG}text")]


def test_a_picture_shows_the_title_and_every_row() -> None:
    assert rows(export("svg", ENTRIES, "a < b")) == ["a < b", "C: EHLO laptop.example", "+  S: 250 <b>{x}</b>"]


def test_every_class_has_a_style() -> None:
    text = export("svg", ENTRIES)
    assert [name for name in set(re.findall(r'<text class="([\w-]+)"', text)) if f".{name} {{" not in text] == []


def test_a_picture_loads_nothing_from_elsewhere() -> None:
    loads = re.compile(r"@import|@font-face|url\(|src=|href=|https?://(?!www\.w3\.org/2000/svg\")")
    assert loads.search(export("svg", ENTRIES)) is None


def test_a_picture_is_as_high_as_its_rows() -> None:
    heights = []
    for copies in (1, 11):
        _, _, _, height = export("svg", ENTRIES * copies).partition('viewBox="')[2].partition('"')[0].split()
        heights.append(float(height))
    assert heights[1] - heights[0] == pytest.approx(20 * 24.4)


def test_a_long_line_is_cut_between_words_with_a_mark() -> None:
    line = b"250 " + b"wonderful " * 20
    shown = rows(export("svg", [Entry(1, 0.0, ReplyReceived(Reply(250, (line[4:],), line + b"\r\n"), None))]))
    assert [row.count("wonderful") for row in shown[1:]] == [8, 8, 4]
    assert all(row.startswith("+   : ") for row in shown[2:])
    assert max(map(len, shown)) <= WIDTH


def test_a_picture_has_a_light_form() -> None:
    pictures = {theme: export("svg", ENTRIES, theme=theme) for theme in ("", "dark", "light", "plain")}
    assert pictures[""] == pictures["dark"]
    assert 'fill="#0c0c0c"' in pictures["dark"]
    assert 'fill="#ffffff"' in pictures["light"]
    assert "#0c0c0c" not in pictures["light"] + pictures["plain"]
    assert "#008000" in pictures["light"]
    assert "#008000" not in pictures["plain"]
