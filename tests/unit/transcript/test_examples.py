"""The transcripts that come with the product: each is whole, says what it is about, and explains itself."""

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest

from smtp_shell.replay.plan import plan
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.reader import TranscriptReader, open_transcript
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.writer import TranscriptWriter
from tests.support.transcripts import check

FOLDER = Path(__file__).parents[3] / "transcripts"
FILES = sorted(FOLDER.glob("*.smtp"))
README = (FOLDER / "README.md").read_text(encoding="utf-8")

# What the course sheet has its students type, its two mistakes included.
TELNET_LINES = [
    "helo mcheng@uvic.ca",
    "helo mcheng",
    "mail from mcheng@uvic.ca",
    "mail from: mcheng@uvic.ca",
    "rcpt to: <mantis.cheng@gmail.com>",
    "data",
    "this is a test from telnet to smtp.uvic.ca",
    ".",
    "quit",
]


def read(path: Path) -> tuple[Header | None, list[Step]]:
    with open_transcript(path) as transcript:
        return transcript.header, list(transcript)


def content(steps: list[Step]) -> list[tuple[Marker, str, float | None]]:
    return [(step.marker, step.text, step.at) for step in steps]


def snippets() -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [block for block in blocks if re.search(r"^ *[0-9.]* *(?:C[:&|<]|S[:|=~]|\*:) ", block, re.MULTILINE)]


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEach:
    def test_it_reads_without_a_fault(self, path: Path) -> None:
        check(path)

    def test_it_can_be_acted_out(self, path: Path) -> None:
        outline = plan(path, {})
        assert outline.uses_sasl == ("auth" in outline.header.tags.split() if outline.header else False)

    def test_it_says_what_it_is_about(self, path: Path) -> None:
        header, _ = read(path)
        assert header is not None
        assert header.title
        assert header.tags
        assert not header.secrets_included

    def test_its_notes_name_their_sources(self, path: Path) -> None:
        _, steps = read(path)
        notes = [step.text for step in steps if step.marker is Marker.NOTE]
        assert len(notes) >= 3
        assert any(re.search(r"RFC [0-9]{4}", note) for note in notes)
        assert all(len(note) <= 135 for note in notes), "a line that fits on a screen"

    def test_it_expects_something_and_says_goodbye(self, path: Path) -> None:
        _, steps = read(path)
        assert any(step.marker is Marker.SERVER or step.marker is Marker.SERVER_EQUALS for step in steps)
        sent = [step.text.upper() for step in steps if step.marker is Marker.CLIENT]
        assert sent[-1] == "QUIT"

    def test_rewriting_it_keeps_all_it_holds(self, path: Path) -> None:
        header, steps = read(path)
        stream = io.BytesIO()
        writer = TranscriptWriter(stream, header)
        for step in steps:
            writer.write(step)
        again = TranscriptReader(io.BytesIO(stream.getvalue()), path.name)
        assert again.header == header
        assert content(list(again)) == content(steps)

    def test_the_read_me_lists_it(self, path: Path) -> None:
        assert f"| `{path.name}` |" in README


def test_no_credential_is_in_any_of_them() -> None:
    answers = []
    for path in FILES:
        dialogue = [step for step in read(path)[1] if step.marker not in (Marker.NOTE, Marker.EVENT)]
        answers += [
            step.text
            for before, step in pairwise(dialogue)
            if (before.marker, before.text[:3]) == (Marker.SERVER, "334")
        ]
        initial = [step.text.partition(" ")[2].partition(" ")[2] for step in dialogue if step.text.startswith("AUTH ")]
        answers += [text for text in initial if text]
    # eA== is an x, to be refused by a mechanism that takes no initial response.
    assert set(answers) == {"${sasl}", "*", "eA=="}


def test_the_telnet_dialogue_sends_every_line_of_the_sheet_as_it_stands_there() -> None:
    _, steps = read(FOLDER / "11-telnet-lab.smtp")
    sent = [step.octets for step in steps if step.marker not in (Marker.NOTE, Marker.EVENT) and step.marker[0] == "C"]
    assert sent == [line.encode() for line in TELNET_LINES]


@pytest.mark.parametrize("snippet", snippets())
def test_what_the_read_me_shows_is_a_transcript(tmp_path: Path, snippet: str) -> None:
    path = tmp_path / "shown.smtp"
    path.write_text(snippet, encoding="utf-8")
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "first.eml").write_text("Subject: first\n\n")
    plan(path, {})


def test_the_read_me_names_every_marker() -> None:
    for marker in Marker:
        assert f"| `{marker.replace('|', chr(92) + '|')}` |" in README
