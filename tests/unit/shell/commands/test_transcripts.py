"""`/show data`, and what is shown of a file that is sent."""

import io
from pathlib import Path

import pytest

from smtp_shell.display.views import PlainView
from smtp_shell.errors import UsageError
from smtp_shell.protocol.events import Entry
from tests.unit.cli.program import run
from tests.unit.shell.fake import make_shell

TEXT = "".join(f"C: line {number}\n" for number in range(1, 101))
DIALOGUE = f"S: 220 mx\nC: DATA\nS: 354 go\nC: first\nC: .\nS: 250 ok\nC: DATA\nS: 354 go\n{TEXT}C: .\nS: 250 ok\n"


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "two.smtp"
    path.write_text(DIALOGUE)
    return path


def test_show_folds_and_show_data_unfolds(transcript: Path) -> None:
    done = run("-c", f"/show '{transcript}'")
    shown = done.stdout.decode().splitlines()
    assert "   #  … 88 more lines of mail data, 892 octets in all" in shown
    assert "   C: line 100" in shown
    done = run("-c", f"/show data '{transcript}'")
    assert done.stdout.decode().splitlines() == [f"   {line}" for line in [*TEXT.splitlines(), "C: ."]]
    done = run("-c", f"/show data 1 '{transcript}'")
    assert done.stdout.decode() == "   C: first\n   C: .\n"


def test_the_command_unfolds_too(transcript: Path) -> None:
    shown = run("show", "--data", str(transcript)).stdout.decode()
    assert shown.count("   C: line ") == 100
    assert "more lines" not in shown
    for option in ("--json", "--diagram"):
        done = run("show", "--data", option, str(transcript))
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"show --data is for the dialogue in words" in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("data 3 {}", "has 2 messages; there is no message 3"),
        ("data 0 {}", "has 2 messages; there is no message 0"),
        ("data 1 {} x", "takes the number of a message and a file"),
        ("data", "there is no session yet"),
        ("data nowhere.smtp", "nowhere.smtp"),
    ],
)
def test_what_show_data_cannot_show_is_said(words: str, reason: str, transcript: Path) -> None:
    shell, _, _ = make_shell()
    with pytest.raises(Exception, match=reason):
        shell.run(f"/show {words.format(transcript)}")
    assert not shell.view.look.unfolded


def test_a_transcript_without_mail_data_has_nothing_to_unfold(tmp_path: Path) -> None:
    path = tmp_path / "none.smtp"
    path.write_text("S: 220 mx\nC: NOOP\nS: 250 ok\n")
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="has no mail data"):
        shell.run(f"/show data {path}")


def test_a_chunk_is_unfolded_in_lines(tmp_path: Path) -> None:
    path = tmp_path / "chunk.smtp"
    size = 700 * 3
    path.write_text(f"S: 220 mx\nC: BDAT {size} LAST\nC| {'a' * 698}\\r\\n\nC| {'b' * 1400}\nS: 250 ok\n")
    shown = run("-c", f"/show data '{path}'").stdout.decode().splitlines()
    assert shown[1] == "   C| " + "a" * 698 + r"\x0d\x0a"
    assert "".join(shown).count("b") == 1400


def test_a_file_that_is_sent_at_the_prompt_is_shown_folded(tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_text("".join(f"line {number}\n" for number in range(1, 101)))
    shell, _, screen = make_shell(before=("ehlo", "mail <>", "rcpt bob@example.org"))
    out = io.StringIO()
    view = PlainView(out, out, screen.look)

    def follow(entry: Entry) -> None:
        view.look = shell.view.look
        view(entry)

    shell.need_session().subscribe(follow)
    shell.run(f"data < {letter}")
    assert "   C: line 8\n   #  … 88 more lines of mail data, 892 octets in all; /show data\n" in out.getvalue()
    assert "   C: line 100\n   C: .\n" in out.getvalue()
    assert not shell.view.look.typed_data, "what is typed next is on the screen already"
