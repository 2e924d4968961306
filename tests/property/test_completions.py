"""Completion scripts and manual page stay well-formed whatever the help of an option says."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_shell.cli.command_tree import Argument, CommandLine, Takes
from smtp_shell.cli.completions import bash, fish, zsh
from smtp_shell.cli.man_page import escaped, text_line
from tests.support.programs import skip_without

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=60)
WORDS = st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True), max_size=4).map(tuple)


@st.composite
def trees(draw: st.DrawFn) -> list[CommandLine]:
    options = tuple(
        Argument((f"--option-{number}",), draw(st.sampled_from(Takes)), "VALUE", draw(WORDS), draw(PRINTABLE))
        for number in range(3)
    )
    return [
        CommandLine(name, draw(PRINTABLE), "", "", (), options, (Argument((), Takes.FILE, draw(PRINTABLE)),))
        for name in ("", "practice")
    ]


@settings(max_examples=25, deadline=None)
@given(trees())
def test_scripts_are_well_formed_whatever_the_help_says(
    tmp_path_factory: pytest.TempPathFactory, tree: list[CommandLine]
) -> None:
    skip_without("bash", "zsh", "fish")
    folder = tmp_path_factory.mktemp("scripts")
    for name, module in (("bash", bash), ("zsh", zsh), ("fish", fish)):
        path = Path(folder / name)
        path.write_text(module.script(tree), encoding="utf-8")
        done = subprocess.run([name, "-n", str(path)], capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    # What is only data runs nothing: fish reads each line as a command, so that a quote that ends early would show.
    code = f"source {folder / 'fish'}; complete -C 'smtp-shell practice --option-'"
    done = subprocess.run(["fish", "--no-config", "-c", code], capture_output=True, timeout=60, check=False, cwd=folder)
    assert done.stderr == b""
    assert all(f"--option-{number}".encode() in done.stdout for number in range(3))
    assert sorted(path.name for path in folder.iterdir()) == ["bash", "fish", "zsh"]


@given(PRINTABLE)
def test_text_of_the_manual_page_is_one_line_that_roff_takes_for_text(text: str) -> None:
    line = text_line(text)
    assert line.isascii()
    assert "\n" not in line
    assert not line.startswith((".", "'"))
    assert escaped(text).isascii()
