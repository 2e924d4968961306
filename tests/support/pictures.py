"""Checks of exports: well-formed, self-contained, without anything that a stranger wrote as markup."""

from __future__ import annotations

import io
import re
import unicodedata
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from smtp_shell.export import EXPORTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtp_shell.protocol.events import Entry

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ELEMENTS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "main",
    "section",
    "div",
    "span",
    "footer",
    "b",
}
_VOID = {"meta"}


def export(name: str, entries: Iterable[Entry], title: str = "a title", **options: str) -> str:
    """Return what an export writes, after a check that nothing in it is raw."""
    out = io.StringIO()
    EXPORTS[name](entries, out, title, **options)
    text = out.getvalue()
    raw = {char for char in text if unicodedata.category(char) in UNSEEN} - {"\n"}
    assert not raw, raw
    return text


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        self.attributes |= {name for name, _ in attrs}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        self.text += data


def check_page(text: str) -> str:
    """Check an HTML page; return its text."""
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.attributes <= {"lang", "charset", "name", "content", "class"}
    body = text[text.index("<body>") : text.index("</html>")]
    ElementTree.fromstring(body)
    return page.text


def check_picture(text: str) -> ElementTree.Element:
    """Check an SVG; return its root."""
    root = ElementTree.fromstring(text)
    names = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
    assert names <= {"svg", "title", "style", "rect", "g", "circle", "text"}
    return root


def check_sheet(text: str) -> list[str]:
    """Check that each fence of a Markdown file is closed, and return the lines outside of fenced blocks."""
    outside: list[str] = []
    fence = ""
    for line in text.split("\n"):
        found = re.match(r"(`{3,})([\w-]*)$", line)
        if fence:
            if found and not found[2] and len(found[1]) >= len(fence):
                assert len(found[1]) == len(fence)
                fence = ""
        elif found:
            assert found[2] in ("smtp-transcript", "mermaid")
            fence = found[1]
        else:
            outside.append(line)
    assert fence == "", "a fenced block is not closed"
    return outside
