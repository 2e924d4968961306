"""Cards for Anki."""

import io
from pathlib import Path

from smtp_shell.protocol.events import Entry
from smtp_shell.recording.shown import shown_transcript
from smtp_shell.study.anki import write_anki
from tests.unit.study.transcripts import asked_about, path_of


def cards(entries: list[Entry], title: str) -> list[list[str]]:
    out = io.StringIO()
    write_anki(entries, out, title)
    header, rest = out.getvalue().split("#tags column:3\n")
    assert header == "#separator:tab\n#html:true\n"
    return [line.split("\t") for line in rest.splitlines()]


def entries_of(path: Path) -> list[Entry]:
    with shown_transcript(path) as (_, found, _):
        return list(found)


def test_every_question_is_a_card_with_its_answer_and_its_kind(tmp_path: Path) -> None:
    path = path_of("09", tmp_path)
    found = cards(entries_of(path), "Pipelining")
    asked = asked_about(path)
    assert len(found) == len(asked)
    assert all(len(card) == 3 and card[0].startswith("Pipelining<br>") for card in found)
    assert {card[2] for card in found} == {f"smtp {each.kind}" for each in asked}
    (limit,) = [card for card in found if card[2] == "smtp size-limit"]
    assert limit[0] == (
        "Pipelining<br>By the reply to EHLO that begins on line 9: how many octets may a message have at most?"
    )
    assert limit[1].startswith("10485760<br>")


def test_a_choice_has_its_letter_on_the_back(tmp_path: Path) -> None:
    for front, back, _ in cards(entries_of(path_of("01", tmp_path)), "One"):
        answer = back.split("<br>")[0]
        if answer[1:3] == ") ":
            assert answer in front.split("<br>")


def test_the_same_dialogue_makes_the_same_cards(tmp_path: Path) -> None:
    entries = entries_of(path_of("02", tmp_path))
    assert cards(entries, "x") == cards(entries, "x")


def test_what_a_server_says_is_no_html_no_mark_of_anki_and_no_comment(tmp_path: Path) -> None:
    path = tmp_path / "x.smtp"
    path.write_text('S: 220 <b>[sound:x] "a\\x09b"\nC: EHLO a\nS: 250-b\nS: 250 c\n')
    for card in cards(entries_of(path), '#1 "lab"'):
        text = "\t".join(card)
        assert text.startswith("&#35;1 &quot;lab&quot;<br>")
        assert len(card) == 3
        assert "<b>" not in text
        assert "[sound" not in text
