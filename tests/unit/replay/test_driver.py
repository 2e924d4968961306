"""The loop of a replay, over connections without sockets: what happens in which order, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from smtp_shell.errors import ConnectFailed, Fault, TranscriptError
from smtp_shell.net.target import Target
from smtp_shell.protocol.events import Entry
from smtp_shell.replay.driver import Driver
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import MOST_STEPS_KEPT, Act, Decision, Outcome, PendingStep, ReplayResult, StepResult
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.transcript.step import Step
from tests.unit.replay.fake import CLOSED, GREETING, SILENCE, FakeTransport, steps_of
from tests.unit.replay.played import Case, played

OK = b"250 ok\r\n"
Run = Callable[..., tuple[ReplayResult, FakeTransport]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a transcript against answers; each consumer's call is logged by the transport."""

    def run(
        text: str, *answers: bytes | BaseException | None, settings: ReplaySettings | None = None
    ) -> tuple[ReplayResult, FakeTransport]:
        transport = FakeTransport((GREETING, *answers))
        monkeypatch.setattr("smtp_shell.client.session.connect", lambda target, seconds, *_: transport)
        path = tmp_path / "test.smtp"
        path.write_text(text, encoding="utf-8")

        def consume(result: StepResult) -> None:
            transport.log.append(f"result {result.lines[0] if result.lines else '-'} {result.outcome.value}")

        chosen = settings or ReplaySettings(server="mail.example.org:25")
        return Replay(path, chosen).run(consume), transport

    return run


def outcomes(result: ReplayResult) -> list[Outcome]:
    return [step.outcome for step in result.steps]


def test_results_are_passed_on_between_sending_and_waiting(run: Run) -> None:
    result, transport = run("S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\n", OK, OK)
    assert result.ok
    assert transport.log == [
        "read",
        "write NOOP\r\n",
        "result 1 matched",
        "read",
        "write RSET\r\n",
        "result 2 matched",
        "read",
        "result 4 matched",
        "read",  # what the server may still say unasked
        "close",
    ]


def test_results_are_passed_on_where_sending_is_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(transport: FakeTransport, octets: bytes, seconds: float, until: float = 0.0) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeTransport, "send", interrupt)
    result, transport = run("S: 220\nC: NOOP\nS: 250\n")
    assert result.exit_status == 130
    assert "result 1 matched" in transport.log


def test_a_difference_is_passed_on_at_once_and_ends_the_replay(run: Run) -> None:
    result, transport = run("S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\n", b"550 no\r\n")
    assert (result.exit_status, outcomes(result)) == (1, [Outcome.MATCHED, Outcome.MISMATCHED])
    assert result.failure is not None
    assert result.failure.endswith("test.smtp:2: the reply code differs.")
    assert transport.log[-2:] == ["result 2 mismatched", "close"]


