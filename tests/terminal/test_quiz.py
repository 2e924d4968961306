"""The quiz on a terminal, by itself and at the shell's prompt."""

import json
from pathlib import Path

from smtp_shell.study.quiz import questions_about, read_file
from tests.support.peer import Peer
from tests.support.terminal import CTRL_C, CTRL_D, Terminal, played_by_hand, running

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"
STARTTLS = str(TRANSCRIPTS / "02-starttls.smtp")
EIGHTY = 80


def right_answer(kind: str) -> str:
    return questions_about(STARTTLS, read_file(Path(STARTTLS))[0], [kind])[kind][0].answers[0]


def test_a_run_asks_judges_explains_and_keeps_the_score(state_dir: Path) -> None:
    words = ("quiz", STARTTLS, "--kind", "tls-begins", "--kind", "ehlo-after-tls", "--seed", "1")
    with running(*words) as terminal:
        for _ in range(2):
            terminal.wait_prompt("answer")
            answer = (
                "CODE 220"
                if "STARTTLS. After which" in terminal.text.rsplit("of 2", 1)[1]
                else right_answer("ehlo-after-tls")
            )
            terminal.enter(answer, "answer")
        terminal.wait_for("2 of 2 right at the first try.")
        assert terminal.wait_end() == 0
        assert terminal.text.count("+ Right.") == 2
        assert "(RFC 3207 section 4.2)" in terminal.text
        assert all(len(row) <= EIGHTY for row in terminal.all_rows)
    assert len(json.loads((state_dir / "quiz.json").read_text())["cards"]) == 2


def test_a_wrong_answer_shows_the_right_one_and_the_question_comes_again() -> None:
    with running("quiz", STARTTLS, "--kind", "tls-begins") as terminal:
        terminal.enter("354", "answer")
        terminal.wait_for("! No: 220")
        terminal.wait_for("once more")
        terminal.enter("220", "answer")
        terminal.wait_for("0 of 1 right at the first try, 1 more when asked again.")
        assert terminal.wait_end() == 0


def test_ctrl_d_ends_with_the_score_and_ctrl_c_does_as_an_interruption() -> None:
    for key, status in ((CTRL_D, 0), (CTRL_C, 130)):
        with running("quiz", STARTTLS) as terminal:
            terminal.enter("", "answer")
            terminal.wait_for("! No:")
            terminal.wait_prompt("answer")
            terminal.type(key)
            assert terminal.wait_end() == status
            assert "0 of 1 right at the first try; 9 of 10 were not asked." in terminal.text


def test_the_shell_asks_about_the_session_that_goes_on() -> None:
    with played_by_hand() as (terminal, peer):
        say_hello(terminal, peer)
        terminal.enter("/quiz --kind greeting --kind line-end")
        for _ in range(2):
            terminal.wait_prompt("answer")
            is_choice = "a) " in terminal.text.rsplit("of 2", 1)[1]
            terminal.enter("line 7, S: 220 mail.example.org" if is_choice else "crlf", "answer")
        terminal.wait_for("2 of 2 right at the first try.")
        assert "2 questions about this session" in terminal.text
        terminal.enter("/quiz --kind line-end")
        terminal.wait_prompt("answer")
        terminal.type(CTRL_C)
        terminal.wait_for("No question was answered.")
        terminal.enter("/quiz --kind lhlo-means")
        terminal.wait_for("this session allows no question of the kind lhlo-means")
        terminal.wait_prompt()


def say_hello(terminal: Terminal, peer: Peer) -> None:
    terminal.enter("ehlo")
    peer.hear()
    peer.say("250 hi")
