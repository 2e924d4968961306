"""Extensions with the practice server, Postfix and Exim: XCLIENT, XFORWARD, DSN, PIPELINING, CHUNKING, SIZE, PRDR and rare commands."""

import os
import subprocess
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.exim import Exim
from tests.support.postfix import STRICT_SIZE_LIMIT, Postfix
from tests.support.transcripts import check
from tests.wire.test_messages import await_message, queue_of
from tests.wire.test_shell import run, sent, wait_for_mail

LETTER = b"From: ann@example.org\nTo: bob@example.org\nSubject: %b\n\nGr\xc3\xbc\xc3\x9fe\n.dot\n\n..two\nno end"


SERVERS = [
    "practice",
    pytest.param("postfix", marks=pytest.mark.postfix),
    pytest.param("exim", marks=pytest.mark.exim),
]
# What each server says to commands that few clients send: the first digits of the reply.
RARE = {
    "vrfy bob@example.org": {"practice": "250", "postfix": "252", "exim": "250"},
    "expn staff": {"practice": "502", "postfix": "50", "exim": "550"},
    "help": {"practice": "214", "postfix": "50", "exim": "214"},
    "etrn example.org": {"practice": "502", "postfix": "", "exim": "458"},
    "xforward name=first.example.org": {"practice": "500", "postfix": "250", "exim": "500"},
    "mail ann@example.org": dict.fromkeys(("practice", "postfix", "exim"), "250"),
    "rcpt bob@example.org": dict.fromkeys(("practice", "postfix", "exim"), "250"),
    "burl imap://ann@mail.example.org/inbox;uid=1 last": {"practice": "500", "postfix": "50", "exim": "500"},
    "rset": dict.fromkeys(("practice", "postfix", "exim"), "250"),
}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> PracticeServer | Postfix | Exim:
    """The server that the parameter names."""
    found: PracticeServer | Postfix | Exim = request.getfixturevalue(request.param)
    return found


def _address(server: PracticeServer | Postfix | Exim) -> str:
    return f"127.0.0.1:{server.port if isinstance(server, PracticeServer) else server.smtp}"


def _stored(server: PracticeServer | Postfix | Exim) -> list[bytes]:
    if isinstance(server, PracticeServer):
        return [server.inbox.read(each.number) for each in server.inbox.messages()]
    if isinstance(server, Exim):
        return queue_of(server)
    return [path.read_bytes() for path in (server.maildir / "bob").glob("new/*")]


def _lines(*lines: str) -> str:
    return "\n".join((*lines, ""))


def _replayed(recording: Path, server: str) -> None:
    done = run("replay", str(recording), "--server", f"smtp://{server}")
    assert done.returncode == 0, done.stdout + done.stderr


def _said(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line[6:] for line in done.stdout.splitlines() if line[3:6] == "S: "]


