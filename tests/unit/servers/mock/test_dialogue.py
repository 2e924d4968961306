"""The dialogue of a mock server, without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.servers.mock import Extra, MockSettings
from smtp_shell.servers.mock.dialogue import DATA_LIMIT, LINE_LIMIT
from smtp_shell.servers.mock.picking import SessionPicker
from tests.unit.servers.mock.player import Player, compiled

if TYPE_CHECKING:
    from pathlib import Path

GROUP = """\
S: 220 mail.example.com ESMTP
C: EHLO client.example
S: 250-mail.example.com
S: 250 PIPELINING
C& MAIL FROM:<ann@example.org>
C& RCPT TO:<bob@example.org>
C: DATA
S: 250 2.1.0 Ok
S: 250 2.1.5 Ok
S: 354 go on
C: Subject: x
C:
C: ..dot
C: .
S: 250 2.0.0 queued
C: QUIT
S: 221 2.0.0 Bye
"""


def test_a_group_is_answered_line_by_line_or_at_once(tmp_path: Path) -> None:
    script = compiled(tmp_path, GROUP)
    one = Player(script)
    assert one.greeting == b"220 mail.example.com ESMTP\r\n"
    assert one.say("EHLO x.example") == b"250-mail.example.com\r\n250 PIPELINING\r\n"
    assert one.say("MAIL FROM:<ann@example.org>") == b"250 2.1.0 Ok\r\n"
    assert one.say("RCPT TO:<bob@example.org>") == b"250 2.1.5 Ok\r\n"
    assert one.say("DATA") == b"354 go on\r\n"
    assert one.say("other", ".") == b"250 2.0.0 queued\r\n"
    assert one.say("QUIT") == b"221 2.0.0 Bye\r\n"
    assert one.wire.hang_up is not None
    assert one.end() == []
    other = Player(script)
    said = other.say("EHLO x", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA")
    assert said.endswith(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go on\r\n")
    for octet in b"a\r\n.\r\nQUIT\r\n":
        said += other.send(bytes([octet]))
    assert said.endswith(b"250 2.0.0 queued\r\n221 2.0.0 Bye\r\n")
    assert other.end() == []


def test_mail_data_is_compared_where_that_is_wanted(tmp_path: Path) -> None:
    script = compiled(tmp_path, GROUP, keeps_data=True)
    for data, found in (
        ("Subject: x\r\n\r\n..dot", []),
        ("Subject: x\r\n\r\n..dots", [(11, "data")]),
        ("", [(11, "data")]),
    ):
        player = Player(script, MockSettings(data_exact=True))
        player.say("EHLO x", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA")
        assert player.say(data, ".") == b"250 2.0.0 queued\r\n"
        player.say("QUIT")
        assert player.end() == found
        assert not found or "the mail data differs in its line" in player.noted[0]


def test_an_extra_command_is_answered_as_asked(tmp_path: Path) -> None:
    script = compiled(tmp_path, "S: 220 a\nC: NOOP\nS: 250 ok\nC: QUIT\nS: 221 bye\n")
    for extra, said in ((Extra.OK, b"250 2.0.0 Ok\r\n"), (Extra.UNAVAILABLE, b"421 4.3.2"), (Extra.CLOSE, b"")):
        player = Player(script, MockSettings(extra=extra))
        assert player.say("RSET").startswith(said)
        assert (player.wire.hang_up is not None) is (extra is not Extra.OK)
        assert player.end()[0] == (2, "extra")


def test_extra_commands_never_leave_the_client_waiting(tmp_path: Path) -> None:
    player = Player(compiled(tmp_path, "S: 220 a\nC: QUIT\nS: 221 bye\n"))
    assert player.say("EHLO x").startswith(b"250 mock.example\r\n")
    assert player.say("AUTH PLAIN") == b"334 \r\n"
    assert player.say("AGFAYg==").startswith(b"235 ")
    assert player.say("BDAT 5 LAST") == b""
    assert player.send(b"hello").startswith(b"250 ")
    assert player.say("DATA").startswith(b"354 ")
    assert player.say("x", ".").startswith(b"250 ")
    assert player.say("=?").startswith(b"500 ")
    assert player.say("QUIT") == b"221 bye\r\n"
    assert len(player.end()) == 5
    assert "AGFAYg" not in "".join(player.noted)


def test_a_part_that_is_left_out_is_named_once(tmp_path: Path) -> None:
    player = Player(compiled(tmp_path, GROUP))
    assert player.say("EHLO x").startswith(b"250-")
    assert player.say("QUIT") == b"221 2.0.0 Bye\r\n"
    assert player.end() == [(5, "missing")]


def test_commands_may_come_again_where_that_is_wanted(tmp_path: Path) -> None:
    script = compiled(tmp_path, GROUP)
    message = ("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA")
    for reuse, found in ((True, []), (False, ["extra"])):
        player = Player(script, MockSettings(reuse=reuse))
        player.say("EHLO x")
        for _ in range(3):
            assert player.say(*message).endswith(b"354 go on\r\n") or not reuse
            player.say("x", ".")
        player.say("QUIT")
        assert sorted({kind for _, kind in player.end()}) == found


def test_a_session_is_chosen_by_what_the_client_says(tmp_path: Path) -> None:
    session = "*: connect mail.example.com:25\nS: 220 a\nC: EHLO x\nS: 250 {0}\nC: MAIL FROM:<{0}@example.org>\nS: 250 {0}\n*: close\n"
    script = compiled(tmp_path, "".join(session.format(name) for name in ("ann", "bob", "cid")))
    settings = MockSettings(by_content=True, once=True)
    picker = SessionPicker(script.sessions, once=True)
    for name in ("cid", "ann", "bob"):
        player = Player(script, settings, picker)
        player.say("EHLO y")
        assert player.say(f"MAIL FROM:<{name}@example.org>") == f"250 {name}\r\n".encode()
        assert player.end() == []
    assert picker.is_empty
    assert Player(script, settings, picker).greeting.startswith(b"421 ")


def test_lmtp_has_one_reply_for_each_recipient_that_was_accepted(tmp_path: Path) -> None:
    text = (
        "S: 220 a LMTP\nC: LHLO x\nS: 250 a\nC: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.org>\nS: 250 ok\n"
        "C: RCPT TO:<c@example.org>\nS: 550 no\nC: DATA\nS: 354 go\nC: .\nS: 250 for b\nC: QUIT\nS: 221 bye\n"
    )
    player = Player(compiled(tmp_path, text))
    player.say("LHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>")
    assert player.say("DATA", "x", ".") == b"354 go\r\n250 for b\r\n"
    player = Player(compiled(tmp_path, text))
    player.say("LHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>")
    player.say("RCPT TO:<d@example.org>")
    assert player.say("DATA", "x", ".") == b"354 go\r\n250 for b\r\n250 for b\r\n"


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ("C& QUIT\nC& AUTH LOGIN ${sasl}\nC: ${sasl}\nS: 221 bye\n*: close server\n", b"221 bye\r\n"),
        (
            "C& QUIT\nC& AUTH LOGIN c3R1ZGVudA==\nC& c3R1ZGVudA==\nC: NOOP\nS: 221 bye\n*: close server\n",
            b"221 bye\r\n",
        ),
        (
            "C& AUTH LOGIN c3R1ZGVudA==\nC& c3R1ZGVudA==\nC: QUIT\nS: 334 UGFzc3dvcmQ6\n*: close server\n",
            b"334 UGFzc3dvcmQ6\r\n",
        ),
    ],
    ids=["nothing follows", "a command follows", "only the first challenge came"],
)
def test_an_exchange_that_was_never_ended_is_not_ended(tmp_path: Path, recorded: str, said: bytes) -> None:
    player = Player(compiled(tmp_path, f"Transcript: 1\nClient: x\n\n*: connect 192.0.2.25:25\nS: 220 x\n{recorded}"))
    lines = [line[3:].replace("${sasl}", "c3R1ZGVudA==") for line in recorded.splitlines() if line.startswith("C")]
    assert player.say(*lines) == said
    assert player.wire.hang_up is not None
    assert player.end() == []


def test_after_quit_the_server_closes_unless_it_was_in_the_middle_of_a_further_reply(tmp_path: Path) -> None:
    recorded = "Transcript: 1\nClient: x\n\n*: connect 192.0.2.25:25\nS: 220 x\nC: QUIT\nS: 250 a\n"
    for more, said, closes in (
        ("", b"250 a\r\n", True),
        ("S| 2\n", b"250 a\r\n2", False),
        ("S: 250-b\n", b"250 a\r\n250-b\r\n", False),
    ):
        player = Player(compiled(tmp_path, f"{recorded}{more}*: close\n"))
        assert player.say("QUIT") == said
        assert (player.wire.hang_up is not None) is closes
        assert player.end() == []


@pytest.mark.parametrize("chunk", ["C: BDAT 5 LAST\nC| hello", "C: BDAT 5 LAST\nC: hello", "C& BDAT 7 LAST\nC: hello"])
def test_a_chunk_may_stand_in_the_transcript_as_octets_and_as_lines(tmp_path: Path, chunk: str) -> None:
    player = Player(compiled(tmp_path, f"S: 220 a\n{chunk}\nS: 250 ok\nC: NOOP\nS: 251 x\n"))
    size = int(chunk.split()[2])
    assert player.say(f"BDAT {size} LAST") == b""
    assert player.send(b"hello\r\n"[:size]) == b"250 ok\r\n"
    assert player.say("NOOP") == b"251 x\r\n"
    assert player.end() == []


@pytest.mark.parametrize("rest", ["C: MAIL FROM:<>", "C| MAIL FROM:<>\\x0d\\x0a"])
@pytest.mark.parametrize(
    ("end", "said", "closes"),
    [
        ("*: close server", b"", True),
        ("*: close", b"", False),
        ("S: 552 no\n*: close server", b"552 no\r\n", True),
        ("S: 552 no\nC: NOOP\nS: 250 ok", b"552 no\r\n", False),
    ],
)
def test_a_server_that_answered_or_closed_in_a_chunk_does_so_there_again(
    tmp_path: Path, rest: str, end: str, said: bytes, closes: bool
) -> None:
    recorded = f"Transcript: 1\nClient: x\n\n*: connect 192.0.2.25:25\nS: 220 x\nC& BDAT 99 LAST\n{rest}\n{end}\n"
    player = Player(compiled(tmp_path, recorded))
    assert player.say("BDAT 99 LAST", "MAIL FROM:<>") == said
    assert (player.wire.hang_up is not None) is closes
    if "NOOP" in end:
        assert player.say("NOOP") == b"250 ok\r\n"
    assert player.end() == []


def test_octets_that_begin_a_line_are_part_of_it_although_a_reply_came_between(tmp_path: Path) -> None:
    player = Player(compiled(tmp_path, "S: 220 a\nC| X\\x0d\\x0aNO\nS: 500 x\nC| BDAT 9\\x0d\\x0a\nS: 500 y\n"))
    assert player.send(b"X\r\nNO") == b"500 x\r\n"
    assert player.send(b"BDAT 9\r\n") == b"500 y\r\n"
    assert player.end() == []


def test_a_proxy_header_after_the_greeting_is_octets_like_others(tmp_path: Path) -> None:
    player = Player(compiled(tmp_path, "S: 220 a\nC| PROXY UNKNOWN\\x0d\\x0a\nC: NOOP\nS: 250 b\n"))
    assert player.greeting == b"220 a\r\n"
    assert (player.say("PROXY UNKNOWN"), player.say("NOOP")) == (b"", b"250 b\r\n")  # they may have no reply


def test_mail_data_that_did_not_wait_for_a_354_is_read_as_such(tmp_path: Path) -> None:
    recorded = "Transcript: 1\nClient: x\n\n*: connect 192.0.2.25:25\nS: 220 x\nC| DATA\\x0d\\x0a\nC| DATA\\x0d\\x0a\n*: close\n"
    player = Player(compiled(tmp_path, recorded))
    assert player.say("DATA") == player.say("DATA") == b""
    assert player.end() == []
    player = Player(compiled(tmp_path, recorded))
    assert player.say("DATA", "QUIT") == b""
    assert player.end() == []


def test_octets_are_said_and_heard_as_recorded(tmp_path: Path) -> None:
    text = "S| 220 a\\nC| PROXY TCP4\nS| 250-x\\x0a250 y\\x0d\\x0a\nC| NOO\nS| 25\n*: close server\n"
    player = Player(compiled(tmp_path, text.replace("\\nC|", "\\x0a\nC|")))
    assert player.greeting == b"220 a\n"
    assert player.send(b"PROXY TCP4") == b"250-x\n250 y\r\n"
    assert player.send(b"NOO") == b"25"
    assert player.wire.hang_up is not None
    assert player.end() == []


def test_a_line_without_end_and_tls_on_a_plain_port_end_the_dialogue(tmp_path: Path) -> None:
    script = compiled(tmp_path, GROUP)
    for octets in (b"x" * (LINE_LIMIT + 1), b"\x16\x03\x01\x02\x00\x01"):
        player = Player(script)
        player.send(octets)
        assert player.wire.hang_up is not None
        assert player.end() == [(2, "broken")]


def test_a_script_without_replies_is_served_with_good_ones(tmp_path: Path) -> None:
    text = (
        "C: EHLO x\nC: STARTTLS\nC: EHLO x\nC: AUTH PLAIN ${sasl}\nC: MAIL FROM:<a@example.org>\n"
        "C: RCPT TO:<b@example.org>\nC: DATA\nC: Subject: x\nC: .\nC: QUIT\n"
    )
    script = compiled(tmp_path, text.replace("C: STARTTLS\nC: EHLO x\n", ""))
    player = Player(script)
    assert player.greeting == b"220 mock.example ESMTP\r\n"
    assert b"250 AUTH PLAIN\r\n" in player.say("EHLO x")
    assert player.say("AUTH PLAIN AGFAYg==").startswith(b"235 ")
    assert player.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA").endswith(b"<CR><LF>.<CR><LF>\r\n")
    assert player.say("y", ".").startswith(b"250 ")
    assert player.say("QUIT").startswith(b"221 ")
    assert player.end() == []
    before_tls = compiled(tmp_path, text)
    assert before_tls.has_tls
    assert b"STARTTLS\r\n" in Player(before_tls).say("EHLO x")


def test_what_is_captured_is_expected_later(tmp_path: Path) -> None:
    text = "S: 220 a\nC: NOOP\nS~ 250 queued as (?P<id>[A-Z]{4})\nC: NOOP ${id}\nS: 2yz\n"
    script = compiled(tmp_path, text)
    for right, found in ((True, []), (False, [(4, "differs")])):
        player = Player(script)
        said = player.say("NOOP").split()[-1].decode()
        assert player.say(f"NOOP {said if right else 'XXXXX'}").startswith(b"250 ")
        assert player.end() == found


def test_a_pattern_that_is_too_much_is_a_fault_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"served\.smtp:3: the mock server cannot make up a reply"):
        compiled(tmp_path, "S: 220 a\nC: NOOP\nS~ 250 (?=b)a\n")


def test_dates_are_refreshed_unless_that_is_not_wanted(tmp_path: Path) -> None:
    script = compiled(tmp_path, "S: 220 a; Mon, 02 Jan 2006 15:04:05 +0000\nC: QUIT\nS: 221 bye\n")
    assert b"2006" not in Player(script).greeting
    assert b"Mon, 02 Jan 2006" in Player(script, MockSettings(refresh=False)).greeting


def test_a_reply_that_came_too_late_comes_too_late(tmp_path: Path) -> None:
    script = compiled(tmp_path, "S: 220 a\nC: NOOP\n*: timeout 2 the reply\nS: 250 late\nC: QUIT\nS: 221 bye\n")
    exchange = script.sessions[0].exchanges[0]
    assert exchange.replies[0].delay > 2
    never = compiled(tmp_path, "S: 220 a\nC: NOOP\n*: timeout 2 the reply\n*: close\n")
    assert never.sessions[0].exchanges[0].replies == ()


def test_a_chunk_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    player = Player(compiled(tmp_path, GROUP))
    assert player.say(f"BDAT {DATA_LIMIT + 1} LAST").startswith(b"552 5.3.4 ")
    assert player.wire.hang_up is not None
    assert "the mail data is longer than" in player.noted[-1]


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.9 192.0.2.25 4711 25\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"])
def test_the_greeting_comes_after_the_proxy_header(header: bytes, tmp_path: Path) -> None:
    shown = "".join(chr(octet) if 33 <= octet < 127 or octet == 32 else f"\\x{octet:02x}" for octet in header)
    player = Player(compiled(tmp_path, f"C| {shown}\nS: 220 a\nC: EHLO x\nS: 250 a\nC: QUIT\nS: 221 b\n"))
    assert player.greeting == b""
    assert player.send(header) == b"220 a\r\n"
    assert player.send(b"EHLO x\r\n") == b"250 a\r\n"


@pytest.mark.parametrize("end", ["*: close\n", ""])
@pytest.mark.parametrize(
    ("begun", "wrong"),
    [
        ("C: DATA\nS: 354 go on\n", "C: DATA\nS: 354 go on\nC: x\nC: .\nS: 250\n"),
        ("C: BDAT 9 LAST\n", "C: BDAT 9 LAST\nS: 250\n"),
    ],
)
def test_a_client_that_closes_where_it_did_in_the_middle_of_a_message_is_right(
    begun: str, wrong: str, end: str, tmp_path: Path
) -> None:
    for transcript, differs in ((begun, False), (wrong, True)):
        player = Player(compiled(tmp_path, f"Transcript: 1\nClient: smtp-shell\n\nS: 220\n{transcript}{end}"))
        player.say(begun.partition("\n")[0].removeprefix("C: "))
        assert bool(player.end()) == differs
