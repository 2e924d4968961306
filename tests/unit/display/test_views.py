"""Views: what goes on, and another dialogue that is shown meanwhile."""

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from smtp_shell.display.json_lines import JsonView
from smtp_shell.display.render import Look
from smtp_shell.display.views import ConsoleView, PlainView, View
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Certificate, CommandSent, Entry, Event, MailDataSent, TlsStarted

TYPING = Look(typed_data=False)


def console(out: io.StringIO) -> View:
    return ConsoleView(Console(file=out, width=80, highlight=False, color_system=None), TYPING)


def plain(out: io.StringIO) -> View:
    return PlainView(out, io.StringIO(), TYPING)


def inside_tls(*events: Event) -> list[Entry]:
    return [Entry(number, 0.0, event, tls=True) for number, event in enumerate(events)]


def tls(*, verified: bool) -> TlsStarted:
    return TlsStarted("TLSv1.3", "X", verified, Certificate(), "")


@pytest.mark.parametrize("make", [console, plain])
def test_another_dialogue_is_shown_with_the_mail_data_that_is_not_shown_while_it_is_typed(
    make: Callable[[io.StringIO], View],
) -> None:
    out = io.StringIO()
    view = make(out)
    letter = inside_tls(MailDataSent(b"hello\r\n"), MailDataSent(b".\r\n", last=True))
    view.show_all(letter)
    assert out.getvalue().split() == ["=", "C:", "hello", "=", "C:", "."]
    for entry in letter:
        view(entry)
    assert out.getvalue().split() == ["=", "C:", "hello", "=", "C:", "."]


@pytest.mark.parametrize("make", [console, plain])
def test_another_dialogue_does_not_change_the_sign_of_the_one_that_goes_on(make: Callable[[io.StringIO], View]) -> None:
    out = io.StringIO()
    view = make(out)
    noop = CommandSent(Command(b"NOOP"))
    for entry in inside_tls(tls(verified=False)):
        view(entry)
    view.show_all(inside_tls(tls(verified=True), noop))
    for entry in inside_tls(noop):
        view(entry)
    assert [line for line in out.getvalue().split("\n") if "NOOP" in line] == [" = C: NOOP", " ? C: NOOP"]


def test_json_lines_of_another_dialogue_are_whole() -> None:
    out = io.StringIO()
    JsonView(out, io.StringIO()).show_all(inside_tls(MailDataSent(b"half")))
    assert json.loads(out.getvalue())["data"] == "half"


@pytest.mark.parametrize("as_json", [False, True])
def test_what_a_command_finds_is_words_or_objects_on_standard_output(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    out, words = io.StringIO(), io.StringIO()
    found = [{"name": "x" * 100}, {"name": "y"}]
    screen = Console(file=None, width=80, highlight=False, color_system=None)  # standard output, as it is by then
    for view in (ConsoleView(screen, TYPING), PlainView(out, words, TYPING)):
        view.answer([("x and y", "quoted")], found, as_json=as_json)
    expected = "".join(f"{json.dumps(each)}\n" for each in found) if as_json else "x and y\n"
    assert (capsys.readouterr().out, out.getvalue(), words.getvalue()) == (expected, expected, "")


def test_a_view_for_other_programs_shows_objects_unasked() -> None:
    out = io.StringIO()
    view = JsonView(out, io.StringIO()).labelled(2)
    view.answer([("x", "quoted")], [{"name": "x"}])
    assert json.loads(out.getvalue()) == {"session": 2, "name": "x"}


@pytest.mark.parametrize("color", [True, False])
def test_a_pager_gets_the_same_words_and_colours_in_the_width_of_the_screen(
    color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = io.StringIO()
    view = ConsoleView.later(lambda: Console(file=io.StringIO()), color=color).on_stream(out, 30)
    view.say("words of our own, and too many for one line of it", "notice")
    view.answer([], [{"a": 1}], as_json=True)
    *lines, last = out.getvalue().splitlines()
    assert len(lines) > 1
    assert last == '{"a": 1}'
    assert ("\x1b[" in out.getvalue()) == color
