"""The fuzzer of the whole finds what is wrong: each of these faults, put in on purpose, is found within seconds. And it repeats itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from smtp_shell.client import waits
from smtp_shell.display import render
from smtp_shell.protocol import commands, dialogue
from smtp_shell.protocol.events import Entry, Noticed
from smtp_shell.protocol.masking import EchoMask
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import Reply
from smtp_shell.recording import encoder
from smtp_shell.recording.recording import Recording
from smtp_shell.shell.remarks import Remarks
from tests.fuzz.whole import __main__ as command
from tests.fuzz.whole.__main__ import SEEDS, Fuzzer, failure_of, read_case
from tests.fuzz.whole.case import parse
from tests.fuzz.whole.checks import Tally, check
from tests.fuzz.whole.generate import case
from tests.fuzz.whole.play import play
from tests.fuzz.whole.shrink import shrunk

Plant = Callable[[pytest.MonkeyPatch], None]
MOST_CASES = 300


def _drop_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Recording.__call__

    def without(recording: Recording, entry: Entry) -> None:
        if not isinstance(entry.event, Noticed):
            record(recording, entry)

    monkeypatch.setattr(Recording, "__call__", without)


def _let_escapes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def escape_all_but_one(octets: bytes) -> str:
        return escape(octets).replace(r"\x1b", "\x1b")

    monkeypatch.setattr(render, "escape", escape_all_but_one)


def _keep_the_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    def unmasked(mask: EchoMask, reply: Reply) -> Reply:
        return reply

    monkeypatch.setattr(EchoMask, "reply", unmasked)


def _keep_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (commands, dialogue):
        monkeypatch.setattr(module, "secret_start", lambda line: None)


def _raise_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def advise(remarks: Remarks, entry: Entry) -> None:
        if entry.at > 4:
            raise KeyError(entry.seq)

    monkeypatch.setattr(Remarks, "advise", advise)


def _wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits.Waits, "_usual", lambda each, owed: 86_400.0)


def _write_literal_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "client_text", escape)


PLANTS: dict[str, tuple[Plant, str]] = {
    "a recorder that drops an event": (_drop_notices, "read back"),
    "an escape that lets ESC through": (_let_escapes_through, "printable"),
    "a secret that the server sends back is kept": (_keep_the_echo, "no secret"),
    "a secret that is typed is kept": (_keep_what_is_typed, "no secret"),
    "an exception that is not ours": (_raise_what_is_not_ours, "KeyError"),
    "a wait without end": (_wait_for_ever, "bounds"),
    "what a client said is taken for a variable": (_write_literal_variables, "read back"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, kind = PLANTS[name]
    plant(monkeypatch)
    random = Random(1)
    cases = chain(map(read_case, sorted(SEEDS.iterdir())), (case(random) for _ in range(MOST_CASES)))
    assert any(failure_of(each)[0].startswith(kind) for each in cases)


def test_a_run_can_be_had_again() -> None:
    runs = []
    for _ in range(2):
        fuzzer = Fuzzer(5, None)
        assert fuzzer.run(60.0, 12, keep_going=False) == 0
        runs.append((fuzzer.tally.cases, fuzzer.tally.checks, fuzzer.tally.features))
    assert runs[0] == runs[1]


def test_a_finding_is_made_smaller_kept_and_had_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _let_escapes_through(monkeypatch)
    text = "% keep seg=3\n> ehlo\n> noop\n< 250 a\\x1b[2Jb\n> rset\n> quit"
    small = shrunk(text, lambda smaller: failure_of(smaller)[0].startswith("printable"))
    assert small.count("\n") <= 1
    assert r"\x1b" in small
    monkeypatch.setattr(command, "SEEDS", tmp_path)
    (tmp_path / "seed").write_text(text)
    assert command.main(["--seconds", "20", "--findings", str(tmp_path / "found")]) == 1
    again = capsys.readouterr().out.partition("Again: python -m tests.fuzz.whole ")[2].split()[0]
    assert command.main([again]) == 1
    monkeypatch.undo()
    assert command.main([again]) == 0


@pytest.mark.parametrize("words", [("--seconds", "0"), ("--cases", "-1"), ("--seed", "x"), ("no/such/file",)])
def test_what_cannot_be_done_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(words)
    assert refused.value.code == 2


def test_a_case_is_one_dialogue_each_time() -> None:
    text = "% prompt smtps seg=7\n=\n> ehlo\n~ 3\n> auth scram-sha-256\n! 421 bye\\r\\n\nE\n> noop"
    one, other = (play(text) for _ in range(2))
    assert (one.seconds, one.waits) == (other.seconds, other.waits)
    assert [entry.at for entry in one.own.log] == [entry.at for entry in other.own.log]
    how, turns = parse(text)
    assert "smtps" in how
    assert [turn.typed for turn in turns] == [None, "ehlo", "auth scram-sha-256", None, "noop"]


@pytest.mark.parametrize(
    "line", ["/connect pipe:id", "/status | id", "/output x", "/source x", "/edit", "/set pager on", "/save x"]
)
def test_no_line_of_a_case_reaches_a_program_or_a_file(line: str) -> None:
    played = play(f"> {line}")
    assert b"phase" in played.said  # /status stands in its place
    check(f"% prompt\n> {line}", Tally(), thorough=True)
