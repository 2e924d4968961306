"""A transcript in memory: read, parsed, written."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell import Transcript
from smtp_shell.errors import TranscriptError, UsageError

TEXT = "Transcript: 1\nTitle: Lab\n\n         S: 220 mx\n  1.500  C: NOOP\n         # a note\n         S: 250\n"


def test_a_transcript_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(TEXT, encoding="utf-8")
    transcript = Transcript.read(path)
    assert transcript.header is not None
    assert (transcript.header.title, len(transcript.steps)) == ("Lab", 4)
    transcript.write(tmp_path / "copy.smtp")
    assert Transcript.read(tmp_path / "copy.smtp").steps == transcript.steps
    with pytest.raises(UsageError):
        transcript.write(path)
    transcript.write(path, overwrite=True)


@pytest.mark.parametrize("text", [TEXT, TEXT.encode(), TEXT.partition("\n\n")[2]])
def test_a_text_is_parsed_and_formatted(text: str | bytes) -> None:
    transcript = Transcript.parse(text)
    assert transcript.format() == (text if isinstance(text, str) else text.decode())
    assert transcript.steps == Transcript.parse(transcript.format()).steps


@pytest.mark.parametrize("text", [b"S: 220\nC: \xff\n", "S: 220\nC: \udcff\n", "S: 220\nhello\n"])
def test_a_text_that_is_no_transcript(text: str | bytes) -> None:
    with pytest.raises(TranscriptError, match=r"^<transcript>:2: "):
        Transcript.parse(text)
