"""What the client of a replay sends, over a session without a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.errors import ConnectionLost, NotSendable, TlsFailed, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.events import Decoded
from smtp_shell.protocol.sasl import Credentials, Mechanism, mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.client import ReplayClient, SentStep
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.results import LONGEST_SHOWN
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
        greeted: bool = True,
        **variables: str,
    ) -> None:
        self.cursor = cursor_over(*lines)
        self.session, self.transport = session_with(*answers, starttls=starttls, greeted=greeted)
        self.incoming = IncomingReplies(self.session)
        self.variables = values = Variables(variables)
        settings = settings or ReplaySettings()
        self.client = ReplayClient(self.cursor, settings, values, folder)
        self.verifier = ReplyVerifier(self.cursor, Strictness.CODE, values, keep_going=False)

    def send(self) -> SentStep | None:
        step = self.cursor.step
        assert step is not None
        return self.client.send_group(self.session, self.incoming, self.client.take_group(step))

    def send_octets(self) -> SentStep:
        step = self.cursor.step
        assert step is not None
        self.cursor.advance()
        return self.client.send_octets(self.session, self.incoming, step)

    def send_as_octets(self) -> SentStep:
        step = self.cursor.step
        assert step is not None
        return self.client.send_as_octets(self.session, self.incoming, self.client.take_group(step))

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
        # One line is shown as it stands in the file.
        ([r"C: NOOP \x41"], "NOOP A\r\n", r"NOOP \x41"),
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
    assert sent == SentStep(
        (1, 3),
        "BDAT 6 LAST\n(a chunk)",
        sent.started,
        verb="",
        awaits_all=True,
        in_exchange=False,
        is_stripped=False,
        why="",
        doubtful=False,
        fewer_replies=False,
    )
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
    mechanism = bench.client.find_mechanism(bench.session, steps)
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
    assert bench.client.sasl.exchange is None  # it has ended, and its credentials are kept no longer
    assert not bench.client.sasl.expects_challenge


def test_what_a_challenge_and_its_response_mean_is_told() -> None:
    settings = auth_settings([])
    told: list[Decoded] = []
    bench = Bench("C: AUTH LOGIN", "S: 334", "C: ${sasl}", answers=(b"334 VXNlcg==\r\n",), settings=settings)
    bench.settle(bench.send())
    bench.session.subscribe(lambda entry: told.append(entry.event) if isinstance(entry.event, Decoded) else None)
    authenticate(bench, settings)
    assert [(each.client, each.mechanism, each.meaning) for each in told] == [
        (False, "LOGIN", "User"),
        (True, "LOGIN", "user name ann"),
    ]


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


@pytest.mark.parametrize("text", ["two", "odd"])
def test_only_octets_may_hold_a_value_of_two_lines(text: str) -> None:
    bench = Bench(rf"C| NOOP ${{{text}}}\r\n", f"C: NOOP ${{{text}}}")
    bench.variables.capture({"two": r"a\x0d\x0ab", "odd": r"\xc3\xb6\xff"})
    written: list[bytes] = []
    bench.transport.send = lambda octets, *_: written.append(octets)  # type: ignore[method-assign]
    bench.send_octets()
    if text == "two":
        assert written == [b"NOOP a\r\nb\r\n"]
        with pytest.raises(NotSendable):
            bench.send()
    else:
        bench.send()
        assert written == [b"NOOP \xc3\xb6\xff\r\n"] * 2


def test_mail_data_may_stand_outside_the_folder_where_the_user_allows_it(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n")
    (tmp_path / "folder").mkdir()
    bench = Bench(
        "C: DATA",
        "S: 354",
        "C< ../letter.eml",
        answers=(b"354 go\r\n",),
        folder=tmp_path / "folder",
        settings=ReplaySettings(outside=True),
    )
    bench.settle(bench.send())
    while bench.client.send_mail_piece(bench.session, bench.incoming, 0.0) is None:
        pass
    assert bench.transport.sent == b"DATA\r\nSubject: x\r\n.\r\n"


def test_a_group_before_a_credential_is_written_before_it_and_shown_up_to_a_number() -> None:
    settings = auth_settings([])
    bench = Bench(*["C& NOOP"] * 101, "C: AUTH PLAIN ${sasl}", settings=settings)
    steps = bench.client.take_group(bench.cursor.step) if bench.cursor.step is not None else []
    mechanism = bench.client.find_mechanism(bench.session, steps)
    assert mechanism is not None
    assert settings.credentials is not None
    bench.client.sasl.begin(bench.session, mechanism, settings.credentials(mechanism, ""))
    sent = bench.client.send_group(bench.session, bench.incoming, steps)
    assert sent is not None
    assert sent.shown.split("\n") == ["NOOP"] * 100 + ["AUTH PLAIN ${sasl}"]
    assert len(bench.transport.log) == 1
    assert bench.transport.sent.startswith(b"NOOP\r\n" * 101 + b"AUTH PLAIN ")


def test_the_last_command_of_a_group_names_the_mechanism() -> None:
    bench = Bench("C& NOOP", "C: AUTH LOGIN")
    bench.send()
    assert bench.client.sasl.mechanism == "LOGIN"


def test_a_group_inside_an_exchange_is_sent_whole() -> None:
    bench = Bench("C: AUTH LOGIN", "S: 334", "C& Ym9i", "C: c2VjcmV0", answers=(b"334 VXNlcg==\r\n",))
    bench.settle(bench.send())
    sent = bench.send()
    assert bench.transport.sent == b"AUTH LOGIN\r\nYm9i\r\nc2VjcmV0\r\n"
    assert sent is not None
    assert sent.shown == "${sasl}\n${sasl}"


def test_a_group_that_cannot_be_sent_any_more_is_judged_by_its_last_command() -> None:
    bench = Bench("C& NOOP", "C: STARTTLS")
    bench.incoming.broken = ConnectionLost("the server dropped the connection.")
    sent = bench.send()
    assert sent is not None
    assert (sent.verb, bench.transport.sent) == ("STARTTLS", b"")


def test_a_mechanism_is_looked_for_in_the_lines_before_the_credential() -> None:
    bench = Bench("C& NOOP", "C& AUTH LOGIN", "C: ${sasl}", settings=auth_settings([]))
    steps = bench.client.take_group(bench.cursor.step) if bench.cursor.step is not None else []
    found = bench.client.find_mechanism(bench.session, steps)
    assert found is not None
    assert found.name == "LOGIN"


@pytest.mark.parametrize(
    ("lines", "as_octets"),
    [
        (["C: NOOP"], False),
        (["C& NOOP", "C: RSET"], False),
        (["C& NOOP", "C: RSET", "S: 250", "S: 250"], False),
        (["C& NOOP", "C: RSET", "S: 250"], True),
        (["C& DATA", "C: RSET", "S: 354", "S: 250"], True),
        (["C& NOOP", "C: DATA", "S: 250", "S: 354"], False),
        # An exchange may end before its last response.
        (["C& AUTH LOGIN", "C: YW5u", "S: 535"], False),
        (["C& YW5u", "C: ${sasl}", "S: 535"], False),
        (["C& ${sasl}", "C: ${sasl}", "S: 535"], False),
    ],
)
def test_which_groups_are_sent_as_octets(lines: list[str], as_octets: bool) -> None:
    bench = Bench(*lines)
    steps = bench.client.take_group(bench.cursor.step) if bench.cursor.step is not None else []
    assert bench.client.goes_as_octets(bench.session, steps) is as_octets


@pytest.mark.parametrize(
    ("greeted", "lines", "octets", "fewer"),
    [
        (True, ["C& NOOP", "C: RSET", "S: 250"], b"NOOP\r\nRSET\r\n", True),
        (True, ["C& NOOP", "C: RSET", "S: 250", "S: 250"], b"NOOP\r\nRSET\r\n", False),
        (True, ["C& NOOP", "C: RSET"], b"NOOP\r\nRSET\r\n", False),
        # Before the greeting nobody knows which reply is to what.
        (False, ["C& NOOP", "C: RSET", "S: 220"], b"NOOP\r\nRSET\r\n", False),
        (True, ["C& NOOP X", r"C: RSET \\", "S: 250"], b"NOOP X\r\nRSET \\\r\n", True),
    ],
)
def test_a_group_that_is_sent_as_octets(greeted: bool, lines: list[str], octets: bytes, fewer: bool) -> None:
    bench = Bench(*lines, greeted=greeted)
    sent = bench.send_as_octets()
    assert bench.transport.sent == octets
    assert (sent.lines, sent.fewer_replies) == ((1, 2), fewer)


def test_octets_are_shown_up_to_a_length() -> None:
    bench = Bench("C| " + "x" * (LONGEST_SHOWN - 1), "C| yy")
    assert len(bench.send_octets().shown) == LONGEST_SHOWN - 1
    bench = Bench(r"C| NOOP\r\n" + "x" * LONGEST_SHOWN)
    assert len(bench.send_octets().shown) == LONGEST_SHOWN


@pytest.mark.parametrize(
    ("lines", "verb", "in_exchange"),
    [
        ([r"C| NOOP\r\n"], "NOOP", False),
        ([r"C| AUTH LOGIN\r\n"], "AUTH", False),
        ([r"C| AUTH LOGIN\r\n", r"C| Ym9i\r\n"], "AUTH", True),
        ([r"C| AUTH LOGIN\r\nYm9i\r\n"], "AUTH", False),
        ([r"C| AUTH LOGIN\r\n", r"C| Ym"], "", False),
        ([r"C| NOO"], "", False),
        ([r"C| AUTH PLAIN AGE=\r\n", r"C| NOOP\r\n"], "NOOP", False),
    ],
)
def test_what_octets_end_with(lines: list[str], verb: str, in_exchange: bool) -> None:
    bench = Bench(*lines)
    sent = [bench.send_octets() for _ in lines][-1]
    assert (sent.verb, sent.in_exchange) == (verb, in_exchange)


@pytest.mark.parametrize(
    ("greeted", "octets", "written"),
    [
        # It was sent when the connection was opened.
        (False, r"PROXY UNKNOWN\r\n", b""),
        (False, r"NOOP\r\n", b"NOOP\r\n"),
        (True, r"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN\r\n"),
    ],
)
def test_a_proxy_header_before_the_greeting_is_not_sent_twice(greeted: bool, octets: str, written: bytes) -> None:
    bench = Bench(f"C| {octets}", f"C| {octets}", greeted=greeted)
    if greeted:
        bench.send_octets()
        bench.transport.log.clear()
    bench.transport.header = b"PROXY UNKNOWN\r\n"
    assert bench.send_octets().shown == octets.replace(r"\r\n", r"\x0d\x0a")
    assert bench.transport.sent == written


GO = b"220 go\r\n"


@pytest.mark.parametrize(
    ("lines", "answer", "keep_going", "status", "ended", "in_tls"),
    [
        (["C: STARTTLS", "S: 220"], GO, False, 0, False, True),
        (["C: STARTTLS"], GO, False, 0, False, True),
        (["C& STARTTLS", "C: NOOP", "S: 220"], GO, False, 0, False, True),
        (["C: STARTTLS", "S: 220 ready"], b"220-go\r\n220 on\r\n", False, 0, False, True),
        (["C: STARTTLS", "S= 220 ready"], GO, False, 1, True, False),
        (["C: STARTTLS", "S= 220 ready"], GO, True, 1, False, True),
        (["C: STARTTLS", "S: 454"], GO, True, 1, True, False),
        (["C: STARTTLS", "S: 454"], b"454 no\r\n", False, 0, False, False),
        (["C: STARTTLS", "S: 220"], b"454 no\r\n", False, 4, True, False),
        (["C: STARTTLS"], b"454 no\r\n", False, 4, True, False),
        (["C: STARTTLS"], b"219 no\r\n", False, 4, True, False),
        (["C: STARTTLS"], b"221 no\r\n", False, 4, True, False),
        (["C: STARTTLS"], b"199 no\r\n", False, 6, True, False),
        (["C: STARTTLS", "*: no-tls", "S: 220"], GO, False, 0, False, False),
        (["C: STARTTLS", "S: 220", "*: no-tls"], GO, False, 0, False, False),
        (["C: STARTTLS"], None, False, 3, True, False),
        (["C: STARTTLS", "*: timeout 1"], None, False, 0, False, False),
    ],
)
def test_what_follows_starttls(
    lines: list[str], answer: bytes | None, keep_going: bool, status: int, ended: bool, in_tls: bool
) -> None:
    bench = Bench(*lines, answers=(answer,), settings=ReplaySettings(keep_going=keep_going))
    found = bench.settle(bench.send())
    assert (found.status, found.ended, bench.session.tls is not None) == (status, ended, in_tls)
    if "*: no-tls" in lines:  # declined, so that the dialogue goes on in the clear
        bench.session.send_raw(b"NOOP\r\n")


def test_starttls_inside_an_exchange_is_a_response() -> None:
    bench = Bench("C: AUTH LOGIN", "S: 334", "C: STARTTLS", "S: 334", answers=(b"334 VXNlcg==\r\n", b"501 no\r\n"))
    bench.settle(bench.send())
    assert bench.settle(bench.send()).status == 1


def test_each_response_in_octets_counts_once() -> None:
    settings = auth_settings([])
    assert settings.credentials is not None
    bench = Bench(
        "C: AUTH LOGIN",
        "S: 334",
        r"C| Ym9i\r\n",
        r"C| c2VjcmV0\r\n",
        answers=(b"334 VXNlcg==\r\n",),
        settings=settings,
    )
    bench.settle(bench.send())
    bench.send_octets()
    bench.send_octets()
    login = mechanism("LOGIN")
    bench.client.sasl.begin(bench.session, login, settings.credentials(login, ""))
