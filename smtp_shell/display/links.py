"""Links to the RFCs that our own words name, on terminals that show links (OSC 8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GAP = "[ \N{NO-BREAK SPACE}]"
_RFC = rf"RFC{_GAP}([0-9]{{1,5}})(?:,?{_GAP}(?:sections?{_GAP}|§{_GAP}?)([0-9]+(?:\.[0-9]+)*))?"
_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "mintty", "Tabby"})
_TERMINALS = frozenset({"xterm-kitty", "xterm-ghostty", "alacritty", "foot", "foot-extra", "wezterm", "contour"})
_VARIABLES = ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM")
_FIRST_VTE = 5000  # 0.50
_FIRST_TMUX = (3, 4)


def shows_links(environment: Mapping[str, str]) -> bool:
    """Return whether a terminal shows links, by its variables: there is no question to a terminal that tells.

    Args:
        environment: The variables of the process.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if term in ("", "dumb", "linux"):
        return "WT_SESSION" in environment and term == ""
    if term.startswith(("screen", "tmux")):  # other variables are of the terminal around it
        version = re.match(r"(\d+)\.(\d+)", environment.get("TERM_PROGRAM_VERSION", ""))
        return program == "tmux" and version is not None and (int(version[1]), int(version[2])) >= _FIRST_TMUX
    vte = environment.get("VTE_VERSION", "")
    is_vte = vte.isascii() and vte.isdigit() and int(vte[:9]) >= _FIRST_VTE
    return is_vte or program in _PROGRAMS or term in _TERMINALS or any(name in environment for name in _VARIABLES)


def kept_whole(text: str) -> str:
    """Return words in which no reference to an RFC is broken at the end of a line; `unbroken` and `linked` put the spaces back."""
    if "RFC" not in text:
        return text
    return re.sub(_RFC, lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


def linked(text: str) -> Iterator[tuple[str, str]]:
    """Return the parts of a line, each with the address that it leads to; empty for none.

    An address is made of the digits of the reference alone, so that quoted text of a server leads nowhere else.
    """
    end = 0
    for found in re.finditer(_RFC, text):
        yield unbroken(text[end : found.start()]), ""
        section = f"#section-{found[2]}" if found[2] else ""
        yield unbroken(found[0]), f"https://www.rfc-editor.org/rfc/rfc{int(found[1])}{section}"
        end = found.end()
    yield unbroken(text[end:]), ""


def unbroken(text: str) -> str:
    """Return words with the spaces that `kept_whole` replaced."""
    return text if text.isascii() else text.replace("\N{NO-BREAK SPACE}", " ")


def with_links(text: str) -> str:
    """Return a printable line with links in the notation of terminals (OSC 8)."""
    if "RFC" not in text:
        return text
    return "".join(f"\x1b]8;;{to}\x1b\\{part}\x1b]8;;\x1b\\" if to else part for part, to in linked(text))
