"""How a reply that differs changes a transcript: which lines stay, which change, and what is left for the user."""

from __future__ import annotations

import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.matching import pattern
from smtp_shell.matching.expectation import ExpectedLine, Strictness
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.results import Answer
from smtp_shell.replay.updating import AnswerLog, diff_lines, plan_update, stamp_of, write_update
from smtp_shell.transcript.included_line import IncludedLine
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import SERVER_LINES

CODE, ENHANCED, KEYWORDS, TEXT, EXACT = Strictness


def answer_to(path: Path, reply: bytes | None, level: Strictness = CODE, verb: str = "NOOP") -> Answer:
    """Return a reply to all the `S` lines of a file."""
    steps = list(TranscriptReader(io.BytesIO(path.read_bytes()), "a.smtp"))
    lines = tuple(ExpectedLine.parse(step) for step in steps if step.marker in SERVER_LINES)
    return Answer(str(path), lines, reply, level, False, verb)


def updated(folder: Path, text: str, reply: bytes, level: Strictness = CODE, verb: str = "NOOP") -> str:
    """Return what the file becomes, or what is left of it for the user."""
    path = folder / "a.smtp"
    path.write_text(text, encoding="utf-8", newline="")
    update = plan_update(path, [answer_to(path, reply, level, verb)], stamp_of(path))
    if update.left:
        assert update.edits == ()
        return update.left[0].removeprefix(f"{path}:")
    write_update(update)
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("level", "before", "reply", "after"),
    [
        # A code alone stays a code alone.
        (CODE, "S: 250\n", b"550 no\r\n", "S: 550\n"),
        (CODE, "S: 250\n", b"550-no\r\n551 never\r\n", "S: 551\n"),
        (CODE, "  1.25 S: 250\n", b"550 no\r\n", "  1.25 S: 550\n"),
        (CODE, "S: 250 fine\n", b"550 no\r\n", "S: 550 no\n"),
        (CODE, "S: 250-\n", b"550 no\r\n", "S: 550 no\n"),
        (TEXT, "S: 250\n", b"250 ok\r\n", "S: 250 ok\n"),
        (ENHANCED, "S: 250\n", b"550 5.1.1 no\r\n", "S: 550\n"),
        (CODE, "S: 250\nS: 250 b\n", b"550-a\r\n550 b\r\n", "S: 550-a\nS: 550 b\n"),
        (CODE, "S= 250\n", b"550 no\r\n", "S= 550 no\n"),
        (CODE, "S: 250\n", b"\xff50 no\r\n", "S: \ufffd50\n"),
        # Lines that are met stay; others take the place of those that are not, or stand between them.
        (TEXT, "S: 250-a\nS: 250 b\n", b"250-a\r\n250 c\r\n", "S: 250-a\nS: 250 c\n"),
        (TEXT, "S: 250-a\nS: 250 b\n", b"250-c\r\n250 b\r\n", "S: 250-c\nS: 250 b\n"),
        (TEXT, "S: 250-a\nS: 250 b\n", b"250-a\r\n250-x\r\n250 b\r\n", "S: 250-a\nS: 250-x\nS: 250 b\n"),
        (
            TEXT,
            "S: 250-a\nS: 250 b\n",
            b"250-x\r\n250-y\r\n250-a\r\n250 b\r\n",
            "S: 250-x\nS: 250-y\nS: 250-a\nS: 250 b\n",
        ),
        (TEXT, "S: 250-a\nS: 250 b\n", b"250-a\r\n250-b\r\n250 c\r\n", "S: 250-a\nS: 250-b\nS: 250 c\n"),
        (TEXT, "S: 250-a\nS: 250 b\n", b"250 a\r\n", "S: 250 a\n"),
        (TEXT, "S: 250-a\nS: 250-b\nS: 250 c\n", b"250-a\r\n250 c\r\n", "S: 250-a\nS: 250 c\n"),
        (TEXT, "S: 250-a\nS: 250-b\nS: 250 c\n", b"250-b\r\n250 d\r\n", "S: 250-b\nS: 250 d\n"),
        (
            TEXT,
            "S: 250-a\nS: 250-b\nS: 250 c\n",
            b"250-x\r\n250-y\r\n250-z\r\n250 w\r\n",
            "S: 250-x\nS: 250-y\nS: 250-z\nS: 250 w\n",
        ),
        (TEXT, "S: 250-a\n# note\nS: 250-b\nS: 250 c\n", b"250-x\r\n250 y\r\n", "S: 250-x\n# note\nS: 250 y\n"),
        (
            TEXT,
            "S: 250-a\nS: 250-b\nS: 250-a\nS: 250 c\n",
            b"250-b\r\n250-a\r\n250 c\r\n",
            "S: 250-b\nS: 250-a\nS: 250 c\n",
        ),
        (
            TEXT,
            "S: 250-a\nS: 250-b\nS: 250-c\nS: 250 d\n",
            b"250-c\r\n250-a\r\n250-b\r\n250 d\r\n",
            "S: 250-c\nS: 250-a\nS: 250-b\nS: 250 d\n",
        ),
        (TEXT, "S: 250-a\nS: 250 b\n", b"250-b\r\n250 a\r\n", "S: 250-b\nS: 250 a\n"),
        # Lines that are added are of the kind of the others, and set in like the one before them.
        (EXACT, "S= 250-a\n  S= 250 b\n", b"250-a\r\n250-x\r\n250 b\r\n", "S= 250-a\nS= 250-x\n  S= 250 b\n"),
        (TEXT, "S= 250-a\nS: 250 b\n", b"250-a\r\n250-b\r\n250 c\r\n", "S= 250-a\nS: 250-b\nS: 250 c\n"),
        (TEXT, "  S: 250 a\n", b"250-x\r\n250 a\r\n", "  S: 250-x\n  S: 250 a\n"),
        (TEXT, "  S: 250-a\nS: 250 b\n", b"250-x\r\n250-a\r\n250 b\r\n", "  S: 250-x\n  S: 250-a\nS: 250 b\n"),
        (TEXT, "C: NOOP\nS: 250 a\n", b"250-x\r\n250 a\r\n", "C: NOOP\nS: 250-x\nS: 250 a\n"),
        # Where as many lines would stay either way, those further down in the transcript do.
        (TEXT, "  S: 250-a\nS: 250 b\n", b"250-b\r\n250 a\r\n", "S: 250-b\nS: 250 a\n"),
        # Of a pattern nobody can tell what it was to say.
        (CODE, "S~ 250 a.*\n", b"550 no\r\n", "1: no line of the reply meets the pattern in line 1; change it by hand"),
        (CODE, "S: 250-x\nS~ 250 a.*\n", b"550-b\r\n250 ab\r\n", "S: 550-b\nS~ 250 a.*\n"),
        (
            CODE,
            "S~ (a*)*b\nS: 250 x\n",
            b"250-" + b"a" * 40 + b"\r\n550 x\r\n",
            "1: no line of the reply meets the pattern in line 1; change it by hand",
        ),
        # Octets as they are.
        (CODE, "S| 250 a\\r\\n\n", b"250 b\r\n", "S| 250 b\\x0d\\x0a\n"),
        (CODE, "S: 250 a\n", b"550 b\n", "S| 550 b\\x0a\n"),
        (TEXT, "S: 250 a\n", b"250 \xc3\xb6\xff\r\n", "S: 250 ö\\xff\n"),
        (TEXT, "S: 250 a\n", b"250 " + b"x" * 15_994 + b"\r\n", "S: 250 " + "x" * 15_994 + "\n"),
        (
            TEXT,
            "S: 250 a\n",
            b"250 " + b"x" * 15_995 + b"\r\n",
            "1: a line of the reply is too long for the file; record it",
        ),
        # A code with any digits, and several.
        (TEXT, "S: 2xx\n", b"550 no\r\n", "S: 550 no\n"),
        (TEXT, "S: 2xx-\nS: 550 a\n", b"250-anything\r\n550 b\r\n", "S: 2xx-\nS: 550 b\n"),
        (TEXT, "S: 2xx-said\nS: 550 a\n", b"250-anything\r\n550 b\r\n", "S: 250-anything\nS: 550 b\n"),
        (TEXT, "S: 250|251 a\n", b"550 b\r\n", "S: 550 b\n"),
        (TEXT, "S: 250-a\nS: 250 b\n", b"x\r\n250 b\r\n", "S: x\nS: 250 b\n"),
        (TEXT, "S: 250-a\nS: 250 b\n", b"25\r\n250 b\r\n", "S: 25\nS: 250 b\n"),
        (TEXT, "S: 250-a\nS: 250 b\n", b"25x\r\n250 b\r\n", "S: 25x\nS: 250 b\n"),
    ],
)
def test_the_lines_that_differ_change_and_no_others(
    tmp_path: Path, level: Strictness, before: str, reply: bytes, after: str
) -> None:
    assert updated(tmp_path, before, reply, level) == after


