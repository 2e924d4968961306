"""The lexer for Pygments."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Generic, Keyword, Literal, Name, Number, Punctuation, String

from smtp_shell.display.dialogue_lexer import DialogueLexer
from smtp_shell.display.render import Presenter
from smtp_shell.recording.shown import shown_transcript

ROOT = Path(__file__).parents[3]
TRANSCRIPTS = sorted((ROOT / "transcripts").glob("*.smtp"))


def tokens(text: str) -> list[tuple[object, str]]:
    lexer = DialogueLexer(stripnl=False, ensurenl=False)
    return [(token, piece) for token, piece in lexer.get_tokens(text) if piece.strip()]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.name)
def test_every_lesson_is_read_without_an_error_and_without_a_loss(path: Path) -> None:
    text = path.read_text("utf-8")
    found = list(DialogueLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(piece for _, piece in found) == text
    assert not [piece for token, piece in found if token is Error]


def test_a_transcript_has_a_header_times_and_markers() -> None:
    text = "Transcript: 1\nTitle: a: b\n\n  0.021  S: 220 mx\n  0.022  C: MAIL FROM:<a@b>\n# note\n*: close\nwrong\n"
    assert tokens(text) == [
        (Name.Tag, "Transcript"),
        (Punctuation, ":"),
        (String, " 1"),
        (Name.Tag, "Title"),
        (Punctuation, ":"),
        (String, " a: b"),
        (Comment, "  0.021"),
        (Punctuation, "S:"),
        (Number.Integer, "220"),
        (Generic.Output, " mx"),
        (Comment, "  0.022"),
        (Generic.Prompt, "C:"),
        (Keyword, "MAIL"),
        (Keyword, "FROM:"),
        (Literal.String, "<a@b>"),
        (Comment.Single, "#"),
        (Comment.Single, "note"),
        (Punctuation, "*:"),
        (Name.Decorator, "close"),
        (Error, "wrong"),
    ]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.name)
def test_the_rows_of_the_screen_are_read_too(path: Path) -> None:
    presenter = Presenter()
    with shown_transcript(path) as (_, entries, _mask):
        rows = [row for entry in entries for row in presenter.rows(entry) if row.gutter.strip()]
    text = "".join(f"{row.gutter}{row.text}\n" for row in rows)
    found = tokens(text)
    assert not [piece for token, piece in found if token is Error]
    codes = [row.text[:3] for row in rows if row.gutter.rstrip()[-2:-1] == "S" and row.text[:1] in ("2", "3")]
    assert [piece[:3] for token, piece in found if token is Number.Integer] == codes


@pytest.mark.parametrize(
    "signs",
    ["", "+  ", " = ", "!| ", "~? ", "[3] +| ", "tls refused for now ", "tls not verified ", "not a reply code "],
)
def test_the_signs_before_the_marker_do_not_matter(signs: str) -> None:
    assert tokens(f"{signs}S: 250 Ok\n")[-3:] == [(Punctuation, "S:"), (Number.Integer, "250"), (Generic.Output, " Ok")]


def test_a_refusal_is_told_apart() -> None:
    assert tokens("!= S: 550 5.1.1 no\n")[2:] == [
        (Generic.Error, "550"),
        (Generic.Error, "5.1.1"),
        (Generic.Error, " no"),
    ]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Transcript: 1\n\n", 0.9, 1.0),
        ("S: 220 mx\nC: EHLO a\n", 0.5, 0.5),
        ("+= S: 250 Ok\n", 0.5, 0.5),
        ("import smtplib\n", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_a_dialogue_is_recognised(text: str, least: float, most: float) -> None:
    assert least <= DialogueLexer.analyse_text(text) <= most


def test_pygments_finds_the_lexer_by_its_name_and_by_the_suffix(tmp_path: Path) -> None:
    """The entry points of pyproject.toml, as an installation writes them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    installed = tmp_path / "smtp_shell_under_test-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: smtp-shell-under-test\nVersion: 1\n")
    lines = [f"{name} = {place}" for name, place in project["entry-points"]["pygments.lexers"].items()]
    (installed / "entry_points.txt").write_text("\n".join(["[pygments.lexers]", *lines, ""]))
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    for words in (["-l", "smtp-transcript"], []):
        run = subprocess.run(
            [sys.executable, "-m", "pygments", *words, "-f", "html", str(TRANSCRIPTS[0])],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert '<span class="k">EHLO</span>' in run.stdout
