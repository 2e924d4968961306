"""Files beside a transcript: which may be read, and what is said of the others."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.protocol.maildata import PIECE
from smtp_shell.transcript.body import body_path, body_pieces, path_beside
from smtp_shell.transcript.step import Marker, Step

LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")


def step(name: str, line: int = 7) -> Step:
    return Step(Marker.MAIL_DATA_FILE, name, None, line)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.eml").write_bytes(b"a")
    (folder / "sub" / "\u00e9\\b.eml").write_bytes(b"b")
    (tmp_path / "out.eml").write_bytes(b"out")
    return folder


@pytest.mark.parametrize("name", ["a.eml", "sub/../a.eml", "./a.eml", r"sub/\xc3\xa9\\b.eml", "sub/\u00e9\\\\b.eml"])
def test_a_file_of_the_folder_is_found(folder: Path, name: str) -> None:
    found = body_path(folder, step(name))
    assert found.read_bytes() in (b"a", b"b")
    assert found.is_absolute()
    assert found == path_beside(folder, name, what="x", outside=False)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../out.eml", "'../out.eml' is outside the transcript's folder"),
        ("sub/../../out.eml", "'sub/../../out.eml' is outside the transcript's folder"),
        ("none.eml", "'none.eml', a file with mail data, does not exist"),
        (r"\xff.eml", r"'\xff.eml', a file with mail data, does not exist"),
        ("sub", "'sub', a file with mail data, is no file"),
        (r"a\x00.eml", r"'a\x00.eml' is no name of a file with mail data"),
        ("x" * 300, f"'{'x' * 200}' is no name of a file with mail data"),
        (".." + "/x" * 200, f"'{('..' + '/x' * 200)[:200]}' is outside the transcript's folder"),
    ],
)
def test_another_file_is_refused_in_a_sentence(folder: Path, name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^") as raised:
        body_path(folder, step(name))
    assert str(raised.value) == problem
    with pytest.raises(TranscriptError) as told:
        list(body_pieces(folder, step(name)))
    assert (told.value.faults[0].line, str(told.value.faults[0])) == (7, problem)
    assert str(folder) in told.value.message


def test_a_file_outside_may_be_allowed(folder: Path) -> None:
    assert list(body_pieces(folder, step("../out.eml"), outside=True)) == [b"out"]
    with pytest.raises(ValueError, match="does not exist"):
        body_path(folder, step("../none.eml"), outside=True)


@LINKS
def test_links_are_followed_before_they_are_judged(folder: Path) -> None:
    (folder / "in.eml").symlink_to("a.eml")
    (folder / "out.eml").symlink_to("../out.eml")
    (folder / "loop").symlink_to("loop")
    assert body_path(folder, step("in.eml")) == (folder / "a.eml").resolve()
    with pytest.raises(ValueError, match="is outside the transcript's folder"):
        body_path(folder, step("out.eml"))
    assert body_path(folder, step("out.eml"), outside=True).read_bytes() == b"out"
    with pytest.raises(ValueError, match=r"^'loop'"):
        body_path(folder, step("loop"))


def test_a_file_that_may_not_be_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode == os.R_OK and Path(path).name == "a.eml"))
    with pytest.raises(ValueError, match=r"^'a\.eml', a transcript, may not be read$"):
        path_beside(folder, "a.eml", what="a transcript", outside=False)


def test_a_file_is_read_in_pieces(folder: Path) -> None:
    octets = bytes(range(256)) * (PIECE // 64)
    (folder / "a.eml").write_bytes(octets)
    pieces = list(body_pieces(folder, step("a.eml")))
    assert b"".join(pieces) == octets
    assert [len(each) for each in pieces] == [PIECE] * 4


def test_a_file_that_breaks_off_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    (folder / ("x" * 250)).write_bytes(b"a")
    monkeypatch.setattr(Path, "open", refuse)
    for name, shown in (("a.eml", "a.eml"), ("x" * 250, "x" * 200)):
        with pytest.raises(TranscriptError) as told:
            list(body_pieces(folder, step(name)))
        assert str(told.value.faults[0]).startswith(f"'{shown}' cannot be read: ")
        assert told.value.faults[0].line == 7
