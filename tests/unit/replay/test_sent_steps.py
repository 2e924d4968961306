"""What is known of a step that was sent: how it may be shown, which events it made, and what follows from the reply to it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from smtp_shell.errors import SmtpShellError, TlsFailed
from smtp_shell.protocol.events import CommandSent, Entry
from smtp_shell.replay.client import SentStep
from smtp_shell.replay.results import LONGEST_SHOWN
from smtp_shell.replay.settings import ReplaySettings
from tests.unit.replay.test_client import OK, Bench

LONG = "x" * LONGEST_SHOWN


def sent_by(bench: Bench) -> SentStep:
    sent = bench.send()
    assert sent is not None
    return sent


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([f"C: NOOP {LONG}"], f"NOOP {LONG[5:]}"),
        ([f"C: NOOP ${{word}} {LONG}"], f"NOOP hi {LONG[8:]}"),
        ([f"C& NOOP {LONG}", "C: RSET"], f"NOOP {LONG[5:]}…"),
        (["C& NOOP"] * 149 + ["C: RSET"], "\n".join(["NOOP"] * 100)),
        (["C& AUTH LOGIN", f"C: {LONG}{LONG}"], "AUTH LOGIN\n${sasl}"),
        (["C& ", "C: "], "(an empty line)\n(an empty line)"),
        (["C& NOOP ${word}", "C: RSET"], "NOOP hi\nRSET"),
        (["C: NOOP ${word}"], "NOOP hi"),
        (["C: ${none}"], "(an empty line)"),
        (["C: ${word}"], "hi"),
        (["C& AUTH PLAIN AGFubgBzM2NyZXQ=", "C: NOOP"], "AUTH PLAIN ${sasl}\nNOOP"),
    ],
)
def test_how_lines_may_be_shown(lines: list[str], shown: str) -> None:
    sent = sent_by(Bench(*lines, word="hi", none=""))
    assert sent.shown == shown
    assert sent.lines == tuple(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["C& NOOP", "C: "], "NOOP\n(an empty line)"),
        (["C& NOOP ${word}", "C: RSET"], "NOOP ${word}\nRSET"),
        (["C& NOOP"] * 149 + ["C: RSET"], "\n".join(["NOOP"] * 100)),
        (["C& NOOP", "C: RSET\\\\"], "NOOP\nRSET\\\\"),
        (["C& NOOP", "C: RSET\\"], "NOOP\nRSET\\"),
    ],
)
def test_how_lines_may_be_shown_that_go_as_octets(lines: list[str], shown: str) -> None:
    bench = Bench(*lines, word="hi")
    step = bench.cursor.step
    assert step is not None
    sent = bench.client.send_as_octets(bench.session, bench.incoming, bench.client.take_group(step))
    assert (sent.shown, sent.lines) == (shown, tuple(range(1, len(lines) + 1)))
    backslashes = {"RSET\\\\": "RSET\\", "RSET\\": "RSET\\"}
    text = [line[3:].replace("${word}", "hi") for line in lines]
    assert bench.transport.sent.decode() == "".join(f"{backslashes.get(line, line)}\r\n" for line in text)


@pytest.mark.parametrize(
    ("lines", "pipelined"),
    [
        (["C: NOOP"], [False]),
        (["C& NOOP", "C: RSET"], [True, False]),
        (["C: BDAT 3 LAST", "C| abc"], [True]),
        (["C: BDAT 1 LAST", "C| a"], [True]),
        (["C& NOOP", "C: BDAT 3 LAST", "C: abc"], [True, True]),
        (["C: BDAT 0 LAST", "C: NOOP"], [False]),
        (["C: BDAT 3 LAST", "S: 250"], [False]),
        (["C: BDAT 3 LAST"], [False]),
    ],
)
def test_what_goes_out_in_one_write_is_marked(lines: list[str], pipelined: list[bool]) -> None:
    bench = Bench(*lines)
    entries: list[Entry] = []
    bench.session.stream.subscribe(entries.append)
    sent = bench.send()
    assert [each.event.pipelined for each in entries if isinstance(each.event, CommandSent)] == pipelined
    assert (sent is None) is pipelined[-1]


@pytest.mark.parametrize(
    ("lines", "octets"),
    [
        (["C& NOOP", "C: RSET", "C: HELP"], "NOOP\r\nRSET\r\n"),
        (["C& NOOP", "C& RSET", "C: HELP", "C: VRFY"], "NOOP\r\nRSET\r\nHELP\r\n"),
        (["C& NOOP", "C| RSET\\r\\n"], "NOOP\r\n"),
        (["C& NOOP", "S: 250", "C: RSET"], "NOOP\r\n"),
        (["C& NOOP"], "NOOP\r\n"),
        (["C& NOOP", "C& BDAT 1", "C: x", "C: RSET"], "NOOP\r\nBDAT 1\r\n"),
        (["C& BDAT 1", "C: x", "C: RSET"], "BDAT 1\r\n"),
        (["C& BDAT 0", "C: RSET"], "BDAT 0\r\nRSET\r\n"),
    ],
)
def test_which_lines_are_a_group(lines: list[str], octets: str) -> None:
    bench = Bench(*lines)
    bench.send()
    assert bench.transport.sent.decode() == octets


@pytest.mark.parametrize(
    ("lines", "chunk", "left"),
    [
        (["C: BDAT 5 LAST", "C: abc", "S: 250"], "abc\r\n", "250"),
        (["C: BDAT 3 LAST", "C: abc", "S: 250"], "abc", "250"),
        (["C: BDAT 7 LAST", "C: abc", "C: de", "C: NOOP"], "abc\r\nde", "NOOP"),
        (["C: BDAT 9 LAST", "C: abc", "C: de", "C: NOOP"], "abc\r\nde\r\n", "NOOP"),
        (["C: BDAT 4 LAST", "C| ab", "C| cd", "C| ef"], "abcd", "ef"),
        (["C: BDAT 4 LAST", "C| abcdef", "C: NOOP"], "abcdef", "NOOP"),
        (["C: BDAT 9 LAST", "C| abc", "S: 250"], "abc", "250"),
        (["C: BDAT 9 LAST", "C| abc"], "abc", None),
        (["C: BDAT 2 LAST", "C: ${word}", "C: NOOP"], "hi", "NOOP"),
    ],
)
def test_which_lines_are_a_chunk(lines: list[str], chunk: str, left: str | None) -> None:
    bench = Bench(*lines, word="hi")
    assert bench.send() is None
    command = bench.transport.sent
    sent = bench.client.send_chunk(bench.session, bench.incoming)
    assert bench.transport.sent.removeprefix(command).decode() == chunk
    assert sent.lines == (1, bench.cursor.line)
    assert (bench.cursor.step.text if bench.cursor.step else None) == left
    assert bench.client.chunk_left == 0


@pytest.mark.parametrize(
    ("lines", "answered", "as_octets"),
    [
        (["C: NOOP"], True, False),
        (["C: NOOP"], False, True),
        (["C& NOOP", "C: RSET", "S: 250", "S: 250"], True, False),
        (["C& NOOP", "C: RSET", "S: 250"], True, True),
        (["C& NOOP", "C: RSET"], True, False),
        (["C& NOOP", "C: DATA", "S: 250", "S: 354"], True, False),
        (["C& DATA", "C: hi", "S: 354", "S: 250"], True, True),
        (["C& NOOP", "C& DATA", "C& hi", "C: .", "S: 250", "S: 354", "S: 250", "S: 250"], True, True),
        (["C& RSET", "C& NOOP", "C& DATA", "C& hi", "C: .", *["S: 250"] * 5], True, True),
        (["C& AUTH LOGIN", "C: YQ==", "S: 334"], True, False),
        (["C& NOOP", "C: AUTH PLAIN ${sasl}", "S: 250"], True, False),
        (["C& AUTH PLAIN ${sasl}", "C: NOOP", "S: 235"], True, False),
        (["C: NOOP", "S: 250"], True, False),
    ],
)
def test_which_groups_go_as_octets(lines: list[str], answered: bool, as_octets: bool) -> None:
    bench = Bench(*lines)
    if not answered:
        bench.session.dialogue.answered = 0
    step = bench.cursor.step
    assert step is not None
    assert bench.client.goes_as_octets(bench.session, bench.client.take_group(step)) is as_octets


@pytest.mark.parametrize(
    ("line", "verb", "awaits_all"),
    [
        ("C| NOOP\\r\\n", "NOOP", False),
        ("C| NOOP", "", False),
        ("C| DATA\\r\\n", "DATA", True),
        ("C| STARTTLS\\r\\n", "STARTTLS", True),
        ("C| NOOP\\r\\nDATA\\r\\n", "DATA", True),
        ("C| DATA\\r\\nNOOP\\r\\n", "DATA", True),
        ("C| AUTH LOGIN\\r\\n", "AUTH", True),
    ],
)
def test_which_octets_await_a_reply(line: str, verb: str, awaits_all: bool) -> None:
    for following, awaits in ((["C: x"], awaits_all), (["S: 250"], awaits_all), ([], False), (["C| x"], False)):
        bench = Bench(line, *following)
        step = bench.cursor.step
        assert step is not None
        bench.cursor.advance()
        sent = bench.client.send_octets(bench.session, bench.incoming, step)
        assert (sent.verb, sent.awaits_all, sent.doubtful, sent.lines) == (verb, awaits, True, (1,)), following


def test_octets_may_be_shown_up_to_a_length() -> None:
    for text, shown in ((f"NOOP {LONG}", f"NOOP {LONG[5:]}"), ("NOOP ${word}", "NOOP hi"), ("a\\tb", "a\\x09b")):
        bench = Bench(f"C| {text}", word="hi")
        step = bench.cursor.step
        assert step is not None
        assert bench.client.send_octets(bench.session, bench.incoming, step).shown == shown


@pytest.mark.parametrize(
    "line", ["C| MAIL FROM:<>\\r\\n", "C| NOOP\\r\\nMAIL FROM:<>\\r\\n", "C| NOOP\\r\\nAUTH LOGIN"]
)
def test_octets_go_not_in_the_clear_where_the_user_demands_starttls(line: str) -> None:
    bench = Bench(line, starttls=True)
    step = bench.cursor.step
    assert step is not None
    with pytest.raises(TlsFailed, match="STARTTLS is demanded"):
        bench.client.send_octets(bench.session, bench.incoming, step)
    assert bench.transport.log == []
    bench = Bench("C| NOOP\\r\\n", starttls=True, answers=(OK,))
    step = bench.cursor.step
    assert step is not None
    bench.client.send_octets(bench.session, bench.incoming, step)
    assert bench.transport.sent == b"NOOP\r\n"


def test_a_file_outside_the_folder_is_sent_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b"hi\n")
    (tmp_path / "in").mkdir()
    for outside, ending in ((True, b"hi\r\n.\r\n"), (False, b"DATA\r\n")):
        bench = Bench(
            *("C: DATA", "S: 354", "C< ../letter.eml"),
            answers=(b"354 go\r\n",),
            folder=tmp_path / "in",
            settings=ReplaySettings(outside=outside),
        )
        bench.settle(bench.send())
        with nullcontext() if outside else pytest.raises(SmtpShellError, match="outside"):
            for _ in range(3):
                bench.client.send_mail_piece(bench.session, bench.incoming, 0.0)
        assert bench.transport.sent.endswith(ending)


STRIPPED = "; its EHLO does not announce STARTTLS: somebody on the way may be stripping it"


@pytest.mark.parametrize(
    ("ehlo", "reply", "expected", "status", "why"),
    [
        (b"250 hi\r\n", b"502 no\r\n", "220", 4, f"the reply code differs{STRIPPED}"),
        (b"250-hi\r\n250 STARTTLS\r\n", b"502 no\r\n", "220", 4, "the reply code differs"),
        (b"250 hi\r\n", b"502 no\r\n", None, 4, f"the server refused STARTTLS{STRIPPED}"),
        (b"250-hi\r\n250 STARTTLS\r\n", b"502 no\r\n", None, 4, "the server refused STARTTLS"),
        (b"250 hi\r\n", b"502 no\r\n", "502", 0, ""),
        (b"250 hi\r\n", b"220 go\r\n", None, 0, ""),
        (b"250 hi\r\n", b"220 go\r\n", "502", 1, "the reply code differs"),
        (b"250 hi\r\n", None, "220", 3, "the reply to STARTTLS did not come within 60 s"),
    ],
)
def test_what_follows_from_the_reply_to_starttls(
    ehlo: bytes, reply: bytes | None, expected: str | None, status: int, why: str
) -> None:
    lines = ["C: EHLO x", "S: 250", "C: STARTTLS", *([f"S: {expected}"] if expected else [])]
    bench = Bench(*lines, answers=(ehlo, reply))
    assert bench.settle(bench.send()).ok
    found = bench.settle(bench.send())
    assert (found.status, found.why.removesuffix(STRIPPED) if status == 3 else found.why) == (status, why)
    assert found.ended is (status != 0)
    assert (bench.session.tls is not None) is (reply == b"220 go\r\n" and status == 0)
