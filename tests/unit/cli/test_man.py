"""The manual page: whole, and as groff and mandoc want it."""

import subprocess
from pathlib import Path

import pytest

from smtp_shell.cli.command_tree import command_tree
from smtp_shell.cli.exit_statuses import EXIT_STATUSES
from smtp_shell.cli.main import COMMANDS
from smtp_shell.cli.man_page import man_page
from smtp_shell.errors import SmtpShellError
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.settings import settings_table
from smtp_shell.shell.shell import Shell
from tests.support.programs import skip_without
from tests.unit.cli.program import run, run_text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("man") / "smtp-shell.1"
    path.write_text(man_page(), encoding="ascii")
    return path


def output(*words: str) -> str:
    skip_without(words[0])
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def read(page: Path) -> str:
    """The page as a reader sees it, without bold and underlined."""
    return output("mandoc", "-T", "ascii", "-O", "width=200", str(page)).replace("\b", "\0")


def plain(text: str) -> str:
    """Return text without what a printer strikes twice."""
    while "\0" in text:
        at = text.index("\0")
        text = text[: at - 1] + text[at + 1 :]
    return text


def test_groff_has_no_complaint(page: Path) -> None:
    assert output("groff", "-man", "-Tutf8", "-ww", "-z", str(page)) == ""


def test_mandoc_has_no_complaint(page: Path) -> None:
    assert output("mandoc", "-T", "lint", "-W", "warning", str(page)) == ""


def test_every_command_and_option_is_in_it(read: str) -> None:
    text = plain(read)
    assert [name for name in COMMANDS if f"\n   smtp-shell {name}\n" not in text] == []
    names = {name for line in command_tree() for option in line.options for name in option.names}
    assert [name for name in sorted(names) if f" {name}" not in text] == []


def test_every_line_of_the_shell_and_every_setting_is_in_it(read: str) -> None:
    text = plain(read)
    registry: Registry[Shell] = Registry.load()
    assert [name for name in registry if f"\n       {name}" not in text] == []
    assert [name for name in settings_table() if f"\n       {name}" not in text] == []
    assert "/help data" in text  # in bold: its backquotes are gone
    assert "`" not in text


def errors(kind: type[SmtpShellError]) -> set[int]:
    return {kind.exit_status, *(status for each in kind.__subclasses__() for status in errors(each))}


def test_every_exit_status_is_explained() -> None:
    assert errors(SmtpShellError) <= set(EXIT_STATUSES)


def test_the_examples_are_in_it_and_can_be_copied(read: str) -> None:
    text = plain(read)
    for line in command_tree():
        for example, _ in line.examples:
            assert f"\n       {example}\n" in text


def test_the_day_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert man_page().startswith('.TH SMTP\\-SHELL 1 "1970-01-02" ')
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "tomorrow")
    assert "1970" not in man_page().partition("\n")[0]


def test_the_command_prints_it() -> None:
    assert run_text("man").stdout.startswith(".TH SMTP\\-SHELL 1 ")
    assert run("man", "smtp-shell").returncode == 2
