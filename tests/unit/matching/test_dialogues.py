"""What differs between two dialogues, as tables."""

from __future__ import annotations

from io import BytesIO

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.matching import turns
from smtp_shell.matching.dialogues import Differences
from smtp_shell.matching.expectation import Strictness
from smtp_shell.matching.turns import Turn, turns_of
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader

GREETING = "*: connect mail.example:25\nS: 220 mail.example ESMTP\n"
EHLO = "C: EHLO client.example\nS: 250-mail.example\nS: 250-SIZE 1000\nS: 250-AUTH PLAIN LOGIN\nS: 250 DSN\n"
MAIL = "C: MAIL FROM:<ann@example.org>\nS: 250 2.1.0 Ok\n"
RCPT = "C: RCPT TO:<bob@example.org>\nS: 250 2.1.5 Ok\n"
DATA = "C: DATA\nS: 354 Go on\n"
LETTER = "C: Subject: x\nC: Date: Fri, 27 Nov 2026 10:00:00 +0000\nC:\nC: Hello\nC: .\nS: 250 2.0.0 Ok: queued as 4ABCDEF012\n"
QUIT = "C: QUIT\nS: 221 2.0.0 Bye\n*: close server\n"
FOLDED = "C: mail data, 4 lines, 60 octets"
TLS = "added:  | *: tls TLSv1.3 TLS_X verified CN=a"
SASL = "added:  | C: AUTH PLAIN ${sasl} / S: 235 2.7.0 ok"
ODD = "changed: S: 250-mail.example | S| 250-mail.example\\x0a"
WHOLE = GREETING + EHLO + MAIL + RCPT + DATA + LETTER + QUIT


def read(text: str) -> list[Turn]:
    reader = TranscriptReader(BytesIO(f"Transcript: 1\nClient: x\n\n{text}".encode()), "x.smtp")
    return turns_of(entries(reader, None, reader.header), "x.smtp")


