"""One recording of all that a dialogue can have: it replays to the letter, against its server and against the mock that is made of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from smtp_shell.protocol.sasl import Credentials
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.mock import MockServer, MockSettings
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support import proxies
from tests.support.daemon import HOST
from tests.support.resolver import resolving
from tests.unit.cli.program import commands, run_text
from tests.wire.test_serve import changed

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "student", "canary-7vT.parrot"
ENV = {"SMTP_SHELL_PASSWORD": PASSWORD}
ZONE = {
    ("example.org", "MX"): ["10 mx1.example.org.", "20 mx2.example.org."],
    ("mx1.example.org", "A"): ["127.0.0.3"],  # where nobody listens
    ("mx2.example.org", "A"): ["127.0.0.1"],
}
LINES = (
    "ehlo",
    "XCLIENT NAME=spike.example ADDR=192.0.2.7 HELO=their.example",
    "ehlo",
    "starttls",
    "ehlo",
    "auth",
    "mail ann@example.org ret=hdrs envid=QQ314 prdr",
    "rcpt bob@example.org notify=success orcpt=rfc822;bob@example.net",
    "rcpt tiny@example.org notify=never",
    "bdat < '{folder}/letter.eml'",
    "/compose --from ann@example.org --to bob@example.org --subject 'Grüße aus Köln' --body 'Ein Satz. ✓'",
    "/attach '{folder}/Übung.bin'",
    "/send",
    "quit",
)
WHAT_IT_HAS = (
    r"# MX of example\.org: 10 mx1\.example\.org, 20 mx2",
    r"# notice: an attempt to connect failed: mx1\.example\.org \(preference 10\)",
    r"# notice: connection: the PROXY header says: a client at 192\.0\.2\.9 port 4711",
    r"C: XCLIENT NAME=spike\.example",
    r"\*: tls TLSv1\.3",
    r"\*: auth SCRAM-SHA-256-PLUS student",
    r"C: MAIL FROM:<ann@example\.org> RET=hdrs ENVID=QQ314 PRDR",
    r"C: RCPT TO:<bob@example\.org> NOTIFY=success ORCPT=rfc822;bob@example\.net",
    r"S: 353 ",
    r"S: 552 5\.2\.3 ",
)


@pytest.mark.proxies
def test_everything_in_one_recording(tmp_path: Path) -> None:
    obstacle = proxies.why_not()
    if obstacle is not None:
        pytest.skip(obstacle)
    path = tmp_path / "all.smtp"
    (tmp_path / "letter.eml").write_bytes(b"Subject: big\r\n\r\n" + b"0123456789 a line of text\r\n" * 50)
    (tmp_path / "Übung.bin").write_bytes(bytes(range(256)))
    lines = commands(*(line.format(folder=tmp_path) for line in LINES))
    settings = PracticeSettings(user=USER, password=Secret(PASSWORD))
    with (
        resolving(ZONE) as resolver,
        PracticeServer(settings) as server,
        proxies.haproxy(tmp_path, f"{HOST}:{server.port}") as front,
    ):
        trusting = ("--ca-file", str(server.ca_file), "--user", USER)
        names = ("--resolver", str(resolver.server), "--tls-name", "localhost")
        who = ("--proxy-protocol", "v1", "--proxy-source", "192.0.2.9:4711")
        where = f"mx:example.org:{front.rpartition(':')[2]}"
        recorded = run_text(*names, *who, *trusting, "--keep-going", "--record", str(path), where, *lines, env=ENV)
        assert recorded.returncode == 1, f"tiny refuses\n{recorded.stdout}{recorded.stderr}"
        text = path.read_text(encoding="utf-8")
        for pattern in WHAT_IT_HAS:
            assert re.search(pattern, text), f"{pattern}\n{text}"
        assert PASSWORD not in text
        for file, status in ((path, 0), (changed(path), 1)):
            target = ("--server", f"smtp://{front}", "--match", "text")
            done = run_text("replay", str(file), *target, *trusting, env=ENV)
            assert done.returncode == status, done.stdout + done.stderr
    who_may = MockSettings(credentials=Credentials(USER, Secret(PASSWORD)))
    for file, status in ((path, 0), (changed(path), 1)):
        with MockServer(path, settings=who_may) as mock:
            target = ("--server", mock.url, "--match", "text")
            done = run_text("replay", str(file), *target, "--ca-file", str(mock.ca_file), "--user", USER, env=ENV)
            mock.results(1)
            assert done.returncode == status, f"{done.stdout}{done.stderr}{mock.report()}{mock.results(1)}"
            assert mock.ok, mock.report()
