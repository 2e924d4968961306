"""The moments that transcripts make, where a recording has every reply and a script leaves some out."""

import io
from typing import Any

import pytest

from smtp_shell.lint.findings import Place
from smtp_shell.lint.moments import (
    Answer,
    CommandLine,
    DataBegun,
    LineSent,
    MessageSent,
    Moment,
    ResponseLine,
    SentEarly,
    View,
)
from smtp_shell.lint.tracker import Tracker
from smtp_shell.protocol.events import Disconnected
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader
from tests.unit.lint.cases import DATA, GREETING, MAIL, RCPT, RECORDED

_EHLO = "C: EHLO x\nS: 250-mx\nS: 250 PIPELINING\n"
_START = f"{RECORDED}{GREETING}{_EHLO}"  # seven lines
_OPEN = f"{_START}{MAIL}{RCPT}"  # eleven lines


def _read(text: str) -> list[tuple[Moment, Place, View]]:
    """Return the moments of a transcript, each with its place and the view before it."""
    reader = TranscriptReader(io.BytesIO(text.encode()), "case.smtp")
    tracker = Tracker()
    found = [
        (*each, tracker.view()) for entry in entries(reader, header=reader.header) for each in tracker.receive(entry)
    ]
    return [*found, *((*each, tracker.view()) for each in tracker.end())]


