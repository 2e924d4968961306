"""The AUTH exchanges of a replay: what the transcript says of them, how they may be shown, and when the next line is a response."""

from __future__ import annotations

import pytest

from smtp_shell.errors import AuthFailed
from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.masking import ExchangeLines
from smtp_shell.protocol.phases import Asked, Owed
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.api import credentials_of
from smtp_shell.replay.sasl_steps import SaslSteps, has_secret, mask_octets, shown_line
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.verifier import Comparison
from smtp_shell.transcript.variables import Variables
from tests.unit.replay.fake import cursor_over, session_with, steps_of
from tests.unit.replay.test_client import Bench


def sasl_over(*lines: str, **variables: str) -> SaslSteps:
    return SaslSteps(cursor_over(*lines), ReplaySettings(server="mx.example:25"), Variables(variables))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("C: AUTH PLAIN ${sasl}", True),
        ("C: ${sasl}", True),
        ("C| ${sasl}\\r\\n", True),
        ("C: \\${sasl}", False),
        ("C: NOOP", False),
        ("C: NOOP ${sas}", False),
        ("C: NOOP sasl", False),
    ],
)
def test_where_a_credential_is_put_in(line: str, found: bool) -> None:
    assert has_secret(steps_of(line)[0]) is found


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["C: NOOP"], ["NOOP"]),
        (["C: "], ["(an empty line)"]),
        (["C: NOOP ${to}"], ["NOOP ${to}"]),
        (["C: AUTH PLAIN ${sasl}", "C: NOOP"], ["AUTH PLAIN ${sasl}", "NOOP"]),
        (["C: AUTH PLAIN AGFubgBzM2NyZXQ="], ["AUTH PLAIN ${sasl}"]),
        (["C: AUTH LOGIN", "C: YW5u"], ["AUTH LOGIN", "${sasl}"]),
        (["C: AUTH LOGIN", "C: ${sasl}", "C: YW5u"], ["AUTH LOGIN", "${sasl}", "${sasl}"]),
        (["C: AUTH LOGIN ${sasl}", "C: YW5u"], ["AUTH LOGIN ${sasl}", "${sasl}"]),
        (["C| AUTH PLAIN AGFubgBzM2NyZXQ=\\r\\nNOOP\\r\\n"], ["AUTH PLAIN ${sasl}NOOP\\x0d\\x0a"]),
        (["C| NOOP\\r\\n"], ["NOOP\\x0d\\x0a"]),
    ],
)
def test_how_lines_may_be_shown_before_they_are_sent(lines: list[str], shown: list[str]) -> None:
    exchange = ExchangeLines()
    assert [shown_line(step, exchange) for step in steps_of(*lines)] == shown


def test_octets_may_be_shown_without_their_secrets_and_up_to_a_length() -> None:
    assert mask_octets(b"AUTH PLAIN AGFubgBzM2NyZXQ=\r\n", ExchangeLines()) == "AUTH PLAIN ${sasl}"
    assert mask_octets(b"x" * 2_000, ExchangeLines()) == "x" * 2_000
    assert mask_octets(b"x" * 2_001 + b"\r\n", ExchangeLines()) == "x" * 2_000
    assert mask_octets(b"x" * 1_500 + b"\r\n" + b"y" * 1_500, ExchangeLines()).endswith("y…")
    assert mask_octets(b"\r\n" * 50_000, ExchangeLines()).startswith("\\x0d\\x0a")
    too_long = b"AUTH PLAIN " + b"A" * 70_000 + b"\r\nNOOP\r\n"
    assert mask_octets(too_long, ExchangeLines()) == "AUTH PLAIN ${sasl}"
    for number, shown in ((65_535, "AUTH PLAIN ${sasl}${sasl}"), (65_536, "AUTH PLAIN ${sasl}")):
        line = b"AUTH PLAIN ".ljust(number - 2, b"A") + b"\r\n"
        assert mask_octets(line + b"A\r\n", ExchangeLines()) == shown, number


@pytest.mark.parametrize(
    ("line", "around"),
    [
        ("C: AUTH PLAIN ${sasl}", (b"AUTH PLAIN ", b"")),
        ("C| ${sasl}\\r\\n", (b"", b"\r\n")),
        ("C| NOOP\\r\\nAUTH ${how} ${sasl} ${how}\\r\\n", (b"NOOP\r\nAUTH LOGIN ", b" LOGIN\r\n")),
    ],
)
def test_what_stands_around_a_credential(line: str, around: tuple[bytes, bytes]) -> None:
    assert sasl_over(how="LOGIN").around_secret(steps_of(line)[0]) == around