def test_a_replay_that_keeps_going_does(run: Run) -> None:
    settings = ReplaySettings(server="mail.example.org:25", keep_going=True)
    result, transport = run("S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\n", b"550 no\r\n", OK, settings=settings)
    assert outcomes(result) == [Outcome.MATCHED, Outcome.MISMATCHED, Outcome.MATCHED]
    assert result.exit_status == 1
    assert transport.sent == b"NOOP\r\nRSET\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        (SILENCE, 3, "did not come within 60 s"),
        (CLOSED, 3, "the server closed the connection"),
        (b"not smtp\r\n", 6, "no SMTP reply"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_end_has_its_status(run: Run, answer: bytes | BaseException | None, status: int, failure: str) -> None:
    result, transport = run("S: 220\nC: NOOP\nS: 250\n", answer)
    assert result.exit_status == status
    assert failure in (result.failure or "")
    assert transport.log.count("close") == 1


def test_an_interruption_is_told_although_a_step_differs(run: Run) -> None:
    settings = ReplaySettings(server="mail.example.org:25", keep_going=True)
    result, _ = run("S: 250\nC: NOOP\nS: 250\n", KeyboardInterrupt(), settings=settings)
    assert (result.exit_status, result.ending) == (130, "interrupted")
    assert "code differs" in (result.failure or "")


def test_without_a_connection_there_is_one_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(target: Target, seconds: float, *_: object) -> FakeTransport:
        raise ConnectFailed("no connection to mail.example.org:25: the connection was refused.")

    monkeypatch.setattr("smtp_shell.client.session.connect", refuse)
    path = tmp_path / "test.smtp"
    path.write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    result = Replay(path, ReplaySettings(server="mail.example.org:25")).run()
    assert (result.exit_status, result.server) == (3, "mail.example.org:25")
    assert [(step.sent, step.why) for step in result.steps] == [
        ("*: connect", "no connection to mail.example.org:25: the connection was refused")
    ]


def test_results_are_values(run: Run) -> None:
    result, _ = run("S: 220\nC: NOOP\nS: 250 fine\n", OK)
    step = result.steps[-1]
    assert (step.sent, step.expected, step.received, step.code) == ("NOOP", "250 fine", "250 ok", 250)
    with pytest.raises(AttributeError):
        step.why = "x"  # type: ignore[misc]


def test_of_a_long_replay_a_difference_is_kept_in_place_of_a_match(run: Run) -> None:
    steps = MOST_STEPS_KEPT + 10
    text = "S: 220\n" + "C: NOOP\nS: 250\n" * steps + "C: RSET\nS: 251\n"
    result, _ = run(text, *[OK] * (steps + 1))
    assert len(result.steps) == MOST_STEPS_KEPT
    assert result.steps[-1].outcome is Outcome.MISMATCHED
    assert result.counts[Outcome.MATCHED] == steps + 1


def test_deferred_consumers_get_events_after_the_octets(run: Run) -> None:
    seen: list[str] = []

    def record(entry: Entry) -> None:
        seen.append(type(entry.event).__name__)

    settings = ReplaySettings(server="mail.example.org:25", consumers=(record,))
    run("S: 220\nC: NOOP\nS: 250\n", OK, settings=settings)
    assert seen == ["Connected", "ReplyReceived", "CommandSent", "ReplyReceived", "Disconnected"]


def deciding(*decisions: Decision) -> tuple[ReplaySettings, list[PendingStep]]:
    asked: list[PendingStep] = []
    left = list(decisions)

    def ask(step: PendingStep) -> Decision:
        asked.append(step)
        return left.pop(0)

    return ReplaySettings(server="mail.example.org:25", before_step=ask), asked


def test_a_user_decides_about_each_step(run: Run) -> None:
    settings, asked = deciding(
        Decision(Act.SKIP), Decision(Act.EDIT, "HELP ${x"), Decision(Act.EDIT, "HELP"), Decision()
    )
    result, transport = run("S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\nC: VRFY\nS: 250\n", OK, OK, settings=settings)
    assert [step.text for step in asked] == ["NOOP", "RSET", "RSET", "VRFY"]
    assert "no closing brace" in asked[2].problem
    assert transport.sent == b"HELP\r\nVRFY\r\n"
    assert outcomes(result) == [Outcome.MATCHED, Outcome.SKIPPED, Outcome.MATCHED, Outcome.MATCHED]
    assert [step.edited for step in result.steps] == [False, False, True, False]


def test_a_user_is_shown_the_notes_before_each_step_once(run: Run) -> None:
    settings, asked = deciding(Decision(), Decision(Act.EDIT, "HELP ${x"), Decision(), Decision())
    text = "# one\nS: 220\n# two\nC: NOOP\n# three\nS: 250\nC: RSET\nS: 250\n# four\nC: VRFY\nS: 250\n"
    run(text, OK, OK, OK, settings=settings)
    assert [step.notes for step in asked] == [("one", "two"), ("three",), (), ("four",)]


def test_a_user_sees_the_variables_filled_in_and_that_is_what_is_sent(run: Run) -> None:
    settings, asked = deciding(Decision(), Decision(), Decision())
    text = "Transcript: 1\nVar: to=bob\n\nS: 220\nC: NOOP ${to} ${count} \\${x}\nS: 250-a\nS~ 250 (?P<b>.*)\nC: NOOP ${uuid}\nC: RSET\n"
    _, transport = run(text, b"250-a\r\n250 b\r\n", OK, OK, settings=settings)
    assert [step.text for step in asked] == ["NOOP ${to} ${count} \\${x}", "NOOP ${uuid}", "RSET"]
    assert asked[0].filled == "NOOP bob 1 \\${x}"  # in the notation of the file
    assert asked[0].expected == ("S: 250-a", "S~ 250 (?P<b>.*)")
    assert asked[0].draft == asked[0].text
    assert transport.sent.split(b"\r\n")[:2] == [b"NOOP bob 1 ${x}", asked[1].filled.encode()]
    assert (asked[2].filled, asked[2].expected) == ("", ())


def test_what_happened_is_passed_on_before_a_user_is_asked(run: Run) -> None:
    settings, _ = deciding(Decision(Act.QUIT))
    result, transport = run("S: 220\nC: NOOP\nS: 250\n", settings=settings)
    assert transport.log == ["read", "result 1 matched", "close"]
    assert result.exit_status == 0


def test_a_hand_over_leaves_the_session_open(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = FakeTransport((GREETING,))
    monkeypatch.setattr("smtp_shell.client.session.connect", lambda target, seconds, *_: transport)
    settings, _ = deciding(Decision(Act.HAND_OVER))
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\n", encoding="utf-8")
    replay = Replay(path, settings)
    assert replay.run().handed_over
    assert replay.session is not None
    assert replay.session.is_open
    assert "close" not in transport.log


def test_an_interrupted_replay_sends_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = FakeTransport((GREETING,))
    monkeypatch.setattr("smtp_shell.client.session.connect", lambda target, seconds, *_: transport)
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\n", encoding="utf-8")
    replay = Replay(path, ReplaySettings(server="mail.example.org:25"))
    replay.interrupt()
    assert replay.run().exit_status == 3
    assert transport.sent == b""


# What is done in any case

MAIN = "S: 220\nC: NOOP\nS: 250\nC: HELP\nS: 214\n*: finally\nC: RSET\nS: 250\nC: QUIT\nS: 221\n"
BYE = b"221 bye\r\n"


@pytest.mark.parametrize(
    ("answers", "sent", "status", "outcomes_of_finally"),
    [
        pytest.param([OK, b"214 x\r\n", OK, BYE], "NOOP HELP RSET QUIT", 0, "matched matched", id="all is well"),
        pytest.param([b"550 no\r\n", OK, BYE], "NOOP RSET QUIT", 1, "matched matched", id="a difference before it"),
        pytest.param(
            [OK, b"214 x\r\n", b"550 no\r\n", BYE],
            "NOOP HELP RSET QUIT",
            1,
            "mismatched matched",
            id="a difference in it",
        ),
        pytest.param(
            [b"550 no\r\n", b"500 no\r\n", BYE],
            "NOOP RSET QUIT",
            1,
            "mismatched matched",
            id="one before and one in it",
        ),
        pytest.param([OK, CLOSED], "NOOP HELP", 3, "skipped skipped", id="the server closes before it"),
        pytest.param([b"550 no\r\n", CLOSED], "NOOP RSET", 3, "mismatched skipped", id="the server closes in it"),
    ],
)
def test_what_follows_finally_is_done_whatever_went_before(
    run: Run, answers: list[bytes], sent: str, status: int, outcomes_of_finally: str
) -> None:
    result, transport = run(MAIN, *answers)
    assert transport.sent.decode().split() == sent.split()
    assert result.exit_status == status
    assert " ".join(step.outcome for step in result.steps if step.in_finally) == outcomes_of_finally
    assert all(step.lines >= (7,) for step in result.steps if step.in_finally)


@pytest.mark.parametrize(
    ("text", "answers", "sent"),
    [
        pytest.param(
            "C: NOOP\nS: 250\nC: QUIT\nS: 221\n*: finally\nC: QUIT\n",
            [OK, BYE],
            "NOOP QUIT",
            id="the dialogue has ended by QUIT",
        ),
        pytest.param("C: NOOP\n*: close\n*: finally\nC: QUIT\n", [OK], "NOOP", id="the client has closed"),
        pytest.param(
            "C: DATA\nS: 250\nC: QUIT\n*: finally\nC: RSET\n",
            [b"354 go\r\n"],
            "DATA",
            id="the server waits for mail data",
        ),
        pytest.param(
            "C: AUTH LOGIN\nS: 235\n*: finally\nC: RSET\n",
            [b"334 VXNlcg==\r\n"],
            "AUTH LOGIN",
            id="the server waits for a response",
        ),
        pytest.param("C| NOO\nC: NOOP\nS: 550\n*: finally\nC| X\\r\\n\n", [None, OK], "NOO NOOP X", id="octets"),
    ],
)
def test_no_command_goes_where_it_would_be_something_else(
    run: Run, text: str, answers: list[bytes | None], sent: str
) -> None:
    result, transport = run(text, *answers)
    assert transport.sent.decode().split() == sent.replace("NOO NOOP", "NOONOOP").split()
    assert any(step.in_finally for step in result.steps)


def test_replies_that_are_owed_are_read_before_finally(run: Run) -> None:
    result, transport = run("C& NOOP\nC: HELP\nS: 550\nS: 214\n*: finally\nC: RSET\nS: 259\n", OK + OK, b"259 x\r\n")
    assert transport.sent == b"NOOP\r\nHELP\r\nRSET\r\n"
    assert [step.outcome for step in result.steps if step.in_finally] == [Outcome.MATCHED]


def test_another_connection_of_finally_is_opened(run: Run) -> None:
    text = "*: connect mail.example.org:25\nC: NOOP\nS: 550\nC: HELP\n*: finally\nC: RSET\n*: connect mail.example.org:25\nC: QUIT\n"
    result, transport = run(text, CLOSED)
    assert next(step.lines for step in result.steps if step.in_finally) == (6,)
    assert result.exit_status == 3
    assert transport.log.count("close") >= 2


def test_finally_is_left_out_where_the_user_ends_the_replay(run: Run) -> None:
    settings = ReplaySettings(server="mail.example.org:25", before_step=lambda step: Decision(Act.QUIT))
    result, transport = run(MAIN, OK, settings=settings)
    assert transport.sent == b""
    assert not any(step.in_finally for step in result.steps)


def test_a_step_of_an_included_file_is_named_with_that_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hello.smtp").write_text("# a note\n\nC: EHLO x\nS: 250\n", encoding="utf-8")
    (tmp_path / "expected.smtp").write_text("\nS: 251\n", encoding="utf-8")
    result, _ = run("*: include hello.smtp\nC: NOOP\n*: include expected.smtp\n", OK, OK)
    hello, noop = result.steps[1:]
    assert (Path(hello.path).name, hello.lines, Path(noop.path).name, noop.lines) == (
        "hello.smtp",
        (3,),
        "test.smtp",
        (2,),
    )
    assert (Path(noop.expected_path).name, noop.expected_line) == ("expected.smtp", 2)
    assert result.failure is not None
    assert result.failure.endswith(f"test.smtp:2: the reply code differs; expected in {tmp_path / 'expected.smtp'}:2.")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "*: authenticate\n",
            "the transcript needs credentials; give --user and --password-command, or SMTP_SHELL_PASSWORD",
        ),
        ("C: NOOP\n*: authenticate\nS: 235\n", "the transcript needs credentials"),
    ],
)
def test_authenticate_without_credentials_is_status_5(run: Run, text: str, problem: str) -> None:
    result, transport = run(text, OK)
    assert result.exit_status == 5
    assert problem in (result.failure or "")
    assert b"AUTH" not in transport.sent


