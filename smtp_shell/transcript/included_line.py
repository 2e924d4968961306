"""Line numbers of included files."""

from __future__ import annotations


class IncludedLine(int):
    """Number of a line in an included file.

    It is a number like that of any other line, and knows its file, so that whatever names the line can name the file too.

    Attributes:
        file: The file's name, escaped.
    """

    file: str

    @classmethod
    def of(cls, line: int, file: str) -> IncludedLine:
        """Return the number of a line of an included file."""
        number = cls(line)
        number.file = file
        return number

    def __add__(self, other: int) -> IncludedLine:
        """Return the number of a line further down in the same file."""
        return IncludedLine.of(int(self) + other, self.file)


def file_of(line: int) -> str:
    """Return the name of the included file that a line is of, escaped; empty for a line of the transcript itself."""
    return line.file if isinstance(line, IncludedLine) else ""
