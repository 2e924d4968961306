"""What the client of a replay sends, over a session without a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.errors import TlsFailed, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.sasl import Credentials, Mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.client import ReplayClient, SentStep
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.verifier import Comparison, ReplyVerifier
from smtp_shell.transcript.variables import Variables
from tests.unit.replay.fake import cursor_over, session_with

OK = b"250 ok\r\n"


class Bench:
    """A client with all that it needs."""

    def __init__(
        self,
        *lines: str,
        answers: tuple[bytes | None, ...] = (),
        starttls: bool = False,
        folder: Path = Path(),
        settings: ReplaySettings | None = None,
        **variables: str,
    ) -> None:
        self.cursor = cursor_over(*lines)
        self.session, self.transport = session_with(*answers, starttls=starttls)
        self.incoming = IncomingReplies(self.session)
        values = Variables(variables)
        settings = settings or ReplaySettings()
        self.client = ReplayClient(self.cursor, settings, values, folder)
        self.verifier = ReplyVerifier(self.cursor, Strictness.CODE, values, keep_going=False)

    def send(self) -> SentStep | None:
        step = self.cursor.step
        assert step is not None
        return self.client.send_group(self.session, self.incoming, self.client.take_group(step))

    def settle(self, sent: SentStep | None) -> Comparison:
        assert sent is not None
        found = self.verifier.verify(self.session, self.incoming, own=sent.awaits_all)
        return self.client.settle(self.session, self.incoming, self.verifier, sent, found)


@pytest.mark.parametrize(
    ("lines", "octets", "shown"),
    [
        (["C: NOOP"], "NOOP\r\n", "NOOP"),
        (["C: "], "\r\n", "(an empty line)"),
        ([r"C: NOOP \x00\\"], "NOOP \0\\\r\n", r"NOOP \x00\\"),
        (["C: NOOP ${word}"], "NOOP a\\b\r\n", r"NOOP a\\b"),
        (["C& RSET", "C: NOOP"], "RSET\r\nNOOP\r\n", "RSET\nNOOP"),
        (["C: AUTH PLAIN AGFubgBzZWNyZXQ="], "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "AUTH PLAIN ${sasl}"),
    ],
)
def test_a_line_or_group_goes_out_in_one_write(lines: list[str], octets: str, shown: str) -> None:
    bench = Bench(*lines, word="a\\b")
    sent = bench.send()
    assert bench.transport.log == [f"write {octets}"]
    assert sent is not None
    assert (sent.shown, sent.lines) == (shown, tuple(range(1, len(lines) + 1)))


def test_a_chunk_follows_its_command_and_is_one_result_with_it() -> None:
    bench = Bench("C& BDAT 6 LAST", "C| abc", r"C| d\r\n", "S: 250", answers=(None, None, OK))
    assert bench.send() is None
    assert bench.client.chunk_left == 6
    sent = bench.client.send_chunk(bench.session, bench.incoming)
    assert bench.transport.sent == b"BDAT 6 LAST\r\nabcd\r\n"
    assert (sent.lines, sent.shown) == ((1, 3), "BDAT 6 LAST\n(a chunk)")
    assert bench.settle(sent).ok


def test_mail_data_is_sent_in_pieces_up_to_the_final_dot() -> None:
    bench = Bench(
        "C: DATA", "S: 354", "C: Subject: x", "C: ", "C: ..dot", "C: .", "S: 250", answers=(b"354 go\r\n", OK)
    )
    assert bench.settle(bench.send()).ok
    sent = bench.client.send_mail_piece(bench.session, bench.incoming, 0.0)
    assert sent is not None
    assert (sent.lines, sent.shown, sent.awaits_all) == ((3, 6), "(mail data and the final dot)", True)
    assert bench.transport.sent == b"DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
    assert bench.settle(sent).ok


def test_mail_data_from_a_file_is_sent_piece_by_piece(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n\n.dot\n" + b"y" * 70_000)
    bench = Bench("C: DATA", "S: 354", "C< letter.eml", "S: 250", answers=(b"354 go\r\n",), folder=tmp_path)
    bench.settle(bench.send())
    pieces = [bench.client.send_mail_piece(bench.session, bench.incoming, 0.0) for _ in range(4)]
    assert [piece is None for piece in pieces] == [True, True, True, False]
    assert bench.transport.sent.startswith(b"DATA\r\nSubject: x\r\n\r\n..dot\r\ny")
    assert bench.transport.sent.endswith(b"y\r\n.\r\n")


def test_mail_data_that_the_transcript_breaks_off_gets_no_final_dot() -> None:
    bench = Bench("C: DATA", "S: 354", "C: Subject: x", answers=(b"354 go\r\n",))
    bench.settle(bench.send())
    assert bench.client.send_mail_piece(bench.session, bench.incoming, 0.0) is None
    was_sending = bench.client.mail.is_sending
    sent = bench.client.send_mail_piece(bench.session, bench.incoming, 0.0)
    assert sent is not None
    assert sent.why == "the transcript ends inside the mail data; no final dot is sent"
    assert (was_sending, bench.client.mail.is_sending) == (True, False)
    assert bench.transport.sent == b"DATA\r\nSubject: x\r\n"
    assert bench.settle(sent).why == sent.why


def test_mail_data_after_a_refused_data_is_skipped() -> None:
    bench = Bench("C: DATA", "S: 354", "C: Subject: x", "C: .", "S: 250", "C: QUIT", answers=(b"503 no\r\n",))
    found = bench.settle(bench.send())
    assert found.why == "the reply code differs; the mail data is not sent"
    skipped = bench.client.mail.skip_refused(found)
    assert skipped is not None
    assert (skipped.lines, skipped.why, skipped.status) == ((3, 4), "there was no 354", 0)
    assert bench.cursor.step is not None
    assert bench.cursor.step.text == "QUIT"


@pytest.mark.parametrize("line", ["C: MAIL FROM:<a@example.org>", "C: AUTH PLAIN ${sasl}", "C: ${verb} FROM:<>"])
def test_nothing_of_a_transaction_goes_in_the_clear_where_the_user_demands_starttls(line: str) -> None:
    bench = Bench(line, starttls=True, verb="MAIL")
    with pytest.raises(TlsFailed, match="STARTTLS is demanded"):
        bench.send()
    assert bench.transport.log == []


def test_starttls_is_followed_by_the_handshake() -> None:
    bench = Bench("C: STARTTLS", "S: 220", answers=(b"220 go\r\n",))
    assert bench.settle(bench.send()).ok
    assert bench.session.tls is not None


def test_a_failed_handshake_ends_the_dialogue() -> None:
    bench = Bench("C: STARTTLS", "S: 220", answers=(b"220 go\r\n",))
    bench.transport.tls_error = TlsFailed("the certificate has expired.")
    found = bench.settle(bench.send())
    assert (found.status, found.why, found.ended) == (4, "the certificate has expired", True)


def test_a_refused_starttls_is_a_tls_failure_and_names_a_missing_announcement() -> None:
    bench = Bench("C: EHLO x", "S: 250", "C: STARTTLS", "S: 220", answers=(b"250 hi\r\n", b"502 no\r\n"))
    bench.settle(bench.send())
    found = bench.settle(bench.send())
    assert found.status == 4
    assert "somebody on the way may be stripping it" in found.why


def auth_settings(transcript_user: list[str]) -> ReplaySettings:
    def find(mechanism: Mechanism, user: str) -> Credentials:
        transcript_user.append(user)
        return Credentials(user or "ann", Secret("open sesame"))

    return ReplaySettings(server="mail.example.org", credentials=find, allow_cleartext=True)


def authenticate(bench: Bench, settings: ReplaySettings) -> SentStep | None:
    step = bench.cursor.step
    assert step is not None
    assert settings.credentials is not None
    steps = bench.client.take_group(step)
    sasl = bench.client.sasl
    mechanism = sasl.needs_credentials(bench.session, steps[-1])
    if mechanism is not None:
        sasl.begin(bench.session, mechanism, settings.credentials(mechanism, sasl.user_ahead()))
    return bench.client.send_group(bench.session, bench.incoming, steps)


def test_sasl_is_computed_by_the_mechanism_and_never_shown() -> None:
    users: list[str] = []
    settings = auth_settings(users)
    bench = Bench("C: AUTH PLAIN ${sasl}", "S: 235", "*: auth PLAIN bob", answers=(b"235 ok\r\n",), settings=settings)
    sent = authenticate(bench, settings)
    assert bench.transport.log == ["write AUTH PLAIN AGJvYgBvcGVuIHNlc2FtZQ==\r\n"]
    assert sent is not None
    assert sent.shown == "AUTH PLAIN ${sasl}"
    assert bench.settle(sent).ok
    assert (users, bench.session.user) == (["bob"], "bob")


def test_the_mechanism_may_be_a_variable() -> None:
    settings = auth_settings([])
    bench = Bench("C: AUTH ${how} ${sasl}", "S: 235", answers=(b"235 ok\r\n",), settings=settings, how="PLAIN")
    assert bench.settle(authenticate(bench, settings)).ok
    assert bench.transport.sent == b"AUTH PLAIN AGFubgBvcGVuIHNlc2FtZQ==\r\n"


def test_a_group_that_ends_in_auth_goes_out_in_one_write() -> None:
    settings = auth_settings([])
    lines = ("C& RSET", "C: AUTH PLAIN ${sasl}", "S: 250", "S: 235")
    bench = Bench(*lines, answers=(b"250 ok\r\n", b"235 ok\r\n"), settings=settings)
    sent = authenticate(bench, settings)
    assert bench.transport.log == ["write RSET\r\nAUTH PLAIN AGFubgBvcGVuIHNlc2FtZQ==\r\n"]
    assert sent is not None
    assert (sent.lines, sent.shown) == ((1, 2), "RSET\nAUTH PLAIN ${sasl}")


def test_each_challenge_gets_its_response() -> None:
    settings = auth_settings([])
    lines = ("C: AUTH LOGIN", "S: 334", "C: ${sasl}", "S: 334", "C: ${sasl}", "S: 235")
    bench = Bench(*lines, answers=(b"334 VXNlcg==\r\n", b"334 UGFzcw==\r\n", b"235 ok\r\n"), settings=settings)
    assert bench.settle(bench.send()).ok
    assert bench.client.sasl.expects_challenge
    assert bench.settle(authenticate(bench, settings)).ok
    assert bench.settle(authenticate(bench, settings)).ok
    assert bench.transport.sent == b"AUTH LOGIN\r\nYW5u\r\nb3BlbiBzZXNhbWU=\r\n"
    assert not bench.client.sasl.expects_challenge


def test_a_challenge_that_is_no_base64_cancels_the_exchange() -> None:
    settings = auth_settings([])
    lines = ("C: AUTH LOGIN", "S: 334", "C: ${sasl}", "S: 334", "C: ${sasl}", "S: 235")
    bench = Bench(*lines, answers=(b"334 !!!\r\n", b"501 cancelled\r\n"), settings=settings)
    bench.settle(bench.send())
    found = bench.settle(authenticate(bench, settings))
    assert bench.transport.sent == b"AUTH LOGIN\r\n*\r\n"
    assert (found.status, found.ended) == (6, True)
    assert "is not one line of base64" in found.why


def test_a_variable_without_a_value_is_an_error() -> None:
    bench = Bench("C: NOOP ${missing}")
    with pytest.raises(UsageError, match="missing"):
        bench.send()
