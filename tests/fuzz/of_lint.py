"""What has to hold for the linter, whatever the dialogue, the message or the rubric."""

import io
from collections.abc import Callable, Iterable

from smtp_shell.errors import ConfigError, TranscriptError
from smtp_shell.lint import Finding, Linter
from smtp_shell.lint.files import lint_message, make_linter
from smtp_shell.lint.rubric import load_rubric, parse_rubric
from smtp_shell.lint.rules import all_rules
from smtp_shell.protocol.events import Entry
from smtp_shell.recording.decoder import entries
from smtp_shell.shell.remarks import Remarks
from smtp_shell.transcript.reader import TranscriptReader
from tests.fuzz.material import assert_seen, folder, never_raises, split_choices
from tests.fuzz.program import session
from tests.unit.shell.fake import Screen

_SECRETS = ("AGEAYg", "YW5u", "AHN0dWRlbnQA")  # credentials of the seeds


def lint(data: bytes) -> None:
    """Whatever is linted, there are findings or none, each of a rule; they can be shown and hold no credential."""
    choices, material = split_choices(data)
    match choices.below(4):
        case 0:
            happened = session(material)
            _assert_findings(_lint(happened, make_linter(load_rubric("lab7"), "lab7")))
            screen = Screen()
            remarks = Remarks(screen, lambda: True)
            for entry in happened:
                remarks(entry)
            assert_seen(*screen.said)
        case 1:
            _assert_findings(_lint(_of_transcript(material), Linter()))
            _assert_findings(_lint(_of_transcript(material), make_linter(load_rubric("lab3"), "lab3")))
        case 2:
            _assert_findings(lint_message(material))
        case _:
            rubric = never_raises(lambda: parse_rubric(material, "fuzz.toml"), ConfigError)
            if rubric is not None:
                _assert_findings(_lint(session(b"< 220 x\n> EHLO x\n< 250 x"), make_linter(rubric, "fuzz.toml")))


def _of_transcript(octets: bytes) -> list[Entry]:
    reader = never_raises(lambda: TranscriptReader(io.BytesIO(octets), "fuzz.smtp"), TranscriptError)
    found: list[Entry] = []
    if reader is not None:
        never_raises(lambda: found.extend(entries(reader, folder(), reader.header)), TranscriptError)
    return found


def _lint(happened: Iterable[Entry], linter: Linter) -> list[Finding]:
    found = [finding for entry in happened for finding in linter.feed(entry)]
    return [*found, *linter.finish()]


def _assert_findings(found: Iterable[Finding]) -> None:
    for finding in found:
        assert finding.rule in all_rules() or finding.rule.startswith("rubric-")
        assert finding.sources
        assert_seen(str(finding))
        assert not any(secret in str(finding) for secret in _SECRETS)


TARGETS: dict[str, Callable[[bytes], None]] = {"lint": lint}
