"""The study sheet."""

import pytest

from smtp_shell.export.markdown import MOST_MESSAGES, fenced, prose
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry, Remarked, Written
from tests.fuzz.program import session
from tests.support.pictures import check_sheet, export

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
    assert "!= S: 550 5.1.1 no\n" in text
    assert "    C->>S: RCPT TO#58;#60;a#64;b#62;\n" in text
    assert "    S-->>C: 250-mx<br/>250 STARTTLS\n" in text


def test_a_reply_is_explained_where_it_first_occurs() -> None:
    text = sheet(DIALOGUE + b"\n> RCPT TO:<c@d>\n< 550 5.1.1 no")
    assert text.count("- **550** (") == 1
    assert text.index("550 5.1.1 no") < text.index("- **550** (") < text.index("RCPT TO:<c@d>")
    assert "RFC 5321 section 4.2.3" in text


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
