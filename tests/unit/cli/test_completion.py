"""The completion scripts, in the shells themselves: what they suggest. PowerShell's is parsed only, by a grammar of its language."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from smtp_shell.cli.command_tree import CommandLine, Takes, command_tree
from smtp_shell.cli.completions import bash, fish, powershell, zsh
from smtp_shell.cli.main import COMMANDS
from tests.support.programs import skip_without
from tests.unit.cli.program import ROOT, run, run_text, sentence

TREE = command_tree()
CONFIGURATION = '[profile.xlab]\nhost = "127.0.0.1"\n[profile.xmail]\nhost = "mail.example.org"\n'


def line_of(name: str) -> CommandLine:
    return next(line for line in TREE if line.name == name)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts, a `smtp-shell` to run, and a few files."""
    folder = tmp_path_factory.mktemp("completion")
    for module, name in ((bash, "bash"), (zsh, "zsh"), (fish, "fish"), (powershell, "powershell")):
        (folder / f"script.{name}").write_text(module.script(TREE), encoding="utf-8")
    program = folder / "bin" / "smtp-shell"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m smtp_shell "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    (folder / "config.toml").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "config.toml").chmod(0o600)
    (folder / "my letter.smtp").write_text("", encoding="utf-8")
    (folder / "lab.smtp").write_text("", encoding="utf-8")
    (folder / "seen").mkdir()
    return folder


def in_shell(place: Path, program: str, *arguments: str) -> list[str]:
    skip_without(program)
    environment = {
        **os.environ,
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "SMTP_SHELL_CONFIG": str(place / "config.toml"),
        "HOME": str(place),
    }
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=place, env=environment
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def by_bash(place: Path, *words: str) -> list[str]:
    code = (
        'source ./script.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()\n'
        '_smtp_shell 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return in_shell(place, "bash", "--norc", "-c", code, "bash", *words)


def by_fish(place: Path, line: str) -> list[str]:
    found = in_shell(place, "fish", "--no-config", "-c", f"source ./script.fish; complete -C '{line}'")
    return [row.partition("\t")[0] for row in found]


CASES = [
    ("conv", ["convert"]),
    ("practice --colo", ["--color"]),
    ("practice --color a", ["always", "auto"]),
    ("replay lab.smtp --match e", ["enhanced", "exact"]),
    ("diff --match c", ["code"]),
    ("--tls-min ", ["1.2", "1.3"]),
    ("mail.example.org --start", ["--starttls"]),
    ("--ca-file practice --start", ["--starttls"]),  # a value that is named like a command
    ("completion po", ["powershell"]),
    ("convert --from swa", ["swaks"]),
    ("convert --to pc", ["pcapng"]),
    ("lint --for lab", ["lab3", "lab7"]),
    ("send --from ", []),
    ("send --mechanism SCRAM-SHA-256", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]),
    ("send --quit-after first-", ["first-ehlo"]),
    ("quiz --kind ehlo-a", ["ehlo-after-tls"]),
    ("show lab", ["lab.smtp"]),
    ("show my", ["my letter.smtp"]),
    ("xl", ["xlab"]),  # a profile
    ("send --server x", ["xlab", "xmail"]),
    ("practice --nonsense x --seri", []),
]


@pytest.mark.parametrize(("line", "suggested"), CASES)
def test_bash_suggests(place: Path, line: str, suggested: list[str]) -> None:
    assert sorted(filter(None, by_bash(place, "smtp-shell", *line.split(" ")))) == suggested


@pytest.mark.parametrize(("line", "suggested"), CASES)
def test_fish_suggests(place: Path, line: str, suggested: list[str]) -> None:
    found = by_fish(place, f"smtp-shell {line}")
    assert sorted(found) == suggested


def test_bash_takes_apart_what_it_takes_for_two_words(place: Path) -> None:
    assert by_bash(place, "smtp-shell", "practice", "--color", "=", "al") == ["always"]
    assert by_bash(place, "smtp-shell", "practice", "--color", "=") == ["auto", "always", "never"]


