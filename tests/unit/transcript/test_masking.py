"""Credentials in whole transcripts: what is masked, in which lines they stood, and which variables held them.

`masking.txt` holds the cases: `=== NAME`, perhaps a header, the transcript, and after `---` what is shown of it. After a change that is
meant, `python -m tests.unit.transcript.test_masking` writes what is shown anew: read the difference before you commit it.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from smtp_shell.transcript.credentials import (
    CredentialMask,
    masked_steps,
    masking_warning,
    where_they_stand,
    with_echo_masked,
)
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Step, format_step

STORED = Path(__file__).parent / "masking.txt"


def read() -> dict[str, tuple[list[str], list[str]]]:
    """Return the transcript of each case, and what is shown of it."""
    cases: dict[str, tuple[list[str], list[str]]] = {}
    for line in STORED.read_text(encoding="utf-8").splitlines():
        if line.startswith("=== "):
            case = cases[line[4:]] = ([], [])
            part = case[0]
        elif line == "---":
            part = case[1]
        else:
            part.append(line)
    return cases


def shown(lines: list[str]) -> list[str]:
    """Return what is shown of a transcript, and what is known of its credentials."""

    def steps() -> tuple[list[Step], dict[str, str]]:
        reader = TranscriptReader(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), "a.smtp")
        return list(reader), dict(reader.header.variables) if reader.header is not None else {}

    found, variables = steps()
    mask = CredentialMask(variables)
    text = [f"{step.line} {format_step(step).strip()}" for step in masked_steps(found, mask)]
    if mask.count:
        text += [
            f"{where_they_stand(mask)}; {mask.count} of them; variables {sorted(mask.used)}",
            masking_warning("a", mask),
        ]
    else:
        assert masking_warning("a", mask) == ""
    replayed = [f"{step.line} {format_step(step).strip()}" for step in with_echo_masked(steps()[0], variables)]
    plain = [f"{step.line} {format_step(step).strip()}" for step in found]
    assert [line for line in replayed if line.split(" ")[1][0] == "C"] == [
        line for line in plain if line.split(" ")[1][0] == "C"
    ]
    return text


CASES = read()


@pytest.mark.parametrize("name", [name for name in CASES if name != "quoted"])
def test_what_is_shown(name: str) -> None:
    transcript, wanted = CASES[name]
    assert shown(transcript) == wanted


QUOTED = [
    "AUTH PLAIN AGFubgBzM2NyZXQ=  ",
    "235 ok s3cret",
    "hello AUTH LOGIN",
    "334 VXNlcm5hbWU6",
    "c; YW5u",
    "334 UGFzc3dvcmQ6",
    "  c; czNjcmV0  ",
    "535 czNjcmV0 or s3cret",
    "YW5u",
    "",
    "250",
    "334",
    "FAUTH PLAIN x",
    "AUTH=PLAIN AGFubgBzM2NyZXQ=",
    "words and SomeBase64Text= 'c2VjcmV0cw==' done",
    "abcdefgh Abcdefgh aBcdefgh 12345678",
]


def test_lines_that_cannot_be_read_are_quoted_without_credentials() -> None:
    mask = CredentialMask()
    assert [mask.quote(line) for line in QUOTED] == CASES["quoted"][1]


def main() -> None:
    """Write what is shown anew."""
    parts: list[str] = []
    for name, (transcript, _) in CASES.items():
        mask = CredentialMask()
        now = [mask.quote(line) for line in QUOTED] if name == "quoted" else shown(transcript)
        parts += [f"=== {name}", *transcript, "---", *now]
    STORED.write_text("".join(f"{line}\n" for line in parts), encoding="utf-8")


if __name__ == "__main__":
    main()
