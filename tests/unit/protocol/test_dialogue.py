"""Dialogues in RFC notation: what is said, what it means, and where the dialogue stands then."""

from collections.abc import Callable

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import MOST_HELD, UNASKED_LIMIT, Dialogue
from smtp_shell.protocol.events import (
    CommandSent,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.phases import TRANSITIONS, Asked, Owed, Phase
from smtp_shell.protocol.replies import Extensions, Reply, ReplyLimits, ReplyParser
from tests.support.samples import cuts, fed

Line = tuple[str, str, Phase]


def word(event: Event) -> str:
    """Write an event that a server caused in a word: `250 MAIL`, `220`, `! late`."""
    match event:
        case ReplyReceived(reply, None):
            return str(reply.code)
        case ReplyReceived(reply, Command() as command):
            return f"{reply.code} {command.verb}"
        case Noticed(kind):
            return f"! {kind.name.lower()}"
    raise AssertionError(event)


def say(dialogue: Dialogue, line: str) -> str:
    """Feed one line: `C:` a command, `C&` a pipelined one, `A:` in an AUTH exchange, `D:` mail data, `R:` raw, `S:` the server."""
    who, text = line[:2], line[3:].encode()
    match who:
        case "C:":
            dialogue.send(Command.parse(text))
        case "C&":
            dialogue.send(Command.parse(text), pipelined=True)
        case "A:":
            dialogue.send_sasl(text)
        case "D:":
            dialogue.send_mail_data(text + b"\r\n", last=text == b".")
        case "R:":
            dialogue.send_raw(text.replace(b"|", b"\r\n"))
        case "S:":
            return ", ".join(map(word, dialogue.receive(text.replace(b"|", b"\r\n") + b"\r\n")))
        case _:
            raise AssertionError(line)
    return ""


def stands(dialogue: Dialogue) -> Phase:
    """Return the phase, in a way that the type checker does not remember."""
    return dialogue.phase


def owes(dialogue: Dialogue) -> tuple[Owed, ...]:
    """Return what is owed, in the same way."""
    return dialogue.owed


def announced(dialogue: Dialogue) -> Extensions | None:
    return dialogue.extensions


def play(*lines: str, lmtp: bool = False) -> tuple[Dialogue, list[str]]:
    """Play lines; give the dialogue and what the server's lines meant."""
    dialogue = Dialogue()
    dialogue.lmtp = lmtp
    return dialogue, [said for line in lines if (said := say(dialogue, line))]


def at(phase: Phase) -> Dialogue:
    """Bring a dialogue into a phase by talking."""
    to_rcpt = ["S: 220 hi", "C: EHLO c", "S: 250 mail", "C: MAIL FROM:<>", "S: 250", "C: RCPT TO:<a@b>", "S: 250"]
    lines = {
        Phase.GREETING: [],
        Phase.FRESH: to_rcpt[:1],
        Phase.READY: to_rcpt[:3],
        Phase.MAIL: to_rcpt[:5],
        Phase.RCPT: to_rcpt,
        Phase.MAILDATA: [*to_rcpt, "C: DATA", "S: 354"],
        Phase.AUTH: [*to_rcpt[:3], "C: AUTH LOGIN", "S: 334"],
        Phase.TLS: [*to_rcpt[:3], "C: STARTTLS", "S: 220"],
        Phase.CLOSED: [*to_rcpt[:3], "C: QUIT", "S: 221"],
    }
    dialogue, _ = play(*lines[phase])
    assert dialogue.phase is phase
    if phase is not Phase.GREETING:
        assert owes(dialogue) == ()
    return dialogue


# --- dialogues


def test_rfc_5321_appendix_d_1() -> None:
    """A typical transaction, with a refused recipient."""
    told: list[Line] = [
        ("S: 220 foo.com Simple Mail Transfer Service Ready", "220", Phase.FRESH),
        ("C: EHLO bar.com", "", Phase.FRESH),
        ("S: 250-foo.com greets bar.com|250-8BITMIME|250-SIZE|250-DSN|250 HELP", "250 EHLO", Phase.READY),
        ("C: MAIL FROM:<Smith@bar.com>", "", Phase.READY),
        ("S: 250 OK", "250 MAIL", Phase.MAIL),
        ("C: RCPT TO:<Jones@foo.com>", "", Phase.MAIL),
        ("S: 250 OK", "250 RCPT", Phase.RCPT),
        ("C: RCPT TO:<Green@foo.com>", "", Phase.RCPT),
        ("S: 550 No such user here", "550 RCPT", Phase.RCPT),
        ("C: DATA", "", Phase.RCPT),
        ("S: 354 Start mail input; end with <CRLF>.<CRLF>", "354 DATA", Phase.MAILDATA),
        ("D: Blah blah blah...", "", Phase.MAILDATA),
        ("D: .", "", Phase.MAILDATA),
        ("S: 250 OK", "250", Phase.READY),
        ("C: QUIT", "", Phase.READY),
        ("S: 221 foo.com Service closing transmission channel", "221 QUIT", Phase.CLOSED),
    ]
    dialogue = Dialogue()
    for line, heard, phase in told:
        assert (say(dialogue, line), dialogue.phase) == (heard, phase), line
    assert dialogue.greeting is not None
    assert dialogue.greeting.lines == (b"foo.com Simple Mail Transfer Service Ready",)
    assert dialogue.extensions is not None
    assert set(dialogue.extensions.keywords) == {"8BITMIME", "SIZE", "DSN", "HELP"}


def test_rfc_2033_section_4_2_one_reply_for_each_accepted_recipient() -> None:
    dialogue, heard = play(
        "S: 220 foo.edu LMTP server ready", "C: LHLO foo.edu", "S: 250-foo.edu|250-PIPELINING|250 SIZE",
        "C& MAIL FROM:<chris@bar.com>", "C& RCPT TO:<pat@foo.edu>", "C& RCPT TO:<jones@foo.edu>",
        "C& RCPT TO:<green@foo.edu>", "C: DATA",
        "S: 250 OK|250 OK|550 No such user here|250 OK|354 Start mail input; end with <CRLF>.<CRLF>",
        "D: Blah blah blah...", "D: .", "S: 250 OK", "S: 452 <green@foo.edu> is temporarily over quota",
    )  # fmt: skip
    assert heard == ["220", "250 LHLO", "250 MAIL, 250 RCPT, 550 RCPT, 250 RCPT, 354 DATA", "250", "452"]
    assert stands(dialogue) is Phase.READY
    assert owes(dialogue) == ()


def test_lmtp_owes_one_reply_when_no_recipient_was_accepted() -> None:
    dialogue, _ = play("S: 220", "C: LHLO c", "S: 250", "C: DATA", "S: 354", "D: .")
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)


def test_lmtp_forgets_recipients_with_the_transaction() -> None:
    lines = ("S: 220", "C: LHLO c", "S: 250", "C: MAIL FROM:<>", "S: 250", "C: RCPT TO:<a@b>", "S: 250")
    for ends in ("C: RSET", "C: MAIL FROM:<>", "C: LHLO c"):
        dialogue, _ = play(*lines, *lines[5:], ends, "S: 250", "C: DATA", "S: 354", "D: .", lmtp=True)
        assert len(dialogue.owed) == 1


def test_prdr_353_owes_a_reply_for_each_recipient_and_one_for_the_message() -> None:
    dialogue = at(Phase.RCPT)
    for line, heard in [
        ("C: RCPT TO:<c@d>", ""), ("S: 250", "250 RCPT"), ("C: DATA", ""), ("S: 354", "354 DATA"), ("D: .", ""),
        ("S: 353 content analysis started", "353"), ("S: 250 first ok", "250"), ("S: 550 second refused", "550"),
    ]:  # fmt: skip
        assert say(dialogue, line) == heard
    assert stands(dialogue) is Phase.MAILDATA
    assert say(dialogue, "S: 250 accepted for some") == "250"
    assert stands(dialogue) is Phase.READY
    assert owes(dialogue) == ()
    assert say(dialogue, "S: 250 one more") == "! unsolicited, 250"


def test_prdr_is_announced_once_a_message() -> None:
    dialogue = at(Phase.MAILDATA)
    say(dialogue, "D: .")
    for _ in range(3):
        assert say(dialogue, "S: 353 again and again") == "353"
    assert owes(dialogue) == ()
    assert dialogue.asked == dialogue.answered


def test_bdat() -> None:
    """RFC 3030 §4.1."""
    dialogue = at(Phase.RCPT)
    assert say(dialogue, "C: BDAT 9") == ""
    assert dialogue.send_chunk(b"Subject: ") == [OctetsSent(b"Subject: ")]
    assert say(dialogue, "S: 250 9 octets received") == "250 BDAT"
    assert stands(dialogue) is Phase.RCPT
    say(dialogue, "C: BDAT 4 LAST")
    dialogue.send_chunk(b"x\r\n")
    assert owes(dialogue) == (Owed(Asked.CHUNK, Command(b"BDAT 4 LAST"), "BDAT"),)
    assert say(dialogue, "S: 250 ok") == "250 BDAT"
    assert stands(dialogue) is Phase.READY


