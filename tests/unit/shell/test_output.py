"""Where the words of slash commands go: `/output`, a program after a bar, and the pager."""

import json
import stat
import sys
from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.output import pager_words, split_programs
from tests.unit.cli.program import commands, run
from tests.unit.shell.fake import EHLO, make_shell

PYTHON = sys.executable.replace("\\", "\\\\")
COUNT = f'''"{PYTHON}" -c "import sys; print(len(sys.stdin.readlines()), 'lines came')"'''
READS_ONE = f'''"{PYTHON}" -c "import sys; print(sys.stdin.readline())"'''
GREET = ("ehlo",)


@pytest.mark.parametrize(
    ("name", "text", "before", "programs"),
    [
        ("/show", "a.smtp | less", "a.smtp", [["less"]]),
        ("/show", "| less -R", "", [["less", "-R"]]),
        ("/show", "a | grep 'x | y' | wc -l", "a", [["grep", "x | y"], ["wc", "-l"]]),
        ("/show", "'a | b'", "'a | b'", []),
        ("/show", "a|b", "a|b", []),
        ("/note", "one | two", "one | two", []),
        ("/note", "| less", "", [["less"]]),
        ("/pipeline", "mail a@example.org | b; rset", "mail a@example.org | b; rset", []),
        ("/quiz", "a | less", "a | less", []),
    ],
)
def test_a_bar_cuts_off_programs_where_it_cannot_be_text(
    name: str, text: str, before: str, programs: list[list[str]]
) -> None:
    assert split_programs(name, text) == (before, programs)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("x |", "the name of a program"), ("x | | y", "the name of a program"), ('x | less "a', "quote is not closed")],
)
def test_a_bar_without_a_program_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        split_programs("/show", text)


def test_a_program_that_is_not_there_is_named_and_nothing_is_done() -> None:
    shell, server, screen = make_shell()
    with pytest.raises(UsageError, match=r"/status \| nowhere-to-be-found: there is no such program"):
        shell.run("/status | nowhere-to-be-found")
    assert (server.heard, screen.said) == (b"", [])


def test_a_line_for_the_server_keeps_its_bar() -> None:
    shell, server, _ = make_shell()
    shell.run("vrfy bob | less")
    assert server.heard == b"vrfy bob | less\r\n"


def test_a_program_reads_what_a_command_prints() -> None:
    done = run("practice", *commands("ehlo", f"/capabilities | {COUNT}", "/status"))
    assert done.returncode == 0
    assert b"15 lines came" in done.stdout
    assert b"keyword" not in done.stdout
    done = run("practice", *commands("ehlo", f"/hex | {COUNT} | {COUNT}"))
    assert b"1 lines came" in done.stdout


def test_a_program_that_reads_no_more_is_no_error() -> None:
    done = run("practice", *commands("ehlo", *["noop"] * 300, f"/hex all | {READS_ONE}", "noop"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"received" in done.stdout
    assert b"Traceback" not in done.stderr


def test_an_error_ends_the_program_and_stays_on_the_screen() -> None:
    done = run("practice", *commands(f"/capabilities | {COUNT}"))
    assert done.returncode == 2
    assert b"the server has announced nothing yet" in done.stderr
    assert b"0 lines came" in done.stdout


def test_output_goes_to_a_file_of_its_owner_and_back(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    shell, _, screen = make_shell({b"EHLO": EHLO}, before=GREET)
    shell.run("/output")
    assert screen.said.pop() == "  output goes to the screen"
    shell.run(f"/output {path}")
    assert screen.said.pop() == f"  output of slash commands goes to {path}; /output off ends that"
    shell.run("/capabilities")
    assert screen.said == [f"  6 lines to {path}"]
    shell.run("noop")
    assert screen.entries[-1].event.reply.code == 250, "the dialogue stays on the screen"  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="takes nothing but --json"):
        shell.run("/capabilities x")
    shell.run("/output off")
    written = path.read_text("utf-8").splitlines()
    assert written[0].split() == ["keyword", "means,", "and", "says", "here"]
    assert len(written) == 6
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    screen.said.clear()
    shell.run("/capabilities")
    assert len(screen.said) == 6
    with pytest.raises(UsageError, match="it goes to the screen already"):
        shell.run("/output off")


def test_a_file_that_is_there_is_left_alone_unless_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before\n")
    shell, _, _ = make_shell(before=GREET)
    with pytest.raises(UsageError, match="is there already and is left as it is"):
        shell.run(f"/output {path}")
    with pytest.raises(UsageError, match="exclude each other"):
        shell.run(f"/output {path} --append --force")
    shell.run(f"/output {path} --append")
    shell.run("/capabilities")
    shell.close()
    assert path.read_text("utf-8").startswith("before\n   keyword")
    shell.run(f"/output {path} --force")
    assert shell.outlet.file is not None
    shell.close()
    assert path.read_text("utf-8") == ""


@pytest.mark.parametrize("words", ["a b", "--force", "--nothing x", "--append off", "off --force"])
def test_what_output_cannot_do_is_said(words: str) -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="/output"):
        shell.run(f"/output {words}")
    assert shell.outlet.file is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_said_and_output_is_on_the_screen_again(tmp_path: Path) -> None:
    shell, _, screen = make_shell(before=GREET)
    shell.run("/output /dev/full --append")
    with pytest.raises(UsageError, match="/dev/full cannot be written to"):
        shell.run("/capabilities")
    screen.said.clear()
    shell.run("/capabilities")
    assert len(screen.said) > 1


def test_a_script_for_another_tool_goes_to_the_file_as_it_is(tmp_path: Path) -> None:
    path, recording = tmp_path / "out.py", tmp_path / "a.smtp"
    recording.write_text("S: 220 mx\nC: EHLO client.example.org\nS: 250 mx\nC: QUIT\nS: 221 bye\n")
    done = run("practice", *commands(f"/output {path}", f"/as python {recording}"))
    assert done.returncode == 0
    assert b"import smtplib" not in done.stdout
    assert "import" in path.read_text("utf-8")


def test_objects_go_to_the_file_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    done = run("practice", "--json", *commands("ehlo", f"/output {path}", "/capabilities", "/output off"))
    assert done.returncode == 0
    assert json.loads(path.read_text("utf-8").splitlines()[0])["keyword"] == "SIZE"


def test_the_pager_is_the_users_or_less_or_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", f"'{sys.executable}' -u")
    assert pager_words() == [sys.executable, "-u"]
    for odd in ("", "nowhere-to-be-found", "'unclosed"):
        monkeypatch.setenv("PAGER", odd)
        assert pager_words() in (["less"], ["more"], [])
    monkeypatch.setenv("PATH", "")
    assert pager_words() == []


def test_programs_do_not_get_the_passwords_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMTP_SHELL_PASSWORD", "hunter2-open-sesame")
    monkeypatch.setenv("SMTP_SHELL_PROXY_PASSWORD", "hunter2-open-sesame")
    monkeypatch.setenv("KEPT", "this one is theirs")
    shell, _, _ = make_shell()
    shell.run(f"/status | '{sys.executable}' -c 'import os; print(os.environ)'")
    seen = capfd.readouterr().out
    assert "this one is theirs" in seen
    assert "hunter2" not in seen


def test_a_word_with_nul_is_a_sentence() -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="cannot be started: a word holds NUL"):
        shell.run(f"/status | '{sys.executable}' a\0b")
    with pytest.raises(UsageError, match="there is no such program"):
        shell.run("/status | le\0ss")