def test_an_exchange_does_not_go_on_in_the_next_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transports = [FakeTransport((GREETING, b"334 VXNlcm5hbWU6\r\n")), FakeTransport((GREETING, OK))]
    waiting = list(transports)
    monkeypatch.setattr("smtp_shell.client.session.connect", lambda target, seconds, *_: waiting.pop(0))
    path = tmp_path / "test.smtp"
    first = "*: connect a:25\nS: 220\nC| AUTH LOGIN\\r\\n\nS: 334\n*: close\n"
    path.write_text(f"{first}*: connect a:25\nS: 220\nC| NOOP\\r\\n\nS: 250\n", encoding="utf-8")
    result = Replay(path, ReplaySettings(server="mail.example.org:25")).run()
    assert result.exit_status == 0
    assert transports[1].sent == b"NOOP\r\n"


def test_the_numbers_of_a_run_go_on_from_those_of_another(run: Run) -> None:
    settings = ReplaySettings(server="mail.example.org:25", numbers=count(7))
    _, transport = run("S: 220\nC: NOOP ${count}\nS: 250\n", OK, settings=settings)
    assert transport.sent == b"NOOP 7\r\n"


@pytest.mark.parametrize(("ignored", "status"), [("Ignore: by [a-z]+\n", 0), ("", 1)])
def test_what_the_header_ignores_is_not_compared(run: Run, ignored: str, status: int) -> None:
    text = f"Transcript: 1\nMatch: text\n{ignored}\nS: 220\nC: NOOP\nS: 250 made by ann\n"
    assert run(text, b"250 made by bob\r\n")[0].exit_status == status