def diff(a: str, b: str, strictness: Strictness = Strictness.TEXT) -> list[str]:
    """Return each difference as `change: A | B`, lines of one side joined with ` / `."""
    found = []
    for each in Differences(read(a), read(b), strictness):
        one, two = (" / ".join(row.text for row in rows) for rows in (each.rows_a, each.rows_b))
        found.append(f"{each.change}: {one} | {two}")
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("S: 220 mail.example ESMTP", "S: 220 other.example ESMTP"),
        ("mail.example:25", "other.example:2525"),
        ("queued as 4ABCDEF012", "queued as 9FFF0F0F01"),
        ("C: Date: Fri, 27 Nov 2026 10:00:00 +0000", "C: Date: Sat, 28 Nov 2026 11:00:00 +0000"),
        ("C: MAIL", "# a note\n  1.234  C: mail"),
        ("C: MAIL FROM:<ann@example.org>\nS: 250 2.1.0 Ok\nC: RCPT", "C& MAIL FROM:<ann@example.org>\nC: RCPT"),
        (
            "S: 250-SIZE 1000\nS: 250-AUTH PLAIN LOGIN\nS: 250 DSN",
            "S: 250-DSN\nS: 250-AUTH PLAIN LOGIN\nS: 250 size 1000",
        ),
    ],
)
def test_what_is_no_difference(old: str, new: str) -> None:
    changed = WHOLE.replace(old, new) if old else WHOLE
    if "C&" in new:
        changed = changed.replace("S: 250 2.1.5 Ok", "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok")
    assert diff(WHOLE, changed) == []
    assert diff(changed, WHOLE) == []


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        (MAIL, "", ["removed: C: MAIL FROM:<ann@example.org> / S: 250 2.1.0 Ok | "]),
        (QUIT, "C: NOOP\nS: 250 ok\n" + QUIT, ["added:  | C: NOOP / S: 250 ok"]),
        ("C: EHLO client", "C: EHLO another", ["changed: C: EHLO client.example | C: EHLO another.example"]),
        ("S: 250 2.1.5 Ok", "S: 550 5.1.1 No", ["changed: S: 250 2.1.5 Ok | S: 550 5.1.1 No"]),
        ("S: 250 2.1.5 Ok", "S: 250 2.1.5 Fine", ["changed: S: 250 2.1.5 Ok | S: 250 2.1.5 Fine"]),
        ("S: 250-SIZE 1000\n", "S: 250-SIZE 5\n", ["changed: S: 250-SIZE 1000 | S: 250-SIZE 5"]),
        ("S: 250-SIZE 1000\n", "", ["removed: S: 250-SIZE 1000 | "]),
        ("S: 250 DSN\n", "S: 250-CHUNKING\nS: 250 DSN\n", ["added:  | S: 250-CHUNKING"]),
        ("C: Hello\n", "C: Hullo\n", [f"changed: {FOLDED} / C: Hello | {FOLDED} / C: Hullo"]),
        ("C: Hello\n", "C: Hello\nC: more\n", ["changed: C: mail data, 4 lines, 60 octets | C: mail data, 5 lines, 66 octets / C: more"]),
        (RCPT, RCPT + RCPT.replace("bob", "carol"), ["added:  | C: RCPT TO:<carol@example.org> / S: 250 2.1.5 Ok"]),
        ("*: close server", "*: close", ["changed: *: close server | *: close client"]),
        (RCPT, "C: RCPT TO:<bob@example.org>\nS: 250 2.1.5 Ok\nS: 421 4.3.2 Bye\n", ["added:  | S: 421 4.3.2 Bye"]),
        ("C: EHLO client.example\nS: 250-mail.example", "C: EHLO client.example\nS| 250-mail.example\\x0a", [ODD]),
        (MAIL, "C: STARTTLS\nS: 220 go\n*: tls TLSv1.3 TLS_X verified CN=a\n" + MAIL, ["added:  | C: STARTTLS / S: 220 go", TLS]),
        (MAIL, "C: AUTH PLAIN ${sasl}\nS: 235 2.7.0 ok\n*: auth PLAIN ann\n" + MAIL, [SASL, "added:  | *: auth PLAIN ann"]),
        (QUIT, "C| NOOP\\x0a\nS: 250 ok\n" + QUIT, ["added:  | C| NOOP\\x0a / S: 250 ok"]),
    ],
)  # fmt: skip
def test_what_is_a_difference_and_from_the_other_side(old: str, new: str, differences: list[str]) -> None:
    changed = WHOLE.replace(old, new)
    assert diff(WHOLE, changed) == differences
    turned = []
    for each in diff(changed, WHOLE):
        change, _, rest = each.partition(": ")
        one, _, two = rest.partition(" | ")
        turned.append(f"{ {'added': 'removed', 'removed': 'added'}.get(change, change) }: {two} | {one}")
    assert sorted(turned) == sorted(differences)


CUT = f"{GREETING}C: EHLO x\nS: 250-a\nS: 250-b\n*: close server\n"


@pytest.mark.parametrize(
    ("other", "differences"),
    [
        (CUT, []),
        (CUT.replace("S: 250-b\n", ""), ["removed: S: 250-b | "]),
        (CUT.replace("S: 250-a\nS: 250-b\n", ""), ["removed: S: 250-a / S: 250-b | "]),
        (CUT.replace("S: 250-b\n", "S: 250 b\n"), ["changed: S: 250-b | S: 250 b"]),
        (CUT.replace("S: 250-a\nS: 250-b\n", "S: 2yz\n"), ["changed: S: 250-a / S: 250-b | S: 2yz"]),
        (CUT.replace("*: close server\n", ""), ["removed: *: close server | "]),
    ],
)
def test_the_lines_of_a_reply_that_was_cut_off_are_compared(other: str, differences: list[str]) -> None:
    assert diff(CUT, other) == differences


