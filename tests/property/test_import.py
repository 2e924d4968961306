"""A dialogue written in the form of a tool is imported as the same steps, whatever it says."""

import io
import json
from collections.abc import Callable
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_shell.export.json_lines import write_json
from smtp_shell.importers.detection import named
from smtp_shell.importers.scan import ForeignScan
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.foreign import Restored
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Marker

# A line of a dialogue: who says it, and what.
Said = tuple[str, str]

_SEEN = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
_TEXT = st.text(_SEEN, max_size=40)
_WORDS = _TEXT.map(str.strip)
_REPLY = st.tuples(st.sampled_from(["250", "251", "450", "550"]), st.lists(_WORDS, min_size=1, max_size=3))
_COMMAND = st.sampled_from(["EHLO x.example", "NOOP", "RSET", "VRFY a", "MAIL FROM:<a@example.org>", "RCPT TO:<>"])
_LETTER = st.lists(_TEXT.map(lambda text: "." + text if text.startswith(".") else text), max_size=5)


def _lines_of_reply(reply: tuple[str, list[str]]) -> list[Said]:
    code, texts = reply
    last = len(texts) - 1
    return [("S", f"{code}{' ' if number == last else '-'}{text}") for number, text in enumerate(texts)]


@st.composite
def dialogues(draw: st.DrawFn) -> list[Said]:
    said: list[Said] = [("S", "220 mail.example.org ESMTP")]
    for _ in range(draw(st.integers(1, 4))):
        said.append(("C", draw(_COMMAND)))
        said += _lines_of_reply(draw(_REPLY))
    if draw(st.booleans()):
        said += [("C", "DATA"), ("S", "354 go ahead"), ("C", "Subject: x")]
        said += [("C", line) for line in draw(_LETTER)]
        said += [("C", "."), *_lines_of_reply(draw(_REPLY))]
    return [*said, ("C", "QUIT"), ("S", "221 bye")]


def _marked(client: str, server: str) -> Callable[[list[Said]], str]:
    return lambda said: "".join(f"{client if who == 'C' else server}{text}\n" for who, text in said)


def _python(said: list[Said]) -> str:
    return "".join(
        f"send: {text + chr(13) + chr(10)!r}\n" if who == "C" else f"reply: {(text + chr(13) + chr(10)).encode()!r}\n"
        for who, text in said
    )


FORMS: dict[str, Callable[[list[Said]], str]] = {
    "swaks": _marked(" -> ", "<-  "),
    "msmtp": _marked("--> ", "<-- "),
    "curl": _marked("> ", "< "),
    "arrows": _marked("---> ", "<--- "),
    "rfc": _marked("C: ", "S: "),
    "phpmailer": _marked("2026-11-22 01:21:29\tCLIENT -> SERVER: ", "2026-11-22 01:21:29\tSERVER -> CLIENT: "),
    "smtplib": _python,
}
_TAKEN = {Marker.CLIENT: "C", Marker.PIPELINED: "C", Marker.SERVER: "S"}


def _imported(octets: bytes, form: str) -> list[Said]:
    scan = ForeignScan(cast("BinaryIO", Restored(io.BytesIO(octets))), "log", named(octets, form), keep_secrets=True)
    steps = [step for block in scan for step in block.steps if step.marker in _TAKEN]
    return [(_TAKEN[step.marker], step.octets.decode()) for step in steps]


@pytest.mark.parametrize("form", FORMS)
def test_what_a_tool_writes_of_a_dialogue_is_the_dialogue(form: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(dialogues())
    def test(said: list[Said]) -> None:
        assert _imported(FORMS[form](said).encode(), form) == said

    test()


@settings(max_examples=80, deadline=None)
@given(dialogues())
def test_our_json_lines_are_the_dialogue(said: list[Said]) -> None:
    transcript = "".join(f"{who}: {text}\n" for who, text in said).replace("\\", "\\\\").replace("${", "\\${")
    first = _json(TranscriptReader(io.BytesIO(transcript.encode()), "a.smtp"))
    octets = "".join(json.dumps(step) + "\n" for step in first).encode()
    scan = ForeignScan(cast("BinaryIO", Restored(io.BytesIO(octets))), "log", named(octets, "json"), keep_secrets=True)
    assert _said(_json(TranscriptReader(io.BytesIO(), "log", scan=scan))) == _said(first)


def _json(reader: TranscriptReader) -> list[dict[str, object]]:
    out = io.StringIO()
    write_json(entries(reader), out, "")
    return [json.loads(line) for line in out.getvalue().splitlines()]


def _said(steps: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{**step, "n": 0} for step in steps if step["dir"] in ("C", "S")]
