"""The rules of matching as `transcripts/README.md` writes them down: every example there is run here."""

from __future__ import annotations

import base64
import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.matching.compare import Verdict, match
from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply, Strictness
from smtp_shell.matching.normalise import RULES, normalise
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.transcript.step import Marker, Step

README = Path(__file__).parents[3] / "transcripts" / "README.md"


def rows(columns: int) -> Iterator[list[str]]:
    """Yield the rows of the tables of examples under Matching that have so many columns."""
    section = README.read_text("utf-8").partition("\n## Matching")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and set(cells[0]) != {"-"} and cells[-1] not in ("not met by",):
            yield cells


def lines_of(cell: str) -> list[str]:
    return cell.strip("`").split(" / ")


def verdict(expected: str, received: str, level: Strictness, verb: str) -> Verdict:
    wanted = tuple(ExpectedLine.parse(Step(Marker.SERVER, line)) for line in lines_of(expected))
    (reply,) = ReplyParser().receive("".join(f"{line}\r\n" for line in lines_of(received)).encode())
    assert isinstance(reply, Reply)
    return match(ExpectedReply(wanted), reply, level, verb=verb, greeting=received.startswith("`220"))


# Of Dovecot, and of no server: 16 octets in base64, drawn until one had no digit.
WITHOUT_A_DIGIT = (
    "GHgPAYmiCWsedQAAg+zDdQ",
    "EEeJC4miCWsedQAAg+zDdQ",
    "crCcCme+CWtJIgAAg+zDdQ",
    "hCJuwWqB/EcDHeM/drTFRA",
)
NAMES = (
    "SuspiciousRemoteServerError",
    "AnotherRemoteServerErrorThere",
    "authentication/authorization",
    "TLSRequiredButNotAvailable",
)


@pytest.mark.parametrize(("one", "two"), list(itertools.pairwise(WITHOUT_A_DIGIT)))
def test_an_id_without_a_digit_does_not_count(one: str, two: str) -> None:
    assert verdict(f"250 <a@example.org> {one} Saved", f"250 <a@example.org> {two} Saved", Strictness.TEXT, "").ok


@pytest.mark.parametrize(("one", "two"), list(itertools.pairwise((*NAMES, WITHOUT_A_DIGIT[0]))))
def test_a_long_name_is_no_id(one: str, two: str) -> None:
    assert not verdict(f"250 {one}", f"250 {two}", Strictness.TEXT, "").ok


def test_random_octets_in_base64_are_an_id() -> None:
    source = random.Random(1)
    ids = (base64.b64encode(source.randbytes(16)).rstrip(b"=") for _ in range(20_000))
    missed = sum(normalise(b"2.0.0 %b taken" % each, code=250) != b"2.0.0 <name> taken" for each in ids)
    assert missed <= 40  # two of a thousand


LEVELS = list(rows(5))
FREE = list(rows(4))


@pytest.mark.parametrize(("level", "verb", "expected", "met", "not_met"), LEVELS)
def test_a_level_demands_what_its_example_says(level: str, verb: str, expected: str, met: str, not_met: str) -> None:
    strictness = Strictness.parse(level.strip("`"))
    found = verdict(expected, met, strictness, verb)
    assert (found.ok, found.why) == (True, "")
    assert not verdict(expected, not_met, strictness, verb).ok


@pytest.mark.parametrize(("rule", "expected", "met", "not_met"), FREE)
def test_what_differs_from_run_to_run_does_not_count_with_text(
    rule: str, expected: str, met: str, not_met: str
) -> None:
    verb = "AUTH" if rule == "challenge" else ""
    found = verdict(expected, met, Strictness.TEXT, verb)
    assert (found.ok, found.why) == (True, ""), rule
    assert not verdict(expected, not_met, Strictness.TEXT, verb).ok


def test_every_level_and_every_rule_has_an_example() -> None:
    assert {row[0].strip("`") for row in LEVELS} == {level.name.lower() for level in Strictness}
    named = {name.decode().replace("_", " ") for name, _, _ in RULES}
    assert {row[0] for row in FREE} == named | {"server name", "challenge"}