def _early(text: str) -> list[tuple[int, str, str]]:
    """Return what was sent early: its line, its verb, and what was owed."""
    found = [(each, place) for each, place, _ in _read(text) if isinstance(each, SentEarly)]
    return [(place.line, each.verb, each.owed.verb or each.owed.asked.value) for each, place in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{_START}C& NOOP\nC: RSET\nS: 250 ok\nS: 250 ok\n", [(9, "RSET", "NOOP")]),
        (f"{_START}C: NOOP\nC: RSET\nS: 250 ok\nS: 250 ok\n", [(9, "RSET", "NOOP")]),
        (f"{_START}C: NOOP\nS: 250 ok\nC: RSET\nS: 250 ok\n", []),
        (
            f"{_START}C& NOOP\nC& RSET\nC: VRFY a\nS: 250 ok\nS: 250 ok\nS: 250 ok\n",
            [(9, "RSET", "NOOP"), (10, "VRFY", "RSET")],
        ),
        (f"{_START}C: NOOP\n*: timeout 10 the reply\nC: RSET\nS: 250 ok\nS: 250 ok\n", []),
        (f"{_START}C| NOOP\\r\\nRSET\\r\\n\nS: 250 ok\nS: 250 ok\n", [(8, "RSET", "NOOP")]),
        (f"{_START}C| NOOP\\r\\nRSET\\r\\n\n", []),  # no reply shows it
        (f"{RECORDED}C: EHLO x\n{GREETING}S: 250 mx\n", [(4, "EHLO", "the greeting")]),
        (f"{_OPEN}{DATA}C: x: y\nC: .\nC: NOOP\nS: 250 ok\nS: 250 ok\n", [(16, "NOOP", "the reply to the final dot")]),
        (
            f"{_START}C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC| YQ==\\r\\nYg==\\r\\n\nS: 334 UGFzc3dvcmQ6\nS: 235 ok\n",
            [(10, "", "AUTH")],
        ),
        ("C: EHLO x\nC& NOOP\nC: RSET\nS: 250 ok\nS: 250 ok\n", [(3, "RSET", "NOOP")]),
        ("C: EHLO x\nC& NOOP\nC: RSET\nS: 2yz\nS: 2yz\n", [(3, "RSET", "NOOP")]),
        ("C: EHLO x\nC: NOOP\nC: RSET\nS: 250 ok\n", []),
    ],
)  # fmt: skip
def test_what_was_sent_early_is_told_with_its_line(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert _early(text) == expected


def test_a_thousand_lines_that_are_sent_early_are_kept() -> None:
    text = f"{_START}{'C& NOOP' + chr(10)}" + "C& NOOP\n" * 1_005 + "C: NOOP\n" + "S: 250 ok\n" * 1_007
    assert [line for line, *_ in _early(text)] == [*range(9, 1_009)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{_OPEN}{DATA}C: x: y\nC: .\n", [(14, True, False)]),
        (f"{_OPEN}C| DATA\\r\\n\nC| x: y\\r\\n\nS: 354 go\nC| .\\r\\n\nS: 250 ok\n", [(13, True, True)]),
        (f"{_OPEN}C| DATA\\r\\nx: y\\r\\n.\\r\\n\nS: 354 go\nS: 250 ok\n", [(12, True, True)]),
        (f"{_OPEN}C: BDAT 2 LAST\nC| ab\nS: 250 ok\n", []),
        (f"C: EHLO x\n{MAIL}{RCPT}C: DATA\nC: x: y\nC: .\n", [(7, True, False)]),
    ],
)
def test_mail_data_begins_where_the_server_said_354_or_may_say_it(
    text: str, expected: list[tuple[int, bool, bool]]
) -> None:
    found = [(each, place.line) for each, place, _ in _read(text) if isinstance(each, DataBegun)]
    assert [(line, each.is_expected, each.is_early) for each, line in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{_OPEN}{DATA}C: x: y\nC:\nC: z\nC: .\nS: 250 ok\n", [(17, 11, 3, False)]),
        (f"{_OPEN}{DATA}C: .\nS: 250 ok\n", [(14, 0, 0, False)]),
        (f"{_OPEN}C: BDAT x\nS: 501 no\n{DATA}C: ..x\nC: .\nS: 250 ok\n", [(17, 4, 4, False)]),
        (f"{_OPEN}C: BDAT 4\nC| ab: \nS: 250 ok\nC: BDAT 5 LAST\nC| c\\r\\n\\r\\n\nS: 250 ok\n", [(16, 9, 0, True)]),
        (f"{_OPEN}C: BDAT 6 LAST\nC| a: \nC| b\\r\\n\nS: 250 ok\n", [(14, 6, 0, True)]),
        (f"{_OPEN}C| BDAT 6 LAST\\r\\nab: \\r\\nNOOP\\r\\n\nS: 250 ok\nS: 250 ok\n", [(12, 6, 0, True)]),
        (f"{_OPEN}C: BDAT 6\nC| a: b\\r\\n\nS: 250 ok\nC: BDAT 0 LAST\nS: 250 ok\n", [(15, 6, 0, True)]),
        (f"{_OPEN}C: BDAT 6\nC| a: b\\r\\n\nS: 250 ok\nC| BDAT 0 LAST\\r\\n\nS: 250 ok\n", [(15, 6, 0, True)]),
        (f"{_OPEN}C: BDAT 0 LAST\nS: 250 ok\n", [(12, 0, 0, True)]),
        (f"{_OPEN}C: BDAT 0\nS: 250 ok\n", []),
        (f"{_OPEN}C: BDAT LAST\nS: 501 no\n", []),
        (f"{_OPEN}{DATA}C| x: y\\n\\nz\\n.\\n\nS: 250 ok\n", [(14, 8, 2, False)]),
        (f"{_OPEN}{DATA}# the mail data is in the file letter.eml\nC: .\nS: 250 ok\n", []),
        (f"{_OPEN}{DATA}# the mail data is in the file letter.eml\n# it is long\nC: .\nS: 250 ok\n", []),
        (f"{_OPEN}{DATA}C: x: y\nC: .\nS: 250 ok\n{MAIL}{RCPT}{DATA}C: .\nS: 250 ok\n", [(15, 6, 0, False), (23, 0, 0, False)]),
        (f"{_OPEN}{DATA}C| x: y\\r\\n.\\n\nC| z\\r\\n.\\r\\n\nS: 250 ok\n", [(15, 10, 3, False)]),
        (f"{_OPEN}C: BDAT 7 LAST\nC| \\r\\n.ab\\r\\n\nS: 250 ok\n", [(13, 7, 5, True)]),
        (f"{_OPEN}{DATA}# the mail data is in the file letter.eml\nC: x: y\nC: .\nS: 250 ok\n", [(16, 6, 0, False)]),
    ],
)  # fmt: skip
def test_a_message_ends_with_its_dot_or_its_chunk(text: str, expected: list[tuple[int, int, int, bool]]) -> None:
    found = [(each, place.line) for each, place, _ in _read(text) if isinstance(each, MessageSent)]
    assert [(line, each.size, each.body_octets, each.chunked) for each, line in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{_START}C: NOOP\nS: 250 ok\n", [(9, 250, "NOOP", True)]),
        (f"{_START}S: 250 ok\n", [(8, 250, None, True)]),
        (f"{_START}C: NOOP\nS: 199 hm\nS: 250 ok\n", [(9, 199, None, True), (10, 250, "NOOP", True)]),
        (f"{_START}C& NOOP\nC: RSET\nS: 250 ok\nS: 250 ok\n", [(10, 250, "NOOP", True), (11, 250, "RSET", True)]),
        (f"{_OPEN}{DATA}C: .\nS: 250 ok\n", [(13, 354, "DATA", True), (15, 250, "the reply to the final dot", True)]),
        ("C: EHLO x\nC: NOOP\nS: 250\n", [(3, 250, "NOOP", False)]),
        ("C: EHLO x\nC: NOOP\nS: 250 ok\n", [(3, 250, "NOOP", True)]),
        ("C: EHLO x\nC: NOOP\nS: 250-\nS: 250\n", [(3, 250, "NOOP", True)]),
        ("C: EHLO x\nC: NOOP\nS: 4yz\n", [(3, 450, "NOOP", False)]),
        ("C: EHLO x\nC: NOOP\nS: 5yz\n", [(3, 550, "NOOP", False)]),
        ("C: EHLO x\nC: NOOP\nS: 2yz\n", [(3, 250, "NOOP", False)]),
        (f"{_START}C: NOOP\nS: 250\n", [(9, 250, "NOOP", True)]),
        ("C: EHLO x\nC: RCPT TO:<b>\nS: 2yz\n", [(3, 250, "RCPT", False)]),
        ("C: EHLO x\nC: RCPT TO:<b>\nS~ 251 .*\n", [(3, 251, "RCPT", False)]),
        ("C: EHLO x\n*: authenticate PLAIN ann\nS: 2yz\n", [(3, 235, "AUTH", False)]),
        ("C: EHLO x\nC: AUTH LOGIN\nS: 3yz\nC: ${sasl}\nS: 535 no\n", [(3, 334, "AUTH", False), (5, 535, "AUTH", True)]),
        ("C: EHLO x\nC: NOOP\nS: 3yz\n", [(3, 350, "NOOP", False)]),
        ("C: EHLO x\nC: NOOP\nS~ [25]50 .*\n", [(3, 250, "NOOP", False)]),
        ("C: EHLO x\nC: QUIT\nS: 2yz\n", [(3, 221, "QUIT", False)]),
        ("C: EHLO x\nC: DATA\nS: 3yz\n", [(3, 354, "DATA", False)]),
        ("C: EHLO x\nC& NOOP\nC: RSET\nS: 2yz\nS: 550 no\n", [(4, 250, "NOOP", False), (5, 550, "RSET", True)]),
        ("S: 220\nC: EHLO x\nS: 250\nC| NOOP\\r\\n\nC: RSET\nS: 250 ok\nS: 550 no\n", [(6, 250, "NOOP", True), (7, 550, "RSET", True)]),
    ],
)  # fmt: skip
def test_each_reply_answers_what_it_belongs_to(text: str, expected: list[tuple[int, int, str | None, bool]]) -> None:
    found = [(each, place.line) for each, place, _ in _read(text) if isinstance(each, Answer)]
    named = [
        (
            line,
            each.reply.code,
            (each.owed.verb or each.owed.asked.value) if each.owed is not None else None,
            each.is_whole,
        )
        for each, line in found
    ]
    assert named[-len(expected) :] == expected


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("C: EHLO x\nC: NOOP\nC: RSET\n", 3, {"accepted": {"EHLO", "NOOP"}, "last_code": 0, "is_recorded": False, "owed": ()}),
        (f"{_START}C: NOOP\nC: RSET\n", 9, {"accepted": {"EHLO"}, "is_recorded": True, "last_code": 250}),
        ("Transcript: 1\nCLIENT: x\nDate: y\n\nC: EHLO x\nC: RSET\n", 6, {"is_recorded": True, "accepted": set()}),
        ("Transcript: 1\nTitle: x\n\nC: EHLO x\nC: RSET\n", 5, {"is_recorded": False, "accepted": {"EHLO"}}),
        (f"{_START}*: authenticate PLAIN ann\nS: 235 ok\nC: NOOP\n", 10, {"authenticated": True, "accepted": {"EHLO", "AUTH"}, "owed": ()}),
        (f"{_START}*: finally\nC: NOOP\n", 9, {"authenticated": False, "owed": (), "accepted": {"EHLO"}}),
        (f"{_START}*: auth PLAIN ann\nC: NOOP\n", 9, {"authenticated": True}),
        ("C: EHLO x\nC: DATA\nC: x: y\nC: .\nC: NOOP\n", 5, {"after_message": True, "in_text": False}),
        (f"{_OPEN}{DATA}C: .\nS: 250 ok\nC: so much for that\nS: 500 what\nC: NOOP\n", 18, {"in_text": True}),
        ("C: EHLO x\nC& STARTTLS\nC: EHLO x\nC: NOOP\n", 4, {"tls": True, "owed": ()}),
        ("C: EHLO x\nC& NOOP\nC& RSET\nC: VRFY a\nC: QUIT\n", 5, {"owed": (), "accepted": {"EHLO", "NOOP", "RSET", "VRFY"}}),
        ("C: EHLO x\nC: NOOP\n*: timeout 10 the reply\nC: RSET\n", 4, {"accepted": {"EHLO"}}),
        (f"{RECORDED}C: EHLO x\nC: BDAT 0 LAST\nC: RSET\n", 6, {"accepted": set()}),
        (f"{_OPEN}C: BDAT 0 LAST\nC: RSET\n", 13, {"owed": (), "sender": None}),
        (f"{_OPEN}C| NOOP\\r\\n\nS: 250 ok\nC: BDAT 0 LAST\nC: RSET\n", 15, {"sender": b"MAIL FROM:<ann@example.org>"}),
        ("C: EHLO x\nC| NOOP\\r\\n\nC: RSET\nC: VRFY a\n", 4, {"owed": ()}),
        (f"C: EHLO x\n{MAIL}{RCPT}C| DATA\\r\\n\nC: x: y\nC: .\nC: NOOP\n", 9, {"owed": ()}),
        ("C: EHLO x\nC& AUTH PLAIN\nS: 334\nC: ${sasl}\nC: NOOP\n", 5, {"owed": (), "authenticated": True}),
        ("C& EHLO x\nC: AUTH LOGIN\nC: ${sasl}\nC: NOOP\n", 4, {"owed": (), "authenticated": True, "phase": Phase.READY}),
        (f"C: EHLO x\n{MAIL}{RCPT}C& DATA\nS: 354 go\nC: x: y\nC: .\nC: NOOP\n", 10, {"owed": ()}),
        ("C: EHLO x\nC: STARTTLS\nC: EHLO x\n", 3, {"tls": True, "started_tls": True}),
        ("*: connect mx.example.org:465 tls\nS: 220 hi\nC: EHLO x\n", 3, {"started_tls": False}),
    ],
)  # fmt: skip
def test_where_the_dialogue_stands_before_a_line(text: str, line: int, expected: dict[str, Any]) -> None:
    (view,) = (view for each, place, view in _read(text) if isinstance(each, CommandLine) and place.line == line)
    assert {name: getattr(view, name) for name in expected} == expected