@pytest.mark.parametrize(
    ("lines", "user"),
    [
        (["S: 235", "*: auth PLAIN ann"], "ann"),
        (["S: 235", "*: auth PLAIN ann", "*: auth PLAIN bob"], "ann"),
        (["S: 235", "*: auth PLAIN"], ""),
        (["S: 235", "*: auth PLAIN", "*: auth PLAIN bob"], "bob"),
        (["S: 235", "*: tls TLSv1.3 x", "*: auth PLAIN ann"], "ann"),
        (["S: 334", "C: YW5u", "S: 235", "*: auth LOGIN ann"], "ann"),
        (["S: 334", "C: ${sasl}", "S: 235", "*: auth LOGIN ann"], "ann"),
        (["S: 535", "C: MAIL FROM:<>", "*: auth LOGIN ann"], ""),
        (["S: 535", "C: AUTH ${how}", "*: auth LOGIN ann"], ""),
        (["S: 535", "C: AUTH\\x20LOGIN", "*: auth LOGIN ann"], ""),
        (["S: 535", "C| AUTH LOGIN\\r\\n", "*: auth LOGIN ann"], ""),
        (["S: 535", "# a note", "*: auth LOGIN ann"], "ann"),
        (["S: 235", "*: auth PLAIN b\\xc3\\xb6b"], "böb"),
        (["S: 235", "*: auth PLAIN b\\xff"], "b\udcff"),
        ([], ""),
    ],
)
def test_which_user_a_transcript_names(lines: list[str], user: str) -> None:
    assert sasl_over(*lines).user_ahead() == user


@pytest.mark.parametrize(
    ("line", "mechanism"),
    [
        (b"AUTH PLAIN", "PLAIN"),
        (b"AUTH LOGIN YW5u", "LOGIN"),
        (b"auth cram-md5", "cram-md5"),
        (b"AUTH X\xff", "X\\xff"),
        (b"AUTH", ""),
        (b"NOOP", ""),
    ],
)
def test_which_mechanism_a_command_names(line: bytes, mechanism: str) -> None:
    sasl = sasl_over()
    assert sasl.mechanism == ""
    sasl.note_command(Command.parse(b"AUTH OTHER"))
    sasl.note_command(Command.parse(line))
    assert (sasl.mechanism.casefold(), sasl.exchange) == (mechanism.casefold(), None)


@pytest.mark.parametrize(
    ("owed", "mechanism"),
    [
        (Owed(Asked.COMMAND, Command.parse(b"AUTH PLAIN"), "AUTH"), "PLAIN"),
        (Owed(Asked.COMMAND, Command.parse(b"MAIL FROM:<>"), "MAIL"), "LOGIN"),
        (Owed(Asked.SASL, verb="AUTH"), "LOGIN"),
        (Owed(Asked.END_OF_DATA), "LOGIN"),
    ],
)
def test_only_an_auth_command_names_another_mechanism(owed: Owed, mechanism: str) -> None:
    sasl = sasl_over()
    sasl.note_command(Command.parse(b"AUTH LOGIN"))
    sasl.note_sent(owed)
    assert sasl.mechanism == mechanism


def expected(text: str) -> ExpectedReply:
    return ExpectedReply(tuple(ExpectedLine.parse(step) for step in steps_of(f"S: {text}")))


RESPONSE, COMMAND = ["C: YW5u"], ["C: MAIL FROM:<>"]


@pytest.mark.parametrize(
    ("code", "wanted", "status", "following", "expects"),
    [
        (334, "334", 0, RESPONSE, True),
        (334, None, 0, [], True),
        (334, "334 x", 1, RESPONSE, True),
        (235, "235", 0, RESPONSE, False),
        (535, "334", 1, RESPONSE, True),
        (535, "235", 1, RESPONSE, False),
        (535, "535", 0, RESPONSE, False),
        # A script expects nothing: what may be a response is none of the next dialogue's commands.
        (535, None, 0, RESPONSE, True),
        (454, None, 0, RESPONSE, True),
        (400, None, 0, RESPONSE, True),
        (599, None, 0, RESPONSE, True),
        (399, None, 0, RESPONSE, False),
        (600, None, 0, RESPONSE, False),
        (235, None, 0, RESPONSE, False),
        (535, None, 0, COMMAND, False),
        (535, None, 0, ["C: AUTH PLAIN ${sasl}"], False),
        (535, None, 0, ["C: ${sasl}"], False),
        (535, None, 0, ["C& YW5u", "C: NOOP"], False),
        (535, None, 0, ["*: close"], False),
        (535, None, 0, [], False),
    ],
)
def test_whether_the_next_line_is_a_response(
    code: int, wanted: str | None, status: int, following: list[str], expects: bool
) -> None:
    sasl = sasl_over(*following)
    session, _ = session_with()
    last = expected(wanted) if wanted is not None else None
    found = Comparison(status, code=code, demanded=last is not None, last_expected=last)
    settled = sasl.settle(session, found, None)
    assert sasl.expects_challenge is expects
    assert settled == found
    differing = Comparison(1, code=334, demanded=True, last_expected=expected("235"))
    assert sasl.settle(session, differing, None).ended