@pytest.mark.parametrize(
    ("level", "verb", "before", "reply", "after"),
    [
        # What counts of a line at each level, and to which command.
        (KEYWORDS, "EHLO", "S: 250-mx\nS: 250 size 1\n", b"250-other\r\n250-SIZE 2\r\n250 X\r\n", "S: 250-mx\nS: 250-size 1\nS: 250 X\n"),
        (KEYWORDS, "LHLO", "S: 250-mx\nS: 250 SIZE 1\n", b"250-other\r\n250-SIZE 2\r\n250 X\r\n", "S: 250-mx\nS: 250-SIZE 1\nS: 250 X\n"),
        (KEYWORDS, "EHLO", "S: 250-mx\nS: 250 SIZE 1\n", b"250-other\r\n250 8BITMIME\r\n", "S: 250-mx\nS: 250 8BITMIME\n"),
        (KEYWORDS, "HELP", "S: 250-mx a\nS: 250 SIZE a\n", b"250-mx a\r\n250 SIZE b\r\n", "S: 250-mx a\nS: 250 SIZE b\n"),
        (TEXT, "EHLO", "S: 250-a.example hi\nS: 250 b\n", b"250-b.example hi\r\n250 c\r\n", "S: 250-a.example hi\nS: 250 c\n"),
        (TEXT, "HELO", "S: 250-alpha hello\nS: 250 b\n", b"250-beta hello\r\n250 c\r\n", "S: 250-alpha hello\nS: 250 c\n"),
        (TEXT, "NOOP", "S: 250-alpha hello\nS: 250 b\n", b"250-beta hello\r\n250 c\r\n", "S: 250-beta hello\nS: 250 c\n"),
        # Only a reply that is a success begins with the server's name, and hosts alone differ in one.
        (TEXT, "HELO", "S: 200-alpha hello\nS: 200 b\n", b"200-beta hello\r\n200 c\r\n", "S: 200-alpha hello\nS: 200 c\n"),
        (TEXT, "HELO", "S: 299-alpha hello\nS: 299 b\n", b"299-beta hello\r\n299 c\r\n", "S: 299-alpha hello\nS: 299 c\n"),
        (TEXT, "EHLO", "S: 550-alpha hello\nS: 550 b\n", b"550-beta hello\r\n550 c\r\n", "S: 550-beta hello\nS: 550 c\n"),
        (TEXT, "EHLO", "S: 550-wait 1\nS: 550 b\n", b"550-wait 2\r\n550 c\r\n", "S: 550-wait 1\nS: 550 c\n"),
        (TEXT, "EHLO", "S: 250-x\nS: 250 SIZE 1\n", b"250-x\r\n250 SIZE 2\r\n", "S: 250-x\nS: 250 SIZE 2\n"),
        (EXACT, "EHLO", "S: 250-a.example hi\nS: 250 b\n", b"250-b.example hi\r\n250 b\r\n", "S: 250-b.example hi\nS: 250 b\n"),
        (EXACT, "NOOP", "S: 250-A\nS: 250 b\n", b"250-a\r\n250 b\r\n", "S: 250-a\nS: 250 b\n"),
    ],
)  # fmt: skip
def test_what_counts_of_a_line_decides_whether_it_stays(
    tmp_path: Path, level: Strictness, verb: str, before: str, reply: bytes, after: str
) -> None:
    assert updated(tmp_path, before, reply, level, verb) == after


