"""Whatever a dialogue holds: each question has one right answer, shows nothing raw, and tells no secret."""

import io
import json
from base64 import b64encode
from collections.abc import Iterable
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtp_shell.errors import TranscriptError
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    CommandSent,
    Entry,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    SaslSent,
    TlsStarted,
)
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.recording.decoder import entries
from smtp_shell.study.anki import write_anki
from smtp_shell.study.judging import judge
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.question import LETTERS, Question, is_sound, normal, tight
from smtp_shell.study.quiz import as_object, draw, questions_of
from smtp_shell.study.reader import read_dialogue
from smtp_shell.transcript.credentials import CredentialMask, masked_steps
from smtp_shell.transcript.reader import TranscriptReader
from tests.fuzz.program import session
from tests.property.hostile import HOSTILE_TEXT, OCTETS

CANARY = b"c4naryPassw0rd"
_SECRETS = (b64encode(b"\0ann\0" + CANARY), b64encode(CANARY))

_ADDRESSES = st.sampled_from(
    [b"ann@example.org", b"BOB@example.org", b"bob@example.org", b"", b"x\xff@y", b"<a>", b"${v}"]
)
_NAMES = st.sampled_from([b"mx.example", b"a", b"\x1b[2J", b"250", b"\xe2\x80\xae", b"a  b", b""])
_CODES = st.sampled_from(
    [220, 250, 250, 250, 251, 334, 354, 354, 421, 450, 452, 500, 501, 503, 530, 535, 550, 552, 554, 555]
)
_TEXTS = (
    st.sampled_from([b"2.1.0 Ok", b"5.1.1 no", b"4.2.2 full", b"", b"b", b"5.5.1 AUTH or STARTTLS first", b"\x07\xff"])
    | OCTETS
)


def one_line(octets: bytes) -> bytes:
    return octets.replace(b"\n", b" ").replace(b"\r", b" ")


@st.composite
def exchanges(draw: st.DrawFn) -> bytes:
    """A command with its reply, more often a right one than a wrong one."""
    address, name = draw(_ADDRESSES), draw(_NAMES)
    keywords = draw(
        st.lists(
            st.sampled_from(
                [b"SIZE 1000", b"SIZE", b"STARTTLS", b"PIPELINING", b"DSN", b"AUTH PLAIN LOGIN", b"AUTH x", b"\xff"]
            ),
            max_size=5,
        )
    )
    hello = b"\n".join([b"< 250-mx", *(b"< 250-" + each for each in keywords), b"< 250 HELP"])
    good = {
        b"> EHLO " + name: hello,
        b"> LHLO " + name: hello,
        b"> HELO " + name: b"< 250 mx",
        b"> MAIL FROM:<" + address + b">": b"< 250 2.1.0 Ok",
        b"> MAIL FROM:<" + address + b"> SIZE=12 BODY=8BITMIME RET=HDRS": b"< 250 2.1.0 Ok",
        b"> RCPT TO:<" + address + b">": b"< 250 2.1.5 Ok",
        b"& RCPT TO:<" + address + b">\n> RCPT TO:<bob@example.org>": b"< 250 2.1.5 Ok\n< 550 5.1.1 no",
        b"& MAIL FROM:<>\n& RCPT TO:<bob@example.org>\n> DATA": b"< 250 Ok\n< 250 Ok\n< 354 go",
        b"> DATA": b"< 354 Go on\nD From: a\\r\\nTo: b\\r\\n\\r\\n.x\\r\\n\n.\n< 250 2.0.0 Ok",
        b"B abc": b"< 250 Ok",
        b"> RSET": b"< 250 Ok",
        b"> NOOP": b"< 250 Ok",
        b"> VRFY x": b"< 252 2.0.0 perhaps",
        b"> STARTTLS": b"< 220 go\nT",
        b"> AUTH LOGIN": b"< 334 VXNlcm5hbWU6\nA YW5u\n< 334 UGFzc3dvcmQ6\nA " + _SECRETS[1] + b"\n< 235 2.7.0 Ok",
        b"> AUTH PLAIN " + _SECRETS[0]: b"< 235 2.7.0 Ok",
        b"> QUIT": b"< 221 2.0.0 Bye",
        b"| NOOP\\r\\n": b"< 250 Ok",
    }
    command = draw(st.sampled_from(sorted(good)))
    if draw(st.integers(0, 3)):
        return command + b"\n" + good[command]
    text = one_line(draw(_TEXTS))
    return command + b"\n< %d %b" % (draw(_CODES), text)


