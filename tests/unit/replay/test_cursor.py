"""The cursor over a transcript: what comes next, what is passed over, and how far it looks ahead."""

from __future__ import annotations

import pytest

from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step
from tests.unit.replay.fake import cursor_over

LINES = (Marker.CLIENT, Marker.PIPELINED)
ENDS = {
    # the next line: the client drops the connection, closes it, the server does, it ends without a reply
    "*: close": (False, True, False, True),
    "*: close at the end": (False, True, False, True),
    "*: close dropped": (True, True, False, True),
    "*: close dropped at once": (True, True, False, True),
    "*: close reset": (True, True, False, True),
    "*: close reset hard": (True, True, False, True),
    "*: close server": (False, False, True, False),
    "*: close server in the end": (False, False, True, False),
    "*: timeout": (False, False, False, True),
    "*: timeout 5": (False, False, False, False),
    "*: timeout 5 the reply": (False, False, False, False),
    "*: error": (False, False, False, False),
    "*: error server": (False, False, False, False),
    "*: error dropped": (False, False, False, False),
    "*: wait 1": (False, False, False, False),
    "*: connect server:25": (False, False, False, False),
    "C: NOOP": (False, False, False, False),
    "S: 250": (False, False, False, False),
    "C< letter.eml": (False, False, False, False),
}


@pytest.mark.parametrize("line", ENDS)
def test_how_a_connection_ends_next(line: str) -> None:
    cursor = cursor_over(line)
    found = (cursor.drops_next, cursor.closes_next, cursor.server_closes, cursor.ends_unanswered)
    assert found == ENDS[line]
    cursor = cursor_over("S: 250", line)
    expected = cursor.take_expected()
    assert expected is not None
    cursor.put_back_expected(expected.lines)
    # What is put back comes first: the connection does not end before it.
    assert (cursor.drops_next, cursor.closes_next, cursor.server_closes) == (False, False, False)


def test_at_its_end_nothing_comes_next() -> None:
    cursor = cursor_over()
    assert (cursor.step, cursor.expects, cursor.line, cursor.within, cursor.within_ahead) == (
        None,
        False,
        0,
        None,
        None,
    )
    assert (cursor.drops_next, cursor.closes_next, cursor.server_closes, cursor.ends_unanswered) == (False,) * 4
    assert (cursor.next_event(), cursor.recorded_wait, cursor.take_expected()) == ("", None, None)
    assert (cursor.count_expected(), cursor.count_after_octets(), cursor.greeting_follows()) == (0, 0, False)
    assert cursor.take_run(LINES, ".", 100) == []
    assert list(cursor.look_ahead()) == []
    cursor.advance()
    assert cursor.line == 0


@pytest.mark.parametrize(
    ("line", "name", "seconds"),
    [
        ("*: timeout 5 the reply", "timeout", 5.0),
        ("*: timeout 0.5", "timeout", 0.5),
        ("*: timeout", "timeout", None),
        ("*: timeout of the reply", "timeout", None),
        ("*: error 5", "error", None),
        ("*: wait 5", "wait", None),
        ("C: timeout 5", "", None),
        ("S: 250", "", None),
    ],
)
def test_a_wait_that_was_recorded(line: str, name: str, seconds: float | None) -> None:
    cursor = cursor_over(line)
    assert (cursor.next_event(), cursor.recorded_wait) == (name, seconds)


@pytest.mark.parametrize("line", ["# a note", "*: tls TLSv1.3", "*: anything else", "S| ", "S|"])
def test_what_a_replay_does_not_act_on_is_passed_over(line: str) -> None:
    cursor = cursor_over(line, "C: NOOP", line, line, "S: 250", line)
    assert cursor.step is not None
    assert (cursor.step.text, cursor.line) == ("NOOP", 0)
    cursor.advance()
    assert (cursor.expects, cursor.line) == (True, 2)
    cursor.advance()
    assert (cursor.expects, cursor.line, cursor.next_event(), list(cursor.look_ahead())) == (False, 5, "", [])


@pytest.mark.parametrize(
    "line", ["C: NOOP", "C& NOOP", "C| NOOP", "C< letter.eml", "S: 250", "S~ 250", "S= 250", "S| 2", "S~ ", "S= "]
)
def test_what_a_replay_acts_on_is_not(line: str) -> None:
    cursor = cursor_over("# note", line)
    assert cursor.step is not None
    assert f"{cursor.step.marker} {cursor.step.text}" == line