@pytest.mark.parametrize(
    ("before", "reply", "after"),
    [
        ("S: 250-a\n", b"250 a\r\n250 b\r\n", "S: 250 a\nS: 250 b\n"),
        ("S: 250 a\nS: 250 b\n", b"250-a\r\n250-b\r\n250 c\r\n", "S: 250-a\nS: 250-b\nS: 250 c\n"),
        ("S: 250\nS: 250 b\n", b"250-\r\n250 c\r\n", "S: 250-\nS: 250 c\n"),
        ("S: 250\nS: 250 b\n", b"250 \r\n250 c\r\n", "S: 250\nS: 250 c\n"),
        ("S: 250 \nS: 250 b\n", b"250\r\n250 c\r\n", "S: 250 \nS: 250 c\n"),
        ("S: 250-\nS: 250 b\n", b"250\r\n250 c\r\n", "S: 250\nS: 250 c\n"),
        ("S: 250|251 a\nS: 250 b\n", b"250-a\r\n250 c\r\n", "S: 250|251 a\nS: 250 c\n"),
        ("S: 2xx a\nS: 250 b\n", b"250-a\r\n250 c\r\n", "S: 2xx a\nS: 250 c\n"),
        ("S= 250 a\nS: 250 b\n", b"250 a\r\n250 c\r\n", "S= 250 a\nS: 250 c\n"),
        ("S~ 250 ?-?a\nS: 250 b\n", b"250-a\r\n250 c\r\n", "S~ 250 ?-?a\nS: 250 c\n"),
        ("S~ 250.a\nS: 250 b\n", b"250-a\r\n250 c\r\n", "S~ 250.a\nS: 250 c\n"),
    ],
)
def test_a_line_that_stays_says_whether_more_follow(tmp_path: Path, before: str, reply: bytes, after: str) -> None:
    assert updated(tmp_path, before, reply, TEXT) == after