def test_a_refused_last_chunk_ends_the_transaction() -> None:
    """RFC 3030 section 2: the transaction should be considered failed."""
    dialogue = at(Phase.RCPT)
    say(dialogue, "C: bdat 0 last")
    assert say(dialogue, "S: 552 no") == "552 BDAT"
    assert stands(dialogue) is Phase.READY


def test_bdat_in_lmtp_has_a_reply_for_each_recipient() -> None:
    dialogue, heard = play(
        "S: 220", "C: LHLO c", "S: 250", "C: MAIL FROM:<>", "S: 250", "C: RCPT TO:<a@b>", "S: 250",
        "C: RCPT TO:<c@d>", "S: 250", "C: BDAT 0 LAST", "S: 250 a", "S: 550 c",
    )  # fmt: skip
    assert heard[-2:] == ["250 BDAT", "550 BDAT"]
    assert (dialogue.phase, dialogue.owed) == (Phase.READY, ())


def test_auth_login() -> None:
    told: list[Line] = [
        ("C: AUTH LOGIN", "", Phase.READY),
        ("S: 334 VXNlcm5hbWU6", "334 AUTH", Phase.AUTH),
        ("A: c3R1ZGVudA==", "", Phase.AUTH),
        ("S: 334", "334 AUTH", Phase.AUTH),
        ("A: cGFzc3dvcmQ=", "", Phase.AUTH),
        ("S: 235 2.7.0 OK", "235 AUTH", Phase.READY),
    ]
    dialogue = at(Phase.READY)
    for line, heard, phase in told:
        assert (say(dialogue, line), dialogue.phase) == (heard, phase), line


def test_a_cancelled_auth_is_over() -> None:
    dialogue = at(Phase.AUTH)
    assert dialogue.send_sasl(b"*", secret=False, meaning="cancel") == [SaslSent(b"*", False, "cancel")]
    assert str(dialogue.owed[0]) == "the reply to the response to AUTH"
    assert say(dialogue, "S: 501 cancelled") == "501 AUTH"
    assert stands(dialogue) is Phase.READY


@pytest.mark.parametrize("phase", [Phase.FRESH, Phase.READY, Phase.MAIL, Phase.RCPT])
@pytest.mark.parametrize("end", ["S: 235 in", "S: 535 no", "S: 454 later"])
def test_an_auth_exchange_ends_where_it_began(phase: Phase, end: str) -> None:
    """RFC 4954 section 4: it neither replaces EHLO nor ends a transaction; a server ought to refuse it there."""
    dialogue = at(phase)
    for line in ("C: AUTH LOGIN", "S: 334", "A: YW5u", "S: 334", "A: cGFzcw==", end):
        say(dialogue, line)
    assert stands(dialogue) is phase


def test_what_follows_auth_in_its_group_is_taken_for_the_responses() -> None:
    """RFC 4954 section 4: after a 334 the server reads a response, whatever the client meant."""
    dialogue = at(Phase.READY)
    for line in ("C: AUTH LOGIN", "C: MAIL FROM:<>", "C: RSET", "C: NOOP"):
        say(dialogue, line)
    for line, is_open in (
        ("S: 334 user", True),
        ("S: 334 pass", True),
        ("S: 501 no base64", False),
        ("S: 250 ok", False),
    ):
        say(dialogue, line)
        assert (dialogue.exchange.is_open, dialogue.phase is Phase.AUTH) == (is_open, is_open), line


def test_what_follows_data_in_octets_is_mail_data_whatever_is_said_to_what_precedes_it() -> None:
    dialogue = at(Phase.RCPT)
    dialogue.send_raw(b"NOOP\r\nDATA\r\n")
    assert say(dialogue, "S: 250 ok") == "250 NOOP"
    dialogue.send_raw(b"NOOP\r\n.\r\n")
    assert [owed.asked for owed in dialogue.owed] == [Asked.COMMAND, Asked.END_OF_DATA]


def test_sasl_without_auth_is_our_own_affair() -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "A: abcd")
    assert say(dialogue, "S: 500 what") == "500 AUTH"


# --- the table


VERBS = ["EHLO c", "HELO c", "LHLO c", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "RSET", "BDAT 0", "BDAT 0 LAST", "AUTH PLAIN",
         "STARTTLS", "QUIT", "NOOP", "VRFY ann", "X-NEW", "XCLIENT ADDR=192.0.2.7", "*", ""]  # fmt: skip
CODES = [200, 220, 221, 235, 250, 334, 354, 421, 451, 500, 550]
TALKING = [Phase.FRESH, Phase.READY, Phase.MAIL, Phase.RCPT, Phase.AUTH]


def after(phase: Phase, verb: str, code: int) -> Phase:
    """The rules of RFC 5321 §4.1.4, RFC 3207 §4, RFC 4954 §4 and RFC 3030 §2 once more, in words."""
    digit = code // 100
    if code == 421:  # RFC 5321 §3.8
        return Phase.CLOSED
    match verb.split(" ")[0], digit:
        case "EHLO" | "HELO" | "LHLO", 2:
            return Phase.READY
        case "MAIL", 2:
            return Phase.MAIL
        case "RCPT", 2 if phase in (Phase.MAIL, Phase.RCPT):
            return Phase.RCPT
        case "DATA", 3:
            return Phase.MAILDATA
        case "RSET", 2 if phase is not Phase.FRESH:
            return Phase.READY
        case "BDAT", _ if "LAST" in verb and phase in (Phase.MAIL, Phase.RCPT):
            return Phase.READY
        case "AUTH", 3:
            return Phase.AUTH
        case "STARTTLS", 2 if code == 220:
            return Phase.TLS
        case "QUIT", 2:
            return Phase.CLOSED
        case "XCLIENT", 2 if code == 220:  # Postfix, XCLIENT_README: the reply is a greeting
            return Phase.FRESH
        case _, 2 | 4 | 5 if (
            phase is Phase.AUTH
        ):  # each line is a response there, also one that was sent before the challenge came
            return Phase.READY  # where the exchange of `at` began
    return phase


@pytest.mark.parametrize("phase", TALKING)
@pytest.mark.parametrize("verb", VERBS)
def test_every_reply_to_every_command_in_every_phase(phase: Phase, verb: str) -> None:
    for code in CODES:
        dialogue = at(phase)
        say(dialogue, f"C: {verb}")
        list(dialogue.receive(b"%d text\r\n" % code))
        assert stands(dialogue) is after(phase, verb, code), code
        assert owes(dialogue) == ()


