"""Transcripts inside transcripts (`*: include FILE`): which file is meant, and its steps in the place of the event."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.transcript.body import path_beside
from smtp_shell.transcript.included_line import IncludedLine
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import Marker, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DEEPEST: Final = 8
"""How many files may be open inside one another, the outermost included."""

MOST_INCLUDED: Final = 1_000
"""How many files one transcript may include in all, each as often as it is included."""


class IncludeStack:
    """The files that are being read: the transcript, and what it includes, each inside the one before.

    Args:
        path: The transcript.
        outside: Whether a file may be outside the folder of the one that includes it.
    """

    def __init__(self, path: Path, *, outside: bool) -> None:
        self._outside = outside
        self._home = path.parent.resolve()
        self._paths = [path]
        self._count = 0

    @property
    def folder(self) -> Path:
        """The folder of the innermost file."""
        return self._paths[-1].parent

    @property
    def home(self) -> Path:
        """The folder of the outermost file, which the paths in steps lead from."""
        return self._paths[0].parent

    @property
    def name(self) -> str:
        """The name of the innermost file, escaped: relative to the working directory where it is inside it."""
        return escape_str(str(self._paths[-1]))

    @property
    def is_inside(self) -> bool:
        """Whether the innermost file is an included one."""
        return len(self._paths) > 1

    def enter(self, step: Step) -> Path:
        """Go into the file that an `*: include` names.

        Args:
            step: The event.

        Returns:
            Its path.

        Raises:
            ValueError: It may not be included here; the message is a sentence for a user.
        """
        named = step.text.split(None, 1)[1].rstrip()
        found = path_beside(self.folder, named, what="a transcript", outside=self._outside)
        if found in [path.resolve() for path in self._paths]:
            raise ValueError("the file includes itself")
        if len(self._paths) == DEEPEST:
            raise ValueError(f"files include one another more than {DEEPEST} deep")
        if self._count == MOST_INCLUDED:
            raise ValueError(f"more than {MOST_INCLUDED:,} files are included")
        self._count += 1
        shown = (
            self._paths[0].parent / os.path.relpath(found, self._home) if found.is_relative_to(self._home) else found
        )
        self._paths.append(shown)
        return shown

    def leave(self) -> None:
        """Go back to the file that includes this one."""
        self._paths.pop()

    def included(self, step: Step) -> Step:
        """Return a step of the innermost file as one of the whole transcript: its line knows the file, a path in it leads there."""
        text = step.text
        if step.marker is Marker.MAIL_DATA_FILE:
            path = self.folder.resolve() / step.octets.decode("utf-8", "surrogateescape")
            text = escape_str(os.path.relpath(path, self._home) if path.is_relative_to(self._home) else str(path))
        return Step(step.marker, text, step.at, IncludedLine.of(step.line, self.name))


def is_include(step: Step) -> bool:
    """Return whether a step includes a file."""
    return step.marker is Marker.EVENT and step.event[0] == "include"


def with_includes(steps: Iterable[Step], path: Path, *, outside: bool = False) -> Iterator[Step]:
    """Yield the steps of a transcript, and after each `*: include` those of the file that it names.

    Args:
        steps: The transcript's own steps, as a stream.
        path: The transcript.
        outside: Whether a file may be outside the folder of the one that includes it.

    Raises:
        TranscriptError: A file cannot be included, or cannot be read.
    """
    yield from _expanded(steps, IncludeStack(path, outside=outside))


def _expanded(steps: Iterable[Step], stack: IncludeStack) -> Iterator[Step]:
    for step in steps:
        yield stack.included(step) if stack.is_inside else step
        if not is_include(step):
            continue
        try:
            path = stack.enter(step)
        except ValueError as error:
            raise TranscriptError(stack.name, Fault(step.line, str(error))) from None
        with open_transcript(path) as reader:
            yield from _expanded(reader, stack)
        stack.leave()
