"""JSON lines: one object for each step, in the form that INTERFACE.md promises."""

import io
import json
from typing import Any

import pytest

from smtp_shell.display.json_lines import JsonView
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.replies import Reply

LAST = MailDataSent(b".\r\n", True)


def lines(*events: Event, tls: bool = False, finish: bool = False) -> list[dict[str, Any]]:
    out, words = io.StringIO(), io.StringIO()
    view = JsonView(out, words)
    for number, event in enumerate(events, 1):
        view(Entry(number, 0.0221, event, tls))
    if finish:
        view.finish()
    assert words.getvalue() == ""
    assert out.getvalue().isascii()
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (Connected("mail.example.org:25"), {"dir": "event", "text": "connect mail.example.org:25"}),
        (CommandSent(Command("MAIL FROM:<jörg@example.org>".encode())), {"dir": "C", "text": "MAIL FROM:<jörg@example.org>"}),
        (CommandSent(Command(b"AUTH PLAIN AGEAYg==", 11)), {"dir": "C", "text": "AUTH PLAIN ${sasl}"}),
        (SaslSent(b"AGEAYg=="), {"dir": "C", "text": "${sasl}"}),
        (SaslSent(b"*", secret=False), {"dir": "C", "text": "*"}),
        (OctetsSent(b"x\r\n"), {"dir": "C", "text": r"x\x0d\x0a"}),
        (OctetsSent(b"AUTH PLAIN AGEAYg==\r\n", 11), {"dir": "C", "text": "AUTH PLAIN ${sasl}"}),
        (ReplyReceived(Reply(250, (b"a", b"b\x1b"), b""), None), {"dir": "S", "text": "a\nb\\x1b", "code": 250}),
        (Remarked("a note"), {"dir": "note", "text": "a note"}),
        (Noticed(NoticeKind.CUT_REPLY, "", b"\x00"), {"dir": "event", "text": f'notice {NoticeKind.CUT_REPLY.value}: "\\x00"'}),
        (Disconnected(End.SERVER), {"dir": "event", "text": "close server"}),
    ],
)  # fmt: skip
def test_each_event_is_one_object(event: Event, record: dict[str, object]) -> None:
    assert lines(event) == [{"n": 1, **record, "phase": "plain", "time": 0.022}]


def test_the_phase_of_entries_inside_tls_is_tls() -> None:
    assert lines(Remarked("x"), tls=True)[0]["phase"] == "tls"


def test_decoded_meanings_are_left_out() -> None:
    assert lines(Decoded(True, "PLAIN", "x"), Remarked("y")) == [
        {"n": 1, "dir": "note", "text": "y", "phase": "plain", "time": 0.022}
    ]


@pytest.mark.parametrize(
    ("pieces", "data"),
    [
        ([b"a\r\n", b"..b\r\n"], "a\r\n.b\r\n"),
        ([b"..a\r", b"\n", b".", b".b\r\n"], ".a\r\n.b\r\n"),
        ([b'say "x" \\ \x00 \x1b\r\n'], 'say "x" \\ \x00 \x1b\r\n'),
        (["jörg\r\n".encode()], "jörg\r\n"),
        ([bytes([octet]) for octet in "jörg 名\r\n".encode()], "jörg 名\r\n"),
        ([b"\xff\xc3", b"\r\n"], "\udcff\udcc3\r\n"),
        ([], None),
    ],
)
def test_mail_data_is_one_object_without_dot_stuffing(pieces: list[bytes], data: str | None) -> None:
    found = lines(*map(MailDataSent, pieces), LAST, Remarked("after"))
    assert [each.get("data") for each in found] == ([data] if data is not None else []) + [None]
    assert [each["n"] for each in found] == list(range(1, len(found) + 1))
    assert all(each["dir"] == "C" for each in found[:-1])


@pytest.mark.parametrize("event", [Disconnected(End.SERVER), ReplyReceived(Reply(421, (b"bye",), b""), None)])
def test_another_event_closes_the_object_of_mail_data(event: Event) -> None:
    found = lines(MailDataSent(b"half a li"), event)
    assert found[0]["data"] == "half a li"
    assert len(found) == 2


def test_finish_closes_the_object_of_mail_data() -> None:
    assert [each["data"] for each in lines(MailDataSent(b"half"), finish=True)] == ["half"]


def test_words_go_to_another_stream_and_secrets_become_a_variable() -> None:
    out, words = io.StringIO(), io.StringIO()
    JsonView(out, words).say("of our own")
    assert (out.getvalue(), words.getvalue()) == ("", "of our own\n")
    assert MASK not in json.dumps(lines(SaslSent(b"x")))