def test_every_row_of_the_table_happens() -> None:
    seen = set()
    for phase in TALKING:
        for verb in VERBS:
            for code in CODES:
                row = (verb.split(" ")[0], code // 100)
                if TRANSITIONS.get(row) is after(phase, verb, code):
                    seen.add(row)
    assert seen == set(TRANSITIONS)


@pytest.mark.parametrize(
    ("code", "phase"), [(220, Phase.FRESH), (554, Phase.GREETING), (450, Phase.GREETING), (421, Phase.CLOSED)]
)
def test_the_greeting(code: int, phase: Phase) -> None:
    dialogue, heard = play(f"S: {code} text")
    assert heard == [str(code)]
    assert stands(dialogue) is phase
    assert dialogue.greeting is not None


@pytest.mark.parametrize("code", [250, 451, 550])
def test_the_reply_to_the_final_dot_ends_the_transaction(code: int) -> None:
    dialogue = at(Phase.MAILDATA)
    say(dialogue, "D: .")
    assert say(dialogue, f"S: {code} text") == str(code)
    assert stands(dialogue) is Phase.READY


def test_421_to_the_final_dot_closes() -> None:
    dialogue = at(Phase.MAILDATA)
    say(dialogue, "D: .")
    say(dialogue, "S: 421 bye")
    assert stands(dialogue) is Phase.CLOSED


# --- what EHLO announced


def test_extensions_count_only_once_a_whole_positive_reply_is_in() -> None:
    dialogue = at(Phase.FRESH)
    say(dialogue, "C: EHLO c")
    list(dialogue.receive(b"250-mail\r\n250-STARTTLS\r\n250 PIPE"))
    assert (dialogue.extensions, dialogue.pending[-4:]) == (None, b"PIPE")
    list(dialogue.receive(b"LINING\r\n"))
    assert dialogue.extensions is not None
    assert set(dialogue.extensions.keywords) == {"STARTTLS", "PIPELINING"}
    say(dialogue, "C: EHLO c")
    say(dialogue, "S: 502-mail|502 CHUNKING")
    assert "STARTTLS" in dialogue.extensions
    say(dialogue, "C: HELO c")
    say(dialogue, "S: 250-mail|250 DSN")
    assert announced(dialogue) is None, "HELO asks for none, so what the server offers is not known"


def test_keywords_in_the_reply_to_something_else_mean_nothing() -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: NOOP")
    say(dialogue, "S: 250-mail|250 AUTH PLAIN")
    assert dialogue.extensions is not None
    assert dialogue.extensions.keywords == {}


def test_lhlo_makes_it_lmtp_and_ehlo_does_not() -> None:
    dialogue = at(Phase.FRESH)
    for verb, lmtp in (("LHLO", True), ("EHLO", False)):
        say(dialogue, f"C: {verb} c")
        say(dialogue, "S: 250 mail")
        assert dialogue.lmtp is lmtp


# --- pairing


def test_pipelined_replies_are_paired_in_order_in_any_segments() -> None:
    def make() -> Dialogue:
        dialogue = at(Phase.READY)
        for line in ("C& MAIL FROM:<>", "C& RCPT TO:<a@b>", "C& RCPT TO:<c@d>", "C: DATA"):
            say(dialogue, line)
        return dialogue

    events = fed(lambda: make().receive, b"250 ok\r\n250-one\r\n250 ok\r\n550 no\r\n354 go\r\n")
    assert list(map(word, events)) == ["250 MAIL", "250 RCPT", "550 RCPT", "354 DATA"]


def test_what_is_sent_is_told() -> None:
    dialogue = at(Phase.READY)
    command = Command(b"NOOP")
    assert dialogue.send(command) == [CommandSent(command)]
    assert dialogue.send(command, pipelined=True) == [CommandSent(command, pipelined=True)]
    assert dialogue.send_mail_data(b"a\r\n") == [MailDataSent(b"a\r\n")]
    assert dialogue.send_mail_data(END_OF_DATA, last=True) == [MailDataSent(b".\r\n", last=True)]


def test_a_late_reply_belongs_to_the_command_whose_wait_ended() -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: VRFY ann")
    dialogue.expect_late()
    say(dialogue, "C: NOOP")
    assert say(dialogue, "S: 252 maybe|250 ok") == "! late, 252 VRFY, 250 NOOP"


def test_a_late_reply_still_moves_the_dialogue() -> None:
    dialogue = at(Phase.RCPT)
    say(dialogue, "C: DATA")
    dialogue.expect_late()
    say(dialogue, "S: 354 at last")
    assert stands(dialogue) is Phase.MAILDATA


def test_what_is_owed_is_counted_and_named() -> None:
    dialogue = at(Phase.MAILDATA)
    before = dialogue.asked
    say(dialogue, "D: .")
    for line in ("C: NOOP", "C: \x1b[2J x", "C: "):
        say(dialogue, line)
    names = ["the reply to the final dot", "the reply to NOOP", "the reply to the line", "the reply to the line"]
    assert [str(owed) for owed in dialogue.owed] == names
    assert (dialogue.asked - before, dialogue.answered - before) == (4, 0)
    say(dialogue, "S: 250|250")
    assert dialogue.answered - before == 2
    assert str(Dialogue().owed[0]) == "the greeting"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.1, "idle for too long, or shutting down"),
        (19.9, "idle for too long, or shutting down"),
        (20.0, "its idle time-out, after 20 s of silence"),
        (119.4, "its idle time-out, after 119 s of silence"),
        (120.0, "its idle time-out, after 2 min of silence"),
        (3600.0, "its idle time-out, after 60 min of silence"),
    ],
)
def test_a_421_that_answers_nothing_is_a_goodbye(seconds: float, said: str) -> None:
    notice, _ = at(Phase.READY).receive(b"421 bye\r\n", seconds)
    assert isinstance(notice, Noticed)
    assert notice.kind is NoticeKind.UNSOLICITED
    assert notice.sentence == f"the server ends the connection: {said}"


@pytest.mark.parametrize("code", [220, 250, 421, 550])
def test_from_the_final_dot_to_its_reply_the_client_stands_at_the_end_of_the_data(code: int) -> None:
    dialogue = at(Phase.MAILDATA)
    stood = []
    for line in ("D: text", "D: .", f"S: {code} x"):
        say(dialogue, line)
        stood.append(dialogue.standing)
    assert stood == [Phase.MAILDATA, Phase.ENDED, Phase.CLOSED if code == 421 else Phase.READY]


def test_mail_data_that_was_sent_before_the_354_has_ended_when_it_comes() -> None:
    dialogue = at(Phase.RCPT)
    list(dialogue.send_raw(b"DATA\r\ntext\r\n.\r\n"))
    stood = []
    for line in ("S: 354 go", "S: 250 taken"):
        say(dialogue, line)
        stood.append(dialogue.standing)
    assert stood == [Phase.ENDED, Phase.READY]


@pytest.mark.parametrize("phase", [Phase.FRESH, Phase.READY, Phase.RCPT, Phase.MAILDATA, Phase.AUTH])
def test_a_reply_that_answers_nothing(phase: Phase) -> None:
    dialogue = at(phase)
    assert say(dialogue, "S: 250 surprise") == "! unsolicited, 250"
    assert stands(dialogue) is phase
    assert say(dialogue, "S: 421 bye") == "! unsolicited, 421"
    assert stands(dialogue) is Phase.CLOSED


def test_a_debugging_line_answers_nothing() -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: VERB")
    assert say(dialogue, "S: 050 debugging|050 more|250 ok") == (
        "! bad_reply, ! unsolicited, 50, ! bad_reply, ! unsolicited, 50, 250 VERB"
    )


def test_unasked_talk_is_bounded() -> None:
    dialogue = at(Phase.READY)
    line = b"250 " + b"x" * 1018 + b"\r\n"
    kinds = [e.kind for _ in range(65) for e in dialogue.receive(line) if isinstance(e, Noticed)]
    assert kinds == [NoticeKind.UNSOLICITED] * 65 + [NoticeKind.TOO_MUCH]
    assert UNASKED_LIMIT == 65_536
    (*_, last) = dialogue.receive(line)
    assert last == Noticed(NoticeKind.TOO_MUCH, "the limit is 65,536 octets")


def test_an_answer_lets_the_server_talk_again() -> None:
    dialogue = at(Phase.READY)
    for _ in range(3):
        for event in dialogue.receive(b"250 " + b"x" * 60_000 + b"\r\n"):
            assert word(event) in ("! unsolicited", "250")
        say(dialogue, "C: NOOP")
        say(dialogue, "S: 250")


# --- odd and broken replies


def test_oddities_are_noticed_before_the_reply() -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: NOOP")
    events = list(dialogue.receive(b"250-\xff\n251 b\r\n"))
    assert events[:-1] == [
        Noticed(NoticeKind.BAD_REPLY, "the lines of one reply have different codes"),
        Noticed(NoticeKind.ODD_REPLY, "a line ends with LF alone, not CRLF"),
        Noticed(NoticeKind.ODD_REPLY, "a line holds octets over 127"),
        Noticed(NoticeKind.ODD_REPLY, "a line is not valid UTF-8"),
        Noticed(NoticeKind.UNFORESEEN, "251 as the reply to NOOP"),
    ]
    assert word(events[-1]) == "251 NOOP"


def test_what_is_no_reply_ends_the_reading() -> None:
    events = fed(lambda: Dialogue().receive, b"220 hi\r\nfree text\r\n250 never\r\n")
    assert list(map(word, events)) == ["220", "! not_a_reply"]
    assert events[-1] == Noticed(
        NoticeKind.NOT_A_REPLY,
        "it does not begin with a three-digit code and a space or a hyphen",
        b"free text\r\n",
    )


def test_the_limits_are_passed_on() -> None:
    (notice,) = Dialogue(ReplyLimits(line=10)).receive(b"220 01234567890\r\n")
    assert isinstance(notice, Noticed)
    assert notice.detail == "a reply line is longer than 10 octets"


@pytest.mark.parametrize("rest", [b"2", b"250-one\r\n", b"250-one\r\n25", b"250 no line end"])
def test_a_reply_that_is_cut_off(rest: bytes) -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: EHLO c")
    assert list(dialogue.receive(rest)) == []
    assert dialogue.pending == rest
    assert list(dialogue.receive_eof()) == [Noticed(NoticeKind.CUT_REPLY, octets=rest)]
    assert (dialogue.phase, dialogue.owed, dialogue.pending) == (Phase.CLOSED, (), b"")


def test_an_end_between_replies() -> None:
    dialogue = at(Phase.RCPT)
    assert list(dialogue.receive_eof()) == []
    assert stands(dialogue) is Phase.CLOSED


# --- TLS: RFC 3207


FORGED = b"250-forged\r\n250 AUTH PLAIN\r\n"


def test_text_in_the_clear_behind_the_220_is_never_believed() -> None:
    for segments in cuts(b"220 go\r\n" + FORGED):
        dialogue = at(Phase.READY)
        say(dialogue, "C& STARTTLS")
        say(dialogue, "C: EHLO c")
        events = [event for segment in segments for event in dialogue.receive(segment)]
        assert word(events[0]) == "220 STARTTLS"
        notices = [event for event in events[1:] if isinstance(event, Noticed)]
        assert len(notices) == len(events) - 1
        assert {notice.kind for notice in notices} == {NoticeKind.PLAINTEXT_AFTER_STARTTLS}
        assert b"".join(notice.octets for notice in notices) == FORGED
        assert stands(dialogue) is Phase.TLS
        assert dialogue.extensions is not None
        assert dialogue.extensions.mechanisms == ()