def test_an_empty_message_in_a_script_ends_after_its_354() -> None:
    (view,) = (view for each, _, view in _read("C: EHLO x\nC: DATA\nC: .\n") if isinstance(each, MessageSent))
    assert [owed.asked for owed in view.owed] == [Asked.END_OF_DATA]


def test_a_command_sees_the_replies_that_were_owed_before_it() -> None:
    views = [
        view
        for each, _, view in _read(f"{_START}C| NOOP\\r\\nRSET\\r\\n\nS: 250 ok\n")
        if isinstance(each, CommandLine)
    ]
    assert [[owed.verb for owed in view.owed] for view in views] == [[], [], ["NOOP"]]


@pytest.mark.parametrize("reply", ["", "S: 334\n", "S: 3yz\n"])
def test_an_exchange_in_a_script_goes_on_with_334(reply: str) -> None:
    found = _read(f"C: EHLO x\nC: AUTH LOGIN\n{reply}C: ${{sasl}}\nC: ${{sasl}}\nC: NOOP\n")
    responses = [(each.number, each.is_base64) for each, *_ in found if isinstance(each, ResponseLine)]
    assert responses == [(1, None), (2, None)]
    assert [(each.challenge, view.phase) for each, _, view in found if isinstance(each, ResponseLine)] == [
        (b"", Phase.AUTH),
        (b"", Phase.AUTH),
    ]
    assert [(each.verb, view.authenticated) for each, _, view in found if isinstance(each, CommandLine)][-1] == (
        "NOOP",
        True,
    )