@pytest.mark.parametrize(
    ("lines", "counts_for"),
    [
        (("C: NOOP", "*: within 2"), "now"),
        (("C: NOOP", "*: within 2", "*: timeout"), "now"),
        (("C: NOOP", "*: within 2", "*: timeout 3"), "now"),
        (("C: NOOP", "*: within 2", "*: error"), "now"),
        (("C: NOOP", "*: within 2", "*: error odd"), "now"),
        (("C: NOOP", "*: within 2", "*: close"), "now"),
        (("C: NOOP", "*: within 2", "*: close at the end"), "now"),
        (("C: NOOP", "*: within 2", "*: close dropped"), "now"),
        (("C& NOOP", "*: within 2", "*: close"), "now"),
        (("C| NOOP", "*: within 2", "*: close"), "now"),
        (("C< letter.eml", "*: within 2", "*: close"), "now"),
        (("C: NOOP", "*: within 2", "*: close server"), "next"),
        (("C: NOOP", "*: within 2", "*: close server in the end"), "next"),
        (("C: NOOP", "*: within 2", "C: RSET"), "next"),
        (("C: NOOP", "*: within 2", "S: 250"), "next"),
        (("C: NOOP", "*: within 2", "*: wait 1"), "next"),
        (("S: 220", "*: within 2", "*: close"), "next"),
        (("*: wait 1", "*: within 2"), "next"),
    ],
)
def test_which_reply_a_time_counts_for(lines: tuple[str, ...], counts_for: str) -> None:
    cursor = cursor_over(*lines)
    cursor.advance()
    assert (cursor.within, cursor.within_ahead) == ((2.0, None) if counts_for == "now" else (None, 2.0))
    cursor.advance()
    assert (cursor.within, cursor.within_ahead) == (2.0, None)


def test_of_two_times_before_one_reply_the_last_one_counts() -> None:
    cursor = cursor_over("*: within 2", "*: within 3", "S: 220")
    assert (cursor.within, cursor.within_ahead) == (None, 3.0)
    assert cursor.take_expected() is not None
    assert (cursor.within, cursor.within_ahead) == (3.0, None)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (("S: 250",), 1),
        (("S: 250-a", "S: 250 b", "S: 251"), 2),
        (("S: 250-a", "S: 250-b"), 1),
        (("S: 250", "# note", "S: 251", "C: NOOP", "S: 252"), 2),
        (("S~ a", "S: 250"), 1),
        (("S: 250", "S~ a"), 2),
        (("C: NOOP", "S: 250"), 0),
    ],
)
def test_how_many_replies_are_expected(lines: tuple[str, ...], count: int) -> None:
    assert cursor_over(*lines).count_expected() == count


def test_replies_that_are_put_back_are_counted_and_come_first() -> None:
    cursor = cursor_over("S: 250-a", "S: 250 b", "S: 251", "C: NOOP")
    first = cursor.take_expected()
    assert first is not None
    cursor.put_back_expected(first.lines[1:])
    assert (cursor.expects, cursor.count_expected()) == (True, 2)
    second, third = cursor.take_expected(), cursor.take_expected()
    assert (str(second), str(third), cursor.expects) == ("250 b", "251", False)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (("S: 250",), 1),
        (("S: 250-a", "S: 250 b", "S: 251"), 2),
        (("C| NO", "C| OP\\r\\n", "S: 250", "S: 251"), 2),
        (("C| NOOP\\r\\n", "# note", "S: 250", "C| RSET\\r\\n", "S: 251"), 1),
        (("C: NOOP", "S: 250"), 0),
        (("C| NOOP\\r\\n", "C: NOOP", "S: 250"), 0),
        (("*: close", "S: 250"), 0),
    ],
)
def test_how_many_replies_follow_octets(lines: tuple[str, ...], count: int) -> None:
    assert cursor_over(*lines).count_after_octets() == count


@pytest.mark.parametrize(
    ("lines", "expected", "numbers"),
    [
        (["S| 250 a\\r\\n251 b\\r\\n"], ["250 a\\r\\n", "251 b\\r\\n"], [1, 1]),
        (["S| 25", "S| 0 a\\r", "S| \\n", "S: 251"], ["250 a\\r\\n", "251\\r\\n"], [1, 4]),
        (["S| 250-a\\r\\n25", "S| 0 b\\r\\n"], ["250-a\\r\\n|250 b\\r\\n"], [1, 1]),
        (["S| 250 a\\r\\n", "S| 251 b\\r\\n"], ["250 a\\r\\n", "251 b\\r\\n"], [1, 2]),
        (["S| 250 a"], ["250 a"], [1]),
        (["S| 250 a\\r\\nrest", "C: NOOP"], ["250 a\\r\\n", "rest"], [1, 1]),
    ],
)
def test_literal_lines_are_cut_where_the_server_ends_them_and_keep_the_number_of_the_line_they_began_in(
    lines: list[str], expected: list[str], numbers: list[int]
) -> None:
    cursor = cursor_over(*lines)
    found = []
    found_in = []
    while (reply := cursor.take_expected()) is not None:
        found_in += [line.line for line in reply.lines]
        found.append("|".join(line.octets.decode().replace("\r", "\\r").replace("\n", "\\n") for line in reply.lines))
    assert found == expected
    assert found_in == numbers
    assert not cursor.expects