def test_text_in_the_clear_that_comes_later() -> None:
    dialogue = at(Phase.TLS)
    assert list(dialogue.receive(b"")) == []
    assert list(dialogue.receive(b"2")) == [Noticed(NoticeKind.PLAINTEXT_AFTER_STARTTLS, octets=b"2")]
    assert list(dialogue.receive(b"50\r\n" * 50_000)) == [
        Noticed(NoticeKind.PLAINTEXT_AFTER_STARTTLS, octets=(b"50\r\n" * 50_000)[:65_536])
    ]


def test_all_is_forgotten_at_tls() -> None:
    dialogue, _ = play(
        "S: 220", "C: EHLO c", "S: 250-mail|250-STARTTLS|250 AUTH PLAIN", "C: MAIL FROM:<>", "S: 250",
        "R: half a line", "C& STARTTLS", "C: NOOP", "S: 220",
    )  # fmt: skip
    dialogue.forget_plaintext()
    assert (dialogue.phase, dialogue.extensions, dialogue.owed, dialogue.pending) == (Phase.FRESH, None, (), b"")
    assert dialogue.asked == dialogue.answered
    say(dialogue, "R: EHLO c|")
    assert say(dialogue, "S: 250-mail|250 AUTH PLAIN") == "250 EHLO"
    assert dialogue.extensions is not None


# --- raw octets


RAW = [
    # octets, what is owed
    ("NOOP|", ["NOOP"]),
    ("NOOP|RSET|", ["NOOP", "RSET"]),
    ("|", [""]),
    ("EHLO c|MAIL FROM:<a@b>|RCPT TO:<c@d>|", ["EHLO", "MAIL", "RCPT"]),
    ("NOOP", []),
    ("DATA|Subject: x||DATA|hello|.|QUIT|", ["DATA", ".", "QUIT"]),
    ("DATA|..|.x|.|", ["DATA", "."]),
    ("BDAT 14|NOOP|RSET||NOOP|", ["BDAT", "NOOP"]),
    ("BDAT 3 LAST|abcQUIT|", ["BDAT", "QUIT"]),
    ("BDAT 0 LAST|QUIT|", ["BDAT", "QUIT"]),
    ("BDAT x|QUIT|", ["BDAT", "QUIT"]),
    ("AUTH LOGIN|c3R1ZGVudA==|cGFzc3dvcmQ|QUIT|", ["AUTH", "sasl", "sasl", "QUIT"]),
    ("AUTH PLAIN|AHN0|*|MAIL FROM:<>|", ["AUTH", "sasl", "sasl", "MAIL"]),
]


def named(owed: Owed) -> str:
    if owed.asked is Asked.SASL:
        return "sasl"
    return owed.command.verb if owed.command else "."


@pytest.mark.parametrize(("octets", "owed"), RAW)
def test_raw_octets_are_owed_a_reply_for_each_command_in_them(octets: str, owed: list[str]) -> None:
    for segments in cuts(octets.replace("|", "\r\n").encode()):
        dialogue = at(Phase.READY)
        for segment in segments:
            events = dialogue.send_raw(segment)
            assert b"".join(e.octets for e in events if isinstance(e, OctetsSent)) == segment
        assert [named(each) for each in dialogue.owed] == owed, segments


def test_bare_line_ends_in_raw_octets_count_as_lines() -> None:
    dialogue = at(Phase.READY)
    dialogue.send_raw(b"NOOP\nRSET\n")
    assert [named(each) for each in dialogue.owed] == ["NOOP", "RSET"]


def test_raw_octets_inside_mail_data_are_owed_nothing_but_for_the_dot() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b"QUIT\r\nRSET\r\n.")
    assert owes(dialogue) == ()
    dialogue.send_raw(b"\r\n")
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)
    assert say(dialogue, "S: 250 ok") == "250"
    assert stands(dialogue) is Phase.READY


UNENDED = [
    # octets without a line end, then what is sent in another way, and what the server owes for both
    (Phase.READY, "R: NO", "C: OP", ["NOOP"]),
    (Phase.READY, "R: NOOP|STARTT", "C: LS", ["NOOP", "STARTTLS"]),
    (Phase.READY, "R: AUTH LOGIN|c3R1", "A: ZGVudA==", ["AUTH", "sasl"]),
    (Phase.READY, "R: NO", "A: OP", ["NOOP"]),
    (Phase.MAILDATA, "R: .", "D: ", ["."]),
    (Phase.MAILDATA, "R: x", "D: .", []),
    (Phase.MAILDATA, "R: x|.|QU", "C: IT", [".", "QUIT"]),
    (Phase.MAILDATA, "R: .|NOOP|", "C: QUIT", [".", "NOOP", "QUIT"]),
    (Phase.MAILDATA, "D: x", "R: .|QUIT|", [".", "QUIT"]),
]


@pytest.mark.parametrize(("phase", "first", "second", "owed"), UNENDED)
def test_what_follows_a_line_that_has_not_ended_ends_it(phase: Phase, first: str, second: str, owed: list[str]) -> None:
    dialogue = at(phase)
    say(dialogue, first)
    say(dialogue, second)
    assert [named(each) for each in dialogue.owed] == owed
    assert dialogue.unended == b""


def test_a_credential_that_ends_a_line_of_octets_is_not_shown() -> None:
    dialogue = at(Phase.READY)
    dialogue.send_raw(b"AUTH PL")
    (event,) = dialogue.send(Command.parse(b"AIN AHN0dWRlbnQAeA=="))
    assert event == OctetsSent(b"AIN AHN0dWRlbnQAeA==\r\n", 4)


def test_typed_mail_data_after_a_raw_data_ends_it() -> None:
    dialogue = at(Phase.RCPT)
    for line in ("R: DATA|", "S: 354", "D: Subject: x", "D: .", "R: NOOP|"):
        say(dialogue, line)
    assert [named(each) for each in dialogue.owed] == [".", "NOOP"]


def test_what_octets_would_mean_can_be_asked_before_they_are_sent() -> None:
    dialogue = at(Phase.READY)
    dialogue.send_raw(b"AUTH ")
    before = (dialogue.owed, dialogue.asked, dialogue.unended)
    assert [each.public for each in dialogue.foretell_raw(b"PLAIN AHN0dWRlbnQAeA==\r\nNOOP\r\n")] == [6, None]
    assert (dialogue.owed, dialogue.asked, dialogue.unended) == before


PROXY = [
    b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\r\n\r\n\x9c\x40\x00\x19",
    b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
]


@pytest.mark.parametrize("header", PROXY)
def test_a_proxy_header_is_owed_no_reply(header: bytes) -> None:
    for first in (header, header[:16]):
        dialogue = Dialogue()
        for octets in (first, header[len(first) :], b"NOOP\r\n"):
            if octets:
                dialogue.send_raw(octets)
        assert [str(each) for each in dialogue.owed] == ["the greeting", "the reply to NOOP"]


def test_a_proxy_header_after_the_greeting_is_a_line_like_any_other() -> None:
    dialogue = at(Phase.FRESH)
    dialogue.send_raw(PROXY[0])
    assert [named(each) for each in dialogue.owed] == ["PROXY"]


@pytest.mark.parametrize("marker", ["C:", "R:"])
@pytest.mark.parametrize(("code", "begins_anew"), [(220, True), (250, False), (501, False), (503, False)])
def test_xclient_begins_the_dialogue_anew(marker: str, code: int, begins_anew: bool) -> None:
    dialogue = at(Phase.MAIL)
    end = "|" if marker == "R:" else ""
    assert say(dialogue, f"{marker} XCLIENT ADDR=192.0.2.7{end}") == ""
    assert say(dialogue, f"S: {code} other.example ESMTP") == f"{code} XCLIENT"
    assert stands(dialogue) is (Phase.FRESH if begins_anew else Phase.MAIL)
    assert (dialogue.extensions is None) == begins_anew
    assert dialogue.greeting is not None
    assert ("other.example" in dialogue.greeting.text) == begins_anew


def test_xforward_changes_nothing() -> None:
    dialogue = at(Phase.READY)
    before = (dialogue.extensions, dialogue.greeting)
    say(dialogue, "C: XFORWARD NAME=x.example")
    assert say(dialogue, "S: 250 ok") == "250 XFORWARD"
    assert (dialogue.extensions, dialogue.greeting, stands(dialogue)) == (*before, Phase.READY)


def test_a_binary_proxy_header_counts_only_where_nothing_was_sent_before_it() -> None:
    for header in PROXY[2:]:
        for before in ("S: 220 hi", "C: NOOP", "R: x"):
            dialogue, _ = play(before)
            dialogue.send_raw(header)
            assert dialogue.chunk_left == 0
            assert "QUIT" in [owed.verb for owed in dialogue.owed]
    dialogue, _ = play("C: NOOP")
    dialogue.send_raw(PROXY[0])
    assert [owed.verb for owed in dialogue.owed] == ["", "NOOP", "PROXY"]


def test_after_a_refused_data_raw_lines_are_commands_again() -> None:
    dialogue = at(Phase.READY)
    dialogue.send_raw(b"DATA\r\n")
    assert say(dialogue, "S: 503 no") == "503 DATA"
    dialogue.send_raw(b"NOOP\r\n")
    assert [named(each) for each in dialogue.owed] == ["NOOP"]


