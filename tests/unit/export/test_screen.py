"""Pictures of the screen: well-formed, self-contained, and without markup from a server."""

import io
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from smtp_shell.export.screen import write_html, write_svg
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry, ReplyReceived
from smtp_shell.protocol.replies import Reply

SVG = "{http://www.w3.org/2000/svg}"
ENTRIES = [
    Entry(1, 0.0, CommandSent(Command(b"EHLO laptop.example"))),
    Entry(2, 0.1, ReplyReceived(Reply(250, (b"<b>{x}</b>",), b"250 <b>{x}</b>\r\n"), None)),
]


def drawn() -> ElementTree.Element:
    out = io.StringIO()
    write_svg(ENTRIES, out, "a < b")
    return ElementTree.fromstring(out.getvalue())


def test_an_svg_shows_the_title_and_every_row() -> None:
    shown = "|".join(text.text or "" for text in drawn().iter(f"{SVG}text")).replace("\N{NO-BREAK SPACE}", " ")
    assert shown.startswith("a < b|   C: |EHLO laptop.example|")
    assert "+  S: |250 <b>{x}</b>" in shown


def test_every_class_in_an_svg_has_a_style() -> None:
    picture = drawn()
    style = picture.findtext(f"{SVG}style") or ""
    names = {name for element in picture.iter() if (name := element.get("class"))}
    assert {name.rpartition("-")[2] for name in names} >= {"title", "matrix"}
    assert [name for name in names if f".{name} {{" not in style] == []


def test_an_svg_clips_the_text_to_the_screen() -> None:
    picture = drawn()
    (group,) = (element for element in picture.findall(f"{SVG}g") if "clip-path" in element.attrib)
    name = group.attrib["clip-path"].removeprefix("url(#").removesuffix(")")
    assert picture.find(f".//{SVG}clipPath[@id='{name}']") is not None


@pytest.mark.parametrize("write", [write_svg, write_html])
def test_a_picture_loads_nothing_from_elsewhere(write: Callable[..., None]) -> None:
    out = io.StringIO()
    write(ENTRIES, out, "title")
    loads = re.compile(r"@import|@font-face|url\((?!#)|src=|href=|https?://(?!www\.w3\.org/2000/svg\")")
    assert loads.search(out.getvalue()) is None


def test_a_page_escapes_what_a_server_said() -> None:
    out = io.StringIO()
    write_html(ENTRIES, out, "title")
    assert "250 &lt;b&gt;{x}&lt;/b&gt;" in out.getvalue()


@pytest.mark.parametrize("write", [write_svg, write_html])
def test_a_long_line_is_cut_between_words_with_a_mark(write: Callable[..., None]) -> None:
    line = b"250 " + b"wonderful " * 20
    out = io.StringIO()
    write([Entry(1, 0.0, ReplyReceived(Reply(250, (line[4:],), line + b"\r\n"), None))], out, "title")
    rows = re.findall(r"(?:wonderful(?: |&#160;|\N{NO-BREAK SPACE})?)+", out.getvalue())
    assert len(rows) == 3
    assert "wonderful" not in re.sub(r"wonderful", "", out.getvalue())
    assert out.getvalue().replace("&#160;", " ").replace("\N{NO-BREAK SPACE}", " ").count("+   : ") == 2


def page(**options: str) -> str:
    out = io.StringIO()
    write_html(ENTRIES, out, "a < b", **options)
    return out.getvalue()


def test_a_page_shows_its_title() -> None:
    shown = page()
    assert "<title>a &lt; b</title>" in shown
    assert "<h1>a &lt; b</h1>" in shown


def test_a_page_is_well_formed_and_every_class_has_a_style_on_screen_and_on_paper() -> None:
    shown = page()
    body = ElementTree.fromstring(shown[shown.index("<body>") : shown.index("</html>")])
    names = {element.get("class") for element in body.iter("span")}
    assert names == {"command", "reply-2"}
    screen, _, paper = shown.partition("@media print {")
    for name in names:
        assert f".{name} {{" in screen
        assert f".{name} {{" in paper


LIGHT, DARK = "background: #ffffff", "background: #0c0c0c"


@pytest.mark.parametrize(
    ("theme", "screen", "paper"), [("dark", DARK, LIGHT), ("light", LIGHT, LIGHT), ("plain", LIGHT, LIGHT)]
)
def test_a_page_is_light_on_paper(theme: str, screen: str, paper: str) -> None:
    before, _, after = page(theme=theme).partition("@media print {")
    assert screen in before
    assert paper in after
    assert ("color: #008000" in after) is (theme != "plain")


def test_an_svg_has_a_light_form() -> None:
    pictures = {}
    for theme in ("dark", "light", "plain"):
        out = io.StringIO()
        write_svg(ENTRIES, out, "a < b", theme=theme)
        pictures[theme] = out.getvalue()
    # rich draws the window in the background's colour.
    assert 'fill="#0c0c0c"' in pictures["dark"]
    assert 'fill="#ffffff"' in pictures["light"]
    assert "#0c0c0c" not in pictures["light"] + pictures["plain"]
    assert "#008000" in pictures["light"]
    assert "#008000" not in pictures["plain"]
