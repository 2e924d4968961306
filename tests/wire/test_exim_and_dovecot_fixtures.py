"""The fixtures of Exim and Dovecot behave as documented."""

import tempfile
import time
from pathlib import Path

import pytest

from tests.support.daemon import answers
from tests.support.dovecot import Dovecot, running_dovecot
from tests.support.exim import Exim, running_exim
from tests.support.provocations import LETTER, LHLO, LOGIN, MAIL, RCPT
from tests.wire.test_explained_replies import HELLO, Conversation

ELSEWHERE = b"RCPT TO:<carol@example.net>"


def codes(host: str, port: int, *lines: bytes) -> list[int]:
    return [reply.code for reply in Conversation(host, port).replies(lines)]


@pytest.mark.exim
def test_exim_relays_after_auth_only(exim: Exim) -> None:
    assert codes(exim.host, exim.smtp, HELLO, MAIL, RCPT, ELSEWHERE) == [220, 250, 250, 250, 550]
    assert codes(exim.host, exim.smtp, HELLO, LOGIN, MAIL, ELSEWHERE, b"DATA", LETTER, b"QUIT") == [
        *(220, 250, 235, 250, 250, 354, 250, 221),
    ]


@pytest.mark.exim
def test_exim_offers_auth_on_submission_after_tls_only(exim: Exim) -> None:
    assert codes(exim.host, exim.submission, HELLO, LOGIN) == [220, 250, 503]


@pytest.mark.dovecot
def test_dovecot_passes_on_what_a_user_sends(dovecot: Dovecot) -> None:
    assert codes(dovecot.host, dovecot.submission, HELLO, MAIL) == [220, 250, 530]
    lines = HELLO, LOGIN, MAIL, RCPT, b"DATA", LETTER, b"QUIT"
    assert codes(dovecot.host, dovecot.submission, *lines) == [220, 250, 235, 250, 250, 354, 250, 221]


@pytest.mark.dovecot
def test_dovecots_lmtp_puts_a_message_into_the_mailbox(dovecot: Dovecot) -> None:
    new = dovecot.log.parent / "mail" / "ann" / "Maildir" / "new"
    rcpt = b"RCPT TO:<ann@example.org>"
    assert codes(dovecot.host, dovecot.lmtp, LHLO, MAIL, rcpt, b"DATA", LETTER, b"QUIT") == [
        220,
        250,
        250,
        250,
        354,
        250,
        221,
    ]
    assert any(new.iterdir())


def left_of(directory: str) -> list[str]:
    """Return what still runs in a directory. A child that was killed has a moment to be gone."""
    end = time.monotonic() + 10
    while (found := processes_of(directory)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def processes_of(directory: str) -> list[str]:
    """Return the command lines that name a directory."""
    lines = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(each.read_text(errors="replace"))
        except OSError:  # it has ended
            continue
    return [line for line in lines if directory in line]


@pytest.mark.exim
@pytest.mark.dovecot
def test_nothing_runs_after_the_end(exim: Exim, dovecot: Dovecot) -> None:
    # The fixtures say whether they can run here at all.
    with tempfile.TemporaryDirectory(prefix="smtp-shell-exim-") as directory:
        with running_exim(Path(directory)) as server:
            assert processes_of(directory) != []
            port = server.smtp
        assert left_of(directory) == []
        assert not answers(exim.host, port)
    with tempfile.TemporaryDirectory(prefix="smtp-shell-dovecot-") as directory:
        with running_dovecot(Path(directory), exim.smtp) as other:
            assert processes_of(directory) != []
            port = other.lmtp
        assert left_of(directory) == []
        assert not answers(dovecot.host, port)


@pytest.mark.exim
def test_exim_announces_what_the_tests_need(exim: Exim) -> None:
    (_, reply) = Conversation(exim.host, exim.smtp).replies([HELLO])
    announced = {line.split(b" ")[0] for line in reply.lines[1:]}
    assert announced >= {b"CHUNKING", b"PRDR", b"DSN", b"SMTPUTF8", b"8BITMIME", b"SIZE", b"PIPELINING", b"STARTTLS"}


@pytest.mark.exim
def test_exim_replies_for_each_recipient_after_bdat(exim: Exim) -> None:
    letter = b"Subject: x\r\n\r\nHello\r\n"
    chunk = b"BDAT %d LAST\r\n" % len(letter) + letter.removesuffix(b"\r\n")
    found = codes(
        exim.host,
        exim.smtp,
        *(HELLO, b"MAIL FROM:<ann@example.org> PRDR RET=HDRS ENVID=QQ314"),
        b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.org",
        *(b"RCPT TO:<student@example.org>", chunk),
    )
    assert found == [220, 250, 250, 250, 250, 353]


@pytest.mark.exim
def test_exim_takes_an_address_in_utf_8(exim: Exim) -> None:
    mail = "MAIL FROM:<zoë@example.org> SMTPUTF8".encode()
    assert codes(exim.host, exim.smtp, HELLO, mail, RCPT) == [220, 250, 250, 250]
