"""The notation of octets: what is shown as itself, what as an escape, and the way back."""

import pytest

from smtp_shell.protocol.octets import CRLF, SINGLE, decode_base64, escape, escape_str, is_utf8, quoted, unescape

SHOWN_AS_THEMSELVES = [
    "",
    "250-mail.example.com SIZE 10485760",
    "MAIL FROM:<ann@example.org> SMTPUTF8",
    "trailing space ",
    "~!\"#$%&'()*+,-./:;<=>?@[]^_`{|}",
    "Grüße, 東京, Ελλάδα, עברית",
    "\N{PILE OF POO}",
    "कि",  # a letter and its vowel sign
    "\u1100",  # a part of a Hangul syllable by itself
]

ESCAPED = [
    (b"\\", r"\\"),
    (rb"\x41", r"\\x41"),
    (b"\0\t\n\r\x1b\x7f", r"\x00\x09\x0a\x0d\x1b\x7f"),
    (b"\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    (b"\x9b31m", r"\x9b31m"),
    ("\u009b31m".encode(), r"\xc2\x9b31m"),
    (b"\xff\xfe", r"\xff\xfe"),
    (b"\xff\\\x80", r"\xff\\\x80"),
    (b"\x80\\\xff", r"\x80\\\xff"),
    (b"caf\xe9", r"caf\xe9"),
    (b"\xc0\xaf", r"\xc0\xaf"),  # an overlong slash
    (b"\xed\xa0\x80", r"\xed\xa0\x80"),  # a surrogate
    (b"\xf4\x90\x80\x80", r"\xf4\x90\x80\x80"),  # beyond Unicode
    (b"\xe2\x82", r"\xe2\x82"),  # a cut character
    ("\u202e".encode(), r"\xe2\x80\xae"),  # right to left override
    ("\u200b\u200d\ufeff".encode(), r"\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf"),
    ("\u2028\u2029\u0085".encode(), r"\xe2\x80\xa8\xe2\x80\xa9\xc2\x85"),
    ("\u00a0\u3000".encode(), r"\xc2\xa0\xe3\x80\x80"),  # spaces that are not the space
    ("\u00ad\u2800\u3164".encode(), r"\xc2\xad\xe2\xa0\x80\xe3\x85\xa4"),  # nothing to be seen
    ("\U000e0041".encode(), r"\xf3\xa0\x81\x81"),  # a tag character
    ("\ufe0f".encode(), r"\xef\xb8\x8f"),  # a variation selector
    ("\ue000".encode(), r"\xee\x80\x80"),  # private use
    ("\u212a".encode(), r"\xe2\x84\xaa"),  # the Kelvin sign looks like K
    ("e\u0301".encode(), r"e\xcc\x81"),  # looks like é
    ("xe\u0301".encode(), r"xe\xcc\x81"),
    ("a\x07\u0336".encode(), r"a\x07\xcc\xb6"),  # a mark without a character that is seen
    ("\x07\u0336".encode(), r"\x07\xcc\xb6"),
    ("\u00a0\u0336".encode(), r"\xc2\xa0\xcc\xb6"),
    ("a\u0320\u0301".encode(), "a\u0320" + r"\xcc\x81"),  # would compose with the a across the first mark
    ("\u1100\u1161".encode(), "\u1100" + r"\xe1\x85\xa1"),  # looks like the one syllable 가
    ("\uac00\u11a8".encode(), "\uac00" + r"\xe1\x86\xa8"),
    ("\u0301".encode(), r"\xcc\x81"),
    (" \u0301".encode(), r" \xcc\x81"),
    (("x" + "\u0336" * 6).encode(), "x" + "\u0336" * 4 + r"\xcc\xb6" * 2),
    (("\u0434" + "\u0336" * 6).encode(), "\u0434" + "\u0336" * 4 + r"\xcc\xb6" * 2),
]

READ = [
    (r"\r\n\t", b"\r\n\t"),
    (r"\x0D\x0a\xfF", b"\r\n\xff"),
    (r"\\r", rb"\r"),
    (r"\\\r", b"\\\r"),
    ("\\", b"\\"),
    (r"\x", rb"\x"),
    (r"\x4", rb"\x4"),
    (r"\xg0", rb"\xg0"),
    (r"EXAMPLE\ann", rb"EXAMPLE\ann"),
    (r"\${name}", rb"\${name}"),
    ("é", "é".encode()),
    ("caf\udce9", b"caf\xe9"),
    ("\\r\udce9", b"\r\xe9"),
]


@pytest.mark.parametrize("text", SHOWN_AS_THEMSELVES)
def test_printable_text_is_shown_as_it_is(text: str) -> None:
    assert escape(text.encode()) == text
    assert unescape(text) == text.encode()


@pytest.mark.parametrize(("octets", "shown"), ESCAPED)
def test_what_is_not_seen_or_looks_like_something_else_is_escaped(octets: bytes, shown: str) -> None:
    assert escape(octets) == shown
    assert unescape(shown) == octets


@pytest.mark.parametrize(("text", "octets"), READ)
def test_a_reader_takes_more_than_is_written(text: str, octets: bytes) -> None:
    assert unescape(text) == octets


def test_a_file_name_that_is_not_text_is_shown_as_its_octets() -> None:
    assert escape_str("caf\udce9.smtp") == r"caf\xe9.smtp"
    assert escape_str("\ud800") == r"\xed\xa0\x80"


@pytest.mark.parametrize(
    ("text", "marks", "shown"),
    [
        ("550 no", "\"'`", '"550 no"'),
        ('550 "no"', "\"'`", "'550 \"no\"'"),
        ('550 "can\'t"', "\"'`", '`550 "can\'t"`'),
        ("a'b", SINGLE, '"a\'b"'),
        ("plain", SINGLE, "'plain'"),
        ("\"'`", "\"'`", '"\\x22\'`"'),
    ],
)
def test_quotation_marks_are_some_that_the_text_does_not_hold(text: str, marks: str, shown: str) -> None:
    assert quoted(text, marks) == shown
    if marks != SINGLE:
        assert quoted(text) == shown


def test_a_text_that_holds_every_mark_stands_in_single_ones_in_a_file() -> None:
    assert quoted("\"'`", SINGLE) == "'\"\\x27`'"


def test_of_single_octets_printable_ascii_is_shown_as_it_is() -> None:
    shown = {octet for octet in range(256) if escape(bytes([octet])) == chr(octet)}
    assert shown == {*range(0x20, 0x7F)} - {ord("\\")}


def test_a_line_ends_in_cr_and_lf() -> None:
    assert CRLF == b"\r\n"


UNSEEN = (
    *(
        "\u034f",
        "\u115f",
        "\u1160",
        "\u17b4",
        "\u17b5",
        "\u180b",
        "\u180c",
        "\u180d",
        "\u180f",
        "\u2800",
        "\u3164",
        "\uffa0",
        "\ufffc",
    ),
    *("\ufe00", "\ufe0f", "\U000e0100", "\U000e01ef", "\u1160", "\u11ff", "\ud7b0", "\ud7fb"),
)
SEEN = ("\u115e", "\u1200", "\ufdff", "\ufe10", "\u2801", "\u3163", "\ufffd", "\ud7a3")


@pytest.mark.parametrize("char", UNSEEN)
def test_what_no_terminal_shows_is_escaped(char: str) -> None:
    assert escape(f"a{char}b".encode()) == "a" + "".join(rf"\x{octet:02x}" for octet in char.encode()) + "b"


@pytest.mark.parametrize("char", SEEN)
def test_what_is_beside_it_is_shown(char: str) -> None:
    assert escape(f"a{char}b".encode()) == f"a{char}b"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (b"", b""), (b"YQ==", b"a"), (b"YWI=", b"ab"), (b"YWJj", b"abc"), (b"+/+/", b"\xfb\xff\xbf"), (b"YQ=", None), (b"YQ", None),
        (b"Y===", None), (b"YQ==YQ==", None), (b"YW_j", None), (b" YQ==", None), (b"YQ=\n", None), (b"YWJj\n", None),
    ],
)  # fmt: skip
def test_base64_with_nothing_else(text: bytes, octets: bytes | None) -> None:
    assert decode_base64(text) == octets


@pytest.mark.parametrize(("octets", "valid"), [(b"", True), ("é".encode(), True), (b"\xe9", False), (b"\xc3", False)])
def test_whether_octets_are_utf_8(octets: bytes, valid: bool) -> None:
    assert is_utf8(octets) is valid
