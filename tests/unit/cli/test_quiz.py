"""`smtp-shell quiz`."""

import json
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from smtp_shell.study.kinds import all_kinds
from tests.unit.cli.program import LETTER, ROOT, at, commands, run, run_text, sentence

STARTTLS = str(ROOT / "transcripts" / "02-starttls.smtp")


def printed(*arguments: str) -> list[dict[str, object]]:
    done = run_text("quiz", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_prints_the_questions_and_asks_nothing() -> None:
    questions = printed(STARTTLS)
    assert [each["n"] for each in questions] == list(range(1, 11))
    assert len({str(each["kind"]) for each in questions}) == 10
    for each in questions:
        assert set(each) <= {
            "n",
            "kind",
            "question",
            "line",
            "choices",
            "answers",
            "case_matters",
            "explanation",
            "sources",
        }
        choices = each.get("choices")
        assert choices is None or (isinstance(choices, list) and isinstance(each["answers"], list))
        if isinstance(choices, list) and isinstance(each["answers"], list):
            assert [choice for choice in choices if choice in each["answers"]] == each["answers"]


def test_the_same_seed_draws_the_same_questions() -> None:
    assert printed(STARTTLS, "--seed", "7") == printed(STARTTLS, "--seed", "7") != printed(STARTTLS, "--seed", "8")


def test_a_kind_can_be_chosen_and_the_number_of_questions() -> None:
    found = printed(STARTTLS, "--kind", "ehlo-after-tls", "--kind", "first-digit", "--questions", "3", "--seed", "1")
    assert len(found) == 3
    assert {each["kind"] for each in found} == {"ehlo-after-tls", "first-digit"}
    assert len(printed(STARTTLS, "--questions", "9999")) > 100


def test_the_kinds_are_listed_all_or_those_of_a_file() -> None:
    every, some = run_text("quiz", "--kinds"), run_text("quiz", "--kinds", STARTTLS)
    assert (every.returncode, some.returncode) == (0, 0)
    assert [line.split()[0] for line in every.stdout.splitlines()] == [each.name for each in all_kinds()]
    assert "ehlo-after-tls" in some.stdout
    assert "lhlo-means" not in some.stdout
    assert all(len(line) <= 100 for line in every.stdout.splitlines())
    (row,) = run_text("quiz", "--kinds", "--kind", "lone-dot", "--json").stdout.splitlines()
    assert json.loads(row) == {"kind": "lone-dot", "about": "How a line with a lone dot survives inside a message."}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([STARTTLS], 2, "use --json"),
        ([], 2, "takes a transcript"),
        (["no-such.smtp", "--json"], 2, "there is no such file"),
        ([STARTTLS, "--json", "--kind", "lone-dott"], 2, "did you mean lone-dot?"),
        ([STARTTLS, "--json", "--kind", "lhlo-means"], 2, "allows no question of the kind lhlo-means"),
        ([STARTTLS, "--json", "--questions", "0"], 2, "'0' is no number of questions from 1 to 9999"),
        ([STARTTLS, "--json", "--questions", "\x1b"], 2, "\\x1b"),
        ([STARTTLS, "--json", "--kind", "\x1b[2J"], 2, "\\x1b[2J is no kind"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], status: int, words: str) -> None:
    done = run("quiz", *arguments)
    assert (done.returncode, done.stdout) == (status, b"")
    assert words in sentence(done)


def test_a_dialogue_without_a_word_allows_no_question(tmp_path: Path) -> None:
    path = tmp_path / "empty.smtp"
    path.write_text("# nothing\n*: connect mx.example:25\n*: error refused\n")
    assert "allows no question" in sentence(run("quiz", str(path), "--json"))


def test_a_file_with_credentials_is_asked_about_without_them(tmp_path: Path) -> None:
    path = tmp_path / "secret.smtp"
    path.write_text("S: 220 a\nC: EHLO b\nS: 250 a\nC: AUTH PLAIN AGFubgBzM2NyM3Q=\nS: 235 ok\nC: QUIT\nS: 221 bye\n")
    done = run_text("quiz", str(path), "--json", "--questions", "999")
    assert done.returncode == 0
    assert "AGFubgBzM2NyM3Q" not in done.stdout
    assert "AUTH PLAIN" in done.stdout
    assert len(done.stderr.splitlines()) == 1


def test_a_recording_of_the_practice_server_is_asked_about(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    run(at(practice), "--record", str(path), "--keep-going", *commands("rcpt bob@example.org", *LETTER, "quit"))
    lines = path.read_text().split("\n")
    questions = printed(str(path), "--questions", "999")
    found = {(str(each["kind"]), str(each["line"])): each for each in questions}
    numbers = {line.split("C: ")[1]: number for number, line in enumerate(lines, 1) if "C: " in line}
    dot, mail = numbers["."], numbers["MAIL FROM:<ann@example.org>"]
    assert found["data-end", str(dot)]["answers"] == [f"line {dot}, C: ."]
    assert found["transaction-begins", str(mail)]["answers"] == [f"line {mail}, C: MAIL FROM:<ann@example.org>"]
    assert found["dot-unstuffed", str(numbers["..a line"])]["answers"] == ['".a line", with 1 dot at the start']
    assert found["bounce-address", str(mail)]["answers"] == ["ann@example.org", "mailto:ann@example.org"]
    assert len({str(each["kind"]) for each in questions}) > 40


def test_convert_writes_cards(tmp_path: Path) -> None:
    path = tmp_path / "cards.anki"
    assert run("convert", STARTTLS, str(path)).returncode == 0
    assert path.read_text().startswith("#separator:tab\n")
    done = run("convert", STARTTLS, "-", "--to", "anki")
    assert done.stdout == path.read_bytes()
