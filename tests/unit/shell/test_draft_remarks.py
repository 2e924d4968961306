"""Remarks under the lines of mail data that is being written."""

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.processors import TransformationInput

from smtp_shell.shell.draft_remarks import DraftRemarks
from smtp_shell.shell.settings import ShellSettings
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

TO_DATA = ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data")
GUTTER = 5


def shell_in_mail_data(*, lint: bool = True) -> Shell:
    """Return a shell whose server takes mail data."""
    shell, _, _ = make_shell(before=TO_DATA, settings=ShellSettings(ehlo="client.example.org", lint=lint))
    return shell


def drawn(remarks: DraftRemarks, text: str, line: int, width: int = 45) -> str:
    """Return what is drawn for a line: it and its remarks, in rows."""
    document = Document(text)
    control = BufferControl(Buffer(document=document))
    found = remarks.apply_transformation(
        TransformationInput(control, document, line, lambda at: at, [("", document.lines[line])], width, 24)
    )
    whole = "".join(fragment[1] for fragment in found.fragments)
    room = width - GUTTER
    return "\n".join(whole[start : start + room].rstrip() for start in range(0, len(whole), room))


def looked(shell: Shell, text: str) -> DraftRemarks:
    """Return remarks that have looked at a text twice: the keys rest."""
    remarks = DraftRemarks(shell, GUTTER, lambda: False)
    assert not remarks.look(text)
    remarks.look(text)
    return remarks


def test_a_remark_is_under_its_line_in_whole_words() -> None:
    text = "From: ann@example.org\nSubject hello\nTo: bob@example.org\n"
    remarks = looked(shell_in_mail_data(), text)
    assert drawn(remarks, text, 1).split("\n") == [
        "Subject hello",
        "  ^ a line of the header has no colon",
        "    after its name; a field is Name:",
        "    value (RFC 5322 section 2.2)",
    ]
    assert drawn(remarks, text, 0) == "From: ann@example.org"


@pytest.mark.parametrize("columns", [1, 2, 15, 16, 17])
def test_it_is_left_out_where_there_is_hardly_any_room(columns: int) -> None:
    text = "From: ann@example.org\nSubject hello\nTo: bob@example.org\n"
    whole = drawn(looked(shell_in_mail_data(), text), text, 1, columns + GUTTER)
    assert ("^" in whole) is (columns > 15)


def test_while_keys_are_pressed_nothing_is_said() -> None:
    remarks = DraftRemarks(shell_in_mail_data(), GUTTER, lambda: False)
    text = ""
    for letter in "quit\n":
        text += letter
        assert not remarks.look(text)
    assert remarks.look(text)
    assert not remarks.look(text)


def test_of_a_mended_line_nothing_is_said_any_more() -> None:
    remarks = looked(shell_in_mail_data(), "Subject hello\nTo: bob@example.org\n")
    mended = "Subject: hello\nTo: bob@example.org\n"
    remarks.look(mended)
    assert remarks.look(mended)
    assert drawn(remarks, mended, 0) == "Subject: hello"
    remarks.forget()
    assert not remarks.look(mended)


def test_the_setting_turns_the_linter_off() -> None:
    text = "Subject hello\nTo: bob@example.org\n"
    assert drawn(looked(shell_in_mail_data(lint=False), text), text, 0) == "Subject hello"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("From: a@b\n\nquit", 2, "this is text of the message"),
        ("From: a@b\n\n/exit\n", 2, "this is text of the message"),
        ("From: a@b\n\n.\nquit", 2, "the message ends here"),
    ],
)
def test_what_a_beginner_stumbles_over_is_said(text: str, line: int, words: str) -> None:
    assert words in drawn(looked(shell_in_mail_data(), text), text, line)


def test_where_mail_data_goes_on_its_header_is_not_looked_for() -> None:
    shell = shell_in_mail_data()
    shell.run("Subject: x")
    text = "no header\n\ntext\n"
    assert drawn(looked(shell, text), text, 0) == "no header"


def test_rows_for_the_menu_are_kept_free_below_the_last_line() -> None:
    remarks = DraftRemarks(shell_in_mail_data(), GUTTER, lambda: True)
    assert drawn(remarks, "From: a@b\nTo", 1).count("\n") == 6
    assert drawn(remarks, "From: a@b\nTo", 0) == "From: a@b"
