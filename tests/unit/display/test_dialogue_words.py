"""The words of a dialogue: what each line's words are, and what is remembered from the lines before it."""

import time

import pytest

from smtp_shell.display.dialogue_words import DialogueWords, command_marks, pieces, slash_marks
from smtp_shell.display.render import Row
from smtp_shell.display.themes import STYLES, THEMES

DATA = (("C:", "DATA"), ("S:", "354 go"))


def kinds(text: str, marks: list[tuple[int, int, str]]) -> list[tuple[str, str]]:
    return [(kind.removeprefix("word."), piece) for kind, piece in pieces(text, marks) if kind]


def after(*before: tuple[str, str], marker: str, text: str) -> list[tuple[str, str]]:
    words = DialogueWords()
    for each in before:
        words.marks(*each)
    return kinds(text, words.marks(marker, text))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("EHLO laptop.example", [("verb", "EHLO")]),
        ("ehlo", [("verb", "ehlo")]),
        ("EHL0 laptop.example", []),
        (
            "MAIL FROM:<ann@example.org> SIZE=1200 BODY=8BITMIME SMTPUTF8",
            [
                ("verb", "MAIL"),
                ("verb", "FROM:"),
                ("address", "<ann@example.org>"),
                ("parameter", "SIZE"),
                ("parameter", "BODY"),
                ("parameter", "SMTPUTF8"),
            ],
        ),
        ("mail  from : <ann@example", [("verb", "mail"), ("verb", "from :"), ("address", "<ann@example")]),
        ('RCPT TO:<"a b"@example.org>', [("verb", "RCPT"), ("verb", "TO:"), ("address", '<"a b"@example.org>')]),
        ("rcpt bob@example.org carol@example.org", [("verb", "rcpt"), ("address", "bob@example.org"), ("address", "carol@example.org")]),
        ("mail ann smtputf8", [("verb", "mail")]),
        ("rcpt a@b x=y c@d", [("verb", "rcpt"), ("address", "a@b"), ("parameter", "x"), ("address", "c@d")]),
        ("mail <>", [("verb", "mail"), ("address", "<>")]),
        ("AUTH PLAIN ••••••", [("verb", "AUTH"), ("value", "PLAIN"), ("secret", "••••••")]),
        ("AUTH PLAIN ${sasl}", [("verb", "AUTH"), ("value", "PLAIN"), ("secret", "${sasl}")]),
        ("BDAT 1200 LAST", [("verb", "BDAT"), ("keyword", "LAST")]),
        ("RCPT TO:<${user}@example.org>", [("verb", "RCPT"), ("verb", "TO:"), ("address", "<${user}@example.org>")]),
        (r"NOOP\x0d\\", [("verb", "NOOP"), ("escape", r"\x0d"), ("escape", r"\\")]),
        ("VRFY ${user}", [("verb", "VRFY"), ("variable", "${user}")]),
        (r"VRFY \${user}", [("verb", "VRFY")]),
        ("", []),
        ("  ", []),
    ],
)  # fmt: skip
def test_the_words_of_a_command(line: str, words: list[tuple[str, str]]) -> None:
    assert kinds(line, command_marks(line)) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("250 2.1.0 Ok", [("code", "250"), ("enhanced", "2.1.0")]),
        ("250", [("code", "250")]),
        ("2yz", [("code", "2yz")]),
        ("250|251", [("code", "250|251")]),
        ("250 2.1.0.4 is a version", [("code", "250")]),
        ("5500 is none", []),
        ("550 see https://example.org/why", [("code", "550"), ("link", "https://example.org/why")]),
        (r"220 \x1b[31m", [("code", "220"), ("escape", r"\x1b")]),
        ("hello", []),
        ("", []),
    ],
)
def test_the_words_of_a_reply(line: str, words: list[tuple[str, str]]) -> None:
    assert after(marker="S:", text=line) == words


def test_a_keyword_is_announced_in_the_reply_to_ehlo_only_and_not_in_its_first_line() -> None:
    ehlo = ("C:", "EHLO a")
    assert after(ehlo, marker="S:", text="250-SIZE of the host") == [("code", "250")]
    assert after(ehlo, ("S:", "250-mx"), marker="S:", text="250 SIZE 1000") == [("code", "250"), ("announced", "SIZE")]
    assert after(("C:", "HELP"), ("S:", "214-these"), marker="S:", text="214 MAIL RCPT") == [("code", "214")]


def test_mail_data_has_a_header_a_body_and_a_dot() -> None:
    assert after(*DATA, marker="C:", text="Subject: MAIL FROM:<a@b>") == [("field", "Subject:")]
    folded = after(*DATA, ("C:", "Subject: a"), marker="C:", text=" EHLO: b")
    assert folded == []
    assert after(*DATA, ("C:", "A: b"), ("C:", ""), marker="C:", text="Subject: x") == []
    assert after(*DATA, ("C:", "text"), marker="C:", text="..bashrc") == [("escape", ".")]
    assert after(*DATA, ("C:", "text"), marker="C:", text=".") == [("verb", ".")]
    assert after(*DATA, ("C:", "text"), ("C:", "."), ("S:", "250 Ok"), marker="C:", text="QUIT") == [("verb", "QUIT")]


