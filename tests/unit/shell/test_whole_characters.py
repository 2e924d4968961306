"""Characters in halves, as a console of Windows hands them over: joined in a buffer, and nothing is changed elsewhere."""

import sys
from collections.abc import Iterator

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from smtp_shell.shell.whole_characters import keep_whole, whole

EMOJI = "\N{GRINNING FACE}"
FIRST, SECOND = "\ud83d", "\ude00"


@pytest.fixture(autouse=True)
def app() -> Iterator[None]:
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        yield


def typed(*keys: str, text: str = "") -> str:
    """Return what a buffer holds after keys that each insert something, before a text that is there already."""
    buffer = Buffer()
    keep_whole(buffer)
    buffer.text = text
    for each in keys:
        buffer.insert_text(each)
        assert not any("\ud800" <= char <= "\udbff" for char in buffer.text) or sys.platform != "win32"
    return buffer.text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ehlo ü", "ehlo ü"),
        (FIRST + SECOND, EMOJI),
        ("\ud83d\udc80", "\N{SKULL}"),  # its second half could stand for an octet, too
        (f"a{FIRST}b", "a\ufffdb"),
        (f"a{SECOND}b", "a\ufffdb"),
        ("octet \udcff", "octet \udcff"),
    ],
)
def test_halves_are_joined_and_one_that_is_alone_is_replaced(text: str, wanted: str) -> None:
    assert whole(text) == wanted
    assert whole(wanted) == wanted


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        (["n", "o"], "no"),
        (["a", FIRST, SECOND, "b"], f"a{EMOJI}b"),
        ([FIRST, SECOND, FIRST, SECOND], EMOJI * 2),
        ([f"two\n{FIRST}{SECOND}{FIRST}", SECOND], f"two\n{EMOJI * 2}"),  # a paste
        ([FIRST, "x"], "x"),
        ([SECOND, "x"], "\ufffdx"),
        ([FIRST, FIRST, SECOND], EMOJI),
    ],
)
def test_on_windows_a_line_never_holds_half_a_character(
    keys: list[str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    found = typed(*keys, text=" after")
    assert found == f"{wanted} after"
    found.encode()


def test_elsewhere_what_is_typed_stays() -> None:
    assert typed("rcpt \udcff") == "rcpt \udcff"