@pytest.mark.postfix
def test_xclient_speaks_as_another_client_to_postfix(postfix: Postfix, tmp_path: Path) -> None:
    recording = tmp_path / "xclient.smtp"
    done = run(
        f"{postfix.host}:{postfix.smtp}",
        "--record",
        str(recording),
        lines=_lines(
            *("ehlo", "xclient name=client.example.org addr=192.0.2.7 port=4711 helo=hello.example.org", "ehlo"),
            *(
                "xforward name=first.example.org addr=192.0.2.9 ident=A+B",
                "mail ann@example.org",
                "rcpt bob@example.org",
            ),
            *("data", "Subject: through xclient", "", "text", ".", "quit"),
        ),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "XCLIENT NAME=client.example.org ADDR=192.0.2.7 PORT=4711 HELO=hello.example.org" in sent(done)
    assert "XFORWARD NAME=first.example.org ADDR=192.0.2.9 IDENT=A+2BB" in sent(done)
    assert [line[:3] for line in _said(done)].count("220") == 2  # the greeting comes again
    assert b"client.example.org [192.0.2.7]" in wait_for_mail(postfix.maildir / "bob", "through xclient")
    check(recording)
    _replayed(recording, f"{postfix.host}:{postfix.smtp}")


@pytest.mark.postfix
def test_a_group_with_dsn_is_recorded_as_one_and_replays(postfix: Postfix, tmp_path: Path) -> None:
    recording = tmp_path / "group.smtp"
    group = 'mail ann@example.org ret=hdrs envid="Order 7"; rcpt bob@example.org notify=never orcpt=rfc822;bob+x@example.org; data'
    done = run(
        f"{postfix.host}:{postfix.smtp}",
        "--record",
        str(recording),
        lines=_lines(
            "ehlo", f"/pipeline {group}", "Subject: in a group", "", "text", ".", "/pipeline rset; noop; quit"
        ),
    )
    assert (done.returncode, done.stderr) == (
        0,
        "NOOP should be the last of a group, since its reply decides what may follow (RFC 2920 §3.1); it goes out as it is.\n",
    )
    steps = [line.split("  ", 2)[-1] for line in recording.read_text(encoding="utf-8").splitlines() if "  C" in line]
    assert steps[1:4] == [
        "C& MAIL FROM:<ann@example.org> RET=hdrs ENVID=Order+207",
        "C& RCPT TO:<bob@example.org> NOTIFY=never ORCPT=rfc822;bob+2Bx@example.org",
        "C: DATA",
    ]
    assert steps[-3:] == ["C& rset", "C& noop", "C: QUIT"]
    assert "   #  to 2 of 3: RCPT TO:<bob@example.org> NOTIFY=never ORCPT=rfc822;bob+2Bx@" in done.stdout
    wait_for_mail(postfix.maildir / "bob", "in a group")
    check(recording)
    _replayed(recording, f"{postfix.host}:{postfix.smtp}")


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_message_arrives_the_same_by_data_in_chunks_and_by_hand(
    server: PracticeServer | Postfix | Exim, tmp_path: Path
) -> None:
    bodies = set()
    for name in ("data", "bdat", "chunk by hand", "line by line"):
        subject = f"{name} {os.urandom(8).hex()}"
        path = tmp_path / "letter.eml"
        path.write_bytes(LETTER % subject.encode())
        wire = path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n"
        typed = path.read_text(encoding="utf-8").split("\n")
        ways = {"chunk by hand": [f"BDAT {len(wire)} LAST", *typed], "line by line": ["data", *typed, "."]}
        envelope = ("ehlo", "/set chunk-size 20", f"mail ann@example.org < {path}", "rcpt bob@example.org")
        done = run(_address(server), lines=_lines(*envelope, *ways.get(name, [f"{name} < {path}"]), "quit"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"MAIL FROM:<ann@example.org> SIZE={len(wire)} BODY=8BITMIME" in sent(done)
        arrived = await_message(lambda: _stored(server), subject)
        rest = arrived.replace(b"\r\n", b"\n").partition(subject.encode())[2]  # Postfix puts fields below it
        bodies.add(rest.partition(b"\n\n")[2].rstrip(b"\n"))
    assert bodies == {"Grüße\n.dot\n\n..two\nno end".encode()}


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_rare_commands_are_answered_recorded_and_replayed(
    server: PracticeServer | Postfix | Exim, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    recording, name = tmp_path / "rare.smtp", request.node.callspec.params["server"]
    done = run(
        _address(server), "--keep-going", "--record", str(recording), lines=_lines("ehlo", *RARE, "noop", "quit")
    )
    finals = [line for line in _said(done) if line[3:4] == " "]
    assert len(finals) == len(RARE) + 4  # the greeting, and the replies to EHLO, NOOP and QUIT
    for reply, (command, codes) in zip(finals[2:], RARE.items(), strict=False):
        assert reply.startswith(codes[name]), (command, reply)
    assert [line[:3] for line in finals[-2:]] == ["250", "221"]
    assert done.returncode == 1
    check(recording)
    _replayed(recording, _address(server))


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_dsn_parameters_are_taken_recorded_and_replayed(
    server: PracticeServer | Postfix | Exim, tmp_path: Path
) -> None:
    recording = tmp_path / "dsn.smtp"
    lines = (
        *("ehlo", 'mail ann@example.org ret=full envid="Order 7"'),
        "rcpt bob@example.org notify=failure,delay orcpt=rfc822;bob+x@example.org",
        *("data", "Subject: dsn", "", "text", ".", "quit"),
    )
    done = run(_address(server), "--record", str(recording), lines=_lines(*lines))
    assert (done.returncode, done.stderr) == (0, "")
    assert "MAIL FROM:<ann@example.org> RET=full ENVID=Order+207" in sent(done)
    assert "RCPT TO:<bob@example.org> NOTIFY=failure,delay ORCPT=rfc822;bob+2Bx@example.org" in sent(done)
    check(recording)
    _replayed(recording, _address(server))


def test_the_practice_server_believes_xclient_and_begins_anew(practice: PracticeServer, tmp_path: Path) -> None:
    recording = tmp_path / "xclient.smtp"
    subject = f"as another client {os.urandom(8).hex()}"
    done = run(
        _address(practice),
        *("--record", str(recording)),
        lines=_lines(
            *("ehlo", "xclient name=client.example.org addr=192.0.2.7 login=ann", "ehlo", "mail ann@example.org"),
            *("rcpt bob@example.net", "data", f"Subject: {subject}", "", "text", ".", "quit"),
        ),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "XCLIENT NAME=client.example.org ADDR=192.0.2.7 LOGIN=ann" in sent(done)
    assert [line[:3] for line in _said(done)].count("220") == 2  # the greeting comes again
    assert b"192.0.2.7" in await_message(lambda: _stored(practice), subject).partition(b"Subject:")[0]
    check(recording)
    _replayed(recording, _address(practice))


@pytest.mark.postfix
def test_a_file_that_is_too_large_is_named_before_postfix_refuses_it(postfix: Postfix, tmp_path: Path) -> None:
    path = tmp_path / "letter.eml"
    path.write_bytes(b"Subject: large\n\n" + b"x\n" * STRICT_SIZE_LIMIT)
    done = run(
        f"{postfix.host}:{postfix.strict}",
        lines=_lines("ehlo", "mail ann@example.org", "rcpt bob@example.org", f"data < {path}"),
    )
    assert done.returncode == 1
    assert f"more than the {STRICT_SIZE_LIMIT:,} that the server announced; it is sent all the same." in done.stderr
    assert any(line.startswith("552 ") for line in _said(done))


@pytest.mark.parametrize("server", [SERVERS[0], SERVERS[2]], indirect=True)
def test_prdr_has_a_reply_for_each_recipient(server: PracticeServer | Postfix | Exim, tmp_path: Path) -> None:
    recording, letter = tmp_path / "prdr.smtp", tmp_path / "letter.eml"
    letter.write_bytes(LETTER % b"prdr")
    done = run(
        _address(server),
        "--record",
        str(recording),
        lines=_lines(
            *("ehlo", "mail ann@example.org prdr", "rcpt bob@example.org student@example.org", "/set chunk-size 50"),
            *(
                f"bdat < {letter}",
                "mail ann@example.org prdr",
                "rcpt bob@example.org student@example.org",
                f"data < {letter}",
            ),
            "quit",
        ),
    )
    mended = "8 lines of the file ended with LF or CR alone, and went out with CRLF (RFC 5321 §2.3.8). --raw sends it as it is.\n"
    assert (done.returncode, done.stderr) == (0, mended * 2)
    said = _said(done)
    for _ in range(2):
        start = next(number for number, line in enumerate(said) if line.startswith("353 "))
        assert [line[:3] for line in said[start : start + 4]] == ["353", "250", "250", "250"]
        said = said[start + 4 :]
    assert said[0].startswith(("250", "221"))
    check(recording)
    _replayed(recording, _address(server))


@pytest.mark.exim
def test_a_chunk_that_exim_refuses_ends_the_message(exim: Exim, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(LETTER % b"none")
    done = run(
        f"{exim.host}:{exim.smtp}",
        "--keep-going",
        lines=_lines("ehlo", "mail ann@example.org", "/set chunk-size 50", f"bdat < {letter}", "noop"),
    )
    assert done.returncode == 1
    assert [line for line in sent(done) if line.startswith("BDAT")] == ["BDAT 50"]
    assert sent(done)[-1] == "noop"
