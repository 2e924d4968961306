r"""Text that nothing acts on: no CI log, no XML parser, no browser.

A server chooses most of what a report shows. Control characters are escaped before a result is made, and what is left is printable text:
the words that CI systems take from a log as commands, and markup. Most text holds neither, so the patterns are made where one is needed.
"""

from __future__ import annotations

import re

from smtp_shell.protocol.octets import escape


def inert(text: str) -> str:
    r"""Return lines of a log without the commands of CI systems. One character of each becomes `\xNN`, as in a transcript.

    Args:
        text: Printable lines, as they are written.
    """
    if "##" not in text and "::" not in text:
        return text
    # `##vso[…]` (Azure Pipelines), `##[…]` (GitHub, Azure) and `##teamcity[…]` count anywhere in a line.
    text = re.sub(r"##(?=\w{0,20}\[)", r"#\\x23", text)
    # `::error …::` (GitHub) counts at the start of a line, after white space.
    return re.sub(r"(?m)^([ \t]*):(?=:[A-Za-z])", r"\1\\x3a", text)


def inert_json(text: str) -> str:
    """Return JSON without the commands of CI systems. What it stands for stays the same.

    Args:
        text: One JSON value, on one line.
    """
    return text.replace("##", "#\\u0023") if "##" in text else text


def inert_xml(text: str) -> str:
    r"""Return text for the content of an element or for an attribute in double quotes, of XML or HTML.

    A character that XML has no place for becomes `\xNN`.

    Args:
        text: Any text.
    """
    if not text.isprintable():
        text = re.sub(
            "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]",
            lambda found: escape(found[0].encode("utf-8", "surrogatepass")),
            text,
        )
    marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return inert(marked)
