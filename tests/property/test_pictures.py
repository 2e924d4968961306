"""Whatever was said in a dialogue, each picture of it is well-formed, complete and without a raw character."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.display.columns import cells
from smtp_shell.export.diagram import ladder
from smtp_shell.export.timing import bars
from smtp_shell.protocol.events import Entry, Remarked, Written
from smtp_shell.protocol.octets import escape
from tests.fuzz.program import hostile_events, session
from tests.property.hostile import OCTETS
from tests.support.pictures import check_page, check_picture, check_sheet, export

_SIGNS = (b"> ", b"& ", b"| ", b"< ", b": ", b"A ", b"D ", b". ", b"B ", b"L", b"T", b"E")
_WORDS = (
    b"220 mx", b"EHLO a", b"250-mx\\r\\n250 AUTH PLAIN", b"STARTTLS", b"220 go", b"AUTH PLAIN", b"AUTH LOGIN", b"334 eA==",
    b"cGxhaW4=", b"235 ok", b"MAIL FROM:<a@b> SIZE=1", b"RCPT TO:<a@b>", b"250 2.1.0 ok", b"DATA", b"354 go", b"a\\r\\n", b"",
    b"```", b"`````", b"</pre><script>", b"end", b"%%{init: {}}%%", b"; Note over C: x", b"| a |", b"]]>", b"<!--", b"&amp;", b"250-",
)  # fmt: skip
LINES = st.lists(st.tuples(st.sampled_from(_SIGNS), st.sampled_from(_WORDS) | OCTETS), max_size=20)
PROGRAMS = LINES.map(lambda lines: b"\n".join(sign + words.replace(b"\n", b"\\n") for sign, words in lines))

# What begins an element or a comment, without a backslash of its own before it. The links to sources are the program's.
_RAW = re.compile(r"(?<!\\)(?:\\\\)*<(?!https://)")


def check_drawings(happened: list[Entry], width: int) -> None:
    for ascii_only in (False, True):
        for draw in (ladder, bars):
            for row in draw(happened, width, ascii_only=ascii_only):
                assert row.text.isprintable()
                assert cells(row.text) <= max(width, 24)
                assert row.text.isascii() or not ascii_only


def check_exports(happened: list[Entry], title: str = "x") -> None:
    check_page(export("html", happened, title))
    check_picture(export("svg", happened, title))
    outside = check_sheet(export("md", happened, title))
    assert not any(_RAW.search(line) for line in outside)


@given(PROGRAMS, st.integers(1, 130))
def test_any_dialogue_is_drawn(program: bytes, width: int) -> None:
    check_drawings(session(program), width)


@given(PROGRAMS)
def test_any_dialogue_is_exported(program: bytes) -> None:
    check_exports(session(program))


@given(OCTETS)
def test_whatever_a_certificate_a_note_or_a_header_says(octets: bytes) -> None:
    text = escape(octets)
    events = [Written("", f"Title: {text}"), Written("*:", text), Remarked(text), *hostile_events(octets)]
    happened = [Entry(number, number / 8, event, number % 2 > 0) for number, event in enumerate(events, 1)]
    check_drawings(happened, 40)
    check_exports(happened, text)


def test_many_random_dialogues() -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    for _ in range(300):
        lines = (source.choice(_SIGNS) + source.choice(_WORDS) for _ in range(source.randrange(30)))
        program = b"\n".join(lines)
        try:
            check_drawings(session(program), source.randrange(24, 130))
            check_exports(session(program))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {program!r}") from error