def test_the_first_word_of_a_greeting_is_the_servers_name(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220-alpha ready\nS: 220 b\n", encoding="utf-8")
    answer = replace(answer_to(path, b"220-beta ready\r\n220 c\r\n", TEXT, ""), greets=True)
    assert [edit.new for edit in plan_update(path, [answer], ()).edits] == [("S: 220 c",)]
    assert len(plan_update(path, [replace(answer, greets=False)], ()).edits) == 2


def test_a_pattern_that_takes_too_long_is_not_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "SECONDS", 0.05)
    reply = b"250-" + b"ab" * 3000 + b"\r\n550 x\r\n"
    left = updated(tmp_path, "S~ 250.(a|b|ab)*c\nS: 250 x\n", reply)
    assert left == "1: no line of the reply meets the pattern in line 1; change it by hand"


def test_a_reply_of_500_lines_is_compared_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("".join(f"S= 250-{number}\n" for number in range(500)), encoding="utf-8")
    answer = answer_to(path, b"".join(b"250-%d\r\n" % number for number in range(1, 501)), EXACT)
    assert [edit.old for edit in plan_update(path, [answer], ()).edits] == [("S= 250-0",), ()]


def test_a_long_reply_is_compared_up_to_the_first_difference(tmp_path: Path) -> None:
    lines = ["S: 2yz-0", *(f"S: 250-{number}" for number in range(1, 600))]
    came = [f"250-{number}" for number in range(600)]
    before = "".join(f"{line}\n" for line in [*lines, "S: 250 end"])
    replies = [
        ([*came, "250 other"], [*lines, "S: 250 other"]),
        ([*came[:5], "250-new", *came[5:], "250 end"], [*lines[:5], "S: 250-new", *lines[5:], "S: 250 end"]),
        (["250-new", *came[1:], "250 end"], ["S: 250-new", *lines[1:], "S: 250 end"]),
        ([*came[:595], "250 end"], [*lines[:595], "S: 250 end"]),
        ([*came, "250-end", "250 more"], [*lines, "S: 250-end", "S: 250 more"]),
    ]
    for reply, after in replies:
        octets = "".join(f"{line}\r\n" for line in reply).encode()
        assert updated(tmp_path, before, octets, TEXT).splitlines() == after