def test_what_is_expected_is_passed_with_the_time_for_it() -> None:
    cursor = cursor_over("S: 250-a", "*: within 2", "S: 250 b", "S| 251 c\\r\\n252", "C: NOOP", "S: 253")
    cursor.skip_expected()
    assert cursor.step is not None
    assert (cursor.step.text, cursor.within, cursor.line) == ("NOOP", None, 4)


@pytest.mark.parametrize(
    ("lines", "follows"),
    [
        (("C| PROXY TCP4 192.0.2.1 192.0.2.2 1 2\\r\\n", "C: NOOP"), True),
        (("C: PROXY UNKNOWN",), True),
        (("C: NOOP", "S: 220", "S: 250"), True),
        (("C& NOOP", "C: RSET", "S: 220", "S: 250", "S: 250"), True),
        (("C: NOOP", "S: 220-a", "S: 220 b", "S: 250"), True),
        (("C: NOOP", "S: 220"), False),
        (("C: NOOP", "S: 220", "S: 250", "S: 250"), False),
        (("C& NOOP", "C: RSET", "S: 220", "S: 250"), False),
        (("C: NOOP", "S: 250", "S: 250"), False),
        (("C: NOOP", "C: RSET", "S: 220", "S: 250"), False),
        (("C: NOOP", "C: RSET", "S: 220", "S: 250", "S: 250"), False),
        (("C& NOOP", "S: 220", "C: RSET", "S: 250", "S: 250"), False),
        (("C& NOOP", "*: wait 1", "S: 220", "S: 250", "S: 250"), False),
        (("C: NOOP", "*: wait 1", "S: 220", "S: 250"), False),
        (("C: STARTTLS", "S: 220", "S: 250"), False),
        (("C& NOOP", "C: STARTTLS", "S: 220", "S: 250", "S: 250"), False),
        (("C: NOOP", "S: 220", "C: RSET", "S: 250"), False),
        (("C& NOOP", "C| RSET\\r\\n", "S: 220", "S: 250"), False),
        (("C: NOOP",), False),
        (("C| NOOP\\r\\n", "S: 220"), True),
        (("C| NO", "# note", "C| OP\\r\\n", "S: 220"), True),
        (("C| NOOP\\r\\n", "S: 250"), False),
        (("C| NOOP\\r\\n", "S~ 220"), False),
        (("C| NOOP\\r\\n", "C: RSET", "S: 220"), False),
        (("C| NOOP\\r\\n",), False),
        (("C| NOOP\\r\\n", "*: close"), False),
        (("S: 220", "C: NOOP", "S: 250"), False),
        (("*: wait 1",), False),
    ],
)
def test_whether_the_client_speaks_first(lines: tuple[str, ...], follows: bool) -> None:
    assert cursor_over(*lines).greeting_follows() is follows


@pytest.mark.parametrize(
    ("lines", "most", "taken", "following"),
    [
        (("C: a", "C: b", "C: ."), 100, ["a", "b", "."], None),
        (("C: .", "C: a"), 100, ["."], "a"),
        (("C: a", "C: .", "C: b"), 100, ["a", "."], "b"),
        (("C: a", "# note", "C& b", "S: 250"), 100, ["a", "b"], "250"),
        (("C: a", "C| b", "C: ."), 100, ["a"], "b"),
        (("C: abc", "C: de", "C: f"), 5, ["abc", "de"], "f"),
        (("C: abc", "C: d", "C: e"), 5, ["abc", "d", "e"], None),
        (("S: 250", "C: a"), 100, [], "250"),
    ],
)
def test_lines_that_are_taken_at_once(
    lines: tuple[str, ...], most: int, taken: list[str], following: str | None
) -> None:
    cursor = cursor_over(*lines)
    assert [step.text for step in cursor.take_run(LINES, ".", most)] == taken
    assert (cursor.step.text if cursor.step is not None else None) == following


