"""The colours of the input line, the rest of an earlier line, and the row of hints."""

import subprocess
import sys

import pytest
from prompt_toolkit.application import Application
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, SEARCH_BUFFER
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.input import DummyInput
from prompt_toolkit.layout import BufferControl, Layout, Window
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.styles import Attrs, Style

from smtp_shell.display.themes import STYLES, THEMES
from smtp_shell.shell.as_you_type import GhostText, HintRow, InputLexer, fitted, style_in_prompt
from smtp_shell.shell.hints import Hint
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell


def plain_shell(*before: str) -> Shell:
    shell, _, _ = make_shell({}, before=before)
    return shell


def coloured(shell: Shell, text: str) -> list[list[tuple[str, str]]]:
    document = Document(text)
    line = InputLexer(shell).lex_document(document)
    return [[(each[0], each[1]) for each in line(number)] for number in range(len(document.lines))]


def suggested(shell: Shell, text: str) -> str | None:
    found = GhostText(shell).get_suggestion(Buffer(), Document(text))
    return found.text if found is not None else None


def test_the_words_of_the_input_line_have_the_colours_of_the_screen() -> None:
    assert coloured(plain_shell(), "vrfy ann@example.org x") == [
        [("bold", "vrfy"), ("", " "), ("ansicyan", "ann@example.org"), ("", " x")]
    ]
    assert coloured(plain_shell(), "/connect --starttls")[0] == [
        ("bold ansiblue", "/connect"),
        ("", " "),
        ("ansicyan", "--starttls"),
    ]


def test_an_empty_line_has_none_and_a_line_that_is_not_there_neither() -> None:
    assert coloured(plain_shell(), "") == [[("", "")]]
    assert InputLexer(plain_shell()).lex_document(Document("noop"))(7) == []


def test_what_follows_data_in_a_paste_is_a_message() -> None:
    found = coloured(plain_shell(), "DATA\nQUIT\n.\nQUIT")
    assert found == [[("bold", "DATA")], [("", "QUIT")], [("", ".")], [("bold", "QUIT")]]


def test_mail_data_in_several_lines_has_a_header_and_a_body() -> None:
    shell = plain_shell("ehlo", "mail <>", "rcpt a@b.example", "data")
    found = coloured(shell, "Subject: hi\n\nSubject: x\n..dots")
    assert found == [
        [("ansiblue", "Subject:"), ("", " hi")],
        [],
        [("", "Subject: x")],
        [("ansimagenta", "."), ("", ".dots")],
    ]
    assert coloured(shell, "QUIT") == [[("", "QUIT")]]


def test_the_colours_change_with_the_theme_and_the_phase() -> None:
    shell = plain_shell()
    lexer = InputLexer(shell)
    before = lexer.invalidation_hash()
    shell.run("/set theme light")
    assert lexer.invalidation_hash() != before
    assert coloured(shell, "mail a@b")[0][2] == ("ansiblue", "a@b")


@pytest.mark.parametrize("theme", THEMES)
def test_every_style_is_one_of_the_prompt(theme: str) -> None:
    for name in STYLES:
        style = style_in_prompt(name, theme)
        assert isinstance(Style([]).get_attrs_for_style_str(style), Attrs)
        if theme == "plain" and name != "aside":
            assert style == ""


def test_the_latest_line_that_begins_so_is_suggested() -> None:
    shell = plain_shell()
    shell.history = lambda: ["mail ann@example.org", "mail bob@example.org", "noop", "mail ann@example.org"]
    assert suggested(shell, "ma") == "il ann@example.org"
    assert suggested(shell, "mail b") == "ob@example.org"
    assert suggested(shell, "noop") is None
    assert suggested(shell, "x") is None
    assert suggested(shell, "") is None
    assert suggested(shell, " ") is None
    assert suggested(shell, "noop\nma") is None


def test_a_suggestion_follows_each_key_and_the_growing_history() -> None:
    shell = plain_shell()
    lines = ["mail ann@example.org", "mail bob@example.org"]
    shell.history = lambda: lines
    ghost = GhostText(shell)

    def next_key(text: str) -> str | None:
        found = ghost.get_suggestion(Buffer(), Document(text))
        return found.text if found is not None else None

    assert next_key("mail ") == "bob@example.org"
    assert next_key("mail b") == "ob@example.org"
    assert next_key("mail a") == "nn@example.org"
    assert next_key("mail z") is None
    assert next_key("mail zo") is None
    lines.append("mail zoe@example.org")
    assert next_key("mail zo") == "e@example.org"
    assert next_key("mail ") == "zoe@example.org"
    lines.append("mail zo")
    assert next_key("mail z") == "o"
    assert next_key("mail zo") == "e@example.org"


