"""`smtp-shell show` and `convert`."""

import re
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from smtp_shell.transcript.transcript import Transcript
from tests.unit.cli.program import LETTER, at, commands, run, sentence


def test_show_prints_the_dialogue_of_a_recording(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    done = run(at(practice), "--record", str(path), *commands(*LETTER, "quit"))
    shown = run("show", str(path))
    assert shown.returncode == 0

    def dialogue(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if b"*:" not in line and not line.startswith(b"      ")]

    assert dialogue(shown.stdout) == dialogue(done.stdout)


def test_show_begins_with_what_the_header_says(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("Transcript: 1\nTitle: Lab 7\nServer: mx.example:25\nTags: a b\n\nS: 220 hello\n")
    shown = run("show", str(path))
    assert shown.stdout.decode().splitlines() == [
        "      Title: Lab 7",
        "      Server: mx.example:25",
        "      Tags: a b",
        "+  S: 220 hello",
    ]


@pytest.mark.parametrize("form", ["json", "md", "html", "svg"])
def test_convert_keeps_what_the_header_says_and_expectations(tmp_path: Path, form: str) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(
        "Transcript: 1\nTitle: Lab 7\nServer: mx.example:25\n\nC: DATA\nS: 3yz\nC: hello\nC: .\nS~ 250 .*\n"
    )
    done = run("convert", "--to", form, str(path), "-")
    assert done.returncode == 0
    text = done.stdout.decode().replace("&#160;", " ")
    text = text.replace("\N{NO-BREAK SPACE}", " ").replace("mx.example\\:25", "mx.example:25")
    text = re.sub("</?span[^>]*>", "", text)  # of the words in a line
    for wanted in ("Lab 7", "mx.example:25", "3yz", "hello", "250 .*"):
        assert wanted in text
    assert "cannot have" not in text


BLOB, PASSWORD = "AGFubgBzM2NyZXQ=", "czNjcmV0"
TOKEN = "dXNlcj1hbm4BYXV0aD1CZWFyZXIgczNjcmV0LXRva2VuAQE="
LITERAL = f"""\
C: AUTH PLAIN {BLOB}
S: 535 5.7.8 {BLOB} (s3cret)
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YW5u
S: 334 UGFzc3dvcmQ6
C: {PASSWORD}
S: 535 {PASSWORD}
C: AUTH XOAUTH2 {TOKEN}
S: 235 s3cret-token
"""
WARNED = b": lines 1, 5, 7 and 9 hold credentials, which are masked here; "
INCLUDED = "Transcript: 1\nSecrets: included\n\n"


def is_clean(text: bytes) -> bool:
    """Return whether no credential of the transcript is in a text."""
    return not any(secret in text for secret in (BLOB.encode(), PASSWORD.encode(), b"s3cret", TOKEN.encode(), b"YW5u"))


def test_credentials_that_stand_in_a_transcript_are_masked_and_one_warning_names_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(LITERAL)
    for arguments in (("show", str(path)), ("-c", f"/show {path}")):
        done = run(*arguments)
        assert done.returncode == 0
        assert is_clean(done.stdout + done.stderr)
        assert "C: AUTH PLAIN ••••••".encode() in done.stdout
        assert b"over 127" not in done.stdout
        assert (done.stdout + done.stderr).count(WARNED) == 1


@pytest.mark.parametrize("name", ["smtp", "json", "md", "svg", "html"])
def test_no_format_has_a_credential_unless_it_is_asked_for(tmp_path: Path, name: str) -> None:
    path, out = tmp_path / "a.smtp", tmp_path / f"out.{name}"
    for header in ("", INCLUDED):
        path.write_text(header + LITERAL)
        done = run("convert", str(path), str(out), "--force")
        assert done.returncode == 0
        assert is_clean(out.read_bytes() + done.stderr)
        assert b"which are masked here; --keep-secrets writes them as they are." in done.stderr
    done = run("convert", str(path), str(out), "--force", "--keep-secrets")
    assert sentence(done).startswith(f"smtp-shell: {out} is written: {name}, ")
    assert PASSWORD.encode() in out.read_bytes()


def test_a_transcript_can_be_written_without_its_credentials_and_read_again(tmp_path: Path) -> None:
    path, out, kept = tmp_path / "a.smtp", tmp_path / "b.smtp", tmp_path / "c.smtp"
    path.write_text(
        "Transcript: 1\nTitle: x\nSecrets: included\nX-Other: y\n\n# note\n" + LITERAL + "S~ 2.*\n*: foo bar\n"
    )
    run("convert", str(path), str(out))
    text = out.read_text()
    assert text.startswith("Transcript: 1\nTitle: x\nX-Other: y\n\n")
    assert "C: AUTH PLAIN ${sasl}" in text
    assert [line.split()[0] for line in text.splitlines()[-3:]] == ["S:", "S~", "*:"]
    assert run("show", str(out)).stderr == b""
    run("convert", str(path), str(kept), "--keep-secrets")
    assert Transcript.read(kept).steps == Transcript.read(path).steps
    assert Transcript.read(kept).header.secrets_included  # type: ignore[union-attr]


def test_where_the_header_says_so_credentials_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(INCLUDED + LITERAL)
    done = run("show", str(path))
    assert done.stderr == b""
    assert PASSWORD.encode() in done.stdout


@pytest.mark.parametrize("command", [["show"], ["convert", "--to", "json"], ["replay", "--server", "127.0.0.1:1"]])
@pytest.mark.parametrize("line", [f"+AUTH PLAIN {BLOB}", f"C: AUTH PLAIN ${{{BLOB}}}", PASSWORD])
def test_an_error_quotes_no_credential(tmp_path: Path, command: list[str], line: str) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(f"C: NOOP\n{line}\n")
    done = run(*command, str(path), *(["-"] if command[0] == "convert" else []))
    assert done.returncode == 2
    assert f"{path}:2: ".encode() in done.stderr
    assert is_clean(done.stdout + done.stderr)


@pytest.mark.parametrize("name", ["smtp", "json", "md", "svg", "html"])
def test_a_variable_of_the_header_in_the_place_of_a_credential_is_one(tmp_path: Path, name: str) -> None:
    path, out = tmp_path / "a.smtp", tmp_path / f"out.{name}"
    header = f"Transcript: 1\nVar: mechanism=PLAIN\nVar: to=bob@example.org\nVar: pw={BLOB}\n\n"
    path.write_text(header + f"C: AUTH ${{mechanism}} ${{pw}}\nS: 535 {BLOB} s3cret\nC: RCPT TO:<${{to}}>\n")
    for done in (run("show", str(path)), run("convert", str(path), str(out), "--force")):
        assert done.returncode == 0
        assert b": line 5 holds a credential, which is masked here; " not in done.stdout
        assert b": line 6 holds a credential, which is masked here; " in done.stderr
        assert is_clean(done.stdout + done.stderr)
    assert is_clean(out.read_bytes())
    assert b"bob@example.org" in out.read_bytes().replace(b"\\@", b"@")
    assert run("replay", str(path), "--server", "127.0.0.1:1").returncode == 2
    assert run("replay", str(path), "--server", "127.0.0.1:1", "--var", "pw=x").returncode == 3
    assert BLOB.encode() in run("convert", str(path), "-", "--to", "smtp", "--keep-secrets").stdout


def test_show_draws_a_ladder_and_bars_as_wide_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("  0.1 *: connect mx:25\n  0.2 S: 220 mx\n  0.3 C: NOOP\n  0.8 S: 250 ok\n", encoding="utf-8")
    drawn = run("show", "--diagram", str(path)).stdout.decode()
    assert {len(row) for row in drawn.splitlines()} == {80}
    assert "│── NOOP ───" in drawn
    bars = run("show", "--timing", "--width", "40", str(path)).stdout.decode()
    assert "+ NOOP           500 ms  ███████████████" in bars
    assert max(map(len, bars.splitlines())) <= 40
    plain = run("show", "--diagram", str(path), env={"PYTHONIOENCODING": "ascii"}).stdout
    assert b"|-- NOOP ---" in plain


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--diagram", "--timing"], "two ways to show it; ask for one at a time"),
        (["--width", "40"], "--width is for --diagram and --timing"),
        (["--diagram", "--width", "0"], "is no whole number"),
    ],
)
def test_options_of_pictures_that_do_not_fit_together(tmp_path: Path, options: list[str], words: str) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220 mx\n", encoding="utf-8")
    done = run("show", *options, str(path))
    assert done.returncode == 2
    assert words in sentence(done)


def test_a_picture_masks_credentials_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(LITERAL)
    for picture in ("--diagram", "--timing"):
        done = run("show", picture, str(path))
        assert is_clean(done.stdout + done.stderr)
        assert WARNED in done.stderr
