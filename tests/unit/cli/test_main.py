"""The table of commands, and errors: the exit status and the sentence for each."""

import errno
import io
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from smtp_shell.cli.main import COMMANDS, SHELL, main
from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import ROOT, at, run, sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nonsense"], "--nonsense"),
        (["--color", "pink"], "pink"),
        (["--timeout", "soon", "x"], "--timeout"),
        (["--timeout", "0", "x"], "--timeout"),
        (["--tls", "--starttls", "x"], "exclude each other"),
        (["--starttls"], "need a server"),
        (["one", "two"], "two"),
        (["http://mail.example.org"], "no scheme for mail"),
        (["smtp://mail.example.org:x"], "is no address"),
        (["mail.example.org:99999"], "is no address"),
        (["mail.example.org:0"], "port 0"),
        (["smtp://ann:secret@mail.example.org"], "does not belong into the address"),
        (["smtp://a b"], "is no address"),
        (["pipe:"], "names nothing"),
        (["\x1b[2J\u202e://x"], r"\x1b[2j\xe2\x80\xae"),
        (["-f", "/nonexistent/lines"], "/nonexistent/lines cannot be read"),
        (["-c", "/tpyo"], "-c /tpyo: /tpyo is no command of the shell, and nothing was sent"),
        (["-c", "noop"], "there is no connection"),
        (["practice", "--fault", "nonsense"], "nonsense"),
        (["practice", "--port", "99999"], "--port"),
        (["practice", "--tls"], "--starttls"),
        (["practice", "--serve-only", "-c", "ehlo"], "opens no shell"),
        (["show"], "file"),
        (["show", "/nonexistent.smtp"], "/nonexistent.smtp"),
        (["replay"], "replay"),
        (["--password", "hunter2", "x"], "--password: a password is never an option's value"),
        (["--password=hunter2", "x"], "--password: a password is never an option's value"),
        (["practice", "--password", "hunter2"], "--password: a password is never an option's value"),
        (["--password-com", "hunter2", "x"], "unrecognized arguments: --password-com"),
        (["--insec", "x"], "--insec"),
    ],
)
def test_2_wrong_usage_is_one_sentence(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in sentence(done)
    assert sentence(done).isprintable()
    assert "secret" not in sentence(done)
    assert "hunter2" not in sentence(done) or arguments[0] == "--password-com"


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
def test_a_closed_pipe_is_no_error(practice: PracticeServer) -> None:
    lines = " ".join("-c help" for _ in range(200))
    done = subprocess.run(
        f"{{ {sys.executable} -m smtp_shell {at(practice)} {lines}; echo status $? >&2; }} | head -n 1",
        shell=True, capture_output=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.startswith(b"   *: connect")
    assert done.stderr == b"status 0\n"


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith(b"smtp-shell ")
    done = run("--help-all")
    assert done.returncode == 0
    assert b"    0  everything that was asked happened" in done.stdout
    assert b"  --tls-min VERSION" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--starttls", "--help"]])
def test_help_fits_a_screen_and_begins_with_examples(words: list[str]) -> None:
    lines = run(*words).stdout.decode().splitlines()
    assert len(lines) < 24  # the prompt takes a row, too
    assert max(map(len, lines)) < 80
    assert lines[1].startswith("  smtp-shell practice ")


def examples() -> list[tuple[str, str]]:
    modules = [(name, import_module(module)) for name, (_, module) in COMMANDS.items()]
    parsers = [("", import_module(SHELL).make_parser()), *((name, module.make_parser()) for name, module in modules)]
    return [(name, line) for name, parser in parsers for line, _ in parser.examples]


@pytest.mark.parametrize(("name", "line"), examples())
def test_each_example_of_the_help_is_a_command_line(name: str, line: str) -> None:
    program, *words = shlex.split(re.split(r" [>|] ", line)[0])
    assert program == "smtp-shell"
    if name:
        assert words.pop(0) == name
    if not name and words[0] in COMMANDS:
        name, *words = words
    import_module(COMMANDS[name][1] if name else SHELL).make_parser().parse_args(words)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_usage_and_examples_of_each_command_are_short(name: str) -> None:
    text = run(*filter(None, [name, "--help"]), env={"COLUMNS": "80"}).stdout.decode()
    head = re.split(r"\n\n(?:positional arguments|options):\n", text)[0]
    usage = head.partition("\n\n")[0].splitlines()
    assert len(usage) <= 20 if not name else len(usage) <= 3
    assert all(len(line) < 80 for line in head.splitlines())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only: a device that is always full")
@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["show", "a.smtp"],
        ["show", "--color", "always", "a.smtp"],
        ["convert", "--to", "json", "a.smtp", "-"],
    ],
)
def test_a_full_disk_is_reported_in_one_sentence(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smtp_shell", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert done.returncode == 1
    assert done.stderr == (
        "smtp-shell: the results cannot be written: no space left on device; make room, or send them elsewhere.\n"
    )


def test_help_lists_the_table_of_commands() -> None:
    listed = re.findall(rb"^  (?!smtp-shell)(\w+) +(.+)$", run("--help").stdout, re.MULTILINE)
    assert {name.decode(): summary.decode() for name, summary in listed} == {
        name: summary for name, (summary, _) in COMMANDS.items()
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_own_help(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: smtp-shell {name} ".encode())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_module_with_a_main_function_and_a_parser(name: str) -> None:
    module = import_module(COMMANDS[name][1])
    assert callable(module.main)
    assert module.make_parser().prog == f"smtp-shell {name}"


@pytest.mark.parametrize("name", ["replayy.invalid", "show.invalid", "smtp://show.invalid"])
def test_a_word_that_is_no_command_is_a_host(name: str) -> None:
    done = run(name, "--timeout", "5", "-c", "noop")
    assert done.returncode == 3
    assert f"no connection to {name.removeprefix('smtp://')}:25" in sentence(done)


def test_a_server_named_like_a_command_is_reached_by_its_url() -> None:
    done = run("smtp://show", "--timeout", "5", "-c", "noop")
    assert done.returncode == 3
    assert "no connection to show:25" in sentence(done)


def run_refused(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> tuple[int, str]:
    """Run a command that ends with an error of the system's, and return its status and what it said."""
    said = io.StringIO()

    def refuse(words: list[str]) -> int:
        raise error

    monkeypatch.setattr("smtp_shell.cli.main._dispatch", refuse)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", said)
    return main([]), said.getvalue()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EIO, "Input/output error"), "the system refused a call: input/output error"),
        (OSError(errno.EIO, "Input/output error", "a\x1bb"), r"a\x1bb: input/output error"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "the system refused a call: broken pipe"),
        (MemoryError(), "there is no memory left"),
    ],
)
def test_1_what_the_system_refuses_is_one_sentence_and_not_blamed_on_the_output(
    error: BaseException, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_refused(monkeypatch, error) == (1, f"smtp-shell: {says}; what was done before this stands.\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
@pytest.mark.parametrize("words", [["explain", "550"], ["show", "/nonexistent.smtp"]])
def test_a_full_disk_under_either_stream_leaves_the_status(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "smtp_shell", *words], stdout=full, stderr=full, timeout=30)
    assert done.returncode == (1 if words[0] == "explain" else 2)
