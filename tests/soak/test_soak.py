"""A small soak, by the code of the whole one; and what the judge of a soak must find."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.soak.__main__ import main
from tests.soak.accounts import Account, account
from tests.soak.chain import Chain, Plan
from tests.soak.faults import catalogue
from tests.soak.outcome import Outcome
from tests.soak.programs import Replayed, Served, Switched
from tests.soak.sampling import Sample, Watched
from tests.soak.typing import soak_shell

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
patient = pytest.mark.timeout(900)  # some 20 seconds on a quiet machine
_SMALL_GROWTH = 8 * 1024
"""KiB: of a few hundred dialogues each thousandth may load a module."""


def _verdict(outcome: Outcome) -> str:
    return "\n".join(outcome.faults)


@needs_linux
@patient
def test_a_chain_of_replay_relay_and_mock_loses_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    plan = Plan(tmp_path, dialogues=400, share=0.1, warm=80, growth=_SMALL_GROWTH, watch=True, jobs=3)
    assert not _verdict(Chain(plan).run())


@needs_linux
@patient
def test_the_practice_server_loses_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    plan = Plan(tmp_path, practice=True, dialogues=200, share=0.1, warm=40, growth=_SMALL_GROWTH, jobs=3)
    assert not _verdict(Chain(plan).run())


@needs_linux
@patient
@pytest.mark.terminal
def test_an_interactive_session_keeps_nothing_and_records_each_line(tmp_path: Path) -> None:
    assert not _verdict(soak_shell(tmp_path, 300, 60, growth=_SMALL_GROWTH))


def _samples(memory: Sequence[int], descriptors: int = 9, threads: int = 3) -> list[Sample]:
    return [Sample(at * 100, float(at), each, each, descriptors, threads, 0.0) for at, each in enumerate(memory)]


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (_samples([20_000] * 40), ""),
        (_samples([5_000, 10_000, *[20_000] * 40]), ""),  # what grows at the start is the start
        (_samples([20_000 + 200 * at for at in range(60)]), "memory has grown"),
        ([*_samples([20_000] * 40), *_samples([20_000] * 60, descriptors=40)[40:]], "40 descriptors were open"),
        ([*_samples([20_000] * 40), *_samples([20_000] * 60, threads=4)[40:]], "there were 4 threads"),
        (_samples([20_000] * 2), "no sample"),
    ],
)
def test_what_grows_is_found(samples: list[Sample], found: str) -> None:
    faults = "\n".join(Watched("a", 1, 8, samples=samples).faults(1000, 5 * 1024))
    assert found in faults if found else not faults


def _told(
    *,
    fault: str = "",
    status: int = 0,
    matched: int = 9,
    made: tuple[str, ...] = (),
    came: bool = True,
    served: bool = True,
) -> Account:
    """Return the account of one dialogue."""
    replayed, switched, mock = Replayed(), Switched(), Served()
    replayed.take(b'{"file": "a", "run": 1, "sent": "EHLO c7.example.com"}')
    replayed.take(b'{"file": "a", "run": 1, "exit_status": %d, "failure": "it failed"}' % status)
    if came:
        switched.over.append(
            {
                "dialogue": 1,
                "source": "main",
                "name": 7,
                "fault": fault,
                "note": "",
                "port": 99,
                "relayed": True,
                "broken": [],
            }
        )
    if served:
        session = {"matched": matched, "differed": int(matched < 9), "faults": list(made)}
        mock.sessions[99] = deque([session])
    return account(replayed, switched, mock, {each.name: each for each in catalogue(relayed=True)})


def test_a_dialogue_that_ended_as_it_must_is_accounted_for() -> None:
    for found in (
        _told(),
        _told(fault="A close at s5", status=3, matched=3),
        _told(fault="A late at s5"),
        _told(made=("rcpt=451%1",), status=1, matched=6),
        _told(made=("rcpt=pieces%1",)),
    ):
        assert found.wrong == []


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (_told(status=3), "exit status 3 after nothing"),
        (_told(fault="A close at s5"), "exit status 0 after A close"),
        (_told(fault="A late at s5", status=1), "exit status 1 after A late"),
        (_told(made=("rcpt=451%1",)), "exit status 0 after mock reply"),
        (_told(matched=8), "the mock says otherwise"),
        (_told(served=False), "the mock says nothing of dialogue 1"),
        (_told(came=False), "nothing came to the switch"),
    ],
)
def test_a_dialogue_that_ended_otherwise_is_found(found: Account, why: str) -> None:
    assert why in "\n".join(found.wrong)


@pytest.mark.parametrize("words", [["--dialogues", "0"], ["--faults", "2"], ["--part", "nothing"], ["--lines", "many"]])
def test_an_option_that_cannot_be_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
