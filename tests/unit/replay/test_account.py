"""The account of a run: what is counted, kept and told, and the one handshake that failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.errors import DialogueBroken, TlsFailed, WaitTimedOut
from smtp_shell.net.target import Target
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.replay.account import RunAccount
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import MOST_STEPS_KEPT, Difference, Outcome, ReplayResult, StepResult
from smtp_shell.replay.settings import ReplaySettings
from tests.unit.replay.fake import GREETING, FakeTransport

SEEN = TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(b"CN=mail.example.org"), "mail.example.org")


def failed(seen: TlsStarted | None) -> TlsFailed:
    error = TlsFailed("the certificate has expired.")
    error.seen = seen
    return error


@pytest.mark.parametrize(
    ("error", "detailed", "kept"),
    [
        (failed(SEEN), True, True),
        (failed(SEEN), False, False),
        (failed(None), True, False),
        (WaitTimedOut("too late."), True, False),
    ],
)
def test_a_handshake_that_failed_is_kept_where_details_are_wanted(
    error: DialogueBroken, detailed: bool, kept: bool
) -> None:
    account = RunAccount(())
    account.note_handshake(error, TlsSettings(detailed=detailed))
    assert (account.tls is not None) is kept
    assert account.result("a", "", 0.0, handed_over=False).tls is account.tls


@pytest.mark.parametrize("detailed", [True, False])
@pytest.mark.parametrize("text", ["S: 220\n", "S: 220\nC: STARTTLS\nS: 220\n"])
def test_the_result_of_a_replay_has_the_handshake_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, detailed: bool
) -> None:
    transport = FakeTransport((GREETING, b"220 go\r\n"))
    transport.tls_error = failed(SEEN)

    def connect(target: Target, seconds: float, *_: object) -> FakeTransport:
        if "STARTTLS" not in text:
            raise failed(SEEN)
        return transport

    monkeypatch.setattr("smtp_shell.client.session.connect", connect)
    path = tmp_path / "a.smtp"
    path.write_text(text)
    settings = ReplaySettings(server="mx.example:25", tls_settings=TlsSettings(detailed=detailed))
    result = Replay(path, settings).run()
    assert result.exit_status == 4
    assert (result.tls is not None) is detailed


def step(
    outcome: Outcome, line: int = 2, difference: Difference | None = None, lines: tuple[int, ...] | None = None
) -> StepResult:
    return StepResult(
        "a.smtp", (line,) if lines is None else lines, "NOOP", outcome, "it differs", difference=difference
    )


def test_what_went_wrong_first_is_the_failure_and_the_highest_status_the_status() -> None:
    told: list[StepResult] = []
    account = RunAccount((told.append, told.append))
    account.add(step(Outcome.MATCHED), 0)
    assert (account.status, account.failure, account.ending, told) == (0, None, "", [])
    account.add(step(Outcome.MISMATCHED, 3, Difference(line=7)), 3)
    account.add(step(Outcome.MISMATCHED, 4), 1)
    account.end(130, "interrupted")
    assert len(told) == 0
    account.flush()
    assert [each.line for each in told] == [2, 2, 3, 3, 4, 4]
    account.flush()
    assert len(told) == 6
    counts = {Outcome.MATCHED: 1, Outcome.MISMATCHED: 2, Outcome.SKIPPED: 0, Outcome.SENT: 0}
    assert account.result("a.smtp", "mx:25", 0.5, handed_over=True) == ReplayResult(
        "a.smtp",
        "mx:25",
        tuple(told[::2]),
        counts,
        130,
        "a.smtp:3: it differs; expected in a.smtp:7.",
        0.5,
        True,
        "interrupted",
    )


def test_so_many_results_are_kept_and_of_those_after_them_what_differs() -> None:
    account = RunAccount(())
    for line in range(MOST_STEPS_KEPT + 1):
        account.add(step(Outcome.MATCHED, line), 0)
    assert [each.line for each in account.kept] == list(range(MOST_STEPS_KEPT))
    account.add(step(Outcome.MISMATCHED, MOST_STEPS_KEPT + 1), 1)
    assert [each.line for each in account.kept] == [*range(1, MOST_STEPS_KEPT), MOST_STEPS_KEPT + 1]
    assert account.counts[Outcome.MATCHED] == MOST_STEPS_KEPT + 1


def test_a_failure_without_a_line_names_the_file() -> None:
    account = RunAccount(())
    account.add(step(Outcome.MISMATCHED, lines=()), 1)
    assert account.failure == "a.smtp: it differs."
    account = RunAccount(())
    account.end(3, "too late.")
    assert (account.status, account.failure, account.ending) == (3, "too late.", "too late.")
