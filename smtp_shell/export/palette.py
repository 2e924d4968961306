"""The colours of pictures: the styles of the screen as rules of CSS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.display.themes import STYLES, style_of

if TYPE_CHECKING:
    from rich.terminal_theme import TerminalTheme


def class_of(style: str) -> str:
    """Return the class of the elements in a style.

    Args:
        style: A key of `themes.STYLES`.
    """
    return style.replace(".", "-")


def background(theme: str) -> str:
    """Return the colour of the screen in a theme, for CSS."""
    return _colours(theme).background_color.hex


def foreground(theme: str) -> str:
    """Return the colour of plain text in a theme, for CSS."""
    return _colours(theme).foreground_color.hex


def rules(theme: str, *, fill: bool = False) -> list[str]:
    """Return a rule for each style. A word in a line has the colour of the line, unless it has one of its own.

    Args:
        theme: A key of `themes.THEMES`.
        fill: Whether for SVG, where text is filled with its colour.
    """
    from rich.style import Style

    colours = _colours(theme)
    found = []
    colour = "fill" if fill else "color"
    for name in STYLES:
        is_word = name.startswith("word.")
        if name.startswith("typed.") or (is_word and (fill or not style_of(name, theme))):
            continue  # nobody types in a picture, and one in SVG has whole lines only
        style = Style.parse(style_of(name, theme)).get_html_style(colours)
        declared = dict(each.split(": ", 1) for each in style.split("; ") if each)
        if not is_word or "color" in declared:
            declared[colour] = declared.pop("color", foreground(theme))
        declared.pop("text-decoration-color", None)
        found.append(f".{class_of(name)} {{ {'; '.join(f'{key}: {value}' for key, value in declared.items())}; }}")
    return found


def _colours(theme: str) -> TerminalTheme:
    from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI

    return MONOKAI if theme == "dark" else DEFAULT_TERMINAL_THEME