@st.composite
def letters(draw: st.DrawFn) -> bytes:
    """A dialogue that delivers messages, with a command in the wrong place here and there."""
    hello = draw(st.sampled_from([b"EHLO", b"EHLO", b"LHLO"]))
    rows = [b"< 220 mx.example"]

    def stray() -> None:
        wrong = [b"RCPT TO:<x@y>", b"DATA", b"MAIL FROM:<z@y>", b"NOOP", b"STARTTLS"]
        if draw(st.integers(0, 4)) == 0:
            command = draw(st.sampled_from(wrong))
            rows.extend([b"> " + command, b"< 250 2.0.0 Ok" if command == b"NOOP" else b"< 503 5.5.1 Not here"])

    def greet(last: bytes) -> None:
        rows.extend([b"> %b c.example" % hello, b"< 250-mx.example", b"< 250-SIZE 2000", b"< 250 " + last])

    stray()
    greet(b"STARTTLS")
    if draw(st.booleans()):
        rows.extend([b"> STARTTLS", b"< 220 2.0.0 Go", b"T"])
        stray()
        greet(b"AUTH PLAIN LOGIN")
    if draw(st.booleans()):
        rows.extend([b"> AUTH PLAIN " + _SECRETS[0], b"< 235 2.7.0 Ok"])
    for _ in range(draw(st.integers(0, 2))):
        stray()
        rows.extend([b"> MAIL FROM:<%b>" % draw(_ADDRESSES), b"< 250 2.1.0 Ok"])
        replies = draw(
            st.lists(st.sampled_from([b"250 2.1.5 Ok", b"550 5.1.1 No", b"450 4.2.1 Later"]), min_size=1, max_size=3)
        )
        for reply in replies:
            rows.extend([b"> RCPT TO:<%b>" % draw(_ADDRESSES), b"< " + reply])
            stray()
        accepted = sum(reply.startswith(b"250") for reply in replies)
        if draw(st.integers(0, 3)) == 0 or not accepted:
            rows.extend([b"> RSET", b"< 250 2.0.0 Ok"])
            continue
        rows.extend([b"> DATA", b"< 354 Go on"])
        text = draw(
            st.lists(st.sampled_from([b"From: a", b"To: b", b"Date: x", b"", b".dot", b".", b"text"]), max_size=6)
        )
        rows.extend(b"D %b\\r\\n" % line for line in text)
        rows.append(b".")
        ends = st.sampled_from([b"250 2.0.0 Taken", b"250 2.0.0 Taken", b"554 5.7.1 Spam", b"452 4.3.1 Full"])
        rows.extend(b"< " + draw(ends) for _ in range(accepted if hello == b"LHLO" else 1))
    rows.extend([b"> QUIT", b"< 221 2.0.0 Bye"])
    return b"\n".join(rows)


PROGRAMS = letters() | st.lists(exchanges(), max_size=9).map(
    lambda found: b"\n".join([b"< 220 mx.example ESMTP", *found])
)


def asked_about(happened: Iterable[Entry]) -> list[Question]:
    found = questions_of(read_dialogue(happened), all_kinds())
    return [question for questions in found.values() for question in questions]


def assert_good(question: Question) -> None:
    assert is_sound(question)
    assert all(judge(question, each) is True for each in question.answers)
    assert judge(question, "") is None
    right = question.answers[0]
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        assert judge(question, choice) is (choice == right)
        assert judge(question, letter) is (choice == right)
        assert judge(question, f"the {choice}") in (None, choice == right)
    if not question.choices:
        forms = {normal(each) for each in question.answers}
        for wrong in ("nothing", "0", "999", right + "x", f"x{right}", "bob@example.net"):
            assert judge(question, wrong) is (normal(wrong) in forms and not question.case_matters)
    for text in texts(question):
        assert printable(text), ascii(text)
        assert CANARY.decode() not in text
        assert not any(secret.decode() in text for secret in _SECRETS)


def texts(question: Question) -> tuple[str, ...]:
    return (question.question, question.explanation, *question.answers, *question.choices, *question.sources)


def printable(text: str) -> bool:
    """Whether a text is what `escape` makes of octets, apart from the backslashes that it has for others."""
    plain = text.replace("\\", "")
    return escape_str(plain) == plain and all(len(tight(part)) > 0 for part in [text])


@settings(max_examples=150)
@given(PROGRAMS)
def test_every_question_about_a_plausible_dialogue_has_one_right_answer(program: bytes) -> None:
    for question in asked_about(session(program)):
        assert_good(question)


@settings(max_examples=100)
@given(st.lists(OCTETS | exchanges(), max_size=8).map(b"\n".join))
def test_every_question_about_any_dialogue_has_one_right_answer(program: bytes) -> None:
    for question in asked_about(session(program)):
        assert_good(question)


LOGIN = [
    "S: 220 mx.example",
    "C: EHLO a",
    "S: 250 b",
    "C: AUTH LOGIN",
    "S: 334 VXNlcm5hbWU6",
    "C: YW5u",
    "S: 334 UGFzc3dvcmQ6",
    f"C: {_SECRETS[1].decode()}",
    "S: 235 2.7.0 Ok",
]
LINES = st.lists(
    HOSTILE_TEXT | st.sampled_from([*LOGIN[:3], "C: DATA", "S: 354 go", "C: Date: x", "C:", "C: .", "*: tls"])
)


