"""Links to the RFCs that our own words name."""

import io

import pytest
from rich.console import Console

from smtp_shell.display.links import kept_whole, linked, shows_links, unbroken, with_links
from smtp_shell.display.render import Look
from smtp_shell.display.views import ConsoleView
from smtp_shell.protocol.events import Entry, ReplyReceived
from smtp_shell.protocol.replies import Reply

SITE = "https://www.rfc-editor.org/rfc/"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4205"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "²"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": ""}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "220401"}, True),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TERM_PROGRAM_VERSION": "3.4"}, True),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TERM_PROGRAM_VERSION": "3.3a"}, False),
        ({"TERM": "screen", "VTE_VERSION": "7600"}, False),
        ({"TERM": "dumb", "VTE_VERSION": "7600"}, False),
        ({"WT_SESSION": "a"}, True),
        ({}, False),
    ],
)
def test_which_terminals_show_links(variables: dict[str, str], expected: bool) -> None:
    assert shows_links(variables) is expected


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no reference", []),
        ("RFC 5321", ["rfc5321"]),
        ("see RFC 5321 section 4.2.3, and RFC 3207 §4.2.", ["rfc5321#section-4.2.3", "rfc3207#section-4.2"]),
        ("RFC 5321, section 4.5.3.2.7: wait", ["rfc5321#section-4.5.3.2.7"]),
        ("RFC 0821", ["rfc821"]),
        ("RFCs 5321", []),
        ("RFC 123456", ["rfc12345"]),
    ],
)
def test_a_reference_leads_to_its_section(text: str, links: list[str]) -> None:
    for given in (text, kept_whole(text)):
        parts = list(linked(given))
        assert "".join(part for part, _ in parts) == text
        assert [address for _, address in parts if address] == [f"{SITE}{each}" for each in links]
    assert unbroken(kept_whole(text)) == text


def shown(look: Look, *, color_system: str | None = "256") -> tuple[ConsoleView, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=50, highlight=False, force_terminal=True, color_system=color_system)  # type: ignore[arg-type]
    return ConsoleView(console, look), out


def test_our_words_have_links_and_a_reference_is_not_broken() -> None:
    view, out = shown(Look(links=True))
    view.say("What the server announced counts no more (RFC 3207 section 4.2).")
    assert f";{SITE}rfc3207#section-4.2\x1b\\RFC 3207 section 4.2\x1b]8;;\x1b\\" in out.getvalue()


@pytest.mark.parametrize("look", [Look(), Look(links=True)])
def test_where_links_are_off_or_the_server_speaks_there_are_none(look: Look) -> None:
    view, out = shown(look)
    octets = b"550 see RFC 5321 section 4.2\r\n"
    view(Entry(1, 0.0, ReplyReceived(Reply(550, (octets[4:-2],), octets), None)))
    if not look.links:
        view.say("RFC 5321 section 4.2")
    assert "\x1b]" not in out.getvalue()
    assert "\N{NO-BREAK SPACE}" not in out.getvalue()


@pytest.mark.parametrize("style", ["said", "decoded", "reply.4", "quoted"])
def test_our_words_have_plain_spaces_in_every_style(style: str) -> None:
    view, out = shown(Look(), color_system=None)
    view.say("means: text  (RFC 2045)", style)
    assert "means: text  (RFC 2045)" in out.getvalue()


def test_a_line_has_links_in_the_notation_of_terminals() -> None:
    assert with_links("no reference\n") == "no reference\n"
    assert with_links("(RFC 5321)") == f"(\x1b]8;;{SITE}rfc5321\x1b\\RFC 5321\x1b]8;;\x1b\\)"