def test_bash_suggests_folders_for_a_folder(place: Path) -> None:
    assert by_bash(place, "smtp-shell", "practice", "--keep", "s") == ["seen"]
    assert by_fish(place, "smtp-shell practice --keep s") == ["seen/"]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_option_is_suggested_in_bash_and_fish(place: Path, name: str) -> None:
    options = {each for option in line_of(name).options for each in option.names}
    words = [name] if name else []
    assert set(by_bash(place, "smtp-shell", *words, "-")) == options
    long = {each for each in options if each.startswith("--")}
    assert set(by_fish(place, " ".join(("smtp-shell", *words, "--")))) == long


def test_a_name_that_a_shell_would_expand_is_no_profile(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[profile."$(touch hacked)"]\nhost = "127.0.0.1"\n', encoding="utf-8")
    (tmp_path / "config.toml").chmod(0o600)
    done = run_text("completion", "--profiles", env={"SMTP_SHELL_CONFIG": str(tmp_path / "config.toml")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_configuration_that_cannot_be_read_suggests_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[profile", encoding="utf-8")
    done = run_text("completion", "--profiles", env={"SMTP_SHELL_CONFIG": str(tmp_path / "config.toml")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_scripts_are_well_formed(place: Path) -> None:
    for program in ("bash", "zsh", "fish"):
        assert in_shell(place, program, "-n", f"script.{program}") == []


def faults(node: tree_sitter.Node) -> list[tuple[int, int]]:
    own = [node.start_point] if node.is_error or node.is_missing else []
    return [*((row + 1, column) for row, column in own), *(each for child in node.children for each in faults(child))]


def parsed(script: str) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    return parser.parse(script.encode()).root_node


def test_the_grammar_of_powershell_finds_faults() -> None:
    assert faults(parsed("$x = @{ 'a' = 'it's' }\n")) != []


def test_the_script_for_powershell_is_well_formed(place: Path) -> None:
    script = (place / "script.powershell").read_text("utf-8")
    assert faults(parsed(script)) == []
    assert script.isascii()  # PowerShell 5.1 reads files without a mark of their encoding in the code page


def test_the_script_for_powershell_has_every_option_once(place: Path) -> None:
    """Its tables do not tell capitals apart, and refuse a key that is there already."""
    script = (place / "script.powershell").read_text("utf-8")
    tables = dict(re.findall(r"^        '(\w*)' = \[ordered\]@\{\n(.*?)^        \}", script, re.MULTILINE | re.DOTALL))
    assert set(tables) == {line.name for line in TREE}
    for line in TREE:
        keys = re.findall(r"^ {12}'([^']+)' = @\('(\w+)'", tables[line.name], re.MULTILINE)
        assert keys == [(name, option.takes.value) for option in line.options for name in option.names]
        assert len({key.lower() for key, _ in keys}) == len(keys)


def test_files_folders_and_words_are_told_apart() -> None:
    takes = {name: each.takes for each in line_of("practice").options for name in each.names}
    assert takes["--record"] is Takes.FILE
    assert takes["--keep"] is takes["--maildir"] is Takes.FOLDER
    assert takes["--color"] is Takes.WORD
    assert takes["--watch"] is Takes.NOTHING
    assert [each.takes for each in line_of("send").options if "--from" in each.names] == [Takes.TEXT]
    assert [each.takes for each in line_of("replay").operands] == [Takes.FILE]


def test_the_values_of_each_table_are_those_of_an_option() -> None:
    """A name in the table of known values that no parser has any more would go unnoticed."""
    from smtp_shell.cli.command_tree import KNOWN_WORDS

    options = {
        key for line in TREE for each in line.options for name in each.names for key in (name, f"{line.name} {name}")
    }
    assert set(KNOWN_WORDS) <= options


def test_without_a_shell_the_sentence_names_them() -> None:
    done = run("completion")
    assert done.returncode == 2
    assert "bash, zsh, fish, powershell" in sentence(done)


def test_the_command_prints_the_script(place: Path) -> None:
    assert run_text("completion", "fish").stdout == (place / "script.fish").read_text("utf-8")