def test_a_refused_data_is_followed_by_a_command_and_one_without_a_reply_by_mail_data() -> None:
    assert after(("C:", "DATA"), ("S:", "503 no"), marker="C:", text="QUIT") == [("verb", "QUIT")]
    assert after(("C:", "DATA"), marker="C:", text="QUIT") == []


def test_in_a_group_the_reply_to_data_is_found_by_its_place() -> None:
    group = (("C&", "MAIL FROM:<a@b>"), ("C&", "RCPT TO:<c@d>"), ("C:", "DATA"), ("S:", "250 Ok"), ("S:", "550 no"))
    assert after(*group, ("S:", "354 go"), marker="C:", text="To: QUIT") == [("field", "To:")]
    assert after(*group, ("S:", "554 no"), marker="C:", text="QUIT") == [("verb", "QUIT")]


def test_an_answer_to_a_334_is_no_command() -> None:
    auth = (("C:", "AUTH LOGIN"), ("S:", "334 VXNlcm5hbWU6"))
    assert after(auth[0], marker="S:", text=auth[1][1]) == [("code", "334"), ("base64", "VXNlcm5hbWU6")]
    assert after(*auth, marker="C:", text="ehlo") == [("base64", "ehlo")]
    assert after(*auth, marker="C:", text="${sasl}") == [("secret", "${sasl}")]
    assert after(*auth, marker="C:", text="*") == [("verb", "*")]
    assert after(*auth, ("C:", "*"), ("S:", "501 ok"), marker="C:", text="ehlo a") == [("verb", "ehlo")]


def test_a_connection_begins_anew() -> None:
    assert after(*DATA, ("*:", "close server"), marker="C:", text="QUIT") == [("verb", "QUIT")]
    assert after(marker="*:", text="connect mx.example:25") == [("event", "connect")]


def test_notes_and_what_a_program_says_have_no_words() -> None:
    for marker in ("#", "#!", "E|", ""):
        assert after(marker=marker, text="MAIL FROM:<a@b> 250 2.0.0") == []


def test_a_row_of_the_screen_says_whether_it_is_mail_data() -> None:
    words = DialogueWords()
    rows = [
        Row("   C: ", "DATA", "command"),
        Row("+= S: ", "354 go", "reply.3"),
        Row(" = C: ", "From: a", "data"),
        Row("   #  ", "… 9 more lines of mail data", "note"),
        Row(" = C: ", ".", "command"),
        Row("!= S: ", "550 no", "reply.5"),
        Row(" = C& ", "RSET", "command"),
        Row("", "RSET", "said"),
    ]
    found = [kinds(row.text, words.of_row(row)) for row in rows]
    assert found == [
        [("verb", "DATA")],
        [("code", "354")],
        [("field", "From:")],
        [],
        [("verb", ".")],
        [("code", "550")],
        [("verb", "RSET")],
        [],
    ]


def test_mail_data_that_was_typed_is_not_on_the_screen() -> None:
    words = DialogueWords()
    for row in (Row("   C: ", "DATA", "command"), Row(">  S: ", "354 go", "reply.3")):
        words.of_row(row)
    assert kinds("RSET", words.of_row(Row("   C: ", "RSET", "command"))) == [("verb", "RSET")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/connect mail.example.org --starttls", [("slash", "/connect"), ("option", "--starttls")]),
        ("/compose --from ann@example.org", [("slash", "/compose"), ("option", "--from"), ("address", "ann@example.org")]),
        ('/note "a b', [("slash", "/note"), ("value", '"a b')]),
        (r"/raw  EHLO x\r\n", [("slash", "/raw"), ("verb", "EHLO"), ("escape", r"\r"), ("escape", r"\n")]),
        ("/", [("slash", "/")]),
        ("ehlo", []),
    ],
)  # fmt: skip
def test_the_words_of_a_line_for_the_shell(line: str, words: list[tuple[str, str]]) -> None:
    assert kinds(line, slash_marks(line)) == words


def test_pieces_of_a_part_of_a_line() -> None:
    marks = [(0, 4, "a"), (6, 9, "b")]
    assert pieces("0123456789", marks) == [("a", "0123"), ("", "45"), ("b", "678"), ("", "9")]
    assert pieces("2345", marks, 2) == [("a", "23"), ("", "45")]
    assert pieces("78", marks, 7) == [("b", "78")]
    assert pieces("", marks, 4) == []


@pytest.mark.parametrize(
    "text", ["a" * 64_000, "<" * 64_000, '<"' * 32_000, "a@" * 32_000, "\\" * 64_000, "${" * 32_000, "-- " * 20_000]
)
def test_a_line_of_any_kind_takes_little_time(text: str) -> None:
    words = DialogueWords()
    begun = time.process_time()
    for marker in ("C:", "S:", "*:"):
        for mark in words.marks(marker, text):
            assert 0 <= mark[0] <= mark[1] <= len(text)
    slash_marks(text)
    assert time.process_time() - begun < 2


def test_every_kind_has_a_style_in_every_theme() -> None:
    import re
    from pathlib import Path

    from smtp_shell.display import dialogue_words

    source = Path(dialogue_words.__file__).read_text("utf-8")
    named = set(re.findall(r'"(word\.[a-z0-9]+)"', source)) | {
        f"word.{each}" for each in re.findall(r"\(\?P<([a-z]+)>", source)
    }
    assert named == {name for name in STYLES if name.startswith("word.")}
    assert all(THEMES["plain"][name] == "" for name in named)