@pytest.mark.parametrize(
    ("text", "hangs_up"),
    [
        ("C: EHLO x\n", True),
        ("C: EHLO x\n*: close\n", True),
        ("S: 220 hi\n", False),
        (f"{_START}C: NOOP\n", False),
    ],
)
def test_a_script_ends_by_hanging_up_once(text: str, hangs_up: bool) -> None:
    assert [type(each) for each, *_ in _read(text)].count(Disconnected) == hangs_up


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{_OPEN}{DATA}C| x: y\\r\\n.\\n\nS: 250 ok\nC: NOOP\n", [(14, {"dot"}), (16, set())]),
        (f"{_OPEN}{DATA}C| x: y\\n.\\r\\n\nS: 250 ok\nC: NOOP\n", [(16, set())]),
        (f"{_OPEN}{DATA}C| x: y\\r\\n.\\n\nC| z\\r\\n.\\r\\n\nS: 250 ok\nC: NOOP\n", [(14, {"dot"}), (17, set())]),
        (f"{_OPEN}{DATA}C| x: y\\r\\n.\\nQUIT\\r\\n\nS: 250 ok\nS: 221 bye\n", [(14, {"dot"}), (14, set())]),
        (f"{_OPEN}{DATA}C| x: y\\r\\n.\\nQUIT\\r\\n\nS: 421 bye\n", [(14, {"dot"})]),
        (f"{_OPEN}{DATA}C| x: y\\r\\n.\\n.\\n\nS: 250 ok\nS: 500 what\n", [(14, {"dot"}), (14, set())]),
        (
            f"{_OPEN}{DATA}C| x: y\\r\\n.\\n\nS: 250 ok\n{MAIL}{RCPT}C| DATA\\r\\nx: y\\r\\n.\\n\nS: 354 go\nS: 250 ok\n",
            [(14, {"dot"}), (16, set()), (18, set()), (20, set()), (20, {"dot"})],
        ),
    ],
)
def test_a_dot_whose_line_ends_in_lf_is_told_once(text: str, expected: list[tuple[int, set[str]]]) -> None:
    found = [(place.line, set(each.facts)) for each, place, _ in _read(text) if isinstance(each, LineSent)]
    assert found[-len(expected) :] == expected
    assert [facts for _, facts in found].count({"dot"}) == [facts for _, facts in expected].count({"dot"})


def test_what_is_owed_names_the_greeting() -> None:
    ((early, *_),) = (each for each in _read(f"{RECORDED}C: EHLO x\n{GREETING}") if isinstance(each[0], SentEarly))
    assert isinstance(early, SentEarly)
    assert early.owed.asked is Asked.GREETING
