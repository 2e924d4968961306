"""The study sheet."""

import pytest

from smtp_shell.export.commonmark import fenced, prose
from smtp_shell.export.markdown import MOST_MESSAGES
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry, Remarked, Written
from tests.fuzz.program import session
from tests.support.pictures import check_sheet, export
from tests.unit.knowledge.dialogues import BARE, EHLO, GREETED, MAIL, RCPT, dialogue

DIALOGUE = b"< 220 mx\n> EHLO a\n< 250-mx\\r\\n250 STARTTLS\n> STARTTLS\n< 220 go\nT\n> RCPT TO:<a@b>\n< 550 5.1.1 no"


def sheet(program: bytes = DIALOGUE) -> str:
    return export("md", session(program))


def test_a_sheet_has_the_dialogue_its_parts_and_a_diagram() -> None:
    text = sheet()
    outside = check_sheet(text)
    assert "# a title" in outside
    parts = [line for line in outside if line.startswith("## ")]
    assert [part.partition(":")[0] for part in parts] == [
        "## In the clear",
        "## Encrypted",
        "## The dialogue as a diagram",
    ]
    assert "   C: STARTTLS\n+  S: 220 go\n" in text
    assert "!| S: 550 5.1.1 no\n" in text
    assert "    C->>S: RCPT TO#58;#60;a#64;b#62;\n" in text
    assert "    S-->>C: 250-mx<br/>250 STARTTLS\n" in text


def test_a_reply_is_explained_where_it_first_occurs() -> None:
    text = sheet(DIALOGUE + b"\n> RCPT TO:<c@d>\n< 550 5.1.1 no")
    assert text.count("- **550** (") == 1
    assert text.index("550 5.1.1 no") < text.index("- **550** (") < text.index("RCPT TO:<c@d>")
    assert "RFC 5321 section 4.2.3" in text


def test_each_refusal_says_why_and_what_is_in_order() -> None:
    text = export("md", dialogue(GREETED + EHLO + "C: DATA\nS: 503 5.5.1 no\n" * 2))
    why = "- **503 5.5.1 here**: DATA comes after MAIL and RCPT: the dialogue is in phase ready. In order now: MAIL, STARTTLS,"
    assert text.count(why) == 2
    assert text.count("- **503** (") == 1


def test_a_near_miss_is_told_each_time_and_without_markup() -> None:
    text = export("md", dialogue(GREETED + BARE + "C: MAIL FORM:<a*b@example.org>\nS: 501 no\n" * 2))
    assert text.count('"FORM" is written FROM') == 2
    outside = "\n".join(check_sheet(text))
    assert outside.count(r'- "FORM" is written FROM') == 2
    hostile = sheet(b"< 220 mx\n> MAIL FROM <a@b> <script> `x` [y](z)\n< 501 no\n> AUTH *x*_<i>_\n< 504 no")
    outside = "\n".join(check_sheet(hostile))
    assert "In order now" in outside
    assert not any(each in outside for each in ("<script>", "<i>", "`x`", "[y](z)", "*x*"))


def test_the_final_dot_has_a_meaning_of_its_own() -> None:
    text = export("md", dialogue(GREETED + BARE + MAIL + RCPT + "C: DATA\nS: 354 go\nC: x\nC: .\nS: 552 5.3.4 no\n"))
    assert "- **552** to the final dot: " in text
    assert "In order now: MAIL, EHLO" in text


def test_octets_with_a_bare_lf_are_no_commands_inside_mail_data() -> None:
    text = export("md", dialogue(GREETED + BARE + "C| EHLLO x\\n\n"))
    assert '- "EHLLO" is no command' in text
    assert "- The line ends in LF alone" in text
    inside = GREETED + BARE + MAIL + RCPT + "C: DATA\nS: 354 go\nC| EHLLO x\\n\n"
    assert "is no command" not in export("md", dialogue(inside))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 1.5 of them", "plain words, 1.5 of them"),
        ("<b>x</b> | `y` *z* _u_ [a](b) #c ~~d~~", r"\<b\>x\</b\> \| \`y\` \*z\* \_u\_ \[a\](b) \#c \~\~d\~\~"),
        (
            "https://example.org www.example.org ann@example.org",
            r"https\://example.org www\.example.org ann\@example.org",
        ),
        ("1. one", r"1\. one"),
        ("- one", r"\- one"),
        ("=====", r"\====="),
        ("    code", "code"),
        (r"\x1b &lt;", r"\\x1b \&lt;"),
    ],
)
def test_prose_means_itself(text: str, shown: str) -> None:
    assert prose(text) == shown


@pytest.mark.parametrize(("line", "fence"), [("x", "```"), ("```", "````"), ("a `````` b", "```````")])
def test_a_fence_is_longer_than_any_run_inside(line: str, fence: str) -> None:
    block = "".join(fenced([line]))
    assert block == f"\n{fence}text\n{line}\n{fence}\n"


def test_what_a_stranger_wrote_is_no_markup() -> None:
    hostile = b"```\\r\\n250 ```` <script>alert(1)</script> %%{init: {}}%% end; Note over C: x"
    text = sheet(b"< 220 mx\n> NOOP\n: 250-" + hostile + b"\\r\\n")
    outside = "\n".join(check_sheet(text))
    assert "<script>" not in outside
    diagram = text.partition("```mermaid\n")[2]
    assert "<script>" not in diagram
    assert "%%" not in diagram
    assert "Note over C#58; x" in diagram


def test_notes_and_fields_of_the_header_are_escaped() -> None:
    entries = [
        Entry(1, 0.0, Written("", "Title: a | b <i>")),
        Entry(2, 0.0, Remarked("# no heading [x](y)")),
    ]
    outside = check_sheet(export("md", entries))
    assert r"| Title | a \| b \<i\> |" in outside
    assert r"> \# no heading \[x\](y)" in outside


def test_a_diagram_has_so_many_arrows_and_says_that_there_are_more() -> None:
    entries = [Entry(number, 0.0, CommandSent(Command(b"NOOP"))) for number in range(1, 400)]
    text = export("md", entries)
    assert text.count("C->>S: NOOP") == MOST_MESSAGES - 1
    assert "The diagram ends here: 250 more messages" in text


def test_a_credential_is_masked() -> None:
    text = sheet(b"< 220 mx\n> AUTH PLAIN AGFubgBzM2NyZXQ=\n< 235 ok")
    assert "AGFubg" not in text
