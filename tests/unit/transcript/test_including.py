"""`*: include FILE`: which file is meant, and its steps in the place of the event."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.transcript import including
from smtp_shell.transcript.included_line import IncludedLine, file_of
from smtp_shell.transcript.including import DEEPEST, MOST_INCLUDED, IncludeStack, is_include, with_includes
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import Marker, Step


def write(folder: Path, **texts: str) -> Path:
    """Write files; `sub__a` is `sub/a.smtp`. Return the path of `a.smtp`."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.smtp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "a.smtp"


def expanded(path: Path, *, outside: bool = False) -> list[tuple[str, str, int]]:
    with open_transcript(path) as steps:
        return [
            (Path(file_of(step.line)).name, f"{step.marker} {step.text}", int(step.line))
            for step in with_includes(steps, path, outside=outside)
        ]


def problem_of(path: Path, *, outside: bool = False) -> str:
    with pytest.raises(TranscriptError) as caught:
        expanded(path, outside=outside)
    return str(caught.value)


def test_the_steps_of_an_included_file_stand_in_its_place_and_know_their_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        a="C: NOOP\n*: include sub/b.smtp\nC: QUIT\n",
        sub__b="Transcript: 1\nTitle: b\n\nC: EHLO x\n*: include c.smtp\n# last\n",
        sub__c="S: 250\n",
    )
    assert expanded(path) == [
        ("", "C: NOOP", 1),
        ("", "*: include sub/b.smtp", 2),
        ("b.smtp", "C: EHLO x", 4),
        ("b.smtp", "*: include c.smtp", 5),
        ("c.smtp", "S: 250", 1),
        ("b.smtp", "# last", 6),
        ("", "C: QUIT", 3),
    ]


def test_the_limits_are_as_documented() -> None:
    assert (DEEPEST, MOST_INCLUDED) == (8, 1_000)


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        (Step(Marker.EVENT, "include part.smtp"), True),
        (Step(Marker.EVENT, "connect include:25"), False),
        (Step(Marker.CLIENT, "include part.smtp"), False),
    ],
)
def test_only_an_event_of_that_name_includes_a_file(step: Step, verdict: bool) -> None:
    assert is_include(step) is verdict


def test_a_number_of_an_included_line_is_a_number() -> None:
    line = IncludedLine.of(7, "b.smtp")
    assert (line, f"{line}", line + 1, file_of(line), file_of(7)) == (7, "7", 8, "b.smtp", "")


def test_mail_data_beside_an_included_file_is_found_from_the_transcript(tmp_path: Path) -> None:
    path = write(tmp_path, a="*: include sub/b.smtp\n", sub__b="C< letter one.eml\n")
    assert expanded(path)[1][1] == f"C< {os.path.join('sub', 'letter one.eml')}"


def test_a_file_may_be_included_twice_but_not_in_itself(tmp_path: Path) -> None:
    path = write(tmp_path, a="*: include b.smtp\n*: include b.smtp\n", b="C: NOOP\n")
    assert len(expanded(path)) == 4
    path = write(tmp_path, a="*: include b.smtp\n", b="C: NOOP\n*: include a.smtp\n")
    assert problem_of(path) == f"{tmp_path / 'b.smtp'}:2: the file includes itself"
    path = write(tmp_path, a="*: include ./a.smtp\n")
    assert problem_of(path) == f"{path}:1: the file includes itself"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../x.smtp", "'../x.smtp' is outside the transcript's folder"),
        ("/etc/passwd", "'/etc/passwd' is outside the transcript's folder"),
        ("none.smtp", "'none.smtp', a transcript, does not exist"),
        ("sub", "'sub', a transcript, is no file"),
        (r"a\x00.smtp", "is no name of a transcript"),
    ],
)
def test_a_file_that_may_not_be_included(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "x.smtp").write_text("C: NOOP\n")
    assert problem in problem_of(write(tmp_path / "in", a=f"*: include {name}\n"))


def test_a_link_does_not_lead_out_of_the_folder_unless_that_is_allowed(tmp_path: Path) -> None:
    outside = write(tmp_path / "out", a="C: NOOP\n")
    path = write(tmp_path / "in", a="*: include link.smtp\n")
    try:
        (tmp_path / "in" / "link.smtp").symlink_to(outside)
    except OSError:  # Windows, without the right to make links
        return
    assert "is outside the transcript's folder" in problem_of(path)
    assert expanded(path, outside=True)[1][1] == "C: NOOP"