@pytest.mark.parametrize("between", ["C: NOOP\n", "*: timeout 1\nC: NOOP\n"])
def test_a_reply_that_went_on_after_another_line_has_the_numbers_of_its_lines(between: str) -> None:
    one = f"{GREETING}C: EHLO x\nS: 250-a\n{between}S: 250-b\nS: 250 c\nS: 250 ok\n"
    two = one.replace("S: 250-a\n", "").replace("S: 250-b\nS: 250 c\nS: 250 ok\n", "")
    found = {(row.line, row.text) for each in Differences(read(one), read(two), Strictness.TEXT) for row in each.rows_a}
    lines = ["Transcript: 1", "Client: x", "", *one.splitlines()]
    assert found == {(lines.index(line) + 1, line) for line in ("S: 250-a", "S: 250-b", "S: 250 c", "S: 250 ok")}


@pytest.mark.parametrize(
    "lines",
    [
        ["S: 250-a", "# a note", "S: 250-b", "S: 250 c"],
        ["S: 250-a", "# a note", "S: 250-b", "# another", "*: close server"],
        ["S: 250-a", "# a note", "C: NOOP", "S: 250-b", "# a note", "S: 250 c", "S: 250 ok"],
        ["S~ 250-a", "# a note", "S~ 250 b"],
        ["S: 250-a", r"S| 250-\x61", "# a note", r"S| b\x0d\x0a", "S: 250 c"],
    ],
)
def test_the_lines_of_a_reply_with_notes_between_them_have_their_numbers(lines: list[str]) -> None:
    one = f"{GREETING}C: EHLO x\n" + "".join(f"{line}\n" for line in lines)
    two = f"{GREETING}C: EHLO x\n" + "".join(f"{line}\n" for line in lines if line[0] != "S")
    found = {row.line for each in Differences(read(one), read(two), Strictness.TEXT) for row in each.rows_a}
    before = len(f"Transcript: 1\nClient: x\n\n{GREETING}C: EHLO x\n".splitlines())
    assert found == {before + number for number, line in enumerate(lines, 1) if line[0] == "S" and line[:4] != "S| b"}


def test_octets_that_hold_several_replies_give_each_its_numbers() -> None:
    one = GREETING + "C| NOOP\\r\\nNOOP\\r\\n\n" + r"S| 250 a\r\n25" + "\n" + r"S| 0 b\r\n" + "\n"
    two = one.replace("250 a", "250 c").replace("0 b", "0 d")
    rows = [row for each in Differences(read(one), read(two), Strictness.EXACT) for row in each.rows_a]
    begins = 3 + len(GREETING.splitlines()) + 2
    assert [(row.line, row.text) for row in rows] == [(begins, "S: 250 a"), (begins, "S: 250 b")]


def test_what_moved() -> None:
    vrfy = "C: VRFY bob\nS: 252 2.0.0 bob\n"
    a, b = GREETING + vrfy + EHLO + MAIL + RCPT + QUIT, GREETING + EHLO + MAIL + RCPT + vrfy + QUIT
    assert diff(a, b) == ["moved: C: VRFY bob | C: VRFY bob"]
    assert diff(a, b.replace("S: 252 2.0.0 bob", "S: 550 5.1.1 no")) == [
        "moved: C: VRFY bob | C: VRFY bob",
        "changed: S: 252 2.0.0 bob | S: 550 5.1.1 no",
    ]


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("S: 250 2.1.5 Ok", "S: 251 2.1.5 Ok", Strictness.CODE),
        ("S: 250-SIZE 1000\n", "", Strictness.KEYWORDS),
        ("S: 250-SIZE 1000\n", "S: 250-SIZE 1\n", Strictness.TEXT),
        ("S: 250 2.1.5 Ok", "S: 250 2.1.5 Fine", Strictness.TEXT),
        ("queued as 4ABCDEF012", "queued as 9FFF0F0F01", Strictness.EXACT),
        ("10:00:00", "11:00:00", Strictness.EXACT),
        ("mail.example:25", "mail.example:26", Strictness.EXACT),
        ("C: MAIL", "C: mail", Strictness.EXACT),
    ],
)
def test_levels(old: str, new: str, level: Strictness) -> None:
    changed = WHOLE.replace(old, new)
    assert [each for each in Strictness if diff(WHOLE, changed, each)] == list(Strictness)[level:]