def test_a_time_among_the_lines_counts_for_the_reply_to_all_of_them() -> None:
    cursor = cursor_over("C: a", "*: within 2", "C: .", "S: 250")
    cursor.take_run(LINES, ".", 100)
    assert cursor.within == 2.0


@pytest.mark.parametrize("name", ["", "lab.smtp"])
def test_the_name_of_the_transcript_is_kept(name: str) -> None:
    assert StepCursor((), *([name] if name else [])).name == name


def many(count: int, text: str = "x") -> list[Step]:
    return [Step(Marker.CLIENT, text, None, number) for number in range(1, count + 1)]


def test_only_so_many_lines_are_taken_at_once() -> None:
    cursor = cursor_over(steps=many(1_005))
    cursor.read_ahead()
    assert len(cursor.take_run(CLIENT_LINES, ".", 10**9)) == 1_000
    assert (cursor.line, len(cursor.take_run(CLIENT_LINES, ".", 10**9))) == (1_000, 5)


def test_lines_that_are_put_back_come_again() -> None:
    cursor = cursor_over("C: a", "C: b", "C: c", "S: 250")
    taken = cursor.take_run(LINES, ".", 100)
    cursor.put_back(taken[1:], 1)
    assert cursor.line == 1
    assert [step.text for step in cursor.take_run(LINES, ".", 100)] == ["b", "c"]
    assert (cursor.expects, cursor.line) == (True, 3)
    cursor = cursor_over("C: a", "C: b")
    cursor.put_back(cursor.take_run(LINES, ".", 100)[1:], 1)
    assert [step.text for step in cursor.look_ahead()] == ["b"]


def test_the_look_ahead_is_bounded_in_steps_and_in_size() -> None:
    cursor = cursor_over(steps=many(1_005))
    assert len(list(cursor.look_ahead())) == 1_000
    assert len(list(cursor.look_ahead())) == 1_000  # nothing is passed
    quarter = "x" * (256 * 1024)
    assert len(list(cursor_over(steps=many(6, quarter)).look_ahead())) == 4
    assert len(list(cursor_over(steps=many(6, quarter + "x")).look_ahead())) == 3


def test_the_look_ahead_gives_all_and_what_is_acted_on() -> None:
    cursor = cursor_over("C: a", "# note", "*: odd", "S: 250", "*: close")
    assert [step.marker for step in cursor.look_ahead()] == ["C:", "#", "*:", "S:", "*:"]
    assert [step.marker for step in cursor.look_ahead_acted()] == ["C:", "S:", "*:"]


def test_what_is_read_ahead_is_little_and_comes_in_order() -> None:
    read: list[int] = []

    def steps() -> list[Step]:
        return many(100)

    def reading() -> object:
        for step in steps():
            read.append(step.line)
            yield step

    cursor = StepCursor(reading())  # type: ignore[arg-type]
    assert read == [1]
    cursor.read_ahead()
    assert read == list(range(1, 18))
    cursor.read_ahead()
    assert len(read) == 17
    cursor.advance()
    cursor.read_ahead()
    assert len(read) == 33
    seen = []
    while cursor.step is not None:
        seen.append(cursor.step.line)
        cursor.advance()
    assert seen == list(range(2, 101))


@pytest.mark.parametrize(
    ("lines", "number", "is_open"),
    [
        (("S: 250-a", "S: 250 b"), 2, False),
        (("S: 250-a", "*: within 2", "S: 250 b"), 1, False),
        (("S~ 250.*", "S: 250 b"), 2, True),
        (("S~ 250.*", "S: 250-b", "S: 250 c"), 3, True),
        (("S: 250 a", "S~ 250.*"), 1, False),
    ],
)
def test_which_lines_make_a_reply_and_whether_it_may_end_before_the_last(
    lines: tuple[str, ...], number: int, is_open: bool
) -> None:
    taken = cursor_over(*lines).take_expected()
    assert taken is not None
    assert (len(taken.lines), taken.is_open) == (number, is_open)


def test_of_several_replies_that_are_put_back_each_comes_again() -> None:
    cursor = cursor_over("S: 250", "S: 214", "C: NOOP")
    first, second = cursor.take_expected(), cursor.take_expected()
    assert first is not None
    assert second is not None
    cursor.put_back_expected((*first.lines, *second.lines))
    assert [str(cursor.take_expected()), cursor.expects, str(cursor.take_expected()), cursor.expects] == [
        "250",
        True,
        "214",
        False,
    ]