LOST = "the file was changed while it was replayed"


def unreadable_after(*lines: str) -> Iterator[Step]:
    """Yield the steps of lines; the file cannot be read on after them."""
    yield from steps_of(*lines)
    raise TranscriptError("test.smtp", Fault(3, LOST))


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["S: 220", "C: NOOP", "S: 250"], 1),
        (["S: 220", "C: NOOP", "S: 250", "*: finally", "C: RSET", "S: 250"], 1),
        (["*: wait 0"], 2),  # nothing was sent, as this status promises
    ],
)
@pytest.mark.parametrize("keep_going", [False, True])
def test_a_transcript_that_cannot_be_read_on_ends_the_replay(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str],
    status: int,
    keep_going: bool,
) -> None:
    transport = FakeTransport((GREETING, OK, OK))
    monkeypatch.setattr("smtp_shell.client.session.connect", lambda target, seconds, *_: transport)
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\n*: finally\nC: RSET\nS: 250\n", encoding="utf-8")
    settings = ReplaySettings(server="mail.example.org:25", keep_going=keep_going)
    result = Driver(path, settings, Replay(path, settings).check(), unreadable_after(*lines), ()).run()
    assert result.exit_status == status
    assert LOST in result.ending
    assert transport.sent == b""
    assert not any(step.outcome is Outcome.SKIPPED for step in result.steps)


