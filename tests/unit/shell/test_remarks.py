"""What is wrong with a message that was sent, said after the reply to its final dot."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from smtp_shell.lint import Finding, Linter
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.events import Entry, OctetsSent, ReplyReceived
from tests.unit.shell.fake import Screen, make_shell

_ENVELOPE = ("ehlo", "mail <ann@example.org>", "rcpt bob@example.org", "data")
_FIELDS = (
    *("From: Ann <ann@example.org>", "To: bob@example.org", "Subject: x", "Date: Fri, 27 Nov 2026 10:21:05 +0100"),
    "Message-ID: <1@example.org>",
)


def _typed(*lines: str) -> Screen:
    """Return the screen of a shell in which these lines were typed."""
    shell, _, screen = make_shell()
    for line in lines:
        shell.run(line)
    return screen


def _remarks(screen: Screen) -> list[str]:
    return [line for line in screen.said if line.startswith("lint: ")]


def test_the_first_fault_of_a_message_is_one_line() -> None:
    screen = _typed(*_ENVELOPE, *_FIELDS[:3], "", "text", ".")
    assert _remarks(screen) == [
        "lint: there is no Date field, which every message has (RFC 5322 section 3.6.1); /lint tells more"
    ]


def test_a_message_without_a_fault_gets_no_line() -> None:
    screen = _typed(*_ENVELOPE, *_FIELDS, "", ".text", ".")
    assert _remarks(screen) == []


def test_more_faults_are_counted() -> None:
    screen = _typed(*_ENVELOPE, "Subject: x", "", "text", ".")
    assert [line.split("), ")[1] for line in _remarks(screen)] == ["and 1 more; /lint tells more"]


def test_each_message_of_a_session_is_looked_at_by_itself() -> None:
    screen = _typed(*_ENVELOPE, *_FIELDS[1:], "", ".", *_ENVELOPE, *_FIELDS, "", ".", *_ENVELOPE, *_FIELDS[1:], "", ".")
    assert len(_remarks(screen)) == 2


@pytest.mark.parametrize(
    ("lmtp", "to_message", "number"),
    [
        (True, b"250 for ann\r\n250 for bob\r\n", 2),
        (False, b"353 one by one\r\n250 for ann\r\n250 for bob\r\n250 all\r\n", 4),
        (False, b"250 all\r\n", 1),
    ],
)
def test_it_follows_the_last_reply_where_there_is_one_for_each_recipient(
    lmtp: bool, to_message: bytes, number: int
) -> None:
    target = Target(Way.TCP, "mail.example.org", 24, lmtp=lmtp)
    shell, _, screen = make_shell({b".": to_message}, target=target)
    replies: list[int] = []
    said = screen.say

    def say(text: str, style: str = "said") -> None:
        if text.startswith("lint: "):
            replies.append(sum(isinstance(each.event, ReplyReceived) for each in screen.entries))
        said(text, style)

    screen.say = say  # type: ignore[method-assign]
    for _ in range(2):
        for line in (
            "lhlo" if lmtp else "ehlo",
            "mail <ann@example.org>",
            "rcpt ann@example.org",
            "rcpt <bob@example.org>",
        ):
            shell.run(line)
        for line in ("data", "Subject: x", "", "."):
            shell.run(line)
    assert replies == [1 + 5 + number, 1 + 2 * (5 + number)]


def test_nothing_is_said_where_the_setting_is_off() -> None:
    screen = _typed("/set lint off", *_ENVELOPE, "Subject: x", "", ".")
    assert _remarks(screen) == []


def test_a_dialogue_of_many_commands_keeps_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_shell.shell.remarks._MOST_ENTRIES", 20)
    screen = _typed("ehlo", *["noop"] * 100, *_ENVELOPE[1:], "Subject: x", "", ".")
    assert len(_remarks(screen)) == 1


def test_long_mail_data_is_looked_at_in_part() -> None:
    screen = _typed(*_ENVELOPE, *_FIELDS[1:], "", *["x" * 900] * 400, ".")
    assert len(_remarks(screen)) == 1


def test_long_chunks_are_looked_at_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_text("\n".join([*_FIELDS[1:], "", *["x" * 900] * 1_000]))
    fed: list[int] = []
    feed = Linter.feed

    def count(linter: Linter, entry: Entry) -> Sequence[Finding]:
        if isinstance(entry.event, OctetsSent):
            fed.append(len(entry.event.octets))
        return feed(linter, entry)

    monkeypatch.setattr(Linter, "feed", count)
    screen = _typed("ehlo", "mail <ann@example.org>", "rcpt bob@example.org", f"bdat < {letter}")
    assert 0 < sum(fed) <= 256 * 1024
    assert len(_remarks(screen)) == 1
