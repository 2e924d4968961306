"""The torture of what somebody attends: it finds a fault that is planted, and a sample of all jobs finds none.

The sample is drawn with a fixed seed. By hand: `python -m tests.torture.attended`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.torture.attended import AttendedBench, main
from tests.torture.driver import plans
from tests.torture.jobs_servers import SERVER_JOBS, ServerJob, upstream
from tests.torture.jobs_terminal import TERMINAL_JOBS, TerminalJob
from tests.torture.mail_clients import PASSWORD, Told
from tests.torture.what_is_left import certificates_in, mail_in, recordings_in, secrets_in, sentences_in

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="it forks, and looks into /proc"),
    pytest.mark.timeout(600),  # a run that hangs waits for its clients' patience
]

SEED = 16
SAMPLE = 6
"""Runs of each job."""

JOBS: dict[str, ServerJob | TerminalJob] = {job.name: job for job in (*SERVER_JOBS, *TERMINAL_JOBS)}
TRACE = b"Return-Path: <ann@example.org>\r\nDelivered-To: bob@example.org\r\nReceived: from x\r\n\tby y;\r\n\tnow\r\n"
BODY = b"Subject: x\r\n\r\nHello\r\n"


@pytest.mark.parametrize("name", JOBS)
def test_a_sample_of_the_points_of_each_job(name: str, tmp_path: Path) -> None:
    job = JOBS[name]
    for folder in ("run", "upstream"):
        (tmp_path / folder).mkdir()
    with upstream(tmp_path / "upstream") as server:
        bench = AttendedBench(job, tmp_path, server)
        try:
            drawn = plans(bench.points(3), never=job.never, sample=SAMPLE, seed=SEED)
            found = [each for plan, site in drawn if (each := bench.try_one(plan, site)) is not None]
        finally:
            bench.close()
    assert [(each.address, each.site, each.problems) for each in found] == []
    assert bench.counts["missed"] <= SAMPLE // 2, "most faults have to happen"


def test_mail_that_is_acknowledged_and_not_stored_is_found(tmp_path: Path) -> None:
    for name in ("smtp_shell", "tests", "transcripts"):
        subprocess.run(
            ["cp", "-r", os.path.join(os.path.dirname(__file__), "..", "..", name), str(tmp_path)], check=True
        )
    path = tmp_path / "smtp_shell/servers/practice/transaction.py"
    source = path.read_text("utf-8")
    honest = "            message.discard()\n            await self.push(_NO_ROOM)\n            return\n        if mail.wants"
    assert honest in source
    path.write_text(source.replace(honest, "            message.discard()\n        if mail.wants"), "utf-8")
    command = [sys.executable, "-m", "tests.torture.attended", "--job", "practice"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    listed = subprocess.run([*command, "--list"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    address = re.search(r"(rename:[0-9]+) +servers/inbox", listed.stdout)
    assert address is not None
    tried = subprocess.run(
        [*command, "--point", f"{address[1]}:ENOSPC"], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert tried.returncode == 1
    assert "a message that was acknowledged is in the mailbox 0 times" in tried.stdout
    assert f"python -m tests.torture.attended --job practice --point {address[1]}:ENOSPC" in tried.stdout


def test_a_mailbox_with_half_a_message_or_a_message_twice_is_found(tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    told = Told(acknowledged=[BODY], offered=[BODY, BODY + b"more\r\n"])
    assert list(mail_in(tmp_path, [told])) == ["a message that was acknowledged is in the mailbox 0 times"]
    (new / "1").write_bytes(TRACE + BODY)
    assert list(mail_in(tmp_path, [told])) == []
    (new / "2").write_bytes(TRACE + BODY[:-3])
    assert list(mail_in(tmp_path, [told])) == [
        f"a file of {len(TRACE + BODY) - 3} octets in the mailbox is no whole message"
    ]
    (new / "2").write_bytes(TRACE + BODY)
    assert list(mail_in(tmp_path, [told])) == ["a message that was acknowledged is in the mailbox 2 times"]


def test_a_reply_that_is_not_recorded_is_found_unless_that_was_said(tmp_path: Path) -> None:
    path = tmp_path / "1.smtp"
    path.write_text("S: 220 ready\nC: QUIT\nS: 221 Bye\n", "utf-8")
    told = Told(replies=["220 ready", "221 Bye"])
    assert list(recordings_in(tmp_path, [told], b"")) == []
    told.replies.append("250 Ok")
    assert list(recordings_in(tmp_path, [told], b"")) == [
        "what the client was told is not recorded: '250 Ok' was its last reply"
    ]
    assert list(recordings_in(tmp_path, [told], b"smtp-shell: the recording 1.smtp has stopped: no room.\n")) == []
    path.write_text("S: 220 ready\nno marker\n", "utf-8")
    (problem, _) = recordings_in(tmp_path, [told], b"")
    assert problem.startswith("1.smtp: ")


def test_other_signs_are_found(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB\n")
    (tmp_path / "token").write_bytes(b"half")
    assert list(certificates_in(tmp_path)) == [
        "ca.pem is no whole file of certificates",
        "the file token is not whole",
    ]
    (tmp_path / "said").write_text(PASSWORD)
    assert list(secrets_in((b"x", PASSWORD.encode()), (tmp_path / "said",))) == [
        "the password was printed",
        "the password is in said",
    ]
    assert list(sentences_in(b"smtp-shell: one.\nTwo.\n", 1)) == [
        "standard error has what is no sentence of ours: 'Two.'",
        "standard error has 2 sentences: 'Two.' is the last",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--job", "nothing"], "there is no job 'nothing'"),
        (["--kind", "nothing"], "there is no kind 'nothing'"),
        (["--job", "quiz", "--point", "nothing:1:EIO"], "there is no call 'nothing'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