def test_a_line_that_cannot_be_shown_is_not_suggested() -> None:
    shell = plain_shell()
    shell.history = lambda: ["noop 1", "noop \x1b[2J", "noop \u202e", "noop\nquit"]
    assert suggested(shell, "noop") == " 1"


def test_nothing_is_suggested_for_a_credential_mail_data_or_an_answer() -> None:
    blob = "AHN0dWRlbnQAb3BlbiBzZXNhbWU="
    shell = plain_shell()
    shell.history = lambda: [f"AUTH PLAIN {blob}", "Dear Ann"]
    assert suggested(shell, "AUTH PLAIN AHN0") is None
    shell = plain_shell("ehlo", "mail <>", "rcpt a@b.example", "data")
    shell.history = lambda: ["Dear Ann"]
    assert suggested(shell, "Dear") is None


@pytest.mark.parametrize("change", ["/set ghost off", "/set theme plain"])
def test_it_can_be_turned_off(change: str) -> None:
    shell = plain_shell(change)
    shell.history = lambda: ["noop 1"]
    assert suggested(shell, "no") is None


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (60, " MAIL <a@b>  A bracket is missing: one of the two. "),
        (40, " MAIL <a@b>  A bracket is missing "),
        (30, " A bracket is missing "),
        (15, " A bracket… "),
        (8, " A… "),
        (3, ""),
        (1, ""),
        (0, ""),
    ],
)
def test_a_row_shows_what_has_room_and_fills_it(columns: int, shown: str) -> None:
    row = fitted(Hint("MAIL <a@b>", "A bracket is missing: one of the two."), columns, "dark")
    text = fragment_list_to_text(row)
    assert text.rstrip() == shown.rstrip()
    assert len(text) == max(columns - 1, 0)


def test_a_row_counts_columns_and_not_characters() -> None:
    text = fragment_list_to_text(fitted(Hint("日本語 " * 20), 20, "dark"))
    assert text.startswith(" 日本語 日本語… ")
    assert len(text) < 20


class _Screen(DummyOutput):
    def __init__(self, rows: int) -> None:
        self._rows = rows

    def get_size(self) -> Size:
        return Size(rows=self._rows, columns=60)


@pytest.mark.parametrize(
    ("rows", "change", "is_there"),
    [(24, "", True), (11, "", False), (24, "/set hints off", False), (24, "/set theme plain", False)],
)
def test_the_row_is_there_where_there_is_room(rows: int, change: str, is_there: bool) -> None:
    shell = plain_shell(*filter(None, [change]))
    with set_app(Application(input=DummyInput(), output=_Screen(rows))):
        row = HintRow(shell)()
    assert bool(row) is is_there
    if is_there:
        assert fragment_list_to_text(row) == " " * 59 + "\n"


def test_the_row_follows_the_line_and_the_dialogue_but_not_a_search() -> None:
    shell = plain_shell()
    buffer = Buffer(name=DEFAULT_BUFFER)
    app: Application[None] = Application(Layout(Window(BufferControl(buffer))), input=DummyInput(), output=_Screen(24))
    row = HintRow(shell)
    with set_app(app):
        buffer.text = "mail a@b.example"
        assert fragment_list_to_text(row()).strip() == "C: MAIL FROM:<a@b.example>  MAIL comes after EHLO or HELO"
        shell.run("ehlo")
        assert fragment_list_to_text(row()).strip() == "C: MAIL FROM:<a@b.example>"
        buffer.text = "noop\nmail ann@example.org"
        assert fragment_list_to_text(row()).strip() == ""
        buffer.text = "rcpt bob@example.org"
        assert "  RCPT comes after MAIL" in fragment_list_to_text(row())
        shell.run("/pipeline")
        assert fragment_list_to_text(row()).strip() == "C: RCPT TO:<bob@example.org>"
        buffer.name = SEARCH_BUFFER
        assert fragment_list_to_text(row()).strip() == ""


def test_the_first_prompt_loads_nothing_of_it() -> None:
    code = "import sys, smtp_shell.shell.repl, smtp_shell.shell.as_you_type\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    late = {
        "smtp_shell.shell.hints",
        "smtp_shell.display.dialogue_words",
        "smtp_shell.knowledge.near",
        "smtp_shell.knowledge.reasons",
    }
    assert not (late | {"pygments", "rich", "difflib"}) & set(run.stdout.split())