def test_raw_octets_of_a_chunk_are_no_commands() -> None:
    dialogue = at(Phase.RCPT)
    say(dialogue, "C: BDAT 6")
    dialogue.send_raw(b"QUIT")
    dialogue.send_raw(b"\r\nNOOP\r\n")
    assert [named(each) for each in dialogue.owed] == ["BDAT", "NOOP"]


def test_a_command_behind_an_unfinished_chunk_ends_it() -> None:
    dialogue = at(Phase.RCPT)
    say(dialogue, "C: BDAT 1000")
    say(dialogue, "C: RSET")
    dialogue.send_raw(b"NOOP\r\n")
    assert [named(each) for each in dialogue.owed] == ["BDAT", "RSET", "NOOP"]


SECRET_RAW = [
    # octets, what of them may be shown
    ("NOOP|RSET|", "NOOP|RSET|"),
    ("AUTH LOGIN|", "AUTH LOGIN|"),
    ("AUTH PLAIN AHN0dWRlbnQAeA==|", "AUTH PLAIN "),
    (" auth  plain AHN0dWRlbnQAeA==|", " auth  plain "),
    ("NOOP|AUTH PLAIN AHN0dWRlbnQAeA==|RSET|", "NOOP|AUTH PLAIN RSET|"),
    ("AUTH LOGIN|c3R1ZGVudA==|cGFzc3dvcmQ|QUIT|", "AUTH LOGIN|QUIT|"),
    ("AUTH LOGIN|c3R1ZGVudA==|", "AUTH LOGIN|"),
    ("AUTH PLAIN|AHN0dWRlbnQAeA==|MAIL FROM:<>|", "AUTH PLAIN|MAIL FROM:<>|"),
]


def public(events: list[Event]) -> str:
    shown = b"".join(event.octets[: event.public] for event in events if isinstance(event, OctetsSent))
    return shown.decode().replace("\r\n", "|")


@pytest.mark.parametrize(("octets", "shown"), SECRET_RAW)
def test_credentials_in_raw_octets_are_marked(octets: str, shown: str) -> None:
    assert public(at(Phase.READY).send_raw(octets.replace("|", "\r\n").encode())) == shown


@pytest.mark.parametrize("octets", [octets for octets, _ in SECRET_RAW])
def test_credentials_in_raw_octets_are_marked_in_pieces_too(octets: str) -> None:
    for segments in cuts(octets.replace("|", "\r\n").encode()):
        dialogue = at(Phase.READY)
        shown = public([event for segment in segments for event in dialogue.send_raw(segment)])
        assert not any(secret in shown for secret in ("AHN0", "c3R1", "cGFz", "eA=="))


def test_raw_octets_in_an_exchange_are_secret() -> None:
    dialogue = at(Phase.AUTH)
    events = dialogue.send_raw(b"cGFz\r\nc3dv\r\n")
    assert events == [OctetsSent(b"cGFz\r\n", 0), OctetsSent(b"c3dv\r\n", 0)]
    assert "cGFz" not in repr(events)
    assert [named(each) for each in dialogue.owed] == ["sasl", "sasl"]
    assert say(dialogue, "S: 334|235") == "334 AUTH, 235 AUTH"


def test_a_raw_line_without_end_is_kept_within_the_limit() -> None:
    dialogue = Dialogue(ReplyLimits(line=100))
    list(dialogue.receive(b"220 hi\r\n"))
    for _ in range(100):
        dialogue.send_raw(b"x" * 50)
    dialogue.send_raw(b"\r\n")
    (owed,) = dialogue.owed
    assert owed.command is not None
    assert len(owed.command.line) <= 150


# --- codes that the standards do not foresee


UNFORESEEN = [
    # where, what is said, what is heard; RFC 5321 section 4.3.2 and the extensions' own
    (Phase.GREETING, "S: 250 hi", "! unforeseen, 250"),
    (Phase.FRESH, "C: EHLO c|S: 220 hi", "! unforeseen, 220 EHLO"),
    (Phase.MAIL, "C: RCPT TO:<a@b>|S: 251 will forward", "251 RCPT"),
    (Phase.RCPT, "C: DATA|S: 250 ok", "! unforeseen, 250 DATA"),
    (Phase.MAILDATA, "D: .|S: 354 again", "! unforeseen, 354"),
    (Phase.READY, "C: STARTTLS|S: 250 ok", "! unforeseen, 250 STARTTLS"),
    (Phase.READY, "C: QUIT|S: 250 ok", "! unforeseen, 250 QUIT"),
    (Phase.READY, "C: X-NEW|S: 299 ok", "299 X-NEW"),
    (Phase.AUTH, "A: abc|S: 250 ok", "! unforeseen, 250 AUTH"),
    (Phase.RCPT, "C: BDAT 0 LAST|S: 354 go", "! unforeseen, 354 BDAT"),
    (Phase.READY, "C: NOOP|S: 399 x", "! unforeseen, 399 NOOP"),
    (Phase.READY, "C: NOOP|S: 400 any refusal", "400 NOOP"),
    (Phase.READY, "C: NOOP|S: 599 any refusal", "599 NOOP"),
    (Phase.MAILDATA, "D: .|S: 450 any refusal", "450"),
]


@pytest.mark.parametrize(("phase", "lines", "heard"), UNFORESEEN)
def test_a_code_that_the_standards_do_not_foresee_is_noticed(phase: Phase, lines: str, heard: str) -> None:
    dialogue = at(phase)
    assert [said for line in lines.split("|") if (said := say(dialogue, line))] == [heard]


def test_a_final_dot_without_mail_data_ends_no_transaction() -> None:
    dialogue = at(Phase.RCPT)
    dialogue.send_raw(b"DATA\r\n.\r\n")
    assert say(dialogue, "S: 451 not now|500 what") == "451 DATA, 500"
    assert stands(dialogue) is Phase.RCPT


def reply(octets: bytes) -> Reply:
    (found,) = ReplyParser().receive(octets)
    assert isinstance(found, Reply)
    return found


def test_what_was_announced_can_be_learnt_again_masked() -> None:
    dialogue = at(Phase.FRESH)
    command = Command(b"EHLO c")
    dialogue.send(command)
    (event,) = dialogue.receive(b"250-mail\r\n250 X-ECHO secret\r\n")
    assert isinstance(event, ReplyReceived)
    masked = reply(b"250-mail\r\n250 X-ECHO ***\r\n")
    for other in (None, Command(b"NOOP")):
        dialogue.learn_again(event.reply, masked, other)
        assert dialogue.extensions is not None
        assert dialogue.extensions.parameters("X-ECHO") == ("secret",)
    dialogue.learn_again(event.reply, masked, command)
    assert dialogue.extensions is not None
    assert dialogue.extensions.parameters("X-ECHO") == ("***",)


def test_a_greeting_can_be_learnt_again_masked() -> None:
    dialogue = Dialogue()
    (event,) = dialogue.receive(b"220 secret\r\n")
    assert isinstance(event, ReplyReceived)
    masked = reply(b"220 ***\r\n")
    dialogue.learn_again(event.reply, masked, None)
    assert dialogue.greeting is masked


@pytest.mark.parametrize("end", [lambda dialogue: say(dialogue, "S: 535 no"), Dialogue.forget_plaintext])
def test_an_exchange_ends_with_its_reply_and_with_the_start_of_tls(end: Callable[[Dialogue], object]) -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: AUTH LOGIN")
    is_open = [dialogue.exchange.is_open]
    end(dialogue)
    assert [*is_open, dialogue.exchange.is_open] == [True, False]


def test_a_line_that_answers_in_a_group_is_owed_the_reply_to_a_response() -> None:
    dialogue = at(Phase.READY)
    for command in (Command(b"AUTH LOGIN"), Command(b"c3R1ZGVudA==", 0), Command(b"cGFzc3dvcmQ=", 0)):
        dialogue.send(command)
    assert [named(each) for each in dialogue.owed] == ["AUTH", "sasl", "sasl"]
    say(dialogue, "S: 334|334|235")
    assert dialogue.phase is Phase.READY


def test_octets_in_mail_data_are_text_until_its_final_dot() -> None:
    dialogue = at(Phase.MAILDATA)
    events = dialogue.send_raw(b"AUTH PLAIN AGEAYg==\r\n.\r\nAUTH PLAIN AGEAYg==\r\n")
    assert [event.public for event in events if isinstance(event, OctetsSent)] == [None, None, 11]


DOUBTFUL = [b".\n", b"text\n.\r\n", b"text\n.\n"]


@pytest.mark.parametrize("octets", DOUBTFUL)
def test_a_dot_without_crlf_on_both_sides_may_end_the_mail_data(octets: bytes) -> None:
    for segments in cuts(octets):
        dialogue = at(Phase.MAILDATA)
        for segment in segments:
            dialogue.send_raw(segment)
        assert owes(dialogue) == (Owed(Asked.END_OF_DATA, doubtful=True),)
        assert dialogue.standing is Phase.ENDED
        assert say(dialogue, "S: 250 ok") == "250"
        assert stands(dialogue) is Phase.READY


