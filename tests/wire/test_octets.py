"""Octets sent by hand: the live session and the replay of its recording read them in the same way."""

import base64
from collections.abc import Sequence
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import Hear, ScriptedServer, Turn
from tests.support.postfix import Postfix
from tests.unit.cli.program import commands, run_text

GREETING = b"220 mx.example\r\n"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# Each is typed inside TLS by a user who knows the password; P, U and W stand for base64 of PLAIN, of user and of password, P1 and P2 for
# the two halves of P.
BY_HAND: dict[str, Sequence[str]] = {
    "plain": [r"/raw AUTH PLAIN {P}\r\n", "/wait"],
    "plain, the credential in pieces": [r"/raw AUTH PLAIN {P1}", r"/raw {P2}\r\n", "/wait"],
    "plain, the verb in pieces": [r"/raw AUTH PL", r"/raw AIN {P1}", r"/raw {P2}\r\n", "/wait"],
    "plain, the rest typed": [r"/raw AUTH PL", "AIN {P}"],
    "plain, the response asked for": [r"/raw AUTH PLAIN\r\n", "/wait", "{P}"],
    "login": [r"/raw AUTH LOGIN\r\n", "/wait", "{U}", "{W}"],
    "login, all as octets": [r"/raw AUTH LOGIN\r\n", "/wait", r"/raw {U}\r\n", "/wait", r"/raw {W}\r\n", "/wait"],
    "login, in one write": [r"/raw AUTH LOGIN\r\n{U}\r\n{W}\r\n", "/wait"],
    "login, after another command": [r"/raw NOOP\r\nAUTH LOGIN\r\n", "/wait", "{U}", "{W}"],
    "login, an answer half typed": [r"/raw AUTH LOGIN\r\n", "/wait", "{U}", r"/raw {W1}", "{W2}"],
}


def fill(line: str, user: str, password: str) -> str:
    plain, word = b64(f"\0{user}\0{password}"), b64(password)
    return line.format(
        P=plain, P1=plain[:6], P2=plain[6:], U=b64(user), W=word, W1=word[:3], W2=word[3:]
    )  # fmt: skip


def check_by_hand(typed: Sequence[str], url: str, ca_file: Path, user: str, password: str, folder: Path) -> None:
    recording = folder / "by-hand.smtp"
    typed = [fill(line, user, password) for line in typed]
    options = ["--starttls", "--ca-file", str(ca_file), "--timeout", "10"]
    done = run_text(url, *options, "--record", str(recording), *commands(*typed, "/status", "NOOP", "QUIT"))
    assert done.returncode == 0, done.stderr
    assert f"user         {user}" in done.stderr
    text = recording.read_text(encoding="utf-8")
    assert f" {user}\n" in text.partition("*: auth ")[2]
    for secret in (
        password,
        b64(password),
        b64(f"\0{user}\0{password}"),
        b64(f"\0{user}\0{password}")[6:],
        b64(password)[3:],
    ):
        assert secret not in text + done.stdout + done.stderr
    again = run_text(
        "replay", str(recording), "--server", url, "--user", user, "--ca-file", str(ca_file), "--timeout", "10",
        env={"SMTP_SHELL_PASSWORD": password},
    )  # fmt: skip
    assert (again.returncode, again.stderr) == (0, ""), again.stdout


@pytest.mark.parametrize("typed", BY_HAND.values(), ids=BY_HAND)
def test_an_exchange_by_hand_replays_and_names_its_user(
    typed: Sequence[str], practice: PracticeServer, tmp_path: Path
) -> None:
    url = f"smtp://localhost:{practice.port}"
    check_by_hand(typed, url, practice.ca_file, practice.user, practice.password.reveal(), tmp_path)


@pytest.mark.postfix
@pytest.mark.parametrize("typed", BY_HAND.values(), ids=BY_HAND)
def test_an_exchange_by_hand_replays_with_postfix(typed: Sequence[str], postfix: Postfix, tmp_path: Path) -> None:
    check_by_hand(typed, f"smtp://localhost:{postfix.smtp}", postfix.ca_file, postfix.user, postfix.password, tmp_path)