def test_a_reply_that_the_transcript_lacks_is_added_where_it_came(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    for text, after in (
        ("C: NOOP\nC: QUIT\n", "C: NOOP\nS: 250-a\nS: 250 b\nC: QUIT\n"),
        ("  1.5 C: NOOP\nC: QUIT\n", "  1.5 C: NOOP\n      S: 250-a\n      S: 250 b\nC: QUIT\n"),
        ("\ufeff C: NOOP\nC: QUIT\n", "\ufeff C: NOOP\n S: 250-a\n S: 250 b\nC: QUIT\n"),
        ("C: NOOP", "C: NOOP\nS: 250-a\nS: 250 b\n"),
    ):
        path.write_text(text, encoding="utf-8", newline="")
        answer = Answer(str(path), (), b"250-a\r\n250 b\r\n", CODE, False, "NOOP", after=1)
        write_update(plan_update(path, [answer], stamp_of(path)))
        assert path.read_text(encoding="utf-8") == after
    path.write_text("", encoding="utf-8")
    write_update(plan_update(path, [replace(answer, after=0)], stamp_of(path)))
    assert path.read_text(encoding="utf-8") == "S: 250-a\nS: 250 b\n"


def test_a_file_that_is_not_what_was_compared_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 250 a\n", encoding="utf-8")
    answer = answer_to(path, b"550 no\r\n")
    for text in ("S: 250 b\n", "S= 250 a\n", "C: NOOP\n", "\n", "", "S: 250 a\rx\n"):
        path.write_text(text, encoding="utf-8", newline="")
        update = plan_update(path, [answer], stamp_of(path))
        assert update.left == (f"{path}:1: the line is not in this file as it was compared; change it by hand",)


def test_what_is_left_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("C: NOOP\nS: 250 a\nC: RSET\nS: 250 b\nC: HELP\n", encoding="utf-8")
    whole = answer_to(path, None)
    first, second = (replace(whole, lines=(line,)) for line in whole.lines)
    nothing = Answer(str(path), (), None, CODE, False, after=5)
    broken = replace(second, octets=b"550 no\r\n", broken=True)
    update = plan_update(path, [broken, first, nothing], stamp_of(path))
    assert update.left == (
        f"{path}:4: the reply broke the protocol, and what is expected stays as it is",
        f"{path}:2: no whole reply came, and what is expected stays as it is",
        f"{path}:5: no whole reply came, and what is expected stays as it is",
    )
    good = replace(first, octets=b"550 no\r\n")
    assert [edit.first for edit in plan_update(path, [replace(good, lines=second.lines), good], ()).edits] == [2, 4]


def test_a_file_that_changed_since_or_is_a_link_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 250\n", encoding="utf-8")
    update = plan_update(path, [answer_to(path, b"550 no\r\n")], stamp_of(path))
    changed = f"{path} has changed since it was replayed, and stays as it is; replay it again."
    for stamp in ((), (1, 2, 3)):
        with pytest.raises(UsageError) as raised:
            write_update(replace(update, stamp=stamp))
        assert raised.value.message == changed
    link = tmp_path / "link.smtp"
    link.symlink_to(path)
    with pytest.raises(UsageError, match="is a link, and what it leads to stays as it is; name the file itself"):
        write_update(replace(update, path=link))
    os.unlink(path)
    assert stamp_of(path) == ()
    with pytest.raises(UsageError) as raised:
        write_update(replace(update, stamp=()))
    assert raised.value.message == changed


def of_included(path: Path, reply: bytes, *, ok: bool = False) -> Answer:
    """Return a reply to all the `S` lines of a file that `a.smtp` includes."""
    answer = answer_to(path, reply)
    lines = tuple(replace(line, line=IncludedLine.of(line.line, escape_str(str(path)))) for line in answer.lines)
    return replace(answer, path="a.smtp", lines=lines, ok=ok)


TWICE = "this line is included more than once, and the replies to it differ; change it by hand"
SAID = b"550-a\r\n550 b\r\n"
OTHER = b"551-a\r\n551 b\r\n"


@pytest.mark.parametrize(
    ("replies", "after", "left"),
    [
        ([(SAID, False)], "S: 550-a\nS: 550 b\n", []),
        ([(SAID, False), (SAID, False)], "S: 550-a\nS: 550 b\n", []),
        ([(SAID, False), (OTHER, False)], "", [TWICE]),
        ([(OTHER, True), (SAID, False)], "", [TWICE]),
        ([(SAID, False), (OTHER, True)], "", [TWICE]),
    ],
)
def test_an_included_file_changes_where_that_is_right_in_each_place(
    tmp_path: Path, replies: list[tuple[bytes, bool]], after: str, left: list[str]
) -> None:
    part = tmp_path / "part.smtp"
    part.write_text("C: HELP\nS: 250-a\nS: 250 b\n", encoding="utf-8")
    log = AnswerLog([Path("a.smtp")])
    for reply, ok in replies:
        log(of_included(part, reply, ok=ok))
    (update,) = log.updates()
    assert (update.path, update.is_included, log.files) == (part, True, {"a.smtp": {part}})
    assert list(update.left) == [f"{part}:2: {reason}" for reason in left]
    if after:
        write_update(update)
        assert part.read_text(encoding="utf-8") == f"C: HELP\n{after}"
    else:
        assert update.edits == ()


def test_a_file_that_is_replayed_and_included_changes_where_both_replies_are_the_same(tmp_path: Path) -> None:
    part = tmp_path / "part.smtp"
    part.write_text("C: HELP\nS: 250\n", encoding="utf-8")
    own = answer_to(part, b"550 a\r\n")
    for other, count in ((b"550 x\r\n", 1), (b"551 x\r\n", 0)):
        for answers in ([own, of_included(part, other)], [of_included(part, other), own]):
            assert len(plan_update(part, answers, ()).edits) == count


def test_a_reply_that_an_included_file_lacks_or_shares_is_left_to_the_user(tmp_path: Path) -> None:
    part, other = tmp_path / "part.smtp", tmp_path / "other.smtp"
    part.write_text("C: HELP\nS: 250-a\nS: 250 b\n", encoding="utf-8")
    other.write_text("C: HELP\nS: 250-a\nS: 250 b\n", encoding="utf-8")
    whole = of_included(part, SAID)
    more = replace(whole, lines=(), after=whole.lines[0].line)
    update = plan_update(part, [more, whole], ())
    assert [edit.first for edit in update.edits] == [2, 3]
    assert update.left == (f"{part}:2: a reply came that this included file does not have; add it by hand",)
    shared = replace(whole, lines=(whole.lines[0], of_included(other, SAID).lines[1]))
    assert plan_update(part, [shared], ()).left == (f"{part}:2: the reply is expected in two files; change it by hand",)
    # Of several reasons the first is told.
    broken = [replace(whole, octets=None), replace(whole, broken=True)]
    assert plan_update(part, broken, ()).left == (
        f"{part}:2: no whole reply came, and what is expected stays as it is",
    )
    # A pattern may leave open how many lines a reply has.
    short = replace(whole, lines=whole.lines[:1])
    assert plan_update(part, [whole, short], ()).left == (f"{part}:2: {TWICE}",)


def test_the_name_of_an_included_file_may_be_no_utf_8(tmp_path: Path) -> None:
    log = AnswerLog([Path("a.smtp")])
    line = replace(ExpectedLine.literal(b"250 x"), line=IncludedLine.of(1, r"part\xff.smtp"))
    log(Answer("a.smtp", (line,), b"550 x\r\n", CODE, False))
    assert list(log.differing) == [Path("part\udcff.smtp")]


def test_answers_are_kept_where_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 250\nC: NOOP\nS: 251\n", encoding="utf-8")
    log = AnswerLog([path])
    whole = answer_to(path, b"550 no\r\n")
    log(replace(whole, ok=True))
    log(replace(whole, path="elsewhere.smtp"))
    assert (log.differing, log.files, list(log.updates())) == ({}, {}, [])
    log(whole)
    assert (list(log.differing), log.files) == ([path], {str(path): {path}})


def test_a_diff_masks_credentials_and_leaves_a_byte_order_mark_out(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(
        "\ufeffS: 220 a\n\n  C: AUTH PLAIN AGFubgBzM2NyZXQ=\n# note\n1.5 S: 235 fine\n", encoding="utf-8", newline=""
    )
    first, second = answer_to(path, None).lines
    answers = [
        Answer(str(path), (first,), b"220 b\r\n", TEXT, False),
        Answer(str(path), (second,), b"535 no\r\n", TEXT, False, "AUTH"),
    ]
    update = plan_update(path, answers, stamp_of(path))
    assert list(diff_lines(update)) == [
        f"--- {path}",
        f"+++ {path}",
        "@@ -1,4 +1,4 @@",
        "-S: 220 a",
        "+S: 220 b",
        " ",
        "   C: AUTH PLAIN ${sasl}",
        " # note",
        "@@ -5,1 +5,1 @@",
        "-1.5 S: 235 fine",
        "+1.5 S: 535 no",
    ]


@pytest.mark.parametrize(
    ("text", "is_included", "context"),
    [
        # The fields of a header are left out, and empty lines are shown.
        ("Transcript: 1\nTitle: a\n\nS: 250\n", False, ["@@ -3,2 +3,2 @@", " ", "-S: 250", "+S: 550"]),
        ("S: 250\n# note\n\n \n", False, ["@@ -1,4 +1,4 @@", "-S: 250", "+S: 550", " # note", " ", " "]),
        # An included file may begin in an AUTH exchange.
        ("C: c2VjcmV0\nS: 250\n", True, ["@@ -1,2 +1,2 @@", " C: ${sasl}", "-S: 250", "+S: 550"]),
        ("C: c2VjcmV0\nS: 250\n", False, ["@@ -1,2 +1,2 @@", " C: c2VjcmV0", "-S: 250", "+S: 550"]),
        ("# a note\nC: c2VjcmV0\nS: 250\n", True, ["@@ -1,3 +1,3 @@", " # a note", " C: ${sasl}", "-S: 250", "+S: 550"]),
        ("C: NOOP x\nC: c2VjcmV0\nS: 250\n", True, ["@@ -1,3 +1,3 @@", " C: NOOP x", " C: c2VjcmV0", "-S: 250", "+S: 550"]),
    ],
)  # fmt: skip
def test_what_a_diff_shows_beside_the_change(tmp_path: Path, text: str, is_included: bool, context: list[str]) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(text, encoding="utf-8")
    update = plan_update(path, [answer_to(path, b"550 no\r\n")], ())
    assert list(diff_lines(replace(update, is_included=is_included)))[2:] == context


def longest_common(left: list[str], right: list[str]) -> int:
    """Return how many lines two lists have in common, in the order of both."""
    row = [0] * (len(right) + 1)
    for each in left:
        above = row[:]
        for place, other in enumerate(right):
            row[place + 1] = above[place] + 1 if each == other else max(above[place + 1], row[place])
    return row[-1]


words = st.lists(st.sampled_from("abcd"), max_size=7)


@given(words, words)
@example(["a", "b", "c", "a"], ["c", "a", "b", "a"])
@example(["b", "a", "d", "b"], ["d", "b"])
def test_as_few_lines_change_as_can(before: list[str], came: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.smtp"
        path.write_text("".join(f"S= 250-{each}\n" for each in before) + "S= 250 end\n", encoding="utf-8")
        reply = "".join(f"250-{each}\r\n" for each in came).encode() + b"250 end\r\n"
        update = plan_update(path, [answer_to(path, reply, EXACT)], stamp_of(path))
        write_update(update)
        assert path.read_text(encoding="utf-8") == "".join(f"S= 250-{each}\n" for each in came) + "S= 250 end\n"
    assert sum(len(edit.old) for edit in update.edits) == len(before) - longest_common(before, came)
