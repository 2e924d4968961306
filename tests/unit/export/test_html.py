"""The page: well-formed, self-contained, for a phone and for paper, and without markup from a server."""

import re

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry, MailDataSent, ReplyReceived
from smtp_shell.protocol.replies import Reply
from tests.fuzz.program import session
from tests.support.pictures import check_page, export

ENTRIES = [
    Entry(1, 0.0, CommandSent(Command(b"EHLO laptop.example"))),
    Entry(2, 0.1, ReplyReceived(Reply(250, (b"<b>{x}</b>",), b"250 <b>{x}</b>\r\n"), None)),
]
LIGHT, DARK = "background: #ffffff", "background: #0c0c0c"


def page(**options: str) -> str:
    return export("html", ENTRIES, "a < b", **options)


def test_a_page_shows_its_title_and_escapes_what_a_server_said() -> None:
    text = page()
    assert "<title>a &lt; b</title>" in text
    assert "<h1>a &lt; b</h1>" in text
    assert '<span class="word-code">250</span> &lt;b&gt;{x}&lt;/b&gt;' in text
    check_page(text)


def test_a_page_loads_nothing_from_elsewhere() -> None:
    assert re.search(r"@import|@font-face|url\(|src=|href=|https?://", page()) is None


def test_a_page_is_made_for_a_phone() -> None:
    text = page()
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "white-space: pre-wrap; overflow-wrap: anywhere" in text


def test_a_line_of_any_length_is_one_row_that_the_browser_wraps() -> None:
    line = b"250 " + b"x" * 1990
    text = export("html", [Entry(1, 0.0, ReplyReceived(Reply(250, (line[4:],), line + b"\r\n"), None))])
    assert f'<span class="text"><span class="word-code">250</span>{line.decode()[3:]}</span>' in text


def test_every_class_has_a_style_on_screen_and_on_paper() -> None:
    text = page(theme="dark")
    names = set(re.findall(r'class="row ([\w-]+)"', text))
    assert names == {"command", "reply-2"}
    screen, _, paper = text.rpartition("@media print {")
    for name in names:
        assert f".{name} {{" in screen
        assert f".{name} {{" in paper


@pytest.mark.parametrize(
    ("theme", "screen", "paper"), [("dark", DARK, LIGHT), ("light", LIGHT, LIGHT), ("plain", LIGHT, LIGHT)]
)
def test_a_page_with_a_theme_has_it_on_the_screen_and_is_light_on_paper(theme: str, screen: str, paper: str) -> None:
    before, _, after = page(theme=theme).rpartition("@media print {")
    assert screen in before
    assert paper in after
    assert ("color: #008000" in after) is (theme != "plain")
    assert "prefers-color-scheme" not in before + after


def test_a_page_without_a_theme_is_dark_where_the_reader_likes_it_dark() -> None:
    light, _, dark = page().partition("@media screen and (prefers-color-scheme: dark) {")
    assert LIGHT in light
    assert DARK not in light
    assert DARK in dark


def test_plain_and_tls_parts_are_told_apart_by_words() -> None:
    text = export("html", session(b"< 220 mx\n> STARTTLS\n< 220 go\nT\n> QUIT\n< 221 bye"))
    shown = check_page(text)
    assert shown.index("in the clear") < shown.index("STARTTLS") < shown.index("encrypted:") < shown.index("QUIT")
    assert text.count('<section class="clear">') == text.count('<section class="tls">') == 1


def test_mail_data_is_cut_after_some_lines_and_that_is_said() -> None:
    entries = [Entry(n, 0.0, MailDataSent(b"line %d\r\n" % n)) for n in range(1, 1000)]
    text = export("html", [*entries, Entry(1001, 0.0, MailDataSent(b".\r\n", last=True))])
    assert "line 8<" in text
    assert "line 9<" not in text
    assert "line 996<" in text
    assert "987 more lines of mail data" in text