@pytest.mark.parametrize("octets", DOUBTFUL)
def test_after_a_wait_in_vain_a_doubtful_dot_was_text(octets: bytes) -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(octets)
    dialogue.expect_late()
    assert dialogue.standing.value == "mail data"
    dialogue.send_raw(b"more\r\n.\r\n")
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)
    assert dialogue.standing.value == "end of data"


@pytest.mark.parametrize("octets", DOUBTFUL)
def test_a_true_dot_shows_that_a_doubtful_one_was_text(octets: bytes) -> None:
    for end in (b".\r\n", b"QUIT\r\n.\r\n"):
        dialogue = at(Phase.MAILDATA)
        dialogue.send_raw(octets + b"more\r\n")
        dialogue.send_raw(end)
        assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)
        assert dialogue.asked - dialogue.answered == 1
        assert dialogue.standing is Phase.ENDED
        assert say(dialogue, "S: 250 ok") == "250"
        assert stands(dialogue) is Phase.READY


def test_the_lines_after_a_doubtful_dot_are_commands_once_the_server_replies_to_it() -> None:
    dialogue = at(Phase.MAILDATA)
    ahead = dialogue.foretell_raw(b".\nAUTH PLAIN AGEAYg==\r\n")
    events = dialogue.send_raw(b".\nAUTH PLAIN AGEAYg==\r\n")
    assert events == ahead
    assert [event.public for event in events if isinstance(event, OctetsSent)] == [None, 11]  # it may be a credential
    assert say(dialogue, "S: 250 ok") == "250"
    assert [named(each) for each in dialogue.owed] == ["AUTH"]


def test_a_doubtful_dot_is_text_where_the_server_refuses_data_or_says_goodbye() -> None:
    dialogue = at(Phase.RCPT)
    dialogue.send_raw(b"DATA\r\n.\nNOOP\r\n")
    assert [named(each) for each in dialogue.owed] == ["DATA", "."]
    say(dialogue, "S: 503 no")
    assert [named(each) for each in dialogue.owed] == [".", "NOOP"]
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\n")
    assert [type(event) for event in dialogue.receive(b"421 too slow\r\n")] == [Noticed, ReplyReceived]
    assert owes(dialogue) == ()


def test_the_mail_line_is_that_of_the_transaction() -> None:
    dialogue, _ = play("S: 220", "C: EHLO c", "S: 250", "C: MAIL FROM:<a@b> BODY=BINARYMIME", "S: 250")
    assert dialogue.mail == b"MAIL FROM:<a@b> BODY=BINARYMIME"
    for line in ("C: RCPT TO:<c@d>", "S: 250", "C: MAIL FROM:<x@y>", "S: 503 nested", "C: BDAT 0 LAST"):
        say(dialogue, line)
    assert dialogue.mail == b"MAIL FROM:<a@b> BODY=BINARYMIME"
    say(dialogue, "S: 250 queued")
    assert dialogue.mail == b""
    for line in ("C: MAIL FROM:<x@y>", "S: 250", "C: RSET", "S: 250"):
        say(dialogue, line)
    assert dialogue.mail == b""


def test_what_was_announced_in_the_clear_is_kept_to_be_compared() -> None:
    dialogue, _ = play("S: 220", "C: EHLO c", "S: 250-x|250 SIZE 1", "C: STARTTLS", "S: 220")
    announced = dialogue.extensions
    dialogue.forget_plaintext()
    assert announced is not None
    assert (dialogue.extensions, dialogue.announced_in_clear) == (None, announced)


def test_the_last_burl_ends_the_message_as_the_last_chunk_does() -> None:
    dialogue = at(Phase.RCPT)
    say(dialogue, "C: BURL imap://u@example.org/x")
    say(dialogue, "S: 250")
    assert stands(dialogue) is Phase.RCPT
    say(dialogue, "C: burl imap://u@example.org/y last")
    assert owes(dialogue)[0].asked is Asked.CHUNK
    assert say(dialogue, "S: 250 queued") == "250 BURL"
    assert stands(dialogue) is Phase.READY


def recipients(dialogue: Dialogue, replies: bytes) -> list[bytes]:
    """Return whom each reply is for."""
    return [event.recipient for event in dialogue.receive(replies) if isinstance(event, ReplyReceived)]


def test_only_the_first_recipients_of_a_transaction_are_named() -> None:
    dialogue, _ = play("S: 220 hi", "C: LHLO x", "S: 250 hi", "C: MAIL FROM:<>", "S: 250 ok")
    for number in range(10_001):
        dialogue.send(Command(b"RCPT TO:<%d@b>" % number))
    list(dialogue.receive(b"250 ok\r\n" * 10_001))
    dialogue.send(Command(b"BDAT 0 LAST"))
    assert [owed.path for owed in dialogue.owed[-2:]] == [b"<9999@b>", b""]


@pytest.mark.parametrize("ends_with_bdat", [False, True])
def test_each_final_reply_of_lmtp_names_its_recipient(ends_with_bdat: bool) -> None:
    dialogue, _ = play(
        "S: 220 hi", "C: LHLO x", "S: 250 hi", "C: MAIL FROM:<ann@example.org>", "S: 250 ok",
        "C: RCPT TO:<bob@example.org> NOTIFY=NEVER", "S: 250 ok", "C: RCPT TO:<nobody@example.org>", "S: 550 no",
        'C: rcpt to: <"a>b c"@example.org>', "S: 250 ok", "C: RCPT TO:carol@example.org X=Y", "S: 251 ok",
        lmtp=True,
    )  # fmt: skip
    if ends_with_bdat:
        dialogue.send(Command.of("BDAT 0 LAST"))
    else:
        say(dialogue, "C: DATA")
        say(dialogue, "S: 354 go")
        dialogue.send_mail_data(END_OF_DATA, last=True)
    assert str(dialogue.owed[0]).endswith(" for <bob@example.org>")
    assert recipients(dialogue, b"250 one\r\n452 two\r\n250 three\r\n") == [
        b"<bob@example.org>", b'<"a>b c"@example.org>', b"carol@example.org",
    ]  # fmt: skip
    assert not dialogue.owed


def test_prdr_names_the_recipients_and_not_the_message() -> None:
    dialogue, _ = play(
        "S: 220 hi", "C: EHLO x", "S: 250 hi", "C: MAIL FROM:<a@b> PRDR", "S: 250 ok", "C: RCPT TO:<b@c>", "S: 250 ok",
        "C: RCPT TO:<d@e>", "S: 250 ok", "C: DATA", "S: 354 go",
    )  # fmt: skip
    dialogue.send_mail_data(END_OF_DATA, last=True)
    assert recipients(dialogue, b"353 each\r\n250 one\r\n550 two\r\n250 all\r\n") == [b"", b"<b@c>", b"<d@e>", b""]


def test_smtp_has_one_reply_for_all_and_names_nobody() -> None:
    dialogue, _ = play(
        "S: 220 hi", "C: EHLO x", "S: 250 hi", "C: MAIL FROM:<>", "S: 250 ok", "C: RCPT TO:<b@c>", "S: 250 ok"
    )
    say(dialogue, "C: DATA")
    say(dialogue, "S: 354 go")
    dialogue.send_mail_data(END_OF_DATA, last=True)
    assert recipients(dialogue, b"250 all\r\n") == [b""]


def test_a_credential_that_is_sent_as_the_rest_of_a_line_of_octets_is_not_shown() -> None:
    for begun, rest, public in (
        ("c", "AUTH PLAIN AGEAYg==", 11),
        ("AUTH PLAIN ", "AUTH LOGIN YQ==", 0),
        ("AU", "TH PLAIN AGEAYg==", 9),
    ):
        dialogue = Dialogue()
        dialogue.send_raw(begun.encode())
        assert dialogue.send(Command.parse(rest.encode())) == [OctetsSent(rest.encode() + b"\r\n", public)]
    dialogue.send_raw(b"c")
    assert dialogue.send_sasl(b"AGEAYg==") == [OctetsSent(b"AGEAYg==\r\n", 0)]


# --- what is kept, and what ends what