MAIL = r"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
DIALOGUES: dict[str, Sequence[str]] = {
    "starttls": ["EHLO x", r"/raw STARTTLS\r\n", "/wait", "EHLO x", "QUIT"],
    "starttls in pieces": ["EHLO x", "/raw STARTT", r"/raw LS\r\n", "/wait", "EHLO x", "QUIT"],
    "starttls, the rest typed": ["EHLO x", "/raw STARTT", "LS", "EHLO x", "QUIT"],
    "starttls after another command": [r"/raw EHLO x\r\nSTARTTLS\r\n", "/wait", "EHLO x", "QUIT"],
    "quit": [r"/raw QUIT\r\n", "/wait"],
    "data, typed mail data": ["EHLO x", rf"/raw {MAIL}DATA\r\n", "/wait", "Subject: x", "", "..", ".", "QUIT"],
    "data and mail data in one write": ["EHLO x", rf"/raw {MAIL}DATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nNOOP\r\n", "/wait", "QUIT"],
    "rset in pieces": ["EHLO x", rf"/raw {MAIL}RS", r"/raw ET\r\n", "/wait", "MAIL FROM:<ann@example.org>", "QUIT"],
    "bare lf": ["EHLO x", r"/raw NOOP\n", "/wait", "QUIT"],
}  # fmt: skip


@pytest.mark.parametrize("typed", DIALOGUES.values(), ids=DIALOGUES)
def test_octets_replay(typed: Sequence[str], practice: PracticeServer, tmp_path: Path) -> None:
    check_dialogue(typed, f"smtp://localhost:{practice.port}", practice.ca_file, tmp_path)


@pytest.mark.postfix
@pytest.mark.parametrize(
    "typed",
    [
        *DIALOGUES.values(),
        ["EHLO x", rf"/raw {MAIL}BDAT 12 LAST\r\nSubject: x\r\n", "/wait", "QUIT"],
        ["EHLO x", rf"/raw {MAIL}BDAT 12 LAST\r\n", "/raw Subject:", r"/raw \x20x\r\nNOOP\r\n", "/wait", "QUIT"],
    ],
    ids=[*DIALOGUES, "bdat", "bdat in pieces"],
)
def test_octets_replay_with_postfix(typed: Sequence[str], postfix: Postfix, tmp_path: Path) -> None:
    check_dialogue(typed, f"smtp://localhost:{postfix.smtp}", postfix.ca_file, tmp_path)


def check_dialogue(typed: Sequence[str], url: str, ca_file: Path, folder: Path) -> None:
    recording = folder / "octets.smtp"
    options = ["--ca-file", str(ca_file), "--timeout", "10"]
    done = run_text(url, *options, "--record", str(recording), *commands(*typed))
    assert done.returncode == 0, done.stderr
    again = run_text("replay", str(recording), "--server", url, *options)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.parametrize(
    "body",
    [
        "C: Subject: x\nC: MAIL FROM:<evil@example.org>\nC: .\n",
        "C| Subject: x\\r\\nMAIL FROM:<evil@example.org>\\r\\n\nC| .\\r\\n\n",
        "C| Subject: x\\r\\nMAIL FROM:<evil@example.org>\\r\\n.\nC| \\r\\n\n",
        "C| Subject: x\\r\\nMAIL FROM:<evil@example.org>\\r\\n\nC: .\n",
    ],
)
@pytest.mark.parametrize("octets", ["DATA\\r\\n", "NOOP\\r\\nDATA\\r\\n"])
def test_mail_data_after_a_refused_data_is_not_sent(octets: str, body: str, tmp_path: Path) -> None:
    number = octets.count("\\n")
    expected = "S: 250\n" * (number - 1) + "S: 354\n"
    path = tmp_path / "refused.smtp"
    path.write_text(f"S: 220\nC| {octets}\n{expected}{body}S: 250\nC: QUIT\nS: 221\n")
    turns: list[Turn] = [
        GREETING,
        Hear(b"DATA\r\n"),
        b"250 ok\r\n" * (number - 1) + b"503 no\r\n",
        Hear(b"\r\n"),
        b"221 bye\r\n",
    ]
    with ScriptedServer(turns) as server:
        done = run_text("replay", str(path), "--server", f"smtp://{server.address}", "--keep-going", "--timeout", "5")
    assert done.returncode == 1
    assert b"evil" not in server.received
    assert server.received.endswith(b"DATA\r\nQUIT\r\n")
    assert "mail data" in done.stdout


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        ([r"/raw PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"], b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"),
        (["/raw PROXY TCP4 ", r"/raw \x20192.0.2.7 192.0.2.1 40000 25\r\n"], b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"),
        ([r"/raw \r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x04\r\n\r\n"], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\r\n\r\n"),
    ],
    ids=["text", "text in pieces", "binary"],
)  # fmt: skip
def test_a_proxy_header_goes_before_the_greeting(typed: Sequence[str], heard: bytes, tmp_path: Path) -> None:
    recording = tmp_path / "proxy.smtp"
    turns: list[Turn] = [Hear(heard), GREETING, Hear(b"NOOP\r\n"), b"250 ok\r\n", Hear(b"QUIT\r\n"), b"221 bye\r\n"]
    with ScriptedServer(turns) as server:
        url = f"smtp://{server.address}"
        done = run_text(url, "--timeout", "5", "--record", str(recording), *commands(*typed, "NOOP", "QUIT"))
        assert (done.returncode, done.stderr) == (0, "")
        first, second = done.stdout.split("S: 220")
        assert "C|" in first
        assert "C: NOOP" in second
        again = run_text("replay", str(recording), "--server", url, "--timeout", "5")
    assert (again.returncode, again.stderr) == (0, ""), again.stdout
    assert server.received == (heard + b"NOOP\r\nQUIT\r\n") * 2


@pytest.mark.parametrize("way", ["-c", "-f", "/connect"])
def test_octets_before_the_greeting_in_each_way_of_giving_lines(way: str, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_text("\n/raw PROXY UNKNOWN\\r\\n\nNOOP\n")
    with ScriptedServer([Hear(b"PROXY UNKNOWN\r\n"), GREETING, Hear(b"NOOP\r\n"), b"250 ok\r\n"]) as server:
        url = f"smtp://{server.address}"
        words = {
            "-c": [url, *commands(r"/raw PROXY UNKNOWN\r\n", "NOOP")],
            "-f": [url, "-f", str(file)],
            "/connect": commands(f"/connect {url} --no-wait", r"/raw PROXY UNKNOWN\r\n", "NOOP"),
        }
        done = run_text("--timeout", "5", *words[way])
    assert (done.returncode, server.received) == (0, b"PROXY UNKNOWN\r\nNOOP\r\n"), done.stderr


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (r"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN\r\nEHLO client.example\r\nNOOP\r\n"),
        (r"AUTH PLAIN\r\n", b"AUTH PLAIN\r\nNOOP\r\n"),  # whatever comes next is the response
    ],
)
def test_nothing_is_said_of_its_own_accord_after_a_command_that_was_sent_before_the_greeting(
    octets: str, said: bytes
) -> None:
    turns: list[Turn] = [Hear(octets.replace(r"\r\n", "\r\n").encode()), GREETING]
    turns += [b"334 \r\n"] if "AUTH" in octets else [Hear(b"EHLO client.example\r\n"), b"250 mx\r\n"]
    with ScriptedServer([*turns, Hear(b"NOOP\r\n"), b"250 ok\r\n"]) as server:
        lines = commands(
            "/set auto-ehlo on", f"/connect smtp://{server.address} --no-wait", f"/raw {octets}", "NOOP", "/disconnect"
        )
        run_text("--timeout", "5", "--insecure-auth", "--ehlo", "client.example", *lines)
    assert server.received == said


