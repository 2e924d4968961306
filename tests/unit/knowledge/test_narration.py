"""A dialogue told line by line."""

from pathlib import Path

import pytest

from smtp_shell.knowledge.narration import MOST_DATA_LINES, Narrator, of_reply, situation
from smtp_shell.protocol.events import CommandSent, MailDataSent, ReplyReceived, SaslSent
from smtp_shell.recording.shown import shown_transcript
from tests.unit.knowledge.dialogues import EHLO, GREETED, MAIL, RCPT, dialogue, followed, last

TRANSCRIPTS = sorted((Path(__file__).parents[3] / "transcripts").glob("*.smtp"))


def told(text: str) -> list[str]:
    narrator = Narrator()
    return [each for entry in dialogue(text) for each in narrator.tell(entry)]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_each_command_and_each_reply_of_the_transcripts_is_told(path: Path) -> None:
    narrator = Narrator()
    with shown_transcript(path) as (_, found, _mask):
        for entry in found:
            lines = narrator.tell(entry)
            assert all(line.isprintable() and "\n" not in line for line in lines)
            if isinstance(entry.event, CommandSent | SaslSent | ReplyReceived):
                assert len(lines) == 1


def test_a_refusal_says_why_and_what_to_do() -> None:
    *_, refused = told(GREETED + EHLO + "C: RCPT TO:<bob@example.org>\nS: 503 5.5.1 no\n")
    assert refused == "503 5.5.1: RCPT comes after MAIL: the dialogue is in phase ready. Mend it, then send again."


def test_a_refusal_for_now_says_who_tries_again() -> None:
    *_, refused = told(GREETED + EHLO + MAIL + "C: RCPT TO:<bob@example.org>\nS: 450 4.7.1 wait\n")
    assert refused.endswith("A client tries again later, by itself.")


def test_the_form_is_told_once() -> None:
    *_, sent, refused = told(GREETED + EHLO + "C: MAIL FORM:<ann@example.org>\nS: 501 5.5.4 no\n")
    assert '"FORM" is written FROM' in sent
    assert "FORM" not in refused
    assert "FORM" in of_reply(last(GREETED + EHLO + "C: MAIL FORM:<ann@example.org>\nS: 501 5.5.4 no\n"))


def test_mail_data_is_told_as_far_as_it_is_shown() -> None:
    text = GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\n"
    body = "C: Subject: x\nC: \nC: hello\nC: ..\n" + "C: more\n" * 100 + "C: ..more\nC: .\nS: 250 ok\n"
    before = len(told(text))
    lines = told(text + body)[before:]
    assert [line.partition(" ")[0] for line in lines[:3]] == ["Subject:", "The", "A"]
    assert lines[-2].startswith("A dot alone on a line ends")
    assert len(lines) == 5


def test_a_long_header_is_not_told_whole() -> None:
    text = GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\n"
    assert len(told(text + "C: Subject: x\n" * 1000)) - len(told(text)) <= MOST_DATA_LINES


def test_tls_says_that_ehlo_comes_again() -> None:
    assert "EHLO is said again" in told(GREETED + EHLO + "C: STARTTLS\nS: 220 go\n*: tls TLSv1.3 X verified\n")[-1]


def test_octets_are_told_with_their_line_end() -> None:
    assert "ends in LF alone" in told(GREETED + "C| EHLO x\\n\n")[-1]
    assert "without a line end" in told(GREETED + "C| EHL\n")[-1]


def test_an_answer_in_an_exchange_tells_no_secret() -> None:
    lines = told(GREETED + EHLO + "C: AUTH PLAIN AGFubgBzM2NyZXQ=\nS: 535 5.7.8 no\n")
    assert not any("AGFubg" in line for line in lines)


def test_the_situation_after_a_refusal() -> None:
    text = GREETED + EHLO + "C: DATA\nS: 503 no\n"
    found = dict(situation(last(text), followed(text)))
    assert list(found) == ["Why", "Phase", "In order", "Next"]
    assert found["Phase"].startswith("ready: ")


def test_the_situation_after_a_good_reply_tells_the_form() -> None:
    text = GREETED + EHLO + "C: MAIL FROM: <ann@example.org>\nS: 250 ok\n"
    assert "Form" in dict(situation(last(text), followed(text)))


def test_the_narrator_keeps_no_mail_data() -> None:
    import tracemalloc

    from smtp_shell.protocol.events import Entry

    narrator = Narrator()
    for entry in dialogue(GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\n"):
        narrator.tell(entry)
    piece = MailDataSent((b"x" * 998 + b"\r\n") * 64)
    tracemalloc.start()
    for number in range(2000):
        narrator.tell(Entry(number, 0.0, piece))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000
    assert narrator.exchanges.now.octets == 0  # counted at the final dot


def test_octets_of_mail_data_are_no_commands() -> None:
    text = GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\nC| EHLLO x\\n\n"
    assert told(text)[-1] == "The line ends in LF alone, and a line of SMTP ends in CRLF (RFC 5321 section 2.3.8)."


@pytest.mark.parametrize("cancel", ["C: *", r"C| *\r\n"])
@pytest.mark.parametrize("reply", ["501 5.7.0 cancelled", "535 5.7.8 no", "501 no"])
def test_a_cancelled_exchange_is_nothing_to_mend(cancel: str, reply: str) -> None:
    text = GREETED + EHLO + f"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n{cancel}\nS: {reply}\n"
    refused = told(text)[-1]
    assert "The client cancelled the exchange with *" in refused
    assert "Mend it" not in refused
    assert "base64" not in refused
    assert dict(situation(last(text), followed(text)))["Why"].startswith("The client cancelled")


def test_an_answer_that_is_refused_is_to_be_mended() -> None:
    text = GREETED + EHLO + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: %%\nS: 501 5.5.2 no\n"
    assert told(text)[-1] == "501 5.5.2: The answer is no base64. Mend it, then send again."
    cancelled = GREETED + EHLO + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501 5.7.0 cancelled\n"
    assert told(cancelled + "C: RCPT TO:<bob@example.org>\nS: 503 5.5.1 no\n")[-1].endswith("Mend it, then send again.")
