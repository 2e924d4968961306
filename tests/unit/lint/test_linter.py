"""The linter on whole dialogues: those that teach, those that were recorded, and live ones."""

from pathlib import Path

import pytest

from smtp_shell.lint import Finding, Linter
from smtp_shell.lint.files import lint_file, lint_message
from smtp_shell.lint.rubric import RubricCheck, parse_rubric
from smtp_shell.lint.rules import all_rules
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Connected, Entry, Event, OctetsSent, ReplyReceived
from smtp_shell.protocol.replies import Reply
from tests.unit.lint.cases import (
    DATA,
    DATE,
    ENVELOPE,
    GREETING,
    HEADER,
    MAIL,
    PLAIN_EHLO,
    QUIT,
    RCPT,
    RECORDED,
    TEXT,
    lint,
)

_TRANSCRIPTS = Path(__file__).parents[3] / "transcripts"
# File -> its findings that are no advice, each of which is meant: the line and the rule. What else it holds has no fault.
_MEANT = {
    "01-plain-delivery": [],
    "02-starttls": [(29, "no-ehlo-after-tls"), (44, "starttls-twice")],
    "03-auth-login": [(49, "auth-twice")],
    "04-auth-plain": [],
    "05-refused-relaying": [(30, "no-recipient-accepted")],
    "06-wrong-order": [
        (10, "no-hello"),
        (18, "auth-before-ehlo"),
        (24, "rcpt-before-mail"),
        (26, "data-before-rcpt"),
        (32, "data-before-rcpt"),
        (36, "nested-mail"),
        (40, "starttls-in-transaction"),
        (48, "data-before-rcpt"),
        (53, "unknown-command"),
        (55, "missing-colon"),
        (57, "obsolete-command"),
    ],
    "07-multi-line-ehlo": [(40, "parameter-not-announced")],
    "08-dot-stuffing": [],
    "09-pipelining": [],
    "10-utf8-addresses": [(19, "smtputf8-missing"), (40, "body-not-declared")],
    "11-telnet-lab": [
        (12, "hello-name"),
        (22, "missing-colon"),
        (22, "missing-brackets"),
        (27, "blank-after-colon"),
        (27, "missing-brackets"),
        (32, "blank-after-colon"),
        (41, "no-header"),
    ],
    "12-cram-md5": [(16, "initial-response-server-first")],
    "13-greylisting": [],
    "14-captures-and-variables": [],
    "15-size-and-vrfy-help": [(17, "size-over-limit"), (21, "size-syntax")],
}


def test_each_transcript_that_ships_is_in_the_table() -> None:
    assert {path.stem for path in _TRANSCRIPTS.glob("*.smtp")} == set(_MEANT)


@pytest.mark.parametrize("name", _MEANT)
def test_a_transcript_that_ships_has_the_faults_that_it_shows_and_no_others(name: str) -> None:
    found = [each for each in lint_file(_TRANSCRIPTS / f"{name}.smtp") if each.severity != "advice"]
    assert [(each.line, each.rule) for each in found] == _MEANT[name]


def _live(*events: Event) -> list[Finding]:
    linter = Linter()
    found = [each for seq, event in enumerate(events, 1) for each in linter.feed(Entry(seq, 0.0, event))]
    return [*found, *linter.finish()]


def test_a_command_before_the_greeting_is_found_when_it_comes() -> None:
    found = _live(Connected("client"), CommandSent(Command(b"EHLO a.example.org")))
    assert [(each.seq, each.line, each.rule) for each in found] == [(2, 0, "before-greeting")]


def test_a_client_whose_lines_end_in_lf_hears_it_at_each_of_them() -> None:
    greeting = ReplyReceived(Reply(220, (b"hi",), b"220 hi\r\n"), None)
    found = _live(Connected("client"), greeting, OctetsSent(b"EHLO a.example.org\n"), OctetsSent(b"QUIT\n"))
    assert [each.seq for each in found if each.rule == "bare-lf"] == [3, 4]


def test_each_connection_begins_anew() -> None:
    one = "S: 220 hi\nC: EHLO a.example.org\nS: 250 mx\nC: QUIT\nS: 221 bye\n*: close\n"
    two = "*: connect mx.example.org:25\nS: 220 hi\nC: MAIL FROM:<a@example.org>\nS: 503 no\nC: QUIT\nS: 221 bye\n*: close\n"
    assert [each.rule for each in lint(one + two)] == ["no-hello"]


def test_only_the_rules_that_are_named_are_asked() -> None:
    linter = Linter([all_rules()["helo"]])
    assert linter.feed(Entry(1, 0.0, CommandSent(Command(b"HELO x y z")))) != []
    assert linter.feed(Entry(2, 0.0, CommandSent(Command(b"FOO")))) == []