def test_nothing_outside_the_folder_is_included_unless_that_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "out", a="C: NOOP\n")
    path = write(tmp_path / "in", a="*: include ../out/a.smtp\n")
    with open_transcript(path) as steps, pytest.raises(TranscriptError, match="is outside the transcript's folder"):
        list(with_includes(steps, path))


def test_an_included_file_includes_from_its_own_folder_only(tmp_path: Path) -> None:
    path = write(tmp_path, a="*: include sub/b.smtp\n", sub__b="*: include ../c.smtp\n", c="C: NOOP\n")
    assert problem_of(path).startswith(f"{tmp_path / 'sub' / 'b.smtp'}:1: '../c.smtp' is outside")


@pytest.mark.parametrize(("deep", "ok"), [(DEEPEST, True), (DEEPEST + 1, False)])
def test_files_include_one_another_so_deep_and_no_deeper(tmp_path: Path, deep: int, ok: bool) -> None:
    names = ["a", *(f"f{number}" for number in range(deep - 1))]
    for name, following in zip(names, [*names[1:], ""], strict=True):
        write(tmp_path, **{name: f"*: include {following}.smtp\n" if following else "C: NOOP\n"})
    if ok:
        assert len(expanded(tmp_path / "a.smtp")) == DEEPEST
    else:
        assert f"files include one another more than {DEEPEST} deep" in problem_of(tmp_path / "a.smtp")


@pytest.mark.parametrize("most", [3, 4])
def test_the_number_of_included_files_is_counted(tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(including, "MOST_INCLUDED", most)
    path = write(tmp_path, a="*: include b.smtp\n" * 4, b="C: NOOP\n")
    if most == 4:
        assert len(expanded(path)) == 8
    else:
        assert problem_of(path) == f"{path}:4: more than 3 files are included"


@pytest.mark.parametrize("name", ["b.smtp", "one  two.smtp", "a b c.smtp"])
def test_white_space_around_a_name_is_not_of_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("C: NOOP\n")
    assert expanded(write(tmp_path, a=f"*: include   {name}  \n"))[1] == (name, "C: NOOP", 1)


def test_files_are_named_as_the_transcript_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = write(tmp_path / "out", a="C: QUIT\n").resolve()
    write(tmp_path / "in", a=f"*: include sub/b.smtp\n*: include {out}\n", sub__b="C: NOOP\nC< \\xff.eml\n")
    monkeypatch.chdir(tmp_path / "in")
    with open_transcript(Path("a.smtp")) as steps:
        found = [(file_of(step.line), step.text) for step in with_includes(steps, Path("a.smtp"), outside=True)]
    inner = os.path.join("sub", "b.smtp")
    assert found == [
        ("", "include sub/b.smtp"),
        (inner, "NOOP"),
        (inner, os.path.join("sub", r"\xff.eml")),
        ("", f"include {out}"),
        (str(out), "QUIT"),
    ]


def test_paths_lead_from_the_outermost_folder_and_files_are_found_from_the_innermost(tmp_path: Path) -> None:
    path = write(tmp_path, a="*: include sub/b.smtp\n", sub__b="C: NOOP\n")
    stack = IncludeStack(path, outside=False)
    assert (stack.home, stack.folder, stack.is_inside) == (tmp_path, tmp_path, False)
    stack.enter(Step(Marker.EVENT, "include sub/b.smtp"))
    assert (stack.home, stack.folder, stack.is_inside) == (tmp_path, tmp_path / "sub", True)
    stack.leave()
    assert (stack.home, stack.folder, stack.is_inside) == (tmp_path, tmp_path, False)


def test_so_many_files_are_included_and_no_more(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        a="*: include b.smtp\n" * 50,
        b="*: include c.smtp\n" * 50,
        c="*: include d.smtp\n" * 50,
        d="C: NOOP\n",
    )
    assert f"more than {MOST_INCLUDED:,} files are included" in problem_of(path)


def test_an_included_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, a="*: include b.smtp\n", b="C: NOOP\nnonsense\n")
    assert problem_of(path).startswith(f"{tmp_path / 'b.smtp'}:2: 'nonsense' has no marker")