@settings(max_examples=100)
@given(LINES)
def test_every_question_about_a_transcript_has_one_right_answer(written: list[str]) -> None:
    lines = [*LOGIN, *written]
    text = "\n".join(lines).encode("utf-8", "surrogateescape") if all(map(is_encodable, lines)) else b""
    try:
        steps = list(TranscriptReader(io.BytesIO(text), "any.smtp"))
    except TranscriptError:
        return
    for question in asked_about(entries(masked_steps(steps, CredentialMask()))):
        assert_good(question)


def is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


@settings(max_examples=100)
@given(PROGRAMS)
def test_what_is_said_of_tls_and_of_the_order_of_replies_is_what_happened(program: bytes) -> None:
    happened = session(program)
    inside = {entry.seq: entry.tls for entry in happened}
    answered = {entry.seq: entry.event.command for entry in happened if isinstance(entry.event, ReplyReceived)}
    sent = {entry.seq: entry.event.command for entry in happened if isinstance(entry.event, CommandSent)}
    for question in asked_about(happened):
        right = question.answers[0]
        if question.kind in ("readable-line", "unreadable-line", "first-encrypted"):
            wants = question.kind != "readable-line"
            assert inside[line_of(right)] is wants
            if question.kind == "first-encrypted":
                assert not any(inside[line_of(each)] and line_of(each) < line_of(right) for each in question.choices)
            else:
                assert all(inside[line_of(each)] is not wants for each in question.choices if each != right)
        elif question.kind == "reply-answers" and answered[question.line] is not None:
            assert sent[line_of(right)] is answered[question.line]
        elif question.kind == "credential-readable":
            assert right.startswith("no") is inside[question.line]


def line_of(choice: str) -> int:
    return int(choice.removeprefix("line ").partition(",")[0])


AUTH_IN_A_TRANSACTION = b"""< 220 mx.example ESMTP
> EHLO mx.example
< 250-mx
< 250 HELP
> MAIL FROM:<ann@example.org>
< 250 2.1.0 Ok
> AUTH LOGIN
< 334 VXNlcm5hbWU6
A YW5u
< 334 UGFzc3dvcmQ6
A c2VjcmV0
< 235 2.7.0 Ok"""


@settings(max_examples=100)
@example(AUTH_IN_A_TRANSACTION)
@given(PROGRAMS)
def test_what_is_said_of_the_order_of_commands_is_what_the_state_allows(program: bytes) -> None:
    happened = session(program)
    for question in asked_about(happened):
        if question.kind in ORDER:
            assert phase_after(happened, question.line) in ORDER[question.kind]


ORDER = {
    "rcpt-first": {Phase.READY},
    "data-first": {Phase.READY, Phase.MAIL},
    "mail-twice": {Phase.MAIL, Phase.RCPT},
    "noop-anywhere": {Phase.READY, Phase.MAIL, Phase.RCPT},
}


def phase_after(happened: list[Entry], line: int) -> Phase:
    """Return the phase after the replies to what was sent up to a line, as the core follows it."""
    dialogue = Dialogue()
    for entry in happened:
        match entry.event:
            case CommandSent(command=command):
                if entry.seq > line:
                    break
                dialogue.send(command)
            case MailDataSent(octets=octets, last=last):
                if entry.seq > line:
                    break
                dialogue.send_mail_data(octets, last=last)
            case SaslSent(line=octets):
                dialogue.send_sasl(octets)
            case OctetsSent(octets=octets):
                dialogue.send_chunk(octets)
            case ReplyReceived(reply=reply):
                list(dialogue.receive(reply.octets))
            case TlsStarted():
                dialogue.forget_plaintext()
    return dialogue.phase


@settings(max_examples=50)
@given(PROGRAMS, st.integers(0, 9))
def test_what_is_drawn_is_the_same_for_the_same_seed_and_keeps_its_right_answer(program: bytes, seed: int) -> None:
    found = questions_of(read_dialogue(session(program)), all_kinds())
    drawn = draw(found, 12, Random(seed))
    assert drawn == draw(found, 12, Random(seed))
    assert len(drawn) == min(12, sum(map(len, found.values())))
    for question in drawn:
        assert_good(question)
        assert len(question.choices) <= 4
        assert json.loads(json.dumps(as_object(question, 1)))["answers"] == list(question.answers)


@settings(max_examples=50)
@given(PROGRAMS)
def test_a_card_is_one_line_of_three_fields(program: bytes) -> None:
    out = io.StringIO()
    write_anki(session(program), out, "any")
    lines = out.getvalue().split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert line.startswith("#") or line.count("\t") == 2
        assert printable(line.replace("\t", ""))
        assert not any(secret.decode() in line for secret in _SECRETS)
