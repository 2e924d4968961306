"""The dialogue of a client from the octets of both directions: the entries that a transcript of it has."""

from __future__ import annotations

import base64

import pytest

from smtp_shell.lint import Finding, Linter
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    OctetsSent,
    Remarked,
    ReplyReceived,
    SaslSent,
    TlsStarted,
)
from smtp_shell.protocol.phases import Phase
from smtp_shell.servers.sessions import CLOSED_UNREAD, LINE_KEPT, RESET, TLS_AT_ONCE, WatchedDialogue

CANARY = "canary-Pa55"
DIGITS = base64.b64encode(CANARY.encode())
EHLO = b"250-mail.example\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"


class Watched(WatchedDialogue):
    """A watched dialogue that keeps its entries, and begins with a greeting."""

    def __init__(self, *, greeted: bool = True) -> None:
        self.entries: list[Entry] = []
        super().__init__(self.entries.append)
        self.connected("192.0.2.1:25")
        self._now = 0.0
        if greeted:
            self.says(b"220 mail.example\r\n")

    def hears(self, *segments: bytes) -> list[Event]:
        """Feed what the client sends; return the events that it makes."""
        before = len(self.entries)
        for segment in segments:
            self._now += 0.001
            self.from_client(segment, self._now)
        return [entry.event for entry in self.entries[before:]]

    def says(self, *replies: bytes, more: bool = False) -> list[Event]:
        """Feed what the server sends; return the events that it makes."""
        before = len(self.entries)
        for reply in replies:
            self._now += 0.001
            self.from_server(reply, self._now, more=more)
        return [entry.event for entry in self.entries[before:]]

    def in_data_now(self) -> Watched:
        """Get to where the server reads mail data."""
        self.hears(b"MAIL FROM:<a@example.org>\r\n")
        self.says(b"250 ok\r\n")
        self.hears(b"RCPT TO:<b@example.org>\r\n")
        self.says(b"250 ok\r\n")
        self.hears(b"DATA\r\n")
        self.says(b"354 go on\r\n")
        assert self.in_data
        return self

    def in_login(self) -> Watched:
        """Get to where the server asks for a user name."""
        self.hears(b"AUTH LOGIN\r\n")
        self.says(b"334 VXNlcm5hbWU6\r\n")
        return self

    @property
    def remarks(self) -> list[str]:
        return [entry.event.text for entry in self.entries if isinstance(entry.event, Remarked)]


def octets_of(event: Event) -> bytes:
    match event:
        case CommandSent():
            return event.command.octets
        case SaslSent():
            return event.line + b"\r\n"
        case MailDataSent() | OctetsSent():
            return event.octets
    return b""


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def pipelined(events: list[Event]) -> list[tuple[bytes, bool]]:
    return [(event.command.line, event.pipelined) for event in events if isinstance(event, CommandSent)]


def test_a_line_is_a_command_when_it_has_ended() -> None:
    watched = Watched()
    assert watched.hears(b"EH", b"LO a.example\r") == []
    assert pipelined(watched.hears(b"\n")) == [(b"EHLO a.example", False)]
    (reply,) = watched.says(EHLO)
    assert isinstance(reply, ReplyReceived)
    assert reply.verb == "EHLO"
    assert watched.held == b""


