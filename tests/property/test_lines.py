"""Promise 11: one command is one line, whatever stands in it. Ten thousand values for every shorthand, new ones each time."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.lines import parse
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.settings import ShellSettings
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_secrets import mask_start
from tests.property.hostile import HOSTILE_TEXT
from tests.unit.shell.fake import make_shell

VALUES = 10_000
PIECES = (
    "\r", "\n", "\0", "\r\n", "\r\n.\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\ud80d\ude0a", "\udcff", "\t", " ", "  ", "a", "Z",
    "@", "<", ">", "\"", "\\", "=", ",", ";", ":", "/", ".", "..", "'", "`", "${x}", "%0d%0a", "\\r\\n", "\\x0d", "QUIT", "RSET", "DATA",
    "example.org", "student", "FROM:", "TO:", "SIZE=1", "[192.0.2.1]", "\xff", "\u202e", "\u200b", "\x1b[2J", "ÿ", "名", "x" * 70,
)  # fmt: skip
LINES: dict[str, Callable[[str], str]] = {
    "mail": lambda value: f"mail {value}@example.org",
    "mail, in brackets": lambda value: f"mail <{value}>",
    "mail, quoted": lambda value: f'mail "{value}"@example.org',
    "mail, domain": lambda value: f"mail a@{value}",
    "mail, parameter": lambda value: f"mail a@example.org {value}",
    "mail, value": lambda value: f"mail a@example.org size={value}",
    "rcpt": lambda value: f"rcpt {value}@example.org",
    "rcpt, in brackets": lambda value: f"rcpt <{value}>",
    "rcpt, parameter": lambda value: f"rcpt a@example.org orcpt={value}",
    "auth": lambda value: f"auth plain {value}",
    "ehlo as typed": lambda value: f"ehlo {value}",
    "anything": lambda value: value,
}


def values(seed: int) -> list[str]:
    source = random.Random(seed)
    return ["".join(source.choices(PIECES, k=source.randint(0, 6))) for _ in range(VALUES)]


def sends_at_most_a_line_each(make: Callable[[str], str], seed: int) -> None:
    for value in values(seed):
        shell, server, _ = make_shell(settings=ShellSettings(ehlo="client.example.org", insecure_auth=True))
        line = make(value)
        if line.strip(" \t").startswith("/raw"):
            continue
        try:
            shell.run(line)
        except SmtpShellError as error:
            assert_sentence(error, (seed, value))
            assert server.heard == b"", (seed, value)
            continue
        assert_whole_lines(server.heard, line, (seed, value))


def assert_sentence(error: SmtpShellError, which: object) -> None:
    assert str(error).isprintable(), which


def assert_whole_lines(heard: bytes, line: str, which: object) -> None:
    if not heard:
        assert not line.strip(" \t") or line.strip(" \t").startswith("/"), which
        return
    *lines, rest = heard.split(b"\r\n")
    assert rest == b"", which
    many = line.lower().startswith("rcpt") and all(each.startswith(b"RCPT TO:<") for each in lines)
    assert len(lines) == 1 or many, which
    assert not any(octet in each for each in lines for octet in b"\r\n\0"), which


@pytest.mark.parametrize("shorthand", LINES)
def test_ten_thousand_values_for_every_shorthand(shorthand: str) -> None:
    sends_at_most_a_line_each(LINES[shorthand], random.randrange(2**32))


@pytest.mark.parametrize("verb", ["ehlo", "helo", "lhlo"])
def test_ten_thousand_names_for_ehlo(verb: str) -> None:
    seed = random.randrange(2**32)
    for value in values(seed):
        if "\ud80d" in value:  # no option holds half a character
            continue
        # From an option, where nothing has looked at it yet.
        shell, server, _ = make_shell(settings=ShellSettings(ehlo=value))
        try:
            shell.run(verb)
        except SmtpShellError as error:
            assert_sentence(error, (seed, value))
            assert server.heard == b"", (seed, value)
            continue
        assert server.heard.endswith(b"\r\n"), (seed, value)
        assert not any(octet in server.heard[:-2] for octet in b"\r\n\0"), (seed, value)


def test_ten_thousand_settings_of_the_name_for_ehlo() -> None:
    seed = random.randrange(2**32)
    for value in values(seed):
        shell, server, _ = make_shell(settings=ShellSettings(ehlo="client.example.org"))
        try:
            shell.run(f"/set ehlo {value}")
        except SmtpShellError as error:
            assert_sentence(error, (seed, value))
        shell.run("ehlo")
        assert len(server.lines) == 1, (seed, value)
        assert not any(octet in server.lines[0] for octet in b"\r\n\0"), (seed, value)


@given(HOSTILE_TEXT, st.sampled_from([None, *Phase]))
def test_any_text_is_some_line(text: str, phase: Phase | None) -> None:
    try:
        line = parse(text, REGISTRY, phase)
    except SmtpShellError:
        word = text.strip(" \t").partition(" ")[0]
        assert word.startswith("/") or (phase is None and REGISTRY.meant(word))
        return
    assert line is not None or not text.strip(" \t")


@given(HOSTILE_TEXT)
def test_what_is_masked_lies_in_the_line(text: str) -> None:
    start = mask_start(f"AUTH PLAIN {text}")
    assert start is None or 5 <= start <= len(text) + 11


REGISTRY: Registry[Shell] = Registry.load()
