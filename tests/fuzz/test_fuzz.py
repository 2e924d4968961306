"""The targets without a fuzzer: all inputs that were ever saved, new ones at random, and a look at whether a fault would be seen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smtp_shell.display import render
from smtp_shell.protocol import sasl
from smtp_shell.protocol.replies import ReplyParser
from smtp_shell.protocol.sasl.exchange import Response
from smtp_shell.protocol.sasl.plain import Plain
from tests.fuzz import run
from tests.fuzz.run import NAMES, SEEDS
from tests.fuzz.targets import TARGETS
from tests.property.hostile import OCTETS

SAVED = sorted(path for path in SEEDS.glob("*/*") if path.is_file())
LINES = st.lists(st.sampled_from([b"> ", b"< ", b"| ", b"D ", b": ", b"A ", b""]) | OCTETS).map(b"\n".join)
# What happens in a dialogue (see `program`), in any order: octets alone seldom get as far as mail data.
HAPPENINGS = [
    b"> EHLO x", b"> LHLO x", b"> MAIL FROM:<>", b"& RCPT TO:<a@example.org>", b"> DATA", b"& DATA", b"> BDAT 3", b"> STARTTLS",
    b"> AUTH LOGIN", b"> AUTH PLAIN AGEAYg==", b"> NOOP ${sasl}", rb"> \xff\x1b ${", b"> ", b">  AUTH=PLAIN x", b"> QUIT",
    rb"| AUTH PLAIN AGEAYg==\r\n", b"| AUTH ", rb"| AGEA\r\n", rb"| DATA\r\nhi\r\n.\r\nQUIT\r\n", rb"| NOOP ${sasl} x\r\n", rb"| .\r\n",
    rb"| BDAT 6\r\nQUIT\r\n", rb"| a\n", b"A YW5u", b"A *", b"A ", rb"B abc\r\n", b"B ${sasl}", rb"D a\r\n", b"D ..", rb"D ${sasl}\r\n",
    b".", b"< 220 x", b"< 250 ok", b"< 250-a", b"< 354 go", b"< 334 ", b"< 235 ok", b"< 550 no", b"< 353 x", b"< 421 x", b"< 999 x",
    b": 250-cut", rb": 250\n", rb": 250 a\rb\r\n", rb"< 250-a\r\n550 \x1b", b"HTTP/1.0", b"T", b"L", b"E",
]  # fmt: skip
PROGRAMS = st.lists(st.sampled_from(HAPPENINGS), max_size=14).map(lambda lines: b"\n".join([b"< 220 x", *lines]))
SLOW = {"long": 10, "patterns": 30, "pictures": 20, "whole": 20}


def test_every_target_has_seeds() -> None:
    assert sorted(TARGETS) == NAMES
    assert {path.parent.name for path in SAVED} == set(NAMES)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_saved_input_does_no_harm(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def _test_of(name: str) -> Callable[[], None]:
    @settings(max_examples=SLOW.get(name, 150), suppress_health_check=[HealthCheck.too_slow])
    @example(b"")
    @given(st.binary() | OCTETS | LINES | PROGRAMS)
    def test(data: bytes) -> None:
        TARGETS[name](data)

    return test


@pytest.mark.parametrize("name", NAMES)
def test_any_octets_do_no_harm(name: str) -> None:
    _test_of(name)()


# A target that sees nothing is worth nothing: each of these faults, put in on purpose, is seen.


def _seed(name: str, file: str) -> bytes:
    return (SEEDS / name / file).read_bytes()


def test_a_leak_to_the_screen_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "escape", lambda octets: octets.decode("utf-8", "replace"))
    with pytest.raises(AssertionError):
        TARGETS["views"](_seed("views", "odd"))


def test_a_secret_in_a_sentence_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(exchange: Plain, challenge: bytes) -> Response:
        password = exchange._credentials.password.reveal()
        return Response(password.encode(), f"password {password}", secret=True)

    monkeypatch.setattr(Plain, "_message", tell)
    plain = list(sasl.MECHANISMS).index("PLAIN")
    with pytest.raises(AssertionError):
        TARGETS["sasl"](bytes([plain, 1, 1]) + b"\n\n")


def test_a_reader_that_depends_on_segments_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    receive = ReplyParser.receive
    monkeypatch.setattr(ReplyParser, "receive", lambda parser, octets: receive(parser, octets.removesuffix(b"\r")))
    with pytest.raises(AssertionError):
        TARGETS["replies"](b"\x00\x06\n220 x\r\n")


def test_without_atheris_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    assert run.main(["--seconds", "1"]) == 2
    assert "pip install" in capsys.readouterr().err
