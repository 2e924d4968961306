"""What is wrong with mail data while it is written: a remark under the line that it is about, as soon as the keys rest."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.utils import get_cwidth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smtp_shell.shell.shell import Shell

_MOST_OF_TEXT = 256 * 1024  # characters that are looked at
_MOST_ON_A_LINE = 3
_LEAVING = ("quit", "/exit", "/quit", "exit")
_INDENT = 2
_ROWS_OF_MENU = 6
_NARROWEST = 16  # columns that a remark needs


class DraftRemarks(Processor):
    """Shows remarks under the lines of mail data that is being written.

    Args:
        shell: The shell, whose linter knows what the server announced.
        gutter: Columns in front of each row.
        has_menu: Whether suggestions may be shown below the cursor, which rows are kept free for.
    """

    def __init__(self, shell: Shell, gutter: int, has_menu: Callable[[], bool]) -> None:
        self._shell = shell
        self._has_menu = has_menu
        self._gutter = gutter
        self._seen: str | None = None  # the text at the last look
        self._is_checked = False  # whether `_remarks` is about it
        self._remarks: dict[int, list[str]] = {}  # by index of the line

    def forget(self) -> None:
        """Begin anew, with another text."""
        self._seen, self._is_checked = None, False
        self._remarks = {}

    def look(self, text: str) -> bool:
        """Look at the text, and check it once it is the same as at the look before.

        Args:
            text: All that is written so far.

        Returns:
            Whether the remarks have changed.
        """
        if text != self._seen:
            self._seen, self._is_checked = text, False
            return False
        if self._is_checked:
            return False
        self._is_checked = True
        before, self._remarks = self._remarks, {}
        for index, remark in self._found(text[:_MOST_OF_TEXT]):
            remarks = self._remarks.setdefault(index, [])
            if len(remarks) < _MOST_ON_A_LINE and remark not in remarks:
                remarks.append(remark)
        return self._remarks != before

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the index of a line, and what is wrong with it. The line that is not ended yet is left out."""
        whole = text[: text.rfind("\n") + 1]
        lines = text.split("\n")
        if "." in lines[:-1]:
            end = lines.index(".")
            if any(each.strip() for each in lines[end + 1 :]):
                yield end, "the message ends here; what follows the dot is no part of it"
            whole = "".join(f"{each}\n" for each in lines[:end])
        for index in (len(lines) - 1, len(lines) - 2):
            if lines[index].strip().lower() in _LEAVING:
                yield index, "this is text of the message; a dot alone on a line ends it, and Ctrl-C leaves it"
        remarks = self._shell.remarks
        if remarks is None or self._shell.mail_data.has_begun:
            return
        for number, sentence in remarks.on_draft(whole.encode("utf-8", "surrogateescape").replace(b"\n", b"\r\n")):
            yield number - 1, sentence

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return the line with its remarks, each in rows of its own."""
        app, document = get_app(), transformation_input.document
        if app.is_done:
            return Transformation(transformation_input.fragments)
        width = max(1, transformation_input.width - self._gutter)
        rows = _rows(self._remarks.get(transformation_input.lineno, ()), width) if width >= _NARROWEST else []
        if self._has_menu() and document.on_last_line and transformation_input.lineno == document.line_count - 1:
            rows += [" "] * min(_ROWS_OF_MENU, app.output.get_size().rows // 4)
        if not rows:
            return Transformation(transformation_input.fragments)
        used = sum(get_cwidth(text) for _, text, *_ in transformation_input.fragments)
        blank = -used % width if used else width
        below = " " * blank + "".join(row.ljust(width) for row in rows[:-1]) + rows[-1]
        return Transformation([*transformation_input.fragments, ("class:remark", below)])


def _rows(remarks: Sequence[str], width: int) -> list[str]:
    """Return remarks in rows of at most a number of columns."""
    first, rest = " " * _INDENT + "^ ", " " * (_INDENT + 2)
    return [row for each in remarks for row in textwrap.wrap(each, width, initial_indent=first, subsequent_indent=rest)]
