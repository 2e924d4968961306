"""`/as`: what it suggests, and which dialogue it takes."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.completion import suggest
from tests.unit.shell.fake import make_shell


def test_tools_are_suggested_and_then_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, _, _ = make_shell()
    assert [each.text for each in suggest(shell.completion_context(), "/as ")] == ["swaks", "openssl", "curl", "python"]
    assert [each.text for each in suggest(shell.completion_context(), "/as p")] == ["python"]
    (tmp_path / "lab.smtp").touch()
    monkeypatch.chdir(tmp_path)
    assert [each.text for each in suggest(shell.completion_context(), "/as python la")] == ["lab.smtp"]


def test_a_file_becomes_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell, _, _ = make_shell()
    (tmp_path / "lab.smtp").write_text("C: EHLO a\nC: MAIL FROM:<a@example.org>\n", "utf-8")
    shell.run(f"/as swaks {tmp_path / 'lab.smtp'}")
    text = capsys.readouterr().out
    assert text.startswith("#!/bin/sh\n# lab.smtp, for swaks.\n")
    assert "--from a@example.org" in text
    assert "--quit-after MAIL" in text


@pytest.mark.parametrize("line", ["/as", "/as telnet", "/as swaks", "/as swaks one two"])
def test_what_is_missing_is_said(line: str) -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="/as"):
        shell.run(line)
