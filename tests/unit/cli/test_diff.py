"""`smtp-shell diff`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.program import run, run_text
from tests.unit.matching.test_dialogues import EHLO, MAIL, QUIT, RCPT, WHOLE

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, text: str, header: str = "Transcript: 1\nClient: x\n\n") -> str:
    path = folder / name
    path.write_text(header + text, encoding="utf-8")
    return str(path)


def test_the_same(tmp_path: Path) -> None:
    one = write(tmp_path, "a.smtp", WHOLE)
    done = run_text("diff", one, one)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "8 steps the same"
    assert done.stderr == ""


def test_rows_have_the_numbers_of_both_files(tmp_path: Path) -> None:
    one = write(tmp_path, "a.smtp", WHOLE)
    two = write(
        tmp_path,
        "b.smtp",
        WHOLE.replace("S: 250-SIZE 1000", "S: 250-SIZE 5").replace(MAIL, "").replace(QUIT, MAIL + QUIT),
    )
    done = run_text("diff", one, two)
    assert done.returncode == 1
    assert done.stdout.splitlines()[2:] == [
        "     6      6   C: EHLO client.example",
        "     8        - S: 250-SIZE 1000",
        "            8 + S: 250-SIZE 5",
        "    11     21 > C: MAIL FROM:<ann@example.org>",
        "6 steps the same, 1 changed, 1 moved",
    ]


def test_json(tmp_path: Path) -> None:
    one, two = write(tmp_path, "a.smtp", WHOLE), write(tmp_path, "b.smtp", WHOLE.replace(RCPT, ""))
    done = run_text("diff", "--json", one, two)
    assert done.returncode == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"a": 13, "change": "removed", "text_a": "C: RCPT TO:<bob@example.org>\nS: 250 2.1.5 Ok"},
        {"same": 7, "removed": 1, "added": 0, "changed": 0, "moved": 0, "exit_status": 1},
    ]


def test_levels_and_standard_input(tmp_path: Path) -> None:
    one = write(tmp_path, "a.smtp", WHOLE)
    other = WHOLE.replace("S: 250 2.1.5 Ok", "S: 250 2.1.5 Fine").encode()
    assert run("diff", one, "-", "--match", "code", stdin=other).returncode == 0
    assert run("diff", "-", one, stdin=other).returncode == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{a}", "missing.smtp"), "missing.smtp"),
        (("{a}", "{broken}"), "broken.smtp:1: "),
        (("{a}", "{lost}"), "does not exist"),
        (("-", "-"), "standard input can be one of the two"),
        (("{a}", "{a}", "--match", "close"), "there is no such strictness; choose one of"),
        (("{a}",), "required: B"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    names = {
        "a": write(tmp_path, "a.smtp", WHOLE),
        "broken": write(tmp_path, "broken.smtp", "no marker\n", header=""),
        "lost": write(tmp_path, "lost.smtp", "C: DATA\nS: 354 go\nC< lost.eml\nS: 250 ok\n"),
    }
    done = run_text("diff", *(word.format(**names) for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_mail_data_in_a_file_is_compared_by_content(tmp_path: Path) -> None:
    (tmp_path / "x.eml").write_bytes(b"Subject: x\r\n\r\nHello\r\n..dot\r\n")
    (tmp_path / "y.eml").write_bytes(b"Subject: x\r\n\r\nHullo\r\n..dot\r\n")
    start, end = EHLO + "C: DATA\nS: 354 go\n", "S: 250 ok\n"
    typed = write(tmp_path, "a.smtp", f"{start}C: Subject: x\nC:\nC: Hello\nC: ...dot\nC: .\n{end}")
    filed = write(tmp_path, "b.smtp", f"{start}C< x.eml\n{end}")
    other = write(tmp_path, "c.smtp", f"{start}C< y.eml\n{end}")
    assert run_text("diff", typed, filed).returncode == 0
    done = run_text("diff", typed, other)
    assert done.returncode == 1
    assert "    13        - C: Hello\n" in done.stdout
    assert "           11 + C: Hullo\n" in done.stdout


def test_no_credential_and_nothing_hostile_is_shown(tmp_path: Path) -> None:
    secret = "AGFubgBjYW5hcnktUGE1NQ=="
    one = write(tmp_path, "a.smtp", f"C: AUTH PLAIN {secret}\nS: 535 5.7.8 {secret}\n", header="")
    two = write(tmp_path, "b.smtp", "C: AUTH PLAIN ${sasl}\nS: 535 5.7.8 \\x1b[31mred \u202e\n", header="")
    for words in ((), ("--json",), ("--match", "exact")):
        done = run_text("diff", one, two, *words)
        everything = done.stdout + done.stderr
        assert done.returncode == 1
        assert secret not in everything
        assert "canary" not in everything
        assert "\x1b" not in everything
        assert "\u202e" not in everything


def test_ten_thousand_steps_take_seconds(tmp_path: Path) -> None:
    mails = [MAIL + RCPT.replace("bob", f"bob{number}") for number in range(5_000)]
    one = write(tmp_path, "a.smtp", EHLO + "".join(mails) + QUIT)
    changed = [
        each.replace("S: 250 2.1.5 Ok", "S: 450 4.2.1 Busy") if not number % 3 else each
        for number, each in enumerate(mails)
    ]
    two = write(tmp_path, "b.smtp", EHLO + "".join(changed[::2] + changed[1::2]) + QUIT)
    begun = time.monotonic()
    done = run_text("diff", one, two)
    assert done.returncode == 1
    assert time.monotonic() - begun < 60


def test_what_is_included_is_compared_in_its_place(tmp_path: Path) -> None:
    write(tmp_path, "ehlo.smtp", EHLO, header="")
    one = write(tmp_path, "a.smtp", WHOLE)
    two = write(tmp_path, "b.smtp", WHOLE.replace(EHLO, "*: include ehlo.smtp\n"))
    assert run_text("diff", one, two).returncode == 0
    write(tmp_path, "ehlo.smtp", EHLO.replace("SIZE 1000", "SIZE 5"), header="")
    assert run_text("diff", one, two).stdout.splitlines()[2:] == [
        "     6      1   C: EHLO client.example",
        "     8        - S: 250-SIZE 1000",
        f"            3 + S: 250-SIZE 5  [{tmp_path}/ehlo.smtp]",
        "7 steps the same, 1 changed",
    ]
    *rows, _ = [json.loads(line) for line in run_text("diff", "--json", one, two).stdout.splitlines()]
    assert rows[0]["file_b"] == f"{tmp_path}/ehlo.smtp"
    assert "file_a" not in rows[0]
