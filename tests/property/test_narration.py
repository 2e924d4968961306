"""Whatever a server or a transcript says, a dialogue is told in printable lines, and nothing that was hidden is in them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtp_shell.knowledge.explain import explanations, nothing_known
from smtp_shell.knowledge.narration import Narrator, explanation_of, situation
from smtp_shell.protocol.events import Entry
from tests.fuzz.program import hostile_events, session
from tests.property.hostile import HOSTILE_TEXT, OCTETS

SECRET = b"c2VjcmV0LWNhbmFyeQ=="
LINES = (
    *(
        b"> EHLO x",
        b"> MAIL FROM:<>",
        b"> MAIL FROM: <a@b.example>",
        b"> RCPT TO:<a@b.example>",
        b"> DATA",
        b"> RSET",
        b"> EHL0 x",
    ),
    *(
        b"> STARTTLS",
        b"> AUTH LOGIN",
        b"> AUTH PLAIN " + SECRET,
        b"A " + SECRET,
        b"A *",
        b"T",
        b"L",
        b"D Subject: x\\r\\n",
        b"D \\r\\n",
    ),
    *(
        b"D ..\\r\\n",
        b".",
        b"B abc",
        b"& NOOP",
        b"& MAIL FROM:<> SIZE=9",
        b"| EHLO x\\n",
        b"| MAIL FROM:<a\\r\\n",
        b"| AUTH PLAIN c2Vj",
    ),
    *[b"< 250 ok"] * 6,
    *(
        b"< 250-SIZE 1",
        b"< 250-AUTH LOGIN",
        b"< 250 2.1.0 ok",
        b"< 220 go",
        b"< 354 go",
        b"< 334 YQ==",
        b"< 235 in",
        b"< 503 5.5.1 no",
    ),
    *(
        b"< 550 5.7.1 Relay access denied",
        b"< 421 bye",
        b"< 452 4.2.2 full",
        b"< 199 odd",
        b"< 599 5.999.999 odd",
        b"< 250 5.7.1 odd",
    ),
    *(b"< 550-\x1b[2J", b"< 550 \xe2\x80\xae", b": 250-cut", b"E"),
)
PROGRAMS = st.lists(st.sampled_from(LINES) | OCTETS.map(lambda octets: b"< 550 " + octets), max_size=30).map(b"\n".join)


def check(narrator: Narrator, entries: list[Entry]) -> None:
    explainer = Narrator()
    for entry in entries:
        for each in explainer.explain(entry):
            assert all(line.isprintable() and SECRET.decode() not in line for line in each.lines())
            assert each.title
        for told in narrator.tell(entry):
            assert told.isprintable()
            assert SECRET.decode() not in told
    last = narrator.exchanges.last
    if last is not None:
        rows = [text for _, text in situation(last, narrator.exchanges)]
        assert all(row.isprintable() for row in rows)
        assert all(line.isprintable() for line in explanation_of(last).lines())


@given(PROGRAMS)
@example(b"< 220 mx\n> EHLO x\n< 250-\xff\n< 250 SIZE " + b"9" * 4000)
@example(b"< 220 mx\n> MAIL FROM:<a@b.example> SIZE=" + "\u0663".encode() + b"\n< 552 no")
def test_any_session_is_told(program: bytes) -> None:
    check(Narrator(), session(b"< 220 mx\n" + program))


@given(PROGRAMS, OCTETS)
def test_any_event_anywhere_is_told(program: bytes, octets: bytes) -> None:
    odd = [Entry(0, 0.0, event) for event in hostile_events(octets)]
    entries = session(b"< 220 mx\n" + program)
    check(Narrator(), [*entries[:-1], *odd, *entries])


@given(HOSTILE_TEXT | st.sampled_from([line[2:] for line in LINES]).map(lambda line: line.decode("utf-8", "replace")))
def test_any_words_are_explained_or_not_known(words: str) -> None:
    found = explanations(words)
    assert all(line.isprintable() for each in found for line in each.lines())
    if not found:
        assert nothing_known(words).isprintable()


@pytest.mark.parametrize("first", range(10))
def test_every_code_is_explained(first: int) -> None:
    for code in range(first * 100, first * 100 + 100):
        (found,) = explanations(f"{code:03}")
        assert found.meaning
        assert found.sources
