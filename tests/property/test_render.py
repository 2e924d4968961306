"""Promise 3: whatever a server says, only printable text and our own marks reach the terminal."""

import io
import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from wcwidth import wcwidth

from smtp_shell.display.json_lines import JsonView
from smtp_shell.display.render import Look, certificate_rows, describe
from smtp_shell.display.views import ConsoleView, PlainView, View
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    Certificate,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    TlsStarted,
)
from tests.property.hostile import OCTETS

SAMPLES = {"console": 5_000, "plain": 20_000, "json": 20_000}
BATCH = 20
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
GUTTER = re.compile(r"[+>~!? ][|? ] (?:S: | : |C: |C\| )|   S\| |   E\| |   #! |   #  |   \*: |   : |      ")
PIECES = (
    b"220 ", b"250-", b"250 ", b"250\r\n", b"554-", b"421 ", b"999 ", b"\r\n", b"\n", b"\r", b"\0", b"\x07", b"\x08", b"\x0b", b"\x0c",
    b"\x1b[2J", b"\x1b]0;title\x07", b"\x1bP", b"\x7f", b"\x9b31m", b"\xc2\x9b31m", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae",
    b"\xe2\x81\xa6", b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\xf3\xa0\x80\x81", b"\xef\xb8\x8f", b"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", b"\xff",
    b"\xed\xa0\x80", b"[bold]", b"[/nope]", b"[link=http://example.org]", b":smile:", b"{x}", b"%s", b"+| S: 250 Ok", b"   *: tls verified",
    "名前".encode(), "e\u0301\u0301\u0301\u0301\u0301".encode(), b"x" * 90, b" " * 90, b"word ",
)  # fmt: skip


class Shown(io.StringIO):
    """What was written, of which no character may be one that no terminal shows."""

    def lines(self) -> list[str]:
        text = self.getvalue()
        assert not {char for char in text if unicodedata.category(char) in UNSEEN} - {"\n"}
        return text.split("\n")[:-1]


def console(out: Shown, words: Shown, width: int = 80) -> View:
    return ConsoleView(Console(file=out, width=width, highlight=False, color_system=None))


def plain(out: Shown, words: Shown) -> View:
    return PlainView(out, words)


def json_lines(out: Shown, words: Shown) -> View:
    return JsonView(out, words)


VIEWS = {"console": console, "plain": plain, "json": json_lines}


def heard(octets: bytes) -> Iterator[Event]:
    """Return the events of a server that says this, whatever it is."""
    dialogue = Dialogue()
    dialogue.send(Command(b"EHLO x"))
    yield from dialogue.receive(octets)
    yield from dialogue.receive_eof()


def show(view: View, octets: bytes) -> None:
    for number, event in enumerate(heard(octets), 1):
        view(Entry(number, 0.1, event))


def random_octets(source: random.Random) -> bytes:
    return b"".join(source.choices(PIECES, k=source.randint(1, 12)))


def assert_marked(lines: list[str]) -> None:
    assert all(GUTTER.match(line) for line in lines), lines


def assert_objects(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        assert json.loads(line)["n"] == number


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "console": assert_marked,
    "plain": assert_marked,
    "json": assert_objects,
}


@pytest.mark.parametrize("name", VIEWS)
def test_many_replies_through_every_view(name: str) -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    for number in range(0, SAMPLES[name], BATCH):
        out, words = Shown(), Shown()
        view = VIEWS[name](out, words)
        samples = [random_octets(source) for _ in range(BATCH)]
        try:
            for octets in samples:
                show(view, octets)
            CHECKS[name](out.lines())
        except Exception as error:
            raise AssertionError(f"seed {seed}, among {samples!r} from {number}") from error


@pytest.mark.parametrize("name", VIEWS)
@given(octets=OCTETS)
def test_any_reply_through_every_view(name: str, octets: bytes) -> None:
    for start in (b"", b"250 ", b"250-"):
        out, words = Shown(), Shown()
        show(VIEWS[name](out, words), start + octets + b"\r\n")
        CHECKS[name](out.lines())


@given(OCTETS, st.integers(1, 120))
def test_no_row_is_wider_than_the_screen(octets: bytes, width: int) -> None:
    out = Shown()
    view = console(out, out, width)
    show(view, b"250 " + octets + b"\r\n")
    for line in out.lines():
        assert_marked([line])
        # A wide character does not fit beside the gutter of a screen this narrow.
        assert sum(max(0, wcwidth(char)) for char in line) <= max(width, 8)


SPOKEN = re.compile(
    r"(?:tls (?:not verified )?)?(?:refused (?:for now )?|not a reply code )?[SC][:|] |(?:more|program|attention|note|\*): "
)


@given(OCTETS, st.integers(14, 120), st.sampled_from((b"250 ", b"550-", b"450 ", b"999 ", b"")))
def test_for_a_screen_reader_each_row_is_marked_and_fits(octets: bytes, width: int, code: bytes) -> None:
    out = Shown()
    view = ConsoleView(Console(file=out, width=width, highlight=False, color_system=None), Look(theme="plain"))
    show(view, code + octets + b"\r\n")
    for line in out.lines():
        assert SPOKEN.match(f"{line} ") or line.startswith("took "), line
        assert sum(max(0, wcwidth(char)) for char in line) <= max(width, 26)


@given(OCTETS, st.integers(10, 120), st.sampled_from(["error", "notice", "quoted"]))
def test_each_row_of_words_that_quote_a_server_fits_and_is_marked(octets: bytes, width: int, style: str) -> None:
    from smtp_shell.protocol.octets import escape

    out = Shown()
    console(out, out, width).say(f'the server said "{escape(octets)}".', style)
    first, *others = out.lines()
    assert first.startswith("the")
    assert all(line.startswith(" : ") for line in others)


@given(st.lists(OCTETS), st.sampled_from(list(NoticeKind)))
def test_what_goes_out_and_what_is_noticed_through_every_view(pieces: list[bytes], kind: NoticeKind) -> None:
    for name, make in VIEWS.items():
        out, words = Shown(), Shown()
        view = make(out, words)
        number = 0
        for octets in pieces:
            for event in (
                OctetsSent(octets),
                MailDataSent(octets),
                MailDataSent(b".\r\n", True),
                Noticed(kind, octets=octets),
            ):
                number += 1
                view(Entry(number, 0.0, event))
        CHECKS[name](out.lines())


@given(OCTETS)
def test_a_certificate_shows_nothing_but_text(octets: bytes) -> None:
    certificate = Certificate(octets, octets, (octets, octets), octets, octets, b"00", b"\x30")
    for verified in (True, False):
        facts = TlsStarted("TLSv1.3", "X", verified, certificate, octets.decode("utf-8", "surrogateescape"))
        for row in (*certificate_rows(facts), describe(facts)):
            assert row.isprintable()


@given(OCTETS)
def test_colours_are_ours_alone(octets: bytes) -> None:
    """What is between rich's own codes is what there is without colours."""
    shown = []
    for system in (None, "truecolor"):
        out = io.StringIO()
        view = ConsoleView(Console(file=out, width=80, highlight=False, force_terminal=True, color_system=system))
        show(view, b"250 " + octets + b"\r\n")
        shown.append(out.getvalue())
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown[1]) == shown[0]
    assert "\x1b" not in shown[0]