def test_keywords_do_not_compare_enhanced_codes_as_in_a_replay() -> None:
    changed = WHOLE.replace("S: 250 2.1.5 Ok", "S: 250 2.1.0 Ok")
    levels = [each for each in Strictness if diff(WHOLE, changed, each)]
    assert levels == [Strictness.ENHANCED, Strictness.TEXT, Strictness.EXACT]


def test_expectations_are_met_or_not_and_compared_with_one_another() -> None:
    written = GREETING + "C: RCPT TO:<bob@example.org>\nS~ 250 2\\.1\\.\\d .*\n"
    assert diff(written, GREETING + RCPT) == []
    assert diff(GREETING + RCPT, written) == []
    refused = RCPT.replace("250 2.1.5", "550 5.1.1")
    assert diff(written, GREETING + refused) == ["changed: S~ 250 2\\.1\\.\\d .* | S: 550 5.1.1 Ok"]
    other = written.replace("S~ 250 2\\.1\\.\\d .*", "S: 2yz")
    assert diff(written, other) == ["changed: S~ 250 2\\.1\\.\\d .* | S: 2yz"]


def test_line_numbers_and_what_a_reply_answers() -> None:
    changed = WHOLE.replace("S: 250 2.1.5 Ok", "S: 550 5.1.1 No").replace(EHLO, "# a note\n" + EHLO)
    (found,) = Differences(read(WHOLE), read(changed))
    assert [row.line for row in (*found.rows_a, *found.rows_b)] == [14, 15]
    assert [(row.line, row.text) for row in found.about] == [
        (13, "C: RCPT TO:<bob@example.org>"),
        (14, "C: RCPT TO:<bob@example.org>"),
    ]


def test_lmtp_has_a_reply_for_each_recipient() -> None:
    lmtp = (
        "S: 220 a\nC: LHLO c.example\nS: 250 a.example\n"
        + MAIL + RCPT + RCPT.replace("bob", "carol") + DATA
        + "C: x\nC: .\nS: 250 2.0.0 <bob@example.org> ok\nS: 250 2.0.0 <carol@example.org> ok\n" + QUIT
    )  # fmt: skip
    changed = lmtp.replace("S: 250 2.0.0 <carol@example.org> ok", "S: 552 5.2.2 <carol@example.org> full")
    assert diff(lmtp, lmtp) == []
    assert diff(lmtp, changed) == [
        "changed: S: 250 2.0.0 <carol@example.org> ok | S: 552 5.2.2 <carol@example.org> full"
    ]


def test_what_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_TURNS", 5)
    with pytest.raises(UsageError, match="has more than 5 steps"):
        read(WHOLE)
    monkeypatch.setattr(turns, "MOST_TURNS", 1000)
    monkeypatch.setattr(turns, "MOST_KEPT", 100)
    with pytest.raises(UsageError, match="without its mail data"):
        read(WHOLE)


# Greetings and replies to EHLO


HELLO = "*: connect mail.example:25\nS: 220 mail.example ESMTP\nC: EHLO client.example\n"


