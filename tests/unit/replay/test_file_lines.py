"""A file's own lines: numbered as the reader does, replaced in one step, and shown as a diff."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import UsageError
from smtp_shell.replay.file_lines import hunks, read_lines, replace_lines
from smtp_shell.replay.updating import Edit


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"", []),
        (b"\n", [("", "\n")]),
        (b"a\nb\n", [("a", "\n"), ("b", "\n")]),
        (b"a\nb", [("a", "\n"), ("b", "")]),
        (b"a\r\nb\n\r\n", [("a", "\r\n"), ("b", "\n"), ("", "\r\n")]),
        (b"a\rb\r", [("a", "\r"), ("b", "\r")]),
        (b"a\r\rb", [("a", "\r"), ("", "\r"), ("b", "")]),
        (b"a\rb\n", [("a\rb", "\n")]),
        (b"\xef\xbb\xbfa\n\xff\n", [("\ufeffa", "\n"), ("\udcff", "\n")]),
        (b"a" * 40_000 + b"\r" + b"b" * 70_000 + b"\rc", [("a" * 40_000 + "\rb" + "b" * 69_999 + "\rc", "")]),
        (b"a\r" + b"b" * 70_000 + b"\rc", [("a", "\r"), ("b" * 70_000, "\r"), ("c", "")]),
        # What ends lines is told by the first 32 KiB, as the reader does.
        (b"a\r" + b"b" * 32_765 + b"\nc", [("a\r" + "b" * 32_765, "\n"), ("c", "")]),
        (b"a\r" + b"b" * 32_766 + b"\nc", [("a", "\r"), ("b" * 32_766 + "\nc", "")]),
    ],
)
def test_lines_are_numbered_as_they_are_read(tmp_path: Path, octets: bytes, lines: list[tuple[str, str]]) -> None:
    path = tmp_path / "a.smtp"
    path.write_bytes(octets)
    assert list(read_lines(path)) == [(number, *each) for number, each in enumerate(lines, 1)]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.smtp cannot be read: "):
        list(read_lines(tmp_path / "gone.smtp"))


def edit(first: int, last: int, *new: str) -> Edit:
    return Edit(first, last, (), new)


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        ("a\nb\nc\n", [edit(2, 2, "B")], "a\nB\nc\n"),
        ("a\r\nb\r\n", [edit(1, 1, "A", "AA"), edit(2, 2)], "A\r\nAA\r\n"),
        ("a\nb\r\nc", [edit(3, 3, "C", "D")], "a\nb\r\nC\r\nD"),
        ("a\nb\nc", [edit(3, 3)], "a\nb\n"),
        ("a\nb", [edit(3, 2, "c")], "a\nb\nc\n"),
        ("a\r\nb", [edit(3, 2, "c", "d")], "a\r\nb\r\nc\r\nd\r\n"),
        ("a\nb\n", [edit(3, 2, "c"), edit(3, 2, "d")], "a\nb\nc\nd\n"),
        ("a\nb", [edit(3, 2, "c"), edit(3, 2, "d")], "a\nb\nc\nd\n"),
        ("a\nb", [edit(2, 2), edit(3, 2, "c")], "a\nc\n"),
        ("a\nb\n", [edit(1, 0, "0")], "0\na\nb\n"),
        ("a\r\nb\n", [edit(1, 0, "0"), edit(2, 1, "1"), edit(2, 2, "B")], "0\r\na\r\n1\nB\n"),
        ("a\nb", [edit(2, 1, "1")], "a\n1\nb"),
        ("a\rb\r", [edit(2, 1, "1")], "a\r1\rb\r"),
        ("a", [edit(1, 1, "A", "B")], "A\nB"),
        ("", [edit(1, 0, "a")], "a\n"),
        ("\udcff\nb\n", [edit(2, 2, "\udcfe")], "\udcff\n\udcfe\n"),
    ],
)
def test_only_what_is_edited_changes(tmp_path: Path, before: str, edits: list[Edit], after: str) -> None:
    path = tmp_path / "a.smtp"
    path.write_bytes(before.encode("utf-8", "surrogateescape"))
    replace_lines(path, edits)
    assert path.read_bytes().decode("utf-8", "surrogateescape") == after
    assert [each.name for each in tmp_path.iterdir()] == ["a.smtp"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_permissions_and_owner_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("a\n")
    path.chmod(0o4653)
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda descriptor, *owner: owners.append(owner))
    replace_lines(path, [edit(1, 1, "b")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o4653
    assert owners == [(path.stat().st_uid, path.stat().st_gid)]


def fail(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
@pytest.mark.parametrize("call", ["fchown", "fchmod"])
def test_an_owner_or_permissions_that_cannot_be_kept_keep_nothing_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("a\n")
    monkeypatch.setattr(os, call, fail)
    replace_lines(path, [edit(1, 1, "b")])
    assert path.read_text() == "b\n"


@pytest.mark.parametrize("call", ["fchown", "fchmod"])
def test_a_system_without_these_calls_writes_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("a\n")
    monkeypatch.delattr(os, call, raising=False)
    replace_lines(path, [edit(1, 1, "b")])
    assert path.read_text() == "b\n"


def test_what_cannot_be_written_stays_and_no_draft_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("a\n")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UsageError, match=r"a\.smtp cannot be written: .*; it stays as it is\."):
        replace_lines(path, [edit(1, 1, "b")])
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.smtp", "a\n")]


def test_what_is_interrupted_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "a.smtp"
    path.write_text("a\n")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_lines(path, [edit(1, 1, "b")])
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.smtp", "a\n")]


def test_a_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.smtp cannot be written: "):
        replace_lines(tmp_path / "gone.smtp", [edit(1, 1, "b")])
    assert list(tmp_path.iterdir()) == []


# The diff


@st.composite
def changed_files(draw: st.DrawFn) -> tuple[list[str], list[Edit]]:
    """Lines of a file, and changes in their order."""
    count = draw(st.integers(0, 30))
    words = st.sampled_from(["x", "y", ""])
    edits: list[Edit] = []
    for number in range(1, count + 2):
        if draw(st.integers(0, 5)) == 0:
            edits.append(edit(number, number - 1, *draw(st.lists(words, min_size=1, max_size=3))))
        if number <= count and draw(st.integers(0, 5)) == 0:
            edits.append(edit(number, number, *draw(st.lists(words, max_size=3))))
    return [f"line {number}" for number in range(1, count + 1)], edits


def apply_edits(lines: list[str], edits: list[Edit]) -> list[str]:
    made = list(lines)
    for each in reversed(edits):
        made[each.first - 1 : each.last] = each.new
    return made


def apply_hunks(lines: list[str], diff: list[list[str]]) -> list[str]:
    """Apply a diff as `patch` does, and check what its heads say."""
    made: list[str] = []
    at = 0
    for head, *body in diff:
        old, new = head.removeprefix("@@ -").removesuffix(" @@").split(" +")
        first, old_count = map(int, old.split(","))
        new_first, new_count = map(int, new.split(","))
        assert first - 1 >= at
        made += lines[at : first - 1]
        at = first - 1
        assert new_first - 1 == len(made)
        assert (old_count, new_count) == (
            sum(line[:1] in (" ", "-") for line in body),
            sum(line[:1] in (" ", "+") for line in body),
        )
        for line in body:
            if line[:1] in (" ", "-"):
                assert lines[at] == line[1:]
                at += 1
            if line[:1] in (" ", "+"):
                made.append(line[1:])
        assert [line[:1] for line in body[:4]] != [" "] * 4  # three lines of context
        assert [line[:1] for line in body[-4:]] != [" "] * 4
    return made + lines[at:]


@given(changed_files())
def test_a_diff_makes_the_new_file_of_the_old_one(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[list[str], list[Edit]]
) -> None:
    lines, edits = case
    path = tmp_path_factory.mktemp("diff") / "a.smtp"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    found = list(hunks(path, edits, lambda number, text: text))
    wanted = apply_edits(lines, edits)
    assert apply_hunks(lines, found) == wanted
    replace_lines(path, edits)
    assert path.read_text(encoding="utf-8") == "".join(f"{line}\n" for line in wanted)


def test_a_diff_has_three_lines_before_and_after_and_hunks_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("".join(f"{number}\n" for number in range(1, 16)))
    edits = [edit(5, 5, "five"), edit(8, 8), edit(13, 12, "a", "b")]
    assert list(hunks(path, edits, lambda number, text: None if number < 3 else text)) == [
        ["@@ -3,9 +3,8 @@", " 3", " 4", "-5", "+five", " 6", " 7", "-8", " 9", " 10", " 11"],
        ["@@ -12,4 +11,6 @@", " 12", "+a", "+b", " 13", " 14", " 15"],
    ]


def test_a_line_that_is_left_out_is_empty_in_a_diff(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("a\nb\nc\nd\ne\n")
    shown = {1: "a", 2: None, 3: "c", 4: None, 5: "e"}
    (hunk,) = hunks(path, [edit(2, 2, "B"), edit(3, 3)], lambda number, text: shown[number])
    assert hunk == ["@@ -1,5 +1,4 @@", " a", "-", "+B", "-c", " ", " e"]