@pytest.mark.parametrize(
    ("lines", "auth"),
    [
        (["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "A: YW5u"], ("LOGIN", b"YW5u")),
        (["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "A: YW5u", "S: 334 UGFzc3dvcmQ6", "A: c2VjcmV0"], ("LOGIN", b"YW5u")),
        # A question about the password is none about the name.
        (["C: AUTH LOGIN", "S: 334 UGFzc3dvcmQ6", "A: c2VjcmV0"], ("LOGIN", None)),
        (["C: AUTH LOGIN", "S: 334-UGFzc3dvcmQ6|334 VXNlcm5hbWU6", "A: c2VjcmV0"], ("LOGIN", None)),
        (["C: AUTH CRAM-MD5", "S: 334 PDFAYj4=", "A: YW5u"], ("CRAM-MD5", b"YW5u")),
        (["C: AUTH SCRAM-SHA-1 biws", "S: 334 cj0x", "A: Yz1i"], ("SCRAM-SHA-1", b"biws")),
        (["C: AUTH PLAIN AGEAYg=="], ("PLAIN", b"AGEAYg==")),
        (["C: AUTH PLAIN AGEAYg== "], ("PLAIN", b"AGEAYg==")),
        (["C: AUTH PLAIN"], ("PLAIN", None)),
        ([], ("", None)),
        (["C: AUTH PLAIN AGEAYg==", "S: 535 no", "C: AUTH LOGIN"], ("LOGIN", None)),
    ],
)
def test_the_first_response_of_an_exchange_is_kept(lines: list[str], auth: tuple[str, bytes | None]) -> None:
    dialogue, _ = play("S: 220 hi", "C: EHLO c", "S: 250 mail", *lines)
    assert dialogue.auth == auth


def test_a_command_that_is_owed_a_reply_does_not_end_mail_data() -> None:
    dialogue = at(Phase.RCPT)
    for line in ("C& DATA", "C: NOOP", "S: 354 go on"):
        say(dialogue, line)
    assert dialogue.standing.value == "mail data"
    say(dialogue, "S: 250 ok")
    say(dialogue, "D: .")
    assert dialogue.standing is Phase.ENDED


def test_xclient_forgets_the_recipients_of_lmtp() -> None:
    lines = ["S: 220 hi", "C: LHLO c", "S: 250 mail", "C: MAIL FROM:<>", "S: 250", *["C: RCPT TO:<a@b>", "S: 250"] * 2]
    for more, owed in (([], 2), (["C: XCLIENT NAME=x", "S: 220 hi again"], 1), (["C: XCLIENT NAME=x", "S: 501 no"], 2)):
        dialogue, _ = play(*lines, *more, "D: .")
        assert len(owes(dialogue)) == owed, more


def test_a_reply_ends_the_chunk_that_it_answers_and_no_other() -> None:
    dialogue = at(Phase.RCPT)
    dialogue.send_raw(b"BDAT 4\r\nabcdBDAT 10\r\nabc")
    assert dialogue.chunk_left == 7
    say(dialogue, "S: 250 ok")  # to the first one
    assert dialogue.chunk_left == 7
    say(dialogue, "S: 552 too much")
    assert dialogue.chunk_left == 0


def test_a_greeting_that_comes_in_the_middle_of_a_proxy_header_does_not_end_it() -> None:
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)
    dialogue = Dialogue()
    dialogue.send_raw(header[:20])
    assert dialogue.chunk_left == 8
    say(dialogue, "S: 220 hi")
    assert dialogue.chunk_left == 8


def test_of_a_long_line_after_a_doubtful_dot_the_end_is_kept() -> None:
    dialogue = Dialogue(ReplyLimits(line=20))
    for line in (
        "S: 220 hi",
        "C: EHLO c",
        "S: 250 a",
        "C: MAIL FROM:<>",
        "S: 250",
        "C: RCPT TO:<a@b>",
        "S: 250",
        "C: DATA",
        "S: 354",
    ):
        say(dialogue, line)
    dialogue.send_raw(b"text\n.\r\n" + b"x" * 30 + b"NOOP more\r\n")
    say(dialogue, "S: 250 ok")
    (owed,) = owes(dialogue)
    assert owed.command is not None
    assert owed.command.line == b"x" * 9 + b"NOOP more"


def test_a_354_does_not_make_a_doubtful_dot_an_end() -> None:
    dialogue = at(Phase.RCPT)
    dialogue.send_raw(b"DATA\r\ntext\n.\r\nNOOP\r\n")
    assert [owed.doubtful for owed in owes(dialogue)] == [False, True]
    say(dialogue, "S: 354 go on")
    assert [owed.doubtful for owed in owes(dialogue)] == [True]
    dialogue.send_raw(b"more\r\n.\r\n")
    assert [(owed.asked, owed.doubtful) for owed in owes(dialogue)] == [(Asked.END_OF_DATA, False)]


# --- what is asked of a dialogue


def test_a_dialogue_that_has_not_begun() -> None:
    dialogue = Dialogue()
    assert (dialogue.mail, dialogue.lmtp, dialogue.pending, dialogue.pending_lines) == (b"", False, b"", 0)


def test_the_oldest_reply_that_is_owed() -> None:
    dialogue, _ = play("C: NOOP", "C: RSET")
    named_in_turn = []
    for line in ("S: 220 hi", "S: 250 ok", "S: 250 ok"):
        named_in_turn.append(str(dialogue.oldest_owed))
        say(dialogue, line)
    assert named_in_turn == ["the greeting", "the reply to NOOP", "the reply to RSET"]
    assert dialogue.oldest_owed is None


def test_the_lines_of_a_reply_that_is_not_whole_yet() -> None:
    dialogue = at(Phase.FRESH)
    say(dialogue, "C: EHLO c")
    list(dialogue.receive(b"250-a\r\n250-b\r\n250-c"))
    assert dialogue.pending_lines == 2
    assert [dialogue.pending_from(start) for start in range(3)] == [b"250-a\r\n250-b\r\n", b"250-b\r\n", b""]


def test_a_reply_came_at_once_where_nobody_says_otherwise() -> None:
    (event,) = Dialogue().receive(b"220 hi\r\n")
    assert isinstance(event, ReplyReceived)
    assert event.seconds == 0.0


@pytest.mark.parametrize(
    ("lines", "mail"),
    [
        (["S: 200 ok"], b"MAIL FROM:<a@b>"),
        (["S: 299 ok"], b"MAIL FROM:<a@b>"),
        (["S: 300 what"], b""),
        (["S: 250 ok", "C: RCPT TO:<c@d>", "S: 250 ok", "C: DATA", "S: 354 go"], b"MAIL FROM:<a@b>"),
        (["S: 250 ok", "C: AUTH LOGIN", "S: 334"], b"MAIL FROM:<a@b>"),
    ],
)
def test_the_mail_line_is_known_as_long_as_the_transaction_lasts(lines: list[str], mail: bytes) -> None:
    dialogue, _ = play("S: 220 hi", "C: EHLO c", "S: 250 hi", "C: MAIL FROM:<a@b>", *lines)
    assert dialogue.mail == mail
    assert (dialogue.phase is Phase.READY) is (mail == b"")


def test_what_is_sent_in_an_exchange_is_told() -> None:
    dialogue = at(Phase.AUTH)
    assert dialogue.send_sasl(b"/w==") == [SaslSent(b"/w==", secret=True, meaning="", names_user=False)]
    dialogue = at(Phase.AUTH)
    assert dialogue.send_sasl(b"YW5u") == [SaslSent(b"YW5u", secret=True, meaning="", names_user=True)]
    say(dialogue, "S: 334 UGFzc3dvcmQ6")
    assert dialogue.send_sasl(b"c2VjcmV0") == [SaslSent(b"c2VjcmV0", secret=True, meaning="", names_user=False)]


@pytest.mark.parametrize(("secret", "shown"), [(True, 0), (False, None)])
def test_a_response_that_ends_a_line_of_octets_is_shown_only_where_it_is_no_secret(
    secret: bool, shown: int | None
) -> None:
    dialogue = at(Phase.READY)
    dialogue.send_raw(b"c")
    assert dialogue.send_sasl(b"AGEAYg==", secret=secret) == [OctetsSent(b"AGEAYg==\r\n", shown)]


def test_octets_without_a_credential_are_told_in_one_piece() -> None:
    assert at(Phase.READY).send_raw(b"NOOP\r\nRSET\r\n") == [OctetsSent(b"NOOP\r\nRSET\r\n")]


def test_octets_of_a_chunk_that_are_sent_as_such_are_counted() -> None:
    dialogue = at(Phase.RCPT)
    say(dialogue, "C: BDAT 6")
    dialogue.send_chunk(b"abc")
    assert dialogue.chunk_left == 3


@pytest.mark.parametrize("lines", [[], ["S: 220 hi", "S: 250 unasked", "C: NOOP", "S: 250 ok"]])
def test_unasked_talk_is_counted_from_the_start_and_from_each_answer(lines: list[str]) -> None:
    for last, kinds in ((6, []), (7, [NoticeKind.TOO_MUCH])):
        dialogue, _ = play(*lines)
        for length in (UNASKED_LIMIT - 6, last):
            events = list(dialogue.receive(b"050 " + b"x" * (length - 6) + b"\r\n"))
        assert [e.kind for e in events if isinstance(e, Noticed)][2:] == kinds


# --- where mail data begins and ends


def test_a_final_dot_ends_the_data_although_nobody_waits_for_its_reply_any_more() -> None:
    dialogue = at(Phase.MAILDATA)
    say(dialogue, "D: .")
    dialogue.expect_late()
    assert dialogue.standing is Phase.ENDED


def test_a_dot_before_the_354_changes_nothing_about_where_the_client_stands() -> None:
    dialogue = at(Phase.RCPT)
    dialogue.send_raw(b"DATA\r\n.\r\n")
    assert dialogue.standing is Phase.RCPT


def test_raw_lines_are_mail_data_although_a_command_is_owed_a_reply() -> None:
    dialogue, _ = play("S: 220", "C: EHLO c", "S: 250", "C: DATA", "C: NOOP", "S: 354")
    dialogue.send_raw(b"text\r\n.\r\n")
    assert [named(each) for each in dialogue.owed] == ["NOOP", "."]


@pytest.mark.parametrize(
    ("pieces", "doubtful"),
    [
        ([b"text\r\n"], False),
        ([b"text\n"], True),
        ([b"\ntext\r\n"], False),
        ([b"text\n", b"more\r\n"], False),
    ],
)
def test_a_dot_after_mail_data_that_ends_in_lf_alone_is_doubtful(pieces: list[bytes], doubtful: bool) -> None:
    for ends_by in ("R: .|", "D: ."):
        dialogue = at(Phase.MAILDATA)
        for piece in pieces:
            dialogue.send_mail_data(piece)
        say(dialogue, ends_by)
        assert owes(dialogue) == (Owed(Asked.END_OF_DATA, doubtful=doubtful),)


def test_a_final_dot_with_the_end_of_the_last_line_is_not_doubtful() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_mail_data(b"no line end")
    dialogue.send_mail_data(b"\r\n" + END_OF_DATA, last=True)
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)


AFTER_DOUBTFUL = [
    # what follows a doubtful dot, and what is owed then
    (["R: text|.|"], ["."]),  # this one is true: what is before it was text
    (["S: 250 ok"], []),
    (["R: NOOP|", "S: 250 ok"], ["NOOP"]),
    (["C: NOOP", "R: RSET|", "S: 250 ok"], ["NOOP", "RSET"]),
    (["R: RSET|", "C: NOOP", "S: 250 ok"], ["RSET", "NOOP"]),
    (["C: NOOP", "R: RSET|", "C: VRFY ann", "R: HELP|", "S: 250 ok"], ["NOOP", "RSET", "VRFY", "HELP"]),
    (["R: NOOP|", "D: text", "S: 250 ok"], []),  # typed as mail data, so what is before it is some as well
    (["S: 050 debugging", "R: text|.|"], ["."]),
    (["C: NOOP", "R: text|.|"], ["NOOP", "."]),
    (["S: 250 ok", "R: NOOP|"], ["NOOP"]),
    (["S: 250 ok", "C: DATA", "S: 354 go", "R: .|"], ["."]),
]


@pytest.mark.parametrize(("lines", "owed"), AFTER_DOUBTFUL)
def test_what_is_owed_after_a_doubtful_dot(lines: list[str], owed: list[str]) -> None:
    typed = at(Phase.MAILDATA)
    raw, _ = play("S: 220", "C: EHLO c", "S: 250", "R: DATA|", "S: 354 go")
    for dialogue in (typed, raw):
        dialogue.send_raw(b".\n")
        for line in lines:
            say(dialogue, line)
        assert [named(each) for each in dialogue.owed] == owed
        assert dialogue.asked - dialogue.answered == len(owed)


def test_after_the_reply_to_a_doubtful_dot_the_next_dot_is_true_again() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\n")
    for line in ("S: 250 ok", "C: DATA", "S: 354 go", "R: .|"):
        say(dialogue, line)
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)


def test_a_second_doubtful_dot_is_a_line_after_the_first() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\n.\n")
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA, doubtful=True),)