def test_lines_of_one_segment_are_pipelined() -> None:
    watched = Watched()
    events = watched.hears(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    assert [more for _, more in pipelined(events)] == [True, True, False]
    watched.says(b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")
    assert kinds(watched.hears(b"Subject: x\r\n\r\nHello\r\n.\r\nQUIT\r\n")) == ["MailDataSent", "MailDataSent"]
    assert pipelined(watched.says(b"250 taken\r\n")) == [(b"QUIT", False)]
    assert watched.remarks == []


def test_a_line_that_comes_before_the_reply_is_read_after_it() -> None:
    watched = Watched()
    watched.hears(b"MAIL FROM:<a@example.org>\r\n")
    assert watched.hears(b"RCPT TO:<b@example.org>\r\n") == []
    assert kinds(watched.says(b"250 ok\r\n")) == ["ReplyReceived", "CommandSent"]
    assert watched.remarks == []


@pytest.mark.parametrize("more", [False, True])
def test_mail_data_before_the_354_is_remarked(more: bool) -> None:
    watched = Watched()
    watched.hears(b"MAIL FROM:<a@example.org>\r\n")
    watched.says(b"250 ok\r\n")
    watched.hears(b"RCPT TO:<b@example.org>\r\n")
    watched.says(b"250 ok\r\n")
    watched.hears(b"DATA\r\n" if more else b"DATA\r\nHello\r\n.\r\n")
    watched.says(b"354 go on\r\n", more=more)
    if more:
        watched.hears(b"Hello\r\n.\r\n")
    assert len(watched.remarks) == 1
    assert "before the reply to DATA" in watched.remarks[0]
    assert [entry.event for entry in watched.entries if isinstance(entry.event, MailDataSent)][-1].last


def test_a_line_before_the_greeting_is_remarked() -> None:
    watched = Watched(greeted=False)
    assert watched.hears(b"EHLO a.example\r\n") == []
    assert kinds(watched.says(b"220 mail.example\r\n")) == ["ReplyReceived", "Remarked", "CommandSent"]


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP \r\r\n", b"\n", b"\r\n"])
def test_a_line_that_ends_in_lf_alone_is_octets(line: bytes) -> None:
    (event,) = Watched().hears(line)
    assert octets_of(event) == line
    assert isinstance(event, CommandSent if line.endswith(b"\r\n") else OctetsSent)


def test_a_cut_line_is_octets() -> None:
    watched = Watched()
    watched.hears(b"NOOP")
    watched.closed(End.CLIENT, 1.0)
    assert [entry.event for entry in watched.entries[-2:]] == [OctetsSent(b"NOOP"), Disconnected(End.CLIENT)]
    watched.closed(End.SERVER, 2.0)
    assert watched.entries[-1].event == Disconnected(End.CLIENT)


def test_a_reply_that_answers_nothing_cuts_a_line() -> None:
    watched = Watched()
    watched.hears(b"NOO")
    assert kinds(watched.says(b"421 too slow\r\n")) == ["OctetsSent", "Noticed", "ReplyReceived"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_mail_data_ends_with_a_dot_between_two_crlf(size: int) -> None:
    watched = Watched().in_data_now()
    data = b"Subject: x\r\n\r\n..dot\r\n.x\r\nx.\r\n.\r\n"
    segments = [data[start : start + size] for start in range(0, len(data), size)]
    events = watched.hears(*segments)
    assert b"".join(map(octets_of, events)) == data
    assert isinstance(events[-1], MailDataSent)
    assert events[-1].last
    assert not any(event.last for event in events[:-1] if isinstance(event, MailDataSent))
    assert not watched.in_data


def test_an_empty_message_is_only_a_dot() -> None:
    assert Watched().in_data_now().hears(b".\r\n") == [MailDataSent(b".\r\n", last=True)]


def test_lines_of_mail_data_that_end_in_lf_are_octets_and_end_nothing() -> None:
    watched = Watched().in_data_now()
    assert watched.hears(b"Subject: x\n\nHello\n.\n") == [
        OctetsSent(line) for line in (b"Subject: x\n", b"\n", b"Hello\n", b".\n")
    ]
    assert watched.in_data
    assert watched.has_bare_lf
    assert watched.hears(b"x\ny\r\nz\r\n") == [
        OctetsSent(b"x\n"),
        OctetsSent(b"y\r\n"),
        OctetsSent(b"z\r\n"),
    ]
    assert watched.hears(b"x\n.\r\n") == [OctetsSent(b"x\n"), OctetsSent(b".\r\n")]
    assert watched.hears(b".\r\n") == [MailDataSent(b".\r\n", last=True)]


@pytest.mark.parametrize("dot", [b"Hello\n.\n", b"Hello\r\n.\n", b"Hello\n.\r\n"])
def test_a_doubtful_dot_that_is_answered_ends_the_mail_data(dot: bytes) -> None:
    watched = Watched().in_data_now()
    watched.hears(dot)
    before = watched.in_data
    (reply,) = watched.says(b"250 taken\r\n")
    assert isinstance(reply, ReplyReceived)
    assert (before, watched.in_data) == (True, False)
    assert watched.dialogue.phase is Phase.READY
    assert pipelined(watched.hears(b"QUIT\r\n")) == [(b"QUIT", False)]
    assert kinds(watched.says(b"221 bye\r\n")) == ["ReplyReceived"]


def test_what_followed_a_doubtful_dot_is_commands_when_it_is_answered() -> None:
    watched = Watched().in_data_now()
    events = watched.hears(b"x\n.\nAUTH PLAIN " + base64.b64encode(f"\0ann\0{CANARY}".encode()) + b"\r\nDATA\r\n")
    assert [event.public for event in events if isinstance(event, OctetsSent)] == [None, None, 11, None]
    replies = watched.says(b"250 taken\r\n", b"503 no\r\n", b"354 go on\r\n")
    assert [event.verb for event in replies if isinstance(event, ReplyReceived)] == ["", "AUTH", "DATA"]
    assert watched.in_data
    assert watched.hears(b".\r\n") == [MailDataSent(b".\r\n", last=True)]


def test_a_421_does_not_answer_a_doubtful_dot() -> None:
    watched = Watched().in_data_now()
    watched.hears(b"x\n.\n")
    assert kinds(watched.says(b"421 too slow\r\n")) == ["Noticed", "ReplyReceived"]


def test_the_rest_of_a_line_that_is_too_long_is_no_dot() -> None:
    watched = Watched().in_data_now()
    watched.hears(b"x\n" + b"x" * (LINE_KEPT + 1), b"x", b"\n", b"..\r\n")
    assert watched.in_data
    assert not any(owed.doubtful for owed in watched.dialogue.owed)


def test_an_exchange_is_followed_and_masked() -> None:
    watched = Watched()
    watched.hears(b"EHLO a.example\r\n")
    watched.says(EHLO)
    watched.in_login()
    user, meaning = watched.hears(base64.b64encode(b"ann") + b"\r\n")
    assert isinstance(user, SaslSent)
    assert user.names_user
    assert meaning == Decoded(True, "LOGIN", "user name ann")
    watched.says(b"334 UGFzc3dvcmQ6\r\n")
    password, meaning = watched.hears(DIGITS + b"\r\n")
    assert isinstance(password, SaslSent)
    assert password.secret
    assert isinstance(meaning, Decoded)
    assert CANARY not in meaning.meaning
    assert watched.says(b"235 welcome\r\n")[-1] == Authenticated("LOGIN", "ann")


def test_an_initial_response_is_explained() -> None:
    watched = Watched()
    response = base64.b64encode(f"\0ann\0{CANARY}".encode())
    command, meaning = watched.hears(b"AUTH PLAIN " + response + b"\r\n")
    assert isinstance(command, CommandSent)
    assert command.command.shown == b"AUTH PLAIN "
    assert isinstance(meaning, Decoded)
    assert "ann" in meaning.meaning
    assert watched.says(b"235 welcome\r\n")[-1] == Authenticated("PLAIN", "ann")


def shown_of(watched: Watched) -> bytes:
    """Return all that may be shown of what the client sent."""
    shown = b""
    for entry in watched.entries:
        match entry.event:
            case CommandSent(command=command):
                shown += command.shown
            case SaslSent(secret=False, line=line):
                shown += line
            case OctetsSent(octets=octets, public=public):
                shown += octets[:public]
            case MailDataSent(octets=octets):
                shown += octets
            case Remarked(text=text) | Decoded(meaning=text):
                shown += text.encode()
    return shown


def assert_masked(watched: Watched) -> None:
    shown = shown_of(watched)
    assert CANARY.encode() not in shown
    assert DIGITS not in shown
    assert DIGITS[4:-4] not in shown


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\r\n"])
@pytest.mark.parametrize("refusal", [b"535 wrong\r\n", b"503 Send EHLO first\r\n", b"538 not here\r\n"])
def test_a_password_that_comes_after_the_exchange_is_masked(end: bytes, refusal: bytes) -> None:
    watched = Watched()
    watched.hears(b"AUTH LOGIN\r\n")
    watched.says(refusal)
    for part in (base64.b64encode(b"ann"), DIGITS):
        watched.hears(part + end)
        watched.says(*[b"500 what\r\n"] * end.count(b"\n"))
    assert_masked(watched)


def test_a_response_in_two_lines_is_masked() -> None:
    watched = Watched()
    response = base64.b64encode(f"\0ann\0{CANARY}{CANARY}{CANARY}".encode())
    watched.hears(b"AUTH PLAIN " + response[:20] + b"\n" + response[20:] + b"\r\n")
    watched.says(b"535 wrong\r\n", b"500 what\r\n")
    assert_masked(watched)
    assert response[24:40] not in shown_of(watched)


def test_a_response_that_is_cut_by_the_end_is_masked() -> None:
    watched = Watched().in_login()
    watched.hears(DIGITS[:10])
    watched.closed(End.CLIENT, 1.0)
    assert DIGITS[:10] not in shown_of(watched)


def test_an_empty_answer_is_remarked() -> None:
    watched = Watched().in_login()
    watched.hears(base64.b64encode(b"ann") + b"\n\r\n")
    watched.says(b"334 UGFzc3dvcmQ6\r\n")
    assert any("an empty line came as the password" in remark for remark in watched.remarks)


def test_tls_begins_a_new_dialogue() -> None:
    watched = Watched()
    watched.hears(b"STARTTLS\r\n")
    watched.says(b"220 ready\r\n")
    watched.tls_started("TLSv1.3", "TLS_AES_256_GCM_SHA384", 1.0)
    watched.hears(b"EHLO a.example\r\n")
    started, command = watched.entries[-2:]
    assert isinstance(started.event, TlsStarted)
    assert started.event.verified is None
    assert [started.tls, command.tls] == [False, True]


def test_tls_with_the_first_octet_is_remarked() -> None:
    watched = Watched()
    watched.hears(b"\x16\x03\x01\x00\xc0\x01")
    assert watched.remarks == [TLS_AT_ONCE]


def test_a_reset_is_explained() -> None:
    watched = Watched()
    watched.closed(End.CLIENT, 1.0, RESET)
    assert watched.remarks == [CLOSED_UNREAD]


@pytest.mark.parametrize("start", [b"NOOP ", b"AUTH PLAIN "])
def test_a_line_without_an_end_takes_a_fixed_space(start: bytes) -> None:
    watched = Watched()
    watched.hears(start)
    for _ in range(40):
        watched.hears(b"x" * 10_000)
        assert len(watched.held) <= LINE_KEPT + 10_000
    watched.hears(b"\r\n")
    watched.says(b"500 too long\r\n")
    assert any(f"{len(start) + 400_000 - LINE_KEPT:,} more octets" in remark for remark in watched.remarks)
    assert pipelined(watched.hears(b"NOOP\r\n")) == [(b"NOOP", False)]
    if start.startswith(b"AUTH"):
        assert b"xx" not in shown_of(watched)


def test_a_line_of_mail_data_without_an_end_takes_a_fixed_space() -> None:
    watched = Watched().in_data_now()
    events: list[Event] = []
    for _ in range(40):
        events += watched.hears(b"x" * 10_000)
        assert len(watched.held) <= LINE_KEPT + 10_000
    events += watched.hears(b"\r\n.\r\n")
    assert b"".join(map(octets_of, events)) == b"x" * 400_000 + b"\r\n.\r\n"


def test_what_the_server_never_read_is_marked_as_such() -> None:
    seen: list[tuple[type, bool]] = []
    watched = WatchedDialogue(lambda entry: seen.append((type(entry.event), watched.is_unread)))
    watched.connected("192.0.2.1:25")
    watched.from_server(b"220 mail.example\r\n", 0.0)
    watched.from_client(b"DATA\r\nSubject: x\r\n", 0.1)
    watched.closed(End.CLIENT, 0.2)
    assert [unread for kind, unread in seen if kind is OctetsSent] == [True]
    assert not any(unread for kind, unread in seen if kind not in (OctetsSent, Remarked))


def _linted_after_dot(*segments: bytes) -> tuple[Watched, Linter, list[Finding]]:
    watched = Watched()
    watched.hears(b"EHLO a.example.org\r\n")
    watched.says(EHLO)
    watched.in_data_now().hears(b"Subject: x\n\ntext\n", b".\n", *segments)
    linter = Linter()
    return watched, linter, [each for entry in watched.entries for each in linter.feed(entry)]


def test_a_linter_knows_a_message_that_ends_after_a_dot_with_bare_lf() -> None:
    watched, linter, found = _linted_after_dot(b"text\r\n.\r\n")
    before = len(watched.entries)
    watched.says(b"250 ok\r\n")
    watched.hears(b"QUIT\r\n")
    watched.says(b"221 bye\r\n")
    watched.closed(End.CLIENT, 9.0)
    found += [each for entry in watched.entries[before:] for each in linter.feed(entry)]
    assert [each.rule for each in found if "dot" in each.message] == ["bare-lf"]
    assert {each.rule for each in found}.isdisjoint(
        {"data-without-354", "no-quit", "unasked-reply", "dropped-before-outcome"}
    )


def test_a_linter_says_once_that_the_dot_of_a_message_with_bare_lf_ends_nothing() -> None:
    watched, linter, found = _linted_after_dot(b"QUIT\n")
    before = len(watched.entries)
    watched.closed(End.CLIENT, 9.0)
    found += [each for entry in watched.entries[before:] for each in linter.feed(entry)]
    assert [each.rule for each in found if "dot" in each.message] == ["bare-lf"]
    assert "dropped-before-outcome" not in {each.rule for each in found}


CHUNKS = b"250-mail.example\r\n250 CHUNKING\r\n"


def test_a_chunk_is_read_at_once_and_holds_no_commands() -> None:
    watched = Watched()
    watched.hears(b"EHLO a.example\r\n")
    watched.says(CHUNKS)
    events = watched.hears(b"BDAT 8 LAST\r\nQUI", b"T\r\n.\nNOOP\r\n")
    assert isinstance(events[0], CommandSent)
    assert events[0].pipelined
    assert [each.octets for each in events if isinstance(each, OctetsSent)] == [b"QUI", b"T\r\n.\n"]
    assert [command.command.verb for command in commands_in(watched.says(b"250 ok\r\n"))] == ["NOOP"]


def test_what_follows_bdat_is_commands_where_it_is_not_announced() -> None:
    watched = Watched()
    watched.hears(b"BDAT 100\r\nQUIT\r\n")
    assert [command.command.verb for command in commands_in(watched.says(b"502 no\r\n"))] == ["QUIT"]


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\xc0\0\2\1\xc0\0\2\2\4\xd2\0\x19",
    ],
)
def test_a_proxy_header_comes_before_the_greeting_and_has_no_reply(header: bytes) -> None:
    watched = Watched(greeted=False)
    events = watched.hears(header[:7], header[7:] + b"EHLO a.example\r\n")
    assert b"".join(each.octets for each in events if isinstance(each, OctetsSent)) == header
    (ehlo,) = commands_in(watched.says(b"220 mail.example\r\n"))
    assert ehlo.command.verb == "EHLO"
    (reply,) = [each for each in watched.says(EHLO) if isinstance(each, ReplyReceived)]
    assert reply.verb == "EHLO"


def test_a_credential_that_the_server_sends_back_is_masked() -> None:
    watched = Watched()
    watched.hears(b"EHLO a.example\r\n")
    watched.says(EHLO)
    watched.hears(b"AUTH LOGIN\r\n")
    watched.says(b"334 VXNlcm5hbWU6\r\n")
    watched.hears(b"YW5u\r\n")
    watched.says(b"334 UGFzc3dvcmQ6\r\n")
    watched.hears(DIGITS + b"\r\n")
    watched.says(b"535 5.7.8 not " + DIGITS + b" nor " + CANARY.encode() + b"\r\n")
    told = "".join(repr(each) for each in watched.entries)
    assert CANARY not in told
    assert DIGITS.decode() not in told


def test_a_reply_that_the_end_cuts_is_noticed() -> None:
    watched = Watched()
    watched.hears(b"EHLO a.example\r\n")
    watched.says(b"250-one\r\n25")
    watched.closed(End.SERVER, 9.0)
    (cut,) = [entry.event for entry in watched.entries if isinstance(entry.event, Noticed)]
    assert cut.octets == b"250-one\r\n25"


def commands_in(events: list[Event]) -> list[CommandSent]:
    return [each for each in events if isinstance(each, CommandSent)]