def test_mail_data_whose_file_is_gone_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = FakeTransport((GREETING, b"354 go\r\n"))
    monkeypatch.setattr("smtp_shell.client.session.connect", lambda target, seconds, *_: transport)
    letter = tmp_path / "letter.eml"
    letter.write_text("Subject: x\n\nhello\n", encoding="utf-8")
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: DATA\nS: 354\nC< letter.eml\nS: 250\n", encoding="utf-8")
    result = Replay(path, ReplaySettings(server="mail.example.org:25")).run(lambda step: letter.unlink(missing_ok=True))
    assert transport.sent == b"DATA\r\n"
    assert (result.exit_status, result.steps[-1].sent) == (1, "(mail data)")
    assert result.steps[-1].why.endswith("; no final dot is sent")


@pytest.mark.parametrize(
    ("header", "code"), [("", 550), ("Transcript: 1\n\n", 550), ("Transcript: 1\nClient: x\n\n", 0)]
)
def test_only_a_recording_that_closes_without_a_reply_awaits_none(run: Run, header: str, code: int) -> None:
    result, _ = run(f"{header}S: 220\nC: NOOP\n*: close\n", b"550 no\r\n")
    assert (result.steps[1].sent, result.steps[1].code) == ("NOOP", code)


def test_the_reply_to_octets_is_none_to_a_group_after_them(run: Run) -> None:
    text = "S: 220\nC| NOOP\\r\\n\nC& RSET\nC: HELP\nS: 250\nS: 214\n"
    assert run(text, OK, OK + b"214 x\r\n")[0].ok
    assert run(text, OK, b"550 no\r\n214 x\r\n")[0].exit_status == 1


def test_where_a_reply_comes_late_no_other_is_awaited(tmp_path: Path) -> None:
    transcript = ["S: 220", "C& NOOP", "C: HELP", "*: timeout 1", "S: 250", "*: wait 0.1"]
    server = [r"say 220 x\r\n", r"hear HELP\r\n", "pause 1.2", r"say 250 ok\r\n"]
    report = played(Case("late", [], transcript, server), "report", tmp_path)
    assert "status 0, mx.example:25, 1.400 s: 2 matched, 1 sent" in report


@pytest.mark.parametrize("sent", ["AGFubgBjYW5hcnk=", "${token}"])
def test_what_a_server_sends_back_of_a_credential_is_masked_in_what_is_expected_too(run: Run, sent: str) -> None:
    text = (
        f"Transcript: 1\nSecrets: included\nVar: token=AGFubgBjYW5hcnk=\n\nS: 220\nC: EHLO a\nS: 250\nC: AUTH PLAIN {sent}\n"
        "S= 535 no AGFubgBjYW5hcnk=\n"
    )
    settings = ReplaySettings(server="mail.example.org:25", allow_cleartext=True)
    result, _ = run(text, b"250-a\r\n250 AUTH PLAIN\r\n", b"535 no AGFubgBjYW5hcnk=\r\n", settings=settings)
    assert (result.failure, outcomes(result)) == (None, [Outcome.MATCHED] * 3)
    assert "AGFubgBjYW5hcnk" not in f"{result}"