def test_two_doubtful_dots_that_are_sent_in_different_ways_lose_no_line_between_them() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\nNOOP\n")
    say(dialogue, "D: .")
    say(dialogue, "S: 250 ok")
    assert [named(each) for each in dialogue.owed] == ["NOOP", "."]


def test_after_a_wait_in_vain_a_doubtful_dot_may_be_answered_all_the_same() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\nNOOP\r\n")
    dialogue.expect_late()
    assert dialogue.send_raw(b"AUTH PLAIN AGEAYg==\r\n") == [OctetsSent(b"AUTH PLAIN AGEAYg==\r\n")]  # it is text
    assert say(dialogue, "S: 250 ok") == "! late, 250"
    assert owes(dialogue) == ()


def test_the_lines_after_a_doubtful_dot_are_kept_up_to_a_limit() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\n" + b"NOOP\r\n" * 99 + b"RSET\r\n" + b"QUIT\r\n")
    say(dialogue, "S: 250 ok")
    assert MOST_HELD == 100
    assert [named(each) for each in dialogue.owed] == ["NOOP"] * 99 + ["RSET"]


def test_foretelling_what_octets_mean_keeps_none_of_them() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b".\n")
    dialogue.foretell_raw(b"NOOP\r\n")
    say(dialogue, "S: 250 ok")
    assert owes(dialogue) == ()


# --- what of raw octets is a credential


@pytest.mark.parametrize(
    ("phase", "before", "octets", "shown"),
    [
        (Phase.AUTH, b"", b"two words\r\n", 0),
        (Phase.MAILDATA, b".\nAUTH LOGIN\r\n", b"c3R1ZGVudA==\r\n", 0),
        (Phase.MAILDATA, b".\nNOOP\r\n", b"c3R1ZGVudA==\r\n", None),
        # DATA may be refused: what follows it is mail data, but not shown where it would be a credential.
        (Phase.RCPT, b"DATA\r\n", b"text\r\n", None),
        (Phase.RCPT, b"DATA\r\n", b"AUTH PLAIN AGEAYg==\r\n", 11),
        (Phase.RCPT, b"DATA\r\nAUTH LOGIN\r\n", b"text\r\n", None),
    ],
)
def test_what_of_octets_may_be_shown(phase: Phase, before: bytes, octets: bytes, shown: int | None) -> None:
    dialogue = at(phase)
    if before:
        dialogue.send_raw(before)
    assert dialogue.send_raw(octets) == [OctetsSent(octets, shown)]


# --- TLS, and replies that are odd


def test_nothing_from_before_tls_is_left() -> None:
    dialogue = at(Phase.MAILDATA)
    dialogue.send_raw(b"text\n")
    dialogue.send_raw(b".\nAUTH LOGIN\r\nhalf a line")
    list(dialogue.receive(b"250-half a reply"))
    dialogue.forget_plaintext()
    assert (dialogue.mail, dialogue.unended, dialogue.pending) == (b"", b"", b"")
    assert dialogue.send_raw(b"WORD\r\n") == [OctetsSent(b"WORD\r\n")]
    for line in ("S: 500", "C: EHLO c", "S: 250", "C: DATA", "S: 354", "R: .|"):
        say(dialogue, line)
    assert owes(dialogue) == (Owed(Asked.END_OF_DATA),)


def test_a_data_that_was_sent_before_tls_makes_no_mail_data_of_what_follows() -> None:
    dialogue, _ = play("S: 220", "C: EHLO c", "S: 250", "C: STARTTLS", "R: DATA|", "S: 220")
    dialogue.forget_plaintext()
    dialogue.send_raw(b"EHLO c\r\n")
    assert [named(each) for each in dialogue.owed] == ["EHLO"]


def test_a_220_to_starttls_with_another_code_in_it_begins_no_tls() -> None:
    dialogue = at(Phase.READY)
    say(dialogue, "C: STARTTLS")
    say(dialogue, "S: 454-not now|220 go")
    assert dialogue.phase is Phase.READY


@pytest.mark.parametrize(
    ("hello", "code", "is_learnt"),
    [
        ("EHLO", 200, True), ("EHLO", 250, True), ("EHLO", 299, True), ("EHLO", 300, False), ("EHLO", 550, False), ("LHLO", 250, True),
        ("HELO", 250, False),
    ],
)  # fmt: skip
def test_only_what_announces_something_is_learnt_again(hello: str, code: int, is_learnt: bool) -> None:
    dialogue, _ = play("S: 220 hi", "C: EHLO c", "S: 250-mail|250 DSN")
    again = reply(b"%d-mail\r\n%d SIZE 1\r\n" % (code, code))
    dialogue.learn_again(again, again, Command(f"{hello} c".encode()))
    assert dialogue.extensions is not None
    assert set(dialogue.extensions.keywords) == ({"SIZE"} if is_learnt else {"DSN"})


# --- LMTP


@pytest.mark.parametrize(("lmtp", "owed"), [(True, 2), (False, 1)])
def test_a_server_that_takes_recipients_without_a_hello_owes_a_reply_for_each(lmtp: bool, owed: int) -> None:
    dialogue, _ = play("S: 220", lmtp=lmtp)
    for line in ("C: RCPT TO:<a@b>", "S: 250", "C: RCPT TO:<c@d>", "S: 250", "D: ."):
        say(dialogue, line)
    assert len(owes(dialogue)) == owed


def test_smtp_owes_one_reply_where_nothing_made_it_lmtp() -> None:
    dialogue = Dialogue()
    for line in ("S: 220", "C: RCPT TO:<a@b>", "S: 250", "C: RCPT TO:<c@d>", "S: 250", "D: ."):
        say(dialogue, line)
    assert len(owes(dialogue)) == 1


def test_the_recipients_of_a_message_are_forgotten_when_it_has_ended() -> None:
    dialogue, _ = play(
        "S: 220", "C: LHLO c", "S: 250", "C: MAIL FROM:<>", "S: 250", *["C: RCPT TO:<a@b>", "S: 250"] * 2
    )
    for owed in (2, 1):
        say(dialogue, "C: BDAT 0 LAST")
        assert len(owes(dialogue)) == owed
        for _ in range(owed):
            say(dialogue, "S: 250 ok")
