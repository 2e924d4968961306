"""`smtp-shell config`, and a configuration that a run without a prompt cannot use."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import trustme

from tests.unit.cli.program import commands, run_text, sentence

GOOD = """\
startup = "lines"
[settings]
theme = "light"
[profile.lab]
host = "mail.example.org"
starttls = true
[alias]
hello = "ehlo; quit"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of the configuration, which does not exist yet."""
    return tmp_path / "config" / "config.toml"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")


def test_init_writes_a_file_that_check_accepts(file: Path) -> None:
    assert run_text("config", "path").stdout == f"{file}\n"
    assert "is not there, so everything is as by default" in run_text("config", "check").stdout
    done = run_text("config", "init")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{file} is written" in done.stdout
    if hasattr(os, "geteuid"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run_text("config", "check").stdout == f"{file} can be used: 0 settings, 0 profiles, 0 aliases.\n"
    again = run_text("config", "init")
    assert (again.returncode, "is there already and is left as it is" in again.stderr) == (2, True)
    assert run_text("config", "init", "--force").returncode == 0


def test_check_names_all_that_is_wrong_at_once(file: Path, tmp_path: Path) -> None:
    write(file, GOOD)
    done = run_text("config", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"smtp-shell: {file.parent / 'lines'} cannot be read: there is no such file.\n"
    (file.parent / "lines").write_text("# nothing\n", "utf-8")
    assert run_text("config", "check").stdout == f"{file} can be used: 1 setting, 1 profile, 1 alias.\n"
    write(file, GOOD.replace("theme", "themes").replace("starttls", "startls").replace("[alias]", "[alia]"))
    assert [line.partition(": ")[2].partition(":")[0] for line in run_text("config", "check").stderr.splitlines()] == [
        str(file)
    ] * 2
    bad = '[settings]\ntheme = "pink"\n[profile.lab]\nhost = "mx"\nca_file = "none.pem"\nuser = 1\n[profile.b]\nhost = "b"\n'
    write(file, f'{bad}ca_file = "none.pem"\n[alias]\nhelp = "ehlo"\n')
    done = run_text("config", "check", "--json", env={"SMTP_SHELL_TIMEOUT": "x", "SMTP_SHELL_FOO": "1"})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [row["problem"] for row in rows if "problem" in row]
    assert [problem.partition(": ")[0].removeprefix(f"{file}:") for problem in problems] == [
        "2",
        "SMTP_SHELL_TIMEOUT takes a number of seconds from 0 (the defaults) to 86400.",
        "6",
        "7",
        "11",
    ]
    assert {"remark": "SMTP_SHELL_FOO is no variable of smtp-shell."} in rows
    assert (rows[-1]["exit_status"], done.returncode) == (2, 2)


def test_check_looks_at_the_files_that_are_named(file: Path) -> None:
    write(file, '[settings]\nca_file = "ca.pem"\n')
    assert "ca.pem: there is no such file" in run_text("config", "check").stderr
    trustme.CA().cert_pem.write_to_path(str(file.parent / "ca.pem"))
    assert run_text("config", "check").returncode == 0


def test_another_file_is_checked_by_its_name(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    assert "there is no such file" in run_text("config", "check", str(other)).stderr
    write(other, "[settings]\nxyzzy = 1\n")
    done = run_text("config", "check", str(other))
    assert (done.returncode, f"{other}:2: xyzzy is no key of [settings]" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("config",), ("config", "nonsense"), ("config", "path", "--force")])
def test_wrong_words_are_2(words: tuple[str, ...]) -> None:
    assert run_text(*words).returncode == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[settings]\nthem = 1", ":2: them is no key of [settings]; did you mean theme?"),
        (b'[settings]\ntheme = "pink"', ":2: theme takes one of"),
        (b"\xff", ":1 is not UTF-8"),
        (b"[settings", "is no TOML file"),
        (b'[alias]\nhelp = "ehlo"', "/help is a command of the shell"),
        (b'[profile.lab]\nhost = "mx"\npassword = "tell me"', "holds a password; a file is no place for it"),
    ],
)
def test_a_run_without_a_prompt_ends_with_2_and_sends_nothing(file: Path, text: bytes, problem: str) -> None:
    file.parent.mkdir()
    file.write_bytes(text)
    for words in (["127.0.0.1:1", *commands("ehlo")], ["send", "-s", "127.0.0.1:1", "--from", "a@b", "--to", "c@d"]):
        done = run_text(*words)
        assert done.returncode == 2
        assert problem in done.stderr
        assert "tell me" not in done.stderr
    assert run_text("--no-config", *commands("/set theme")).stdout + "" == ""
    assert run_text("--no-config", *commands("/set theme")).returncode == 0


def test_settings_come_from_file_environment_and_words(file: Path) -> None:
    write(file, '[settings]\ntheme = "light"\nexplain = "all"\ntimeout = 3\n')
    shown = run_text(
        "--timeout", "5", *commands("/set --origin --json"), env={"SMTP_SHELL_THEME": "dark"}
    ).stdout.splitlines()
    found = {row["setting"]: (row["value"], row["origin"]) for row in map(json.loads, shown)}
    assert found["timeout"] == ("5", "command line")
    assert found["theme"] == ("dark", "SMTP_SHELL_THEME")
    assert found["explain"] == ("all", f"{file}:3")
    assert found["lint"] == ("on", "default")


def test_a_file_that_a_variable_names_must_be_there(tmp_path: Path) -> None:
    done = run_text(*commands("ehlo"), env={"SMTP_SHELL_CONFIG": str(tmp_path / "none.toml")})
    assert (done.returncode, "there is no such file; `smtp-shell config init` writes one" in done.stderr) == (2, True)
    assert run_text(*commands("/set"), env={"SMTP_SHELL_CONFIG": os.devnull}).returncode == 0
    _ = sentence