def test_mail_data_in_a_file_beside_the_transcript_is_read(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_text("Subject: x\n\ntext\n")
    path = tmp_path / "lab.smtp"
    path.write_text(
        "C: EHLO a.example.org\nC: MAIL FROM:<>\nC: RCPT TO:<b@example.org>\nC: DATA\nC< letter.eml\nC: QUIT\n"
    )
    found = [(each.line, each.rule) for each in lint_file(path) if each.severity == "error"]
    assert found == [(5, "no-from"), (5, "no-date")]


def test_a_message_that_is_not_read_is_not_judged() -> None:
    import io

    from smtp_shell.recording.decoder import entries
    from smtp_shell.transcript.reader import TranscriptReader

    text = b"C: EHLO a.example.org\nC: MAIL FROM:<>\nC: RCPT TO:<b@example.org>\nC: DATA\nC< letter.eml\nC: QUIT\n"
    linter = Linter()
    assert [each for entry in entries(TranscriptReader(io.BytesIO(text), "x")) for each in linter.feed(entry)] == []


def test_a_hostile_dialogue_leaves_nothing_of_its_text_in_a_message() -> None:
    evil = "\\x1b[2Jcanary"
    lines = [
        f"C: {verb} {evil}\nS: 550 {evil}"
        for verb in ("EHLO", "MAIL FROM:", "RCPT TO:", "AUTH", "BDAT", "STARTTLS", evil)
    ]
    fields = "".join(f"C: {name}: {evil}\n" for name in ("From", "Date", "Message-ID", "Content-Type", evil))
    text = "S: 220 hi\n" + "\n".join(lines) + f"\nC: DATA\nS: 354 {evil}\n{fields}C:\nC: {evil}\nC: .\nS: 250 {evil}\n"
    found = lint(text)
    assert len(found) > 10
    assert not any("canary" in str(each) or not str(each).isprintable() for each in found)


def test_an_empty_message_is_no_message() -> None:
    assert [each.rule for each in lint_message(b"")] == ["no-header", "empty-message"]


_TEXT = RECORDED + PLAIN_EHLO + ENVELOPE + HEADER + "C:\n" + r"C| a line\n" + "\n"
_DOT = r"C| .\n" + "\n"


def _rules(text: str) -> list[str]:
    return [each.rule for each in lint(text)]


@pytest.mark.parametrize("end", ["*: close\n", "*: timeout 10\n*: close\n", "S: 421 4.4.2 too long\n*: server-close\n"])
def test_a_dot_whose_line_ends_in_lf_ends_no_message_where_the_server_waits(end: str) -> None:
    found = [each for each in lint(_TEXT + _DOT + end) if each.rule != "no-quit"]
    assert [each.rule for each in found] == ["bare-lf-in-data", "bare-lf"]
    assert found[-1].message.startswith("your dot's line ends in LF")


def test_what_follows_the_dot_is_text_where_the_server_waits() -> None:
    quit_ = r"C| QUIT\n" + "\n"
    assert _rules(_TEXT + _DOT + quit_ + "*: close\n") == ["bare-lf-in-data", "bare-lf", "no-quit"]


def test_a_dot_whose_line_ends_in_lf_ends_the_message_where_the_server_replies() -> None:
    found = _rules(_TEXT.replace(DATE, "") + _DOT + "S: 250 ok\n" + QUIT)
    assert found.count("bare-lf") == 1
    assert "no-quit" not in found
    assert set(found) - {"bare-lf", "bare-lf-in-data"} == set(
        _rules(_TEXT.replace(DATE, "") + "C: .\nS: 250 ok\n" + QUIT)
    ) - {"bare-lf-in-data"}


def test_a_dot_after_a_line_that_ends_in_lf_ends_no_message_where_the_server_waits() -> None:
    assert _rules(_TEXT + r"C| .\r\n" + "\n*: close\n") == ["bare-lf-in-data", "no-quit"]


def test_what_follows_a_doubtful_dot_takes_no_memory() -> None:
    assert "bare-lf" in _rules(_TEXT + _DOT + (r"C| text\n" + "\n") * 10_000 + "C: .\nS: 250 ok\n" + QUIT)


def test_a_recording_shows_what_was_sent_before_the_reply_to_the_line_before() -> None:
    early = MAIL.partition("S:")[0] + RCPT.partition("S:")[0] + "S: 250 ok\nS: 250 ok\n" + DATA + HEADER + TEXT + QUIT
    found = lint(RECORDED + PLAIN_EHLO + early)
    assert [(each.rule, each.line) for each in found] == [("pipelining-not-announced", 9)]
    assert "pipelining-not-announced" not in _rules(PLAIN_EHLO + early)  # a script leaves a good reply out
    assert _rules(RECORDED + PLAIN_EHLO.removeprefix(GREETING).replace("S: 250-", f"{GREETING}S: 250-") + QUIT) == [
        "before-greeting"
    ]


def test_lint_finds_live_what_it_finds_in_a_recording() -> None:
    two = [CommandSent(Command(b"NOOP")), CommandSent(Command(b"NOOP"))]
    replies = [ReplyReceived(Reply(250, (b"ok",), b"250 ok\r\n"), Command(b"NOOP"), 0.1, "NOOP")] * 2
    live = [each.rule for each in _live(*two, *replies)]
    assert "before-greeting" in live
    assert "before-greeting" in _rules(f"{RECORDED}C: NOOP\nC: NOOP\nS: 220 mx\nS: 250 ok\nS: 250 ok\n")


def test_a_rubric_needs_no_rules() -> None:
    rubric = parse_rubric(b"step = [{client = 'NOOP'}, {client = 'RSET'}]", "mine.toml")
    linter = Linter([], RubricCheck(rubric, "mine.toml"))
    linter.feed(Entry(1, 0.0, CommandSent(Command(b"NOOP"))))
    linter.feed(Entry(2, 0.0, ReplyReceived(Reply(220, (b"hi",), b"220 hi\r\n"), None, 0.1)))
    linter.feed(Entry(3, 0.0, ReplyReceived(Reply(250, (b"ok",), b"250 ok\r\n"), Command(b"NOOP"), 0.1, "NOOP")))
    assert [(each.seq, each.message) for each in linter.finish()] == [(3, "RSET is missing; there is none up to here")]


def test_a_reply_that_ends_a_whole_exchange_is_no_reply_to_nothing() -> None:
    text = f"{PLAIN_EHLO}*: authenticate PLAIN ann\nS: 235 2.7.0 ok\n{MAIL}{RCPT}*: finally\nC: RSET\nS: 250 ok\n{QUIT}"
    assert [each.rule for each in lint(text) if each.rule == "unasked-reply"] == []