@pytest.mark.parametrize(
    ("lines", "expects", "following"),
    [
        (["S: 334", "C: YW5u"], True, "YW5u"),
        (["S: 235", "C: YW5u"], False, "YW5u"),
        (["S: 334|535", "S: 250", "C: YW5u"], True, "YW5u"),
        (["C: YW5u"], True, "YW5u"),
        (["C: MAIL FROM:<>"], False, "MAIL FROM:<>"),
        ([], False, None),
    ],
)
def test_what_follows_a_line_of_an_exchange_that_is_not_sent(
    lines: list[str], expects: bool, following: str | None
) -> None:
    bench = Bench(*lines)
    bench.client.sasl.skip()
    assert bench.client.sasl.expects_challenge is expects
    assert (bench.cursor.step.text if bench.cursor.step else None) == following


@pytest.mark.parametrize(("event", "goes_on"), [("*: connect mx:25", False), ("*: close", True), ("*: wait 1", True)])
def test_no_exchange_goes_on_in_another_connection(event: str, goes_on: bool) -> None:
    sasl = sasl_over()
    sasl.settle(session_with()[0], Comparison(code=334), None)
    sasl.note_event(steps_of(event)[0])
    assert sasl.expects_challenge is goes_on


def test_a_response_in_the_transcript_is_shown_where_it_is_no_secret() -> None:
    for line, shown in ((b"*", "*"), (b"", "(an empty line)"), (b"YW5u", "${sasl}")):
        bench = Bench("C: x", answers=(b"334 \r\n", b"501 no\r\n"))
        bench.session.send_raw(b"AUTH LOGIN\r\n")
        bench.session.read_reply()
        assert bench.client.sasl.send_response(bench.session, bench.incoming, line) == shown, line
        assert bench.transport.sent == b"AUTH LOGIN\r\n" + line + b"\r\n"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (ReplaySettings(server="mx.example:25"), "the transcript needs credentials; give --user and "),
        (
            ReplaySettings(credentials=credentials_of("ann", Secret("x"))),
            "credentials go only to a server that you name; add --server URL.",
        ),
        (
            ReplaySettings(server="mx.example:25", credentials=credentials_of("ann", Secret("x"))),
            "--insecure-auth",
        ),
    ],
)
def test_credentials_are_not_sent_anywhere(settings: ReplaySettings, why: str) -> None:
    bench = Bench("C: AUTH PLAIN ${sasl}", settings=settings)
    step = bench.cursor.step
    assert step is not None
    with pytest.raises(AuthFailed) as raised:
        bench.client.sasl.needs_credentials(bench.session, b"", step)
    assert why in raised.value.message


def test_a_response_is_computed_only_where_one_is_asked_for() -> None:
    settings = ReplaySettings(
        server="mx.example:25", credentials=credentials_of("ann", Secret("x")), allow_cleartext=True
    )
    bench = Bench("C: ${sasl}", settings=settings, answers=(b"334 \r\n",))
    step = bench.cursor.step
    assert step is not None
    for _ in range(2):
        with pytest.raises(AuthFailed, match="the server asks for no response, so none is sent"):
            bench.client.sasl.needs_credentials(bench.session, b"", step)
        if not bench.transport.sent:
            bench.session.send_raw(b"AUTH LOGIN\r\n")
            challenge = bench.session.read_reply()
    bench.client.sasl.note_command(Command.parse(b"AUTH LOGIN"))
    bench.client.sasl.settle(bench.session, Comparison(code=334), challenge)
    needed = bench.client.sasl.needs_credentials(bench.session, b"", step)
    assert needed is not None
    assert needed.name == "LOGIN"
    bench.client.sasl.note_command(Command.parse(b"AUTH X-ODD"))
    with pytest.raises(AuthFailed, match=r"^smtp-shell does not know the mechanism X-ODD"):
        bench.client.sasl.needs_credentials(bench.session, b"", step)