@pytest.mark.parametrize(
    ("greeting", "status", "words"),
    [
        (b"554 go away\r\n", 1, 'the server refused: "554 go away"'),
        (b"", 3, "the greeting did not come within 1 s"),
    ],
)
@pytest.mark.parametrize("more", [(), ("NOOP",)])
def test_a_greeting_that_is_awaited_late_counts(greeting: bytes, status: int, words: str, more: Sequence[str]) -> None:
    with ScriptedServer([Hear(b"PROXY UNKNOWN\r\n"), greeting]) as server:
        done = run_text(f"smtp://{server.address}", "--timeout", "1", *commands(r"/raw PROXY UNKNOWN\r\n", *more))
    assert done.returncode == status
    assert words in done.stderr
    assert server.received == b"PROXY UNKNOWN\r\n"


def test_a_credential_in_the_middle_of_octets_does_not_go_in_the_clear() -> None:
    with ScriptedServer([GREETING]) as server:
        url = f"smtp://{server.address}"
        for typed in (
            [r"/raw NOOP\r\nAUTH PLAIN AGFubgBjNG5hcnk=\r\n"],
            ["/raw AUTH PL", r"/raw AIN AGFubgBjNG5hcnk=\r\n"],
            ["/raw AUTH PL", "AIN AGFubgBjNG5hcnk="],
        ):
            done = run_text(url, "--timeout", "2", *commands("/status", *typed))
            assert done.returncode == 5
            assert b"AGFub" not in server.received


@pytest.mark.parametrize("more", [(), ("/status",)])
def test_lines_that_end_inside_an_exchange_are_no_success(more: Sequence[str]) -> None:
    with ScriptedServer([GREETING, Hear(b"AUTH X\r\n"), b"334 \r\n"]) as server:
        done = run_text(
            f"smtp://{server.address}", "--timeout", "2", *commands("/status", r"/raw AUTH X\r\n", "/wait", *more)
        )
    assert done.returncode == 5
    assert "inside an AUTH exchange" in done.stderr
