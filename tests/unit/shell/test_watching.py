"""`/watch`: a line that is repeated, and what has changed."""

import re

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.commands.watch import _split
from smtp_shell.shell.typed_secrets import is_kept, mask_start
from tests.unit.cli.program import commands, run
from tests.unit.shell.fake import FakeTransport, make_shell


def said(rows: list[str]) -> list[str]:
    """Return what was said, without the times."""
    return [re.sub(r"\(.*s\)$|\d\d:\d\d:\d\d|in [\d.]+ m?s|in < 1 ms", "", row).strip() for row in rows]


class Changing(FakeTransport):
    """A server whose replies change."""

    replies: tuple[bytes, ...] = ()

    def _answer(self, line: bytes) -> bytes:
        first, *self.replies = self.replies  # type: ignore[assignment]
        return first


def watched(*replies: bytes, line: str) -> tuple[list[str], bytes]:
    """Run a line on a server with these replies, and return what was said and sent."""
    shell, server, screen = make_shell()
    server.__class__ = Changing
    server.replies = replies  # type: ignore[attr-defined]
    shell.run(line)
    return said(screen.said), server.heard


def test_a_line_is_repeated_as_often_as_is_said_and_the_same_answer_takes_one_line() -> None:
    found, heard = watched(*[b"250 ok\r\n"] * 3, line="/watch --count 3 0.1 noop")
    assert heard == b"noop\r\n" * 3
    assert found == ["first: 250 ok", "same: 250 ok", "same: 250 ok", "3 runs , no change"]


def test_what_has_changed_is_shown_with_what_it_was() -> None:
    found, _ = watched(b"250 ok\r\n", b"451 4.3.2 later\r\n", b"451 4.3.2 later\r\n", line="/watch --count 3 0.1 noop")
    assert found == [
        "first: 250 ok",
        "CHANGED: 451 4.3.2 later",
        "- S: 250 ok",
        "+ S: 451 4.3.2 later",
        "same: 451 4.3.2 later",
        "3 runs , 1 change",
    ]


def test_times_and_queue_numbers_are_no_change_and_the_level_of_comparison_is_the_users() -> None:
    replies = (b"250 2.0.0 Ok: queued as 21F2EF8A84\r\n", b"250 2.0.0 Ok: queued as 1069DF9835\r\n")
    assert "same: 250 2.0.0 Ok: queued as 1069DF9835" in watched(*replies, line="/watch --count 2 0.1 noop")[0]
    replies = (b"250 one\r\n", b"250 two\r\n")
    assert "CHANGED: 250 two" in watched(*replies, line="/watch --count 2 0.1 noop")[0]
    assert "same: 250 two" in watched(*replies, line="/watch --count=2 --match=code 0.1 noop")[0]


def test_the_first_change_can_end_it() -> None:
    found, heard = watched(b"250 a\r\n", b"250 a\r\n", b"450 b\r\n", line="/watch --until-change 0.1 noop")
    assert heard == b"noop\r\n" * 3
    assert found[-1] == "3 runs , 1 change"


def test_the_dialogue_is_shown_once_and_again_when_it_has_changed() -> None:
    shell, server, screen = make_shell()
    server.__class__ = Changing
    server.replies = (b"250 a\r\n", b"250 a\r\n", b"250 b\r\n")  # type: ignore[attr-defined]
    screen.entries.clear()
    shell.run("/watch --count 3 0.1 noop")
    assert len(screen.entries) == 4
    assert [each["changed"] for each in screen.answers] == [False, False, True]
    assert shell.followers == []
    shell.outlet.to.say("x")
    assert screen.said[-1] == "x"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "takes seconds and a line"),
        ("5", "takes seconds and a line"),
        ("x noop", "a number from 0.1"),
        ("nan noop", "a number from 0.1"),
        ("0 noop", "a number from 0.1"),
        ("1e9 noop", "a number from 0.1"),
        ("--count 0 1 noop", "a number from 1"),
        ("--count x 1 noop", "a number from 1"),
        ("--match words 1 noop", "it takes one of code"),
        ("--often 1 noop", "has no option --often"),
        ("1 --often noop", "has no option --often"),
        ("--count 2 1 --count 2 noop", "--count is given twice"),
        ("1 --count 2", "takes seconds and a line"),
        ("1 /watch 1 noop", "cannot be repeated"),
        ("1 /exit", "cannot be repeated"),
        ("1 auth plain AHN0dWRlbnQAb3BlbiBzZXNhbWU=", "AUTH is not repeated"),
        ("1 /reconnect --back", "AUTH is not repeated"),
        ("1 /nowhere", "is no command of the shell"),
        ("1 data", "the server waits for what follows"),
    ],
)
def test_what_cannot_be_repeated_is_said(words: str, reason: str) -> None:
    shell, _, _ = make_shell(before=("ehlo", "mail <>", "rcpt bob@example.org"))
    with pytest.raises(UsageError, match=reason):
        shell.run(f"/watch {words}")


def test_the_words_of_a_slash_command_are_compared_where_there_is_no_reply() -> None:
    shell, _, screen = make_shell(before=("ehlo",))
    found: list[str] = ["port 25 open, 12 ms", "port 587 open"]

    def tell() -> None:
        shell.say(found[0])
        shell.view.answer([(found[1], "quoted")], [])
        found[:] = ["port 25 open, 15 ms", found[1]] if found[0].endswith("12 ms") else [found[0], "port 587 closed"]

    shell.after_line.append(tell)
    screen.said.clear()
    shell.run("/watch --count 3 0.1 /note x")
    shell.after_line.clear()
    rows = said(screen.said)
    assert "same: 2 lines" in rows
    assert "CHANGED: 2 lines" in rows
    assert rows.index("- port 587 open") == rows.index("+ port 587 closed") - 1


def test_options_of_the_line_are_its_own() -> None:
    assert _split("--count 3 --until-change 5 /show --x 1") == ("--count 3 --until-change ", "5 /show --x 1")
    assert _split("5 --count 3") == ("", "5 --count 3")
    assert _split("--count 3 /show --x 1") == ("--count 3 ", "/show --x 1")


@pytest.mark.parametrize("words", ["--count 2 0.1", "0.1 --count 2", "--match code 0.1 --count=2"])
def test_options_stand_before_the_seconds_or_after_them(words: str) -> None:
    assert watched(*[b"250 ok\r\n"] * 3, line=f"/watch {words} noop")[1] == b"noop\r\n" * 2


def test_a_credential_in_the_line_is_masked_and_not_kept() -> None:
    secret = "AHN0dWRlbnQAb3BlbiBzZXNhbWU="
    for start in ("/watch 5 auth plain ", "/watch --count 2 5 AUTH PLAIN ", "/pipeline ehlo; auth plain "):
        assert mask_start(start + secret) == len(start)
        assert not is_kept(start + secret, None)
    assert is_kept("/watch 5 mail author@example.org", None)
    assert mask_start("/watch 5 noop") is None


def test_a_server_that_is_gone_and_a_new_connection_are_changes() -> None:
    done = run("practice", *commands("/watch --count 2 0.1 /reconnect"), "--keep-going")
    assert done.returncode == 0
    assert b"same: 220 practice.example ESMTP" in done.stdout
    done = run("practice", *commands("/watch --count 2 0.1 quit"), "--keep-going")
    assert done.returncode == 2
    assert b"first: 221 2.0.0 Bye" in done.stdout
    assert b"there is no connection" in done.stderr