def hello(*lines: str) -> str:
    """Return a dialogue up to a reply to EHLO."""
    return HELLO + "".join(f"S: {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("one", "two", "by_level"),
    [
        # What follows the server's name in the first line counts from text on, the name itself with exact.
        (["250-mail.example Hello", "250 DSN"], ["250-mail.example Goodbye", "250 DSN"], {
            Strictness.TEXT: ["changed: S: 250-mail.example Hello | S: 250-mail.example Goodbye"],
            Strictness.EXACT: ["changed: S: 250-mail.example Hello | S: 250-mail.example Goodbye"],
            Strictness.KEYWORDS: [],
        }),
        (["250-one", "250 DSN"], ["250-two", "250 DSN"], {
            Strictness.TEXT: [], Strictness.EXACT: ["changed: S: 250-one | S: 250-two"],
        }),
        (["250-x", "250-SIZE 1", "250 DSN"], ["250-x", "250-SIZE 2", "250 DSN"], {
            Strictness.EXACT: ["changed: S: 250-SIZE 1 | S: 250-SIZE 2"],
        }),
        # With exact, their order counts too.
        (["250-x", "250-SIZE 1", "250 DSN"], ["250-x", "250-DSN", "250 SIZE 1"], {
            Strictness.TEXT: [], Strictness.EXACT: ["changed: S: 250-SIZE 1 / S: 250 DSN | S: 250-DSN / S: 250 SIZE 1"],
        }),
        # The code says whether something is announced.
        *((
            [f"{code}-x", f"{code} DSN"], [f"{code}-x", f"{code} ETRN"],
            {Strictness.KEYWORDS: [f"removed: S: {code} DSN | ", f"added:  | S: {code} ETRN"]},
        ) for code in (200, 299)),
        (["300-x", "300 DSN"], ["300-x", "300 ETRN"], {Strictness.KEYWORDS: []}),
        (["250-one", "250-SIZE 1", "250 DSN"], ["250-two", "250-SIZE 2", "250 DSN"], {
            Strictness.EXACT: ["changed: S: 250-one | S: 250-two", "changed: S: 250-SIZE 1 | S: 250-SIZE 2"],
        }),
        # All keywords are looked at, after one that is gone and one with other words.
        (["250-x", "250-SIZE 1", "250-DSN", "250-ETRN", "250 HELP"], ["250-x", "250-SIZE 2", "250-TURN", "250 HELP"], {
            Strictness.KEYWORDS: ["removed: S: 250-DSN | ", "removed: S: 250-ETRN | ", "added:  | S: 250-TURN"],
            Strictness.TEXT: [
                "changed: S: 250-SIZE 1 | S: 250-SIZE 2", "removed: S: 250-DSN | ", "removed: S: 250-ETRN | ", "added:  | S: 250-TURN",
            ],
        }),
        # Another code counts at every level, and what is announced with it too.
        (["250-x", "250 DSN"], ["251-x", "251 ETRN"], {
            Strictness.CODE: ["changed: S: 250-x / S: 250 DSN | S: 251-x / S: 251 ETRN"],
            Strictness.KEYWORDS: ["changed: S: 250-x | S: 251-x", "removed: S: 250 DSN | ", "added:  | S: 251 ETRN"],
        }),
        # A refusal announces nothing.
        (["250-x", "250 DSN"], ["502 no"], {Strictness.TEXT: ["changed: S: 250-x / S: 250 DSN | S: 502 no"]}),
        (["502 no"], ["250-x", "250 DSN"], {Strictness.TEXT: ["changed: S: 502 no | S: 250-x / S: 250 DSN"]}),
        (["502-x", "502 a"], ["502-x", "502 b"], {Strictness.TEXT: ["changed: S: 502 a | S: 502 b"], Strictness.KEYWORDS: []}),
    ],
)  # fmt: skip
def test_what_is_announced(one: list[str], two: list[str], by_level: dict[Strictness, list[str]]) -> None:
    for level, differences in by_level.items():
        assert diff(hello(*one), hello(*two), level) == differences, level
        first, second = (hello(*lines).replace("EHLO", "LHLO") for lines in (one, two))
        assert diff(first, second, level) == differences, level


def test_a_keyword_is_written_in_any_case_and_its_words_are_not() -> None:
    assert diff(hello("250-x", "250 size 1"), hello("250-x", "250 SIZE 1")) == []
    assert diff(hello("250-x", "250 AUTH plain"), hello("250-x", "250 AUTH PLAIN")) == [
        "changed: S: 250 AUTH plain | S: 250 AUTH PLAIN"
    ]


def test_of_a_written_greeting_the_name_of_the_server_does_not_count() -> None:
    written = "*: connect mail.example:25\nS: 2yz here ESMTP\n"
    assert diff(written, "*: connect mail.example:25\nS: 220 there ESMTP\n") == []
    assert diff(written, "*: connect mail.example:25\nS: 220 there SMTP\n") == [
        "changed: S: 2yz here ESMTP | S: 220 there SMTP"
    ]
    later = "C: NOOP\nS: 2yz here ESMTP\n"
    assert diff(GREETING + later, GREETING + "C: NOOP\nS: 220 there ESMTP\n") != []


