"""A transcript in memory gets a file while it is replayed, and no message names that."""

from __future__ import annotations

import pytest

from smtp_shell.errors import Fault, NotSendable, SmtpShellError, TranscriptError, UsageError
from smtp_shell.replay.in_memory import in_file
from smtp_shell.transcript.transcript import Transcript


def test_the_file_is_there_until_the_block_ends() -> None:
    with in_file(Transcript.parse("C: NOOP\nS: 250\n")) as path:
        assert (path.name, path.read_text(encoding="utf-8").split()) == ("transcript.smtp", ["C:", "NOOP", "S:", "250"])
        assert "-transcript-" in path.parent.name
    assert not path.parent.exists()


@pytest.mark.parametrize("lines", ["C: DATA\nC< letter.eml\n", "*: include login.smtp\nC: NOOP\n"])
def test_what_names_other_files_has_no_folder_to_find_them_in(lines: str) -> None:
    with pytest.raises(UsageError, match="a transcript in memory has no folder"), in_file(Transcript.parse(lines)):
        pass


@pytest.mark.parametrize("kind", [UsageError, NotSendable])
def test_an_error_names_the_transcript_and_not_its_file(kind: type[SmtpShellError]) -> None:
    with pytest.raises(kind) as caught, in_file(Transcript.parse("C: NOOP\n")) as path:
        raise kind(f"{path} cannot be sent.")
    assert caught.value.message == "<transcript> cannot be sent."


def test_faults_name_the_transcript_and_not_its_file() -> None:
    with pytest.raises(TranscriptError) as caught, in_file(Transcript.parse("C: NOOP\n")) as path:
        raise TranscriptError(str(path), Fault(3, "odd"), Fault(0, "long"))
    assert str(caught.value) == "<transcript>:3: odd\n<transcript>: long"