# Mail data


def letter(*lines: str) -> str:
    return GREETING + DATA + "".join(f"C: {line}\n" for line in lines) + "C: .\nS: 250 ok\n"


@pytest.mark.parametrize(
    ("one", "two", "rows"),
    [
        (["a", "b", "c"], ["a", "x", "c"], [(9, "C: b"), (9, "C: x")]),
        (["a", "b"], ["a", "b", "c", "d"], [(10, "C: c")]),
        (["a", "b", "c"], ["a"], [(9, "C: b")]),
        (["x"], ["y"], [(8, "C: x"), (8, "C: y")]),
    ],
)
def test_the_first_line_that_differs_is_shown(one: list[str], two: list[str], rows: list[tuple[int, str]]) -> None:
    (found,) = Differences(read(letter(*one)), read(letter(*two)))
    assert [(row.line, row.text) for row in (*found.rows_a[1:], *found.rows_b[1:])] == rows
    assert found.rows_a[0].text.startswith("C: mail data, ")
    assert found.rows_a[0].line == found.rows_b[0].line == 8


def test_which_turns_are_held_against_each_other() -> None:
    """A command becomes another of its verb, and octets become others; a verb does not become another."""
    assert diff(
        GREETING + "C: MAIL FROM:<a@example.org>\nC: NOOP\n", GREETING + "C: NOOP\nC: MAIL FROM:<b@example.org>\n"
    ) == [
        "removed: C: MAIL FROM:<a@example.org> | ",
        "added:  | C: MAIL FROM:<b@example.org>",
    ]
    assert diff(GREETING + "C: RSET\n", GREETING + "C: VRFY a\n") == ["removed: C: RSET | ", "added:  | C: VRFY a"]
    assert diff(GREETING + "C| a\\x0a\n", GREETING + "C| b\\x0a\n") == [r"changed: C| a\x0a | C| b\x0a"]


def test_a_line_and_the_same_octets_without_its_end_differ() -> None:
    line, octets = GREETING + "C: NOOP\n", GREETING + "C| NOOP\n"
    assert diff(line, octets) == ["removed: C: NOOP | ", "added:  | C| NOOP"]
    assert diff(octets, line) == ["removed: C| NOOP | ", "added:  | C: NOOP"]


def test_a_written_reply_to_ehlo_announces_too() -> None:
    written = hello("2yz-x", "2yz DSN")
    assert diff(written, hello("250-x", "250 DSN"), Strictness.KEYWORDS) == []
    assert diff(written, hello("250-x", "250 ETRN"), Strictness.KEYWORDS) != []


def test_a_reply_more_is_a_difference_whichever_side_has_it() -> None:
    lmtp = f"S: 220 a\nC: LHLO c\nS: 250 a\n{MAIL}{RCPT}{RCPT}{DATA}C: x\nC: .\nS: 250 one\n"
    more = lmtp + "S: 250 two\n"
    assert diff(lmtp, more) == ["added:  | S: 250 two"]
    assert diff(more, lmtp) == ["removed: S: 250 two | "]


def test_turns_that_are_the_same_are_counted() -> None:
    for one, two, same in (
        (GREETING + MAIL, GREETING + MAIL, 2),
        (GREETING + MAIL, GREETING + MAIL.replace("Ok", "No"), 1),
        (GREETING + MAIL + RCPT, GREETING + RCPT + MAIL, 2),
    ):
        found = Differences(read(one), read(two))
        assert found.same == 0
        list(found)
        assert found.same == same


def test_a_greeting_is_about_its_first_line() -> None:
    greeting = "S: 220-a here\nS: 220 hello\n"
    (found,) = Differences(read(greeting), read(greeting.replace("hello", "bye")))
    assert [(row.line, row.text) for row in found.about] == [(4, "S: 220-a here"), (4, "S: 220-a here")]
    assert [(row.line, row.text) for row in (*found.rows_a, *found.rows_b)] == [(5, "S: 220 hello"), (5, "S: 220 bye")]
