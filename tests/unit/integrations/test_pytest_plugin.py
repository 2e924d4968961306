"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.support.peer import Hear, ScriptedServer, Turn

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
PLUGIN = "smtp_shell.integrations.pytest_plugin"

GOOD = "Transcript: 1\nTags: Slow, smoke\n\nS: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n"
BAD = "S: 220\nC: MAIL FROM:<>\nS: 503\nC: EHLO a\nS: 250\nC: MAIL FROM:<>\nS: 250 fine\nC: QUIT\nS: 221\n"
DIFFERENCE = [
    "bad.smtp:6: the reply code differs.",
    "bad.smtp -> 127.0.0.1:*",
    "ok      2  C: MAIL FROM:<>  503",
    "FAIL    6  C: MAIL FROM:<>  451",
    "           expected: 250 fine",
    "           received: 451 4.3.0 *",
    "*the reply code differs",
]
LOGIN = "S: 220\nC: EHLO a\nS: 250\nC: STARTTLS\nS: 220\nC: EHLO a\nS: 250\nC: AUTH PLAIN ${sasl}\nS: 235\nC: QUIT\nS: 221\n"


class Runs:
    """Runs pytest in a folder of its own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.folder = pytester.path
        self._pytester = pytester
        installed = any(each.name == "smtp_shell" for each in entry_points(group="pytest11"))
        own = [] if installed else ["-p", PLUGIN]
        self._words = ["--strict-markers", *own, "-p", "no:locust", "-p", "no:cacheprovider"]

    def write(self, **files: str) -> None:
        """Write files; the last `_` of a name stands for a dot."""
        for name, text in files.items():
            (self.folder / ".".join(name.rsplit("_", 1))).write_text(text, encoding="utf-8")

    def __call__(self, *words: str) -> pytest.RunResult:
        """Run it in this process, which takes a tenth of the time."""
        return self._pytester.runpytest_inprocess(*self._words, *words)

    def apart(self, *words: str) -> pytest.RunResult:
        """Run it as a process of its own."""
        return self._pytester.runpytest_subprocess(*self._words, *words, timeout=100)


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Runs(pytester)


@pytest.fixture
def refusing() -> list[Turn]:
    mail = Hear(b"MAIL FROM:<>\r\n")
    return [
        b"220 mx\r\n",
        mail,
        b"503 no\r\n",
        Hear(b"EHLO a\r\n"),
        b"250 mx\r\n",
        mail,
        b"451 4.3.0 \x1b[31mlater\r\n",
    ]


def test_the_module_of_the_plugin_loads_nothing_of_the_engine() -> None:
    code = f"import pytest, sys\nbefore = set(sys.modules)\nimport {PLUGIN}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["smtp_shell", "smtp_shell.integrations", PLUGIN]


def test_a_run_without_transcripts_loads_nothing_of_the_engine(runs: Runs) -> None:
    runs.write(
        test_a_py="import sys\n\ndef test_a():\n"
        "    mine = {name for name in sys.modules if name.startswith('smtp_shell.')}\n"
        f"    assert mine == {{'smtp_shell.integrations', '{PLUGIN}'}}\n"
    )
    runs.apart().assert_outcomes(passed=1)


def test_the_entry_point_is_declared() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'[project.entry-points.pytest11]\nsmtp_shell = "{PLUGIN}"\n' in text


def test_transcripts_are_tests_against_the_practice_server(runs: Runs) -> None:
    runs.write(good_smtp=GOOD, login_smtp=LOGIN)
    runs().assert_outcomes(passed=2)


def test_a_difference_is_shown_as_replay_shows_it(runs: Runs, refusing: list[Turn]) -> None:
    runs.write(bad_smtp=BAD)
    with ScriptedServer(refusing) as server:
        done = runs("--smtp-server", server.address, "--junitxml=report.xml")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([*DIFFERENCE, "FAILED bad.smtp::replay - Failed: bad.smtp:6:*"])
    shown = done.stdout.str() + (runs.folder / "report.xml").read_text(encoding="utf-8")
    assert not any(word in shown for word in ("Traceback", "pytest_items", "\x1b"))
    assert ElementTree.parse(runs.folder / "report.xml").findall(".//failure")


def test_xdist_shows_the_same_and_each_worker_has_its_servers(runs: Runs, refusing: list[Turn]) -> None:
    runs.write(bad_smtp=BAD)
    with ScriptedServer(refusing) as server:
        done = runs.apart("--smtp-server", server.address, "-n", "2")
    done.stdout.fnmatch_lines([*DIFFERENCE, "FAILED bad.smtp::replay - Failed: bad.smtp:6:*"])
    test = "from pathlib import Path\n\ndef test_port(practice_server, worker_id):\n"
    test += "    Path(f'{worker_id}.port').write_text(str(practice_server.port))\n"
    runs.write(bad_smtp=GOOD, test_a_py=test, test_b_py=test, good_smtp=GOOD, also_smtp=GOOD)
    runs.apart("-n", "2", "--dist", "each").assert_outcomes(passed=10)
    ports = {name: (runs.folder / f"{name}.port").read_text(encoding="utf-8") for name in ("gw0", "gw1")}
    assert len(set(ports.values())) == 2


def test_tags_are_markers(runs: Runs) -> None:
    runs.write(
        good_smtp=GOOD, plain_smtp="Transcript: 1\nTags: skip xfail and odd;word\n\n" + GOOD.partition("\n\n")[2]
    )
    runs("-m", "slow").assert_outcomes(passed=1, deselected=1)
    runs("-m", "not slow and not smoke").assert_outcomes(passed=1, deselected=1)


def test_nothing_is_sent_when_tests_are_only_collected(runs: Runs) -> None:
    runs.write(good_smtp=GOOD)
    done = runs("--collect-only", "-q", "--smtp-server", "127.0.0.1:1", "--smtp-server", "practice")
    assert done.outlines[:2] == ["good.smtp::replay[127.0.0.1:1]", "good.smtp::replay[practice]"]
    assert done.ret == 0


def test_several_servers_are_several_tests(runs: Runs) -> None:
    runs.write(
        good_smtp=GOOD, test_a_py="def test_a(smtp_session):\n    assert smtp_session.command('NOOP').code == 250\n"
    )
    done = runs("--smtp-server", "127.0.0.1:1", "--smtp-server", "practice")
    done.assert_outcomes(passed=2, failed=1, errors=1)
    done.stdout.fnmatch_lines_random(["*no session with 127.0.0.1:1: no connection to 127.0.0.1:1: *"])
    assert "Traceback" not in done.stdout.str()


def test_a_malformed_transcript_is_a_sentence(runs: Runs) -> None:
    runs.write(broken_smtp="S: 220\nhello\n", lacks_smtp="C: NOOP ${word}\n")
    done = runs()
    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(
        ["broken.smtp:2: 'hello' has no marker; expected *", "lacks.smtp:1: *${word} has no value*"]
    )
    assert "Traceback" not in done.stdout.str()
    runs("lacks.smtp", "--smtp-var", "word=x").assert_outcomes(passed=1)
    runs.write(pytest_ini="[pytest]\nsmtp_match = loosely\n", good_smtp=GOOD)
    done = runs("good.smtp")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["--smtp-match and --smtp-var: *choose one of code, *"])


def test_other_files_of_the_suffix_are_left_alone_unless_they_are_named(runs: Runs) -> None:
    runs.write(
        other_smtp="From: ann@example.org\n\nhello\n", empty_smtp="", notes_smtp="# only\n# notes\n", good_smtp=GOOD
    )
    (runs.folder / "binary.smtp").write_bytes(b"\x00\xff" * 9000)
    runs().assert_outcomes(passed=1)
    runs("other.smtp").assert_outcomes(errors=1)


def test_collecting_can_be_switched_off(runs: Runs) -> None:
    runs.write(good_smtp=GOOD, pytest_ini="[pytest]\nsmtp_transcripts = false\n")
    assert runs().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_settings_are_those_of_the_options(runs: Runs) -> None:
    (runs.folder / "pytest.ini").write_text("[pytest]\nsmtp_server = practice\nsmtp_match = text\n", encoding="utf-8")
    runs.write(good_smtp=GOOD)
    done = runs()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the text differs*"])
    runs("--smtp-match", "code").assert_outcomes(passed=1)


def test_the_server_of_a_transcript_is_used_only_if_asked_for(runs: Runs) -> None:
    text = GOOD.replace("Tags:", "Server: 127.0.0.1:1\nTags:")
    runs.write(good_smtp=text)
    runs().assert_outcomes(passed=1)
    done = runs("--smtp-server", "transcript")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*no connection to 127.0.0.1:1*"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--smtp-server", "a b"], "ERROR: *"),
        (["--smtp-match", "loosely"], "ERROR: --smtp-match*choose one of code, enhanced, *"),
        (["--smtp-var", "word"], "ERROR: *'word' is not of the form name=value*"),
        (["--smtp-ca-file", "missing.pem"], "ERROR: *missing.pem*"),
    ],
)
def test_a_wrong_option_ends_the_run_with_a_sentence(runs: Runs, words: list[str], problem: str) -> None:
    runs.write(good_smtp=GOOD)
    done = runs(*words)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([problem])


def test_fixtures(runs: Runs) -> None:
    runs.write(
        test_a_py="""
import smtplib
from smtp_shell import connect

def test_session(smtp_session, practice_server):
    assert smtp_session.greeting.code == 220
    smtp_session.send_message("Subject: a\\n", sender="ann@example.org", recipients=["bob@example.org"])
    assert [mail.subject for mail in practice_server.inbox.messages()] == ["a"]

def test_practice(practice_server):
    with smtplib.SMTP(practice_server.host, practice_server.port) as client:
        assert client.noop()[0] == 250
    with connect(practice_server.url, starttls=True, ca_file=practice_server.ca_file) as session:
        assert session.auth(practice_server.user, practice_server.password).code == 235
"""
    )
    runs().assert_outcomes(passed=2)


def test_the_factories_of_servers(runs: Runs) -> None:
    folder = runs.folder / "tests"
    folder.mkdir()
    (folder / "refuses.smtp").write_text(
        "S: 220 mx\nC: NOOP ${word}\nS: 451 later\nC: QUIT\nS: 221 bye\n", encoding="utf-8"
    )
    (folder / "test_a.py").write_text(
        """
from smtp_shell import Transcript, connect, replay

def test_mock(mock_server):
    server = mock_server("refuses.smtp", variables={"word": "a"})
    with connect(server.url) as session:
        assert session.command("NOOP a").code == 451
        session.quit()
    assert server.results()[0].ok
    assert server.ok, server.report()

def test_mock_that_meets_another_client(mock_server):
    server = mock_server(Transcript.parse("S: 220 mx\\nC: NOOP\\nS: 250 ok\\n"))
    with connect(server.url) as session:
        session.command("HELP")
        session.quit()
    assert not server.results()[0].ok
    assert "HELP" in server.report()

def test_relay(relay_server, practice_server):
    between = relay_server()
    with connect(between.url, starttls=True, ca_file=between.ca_file) as session:
        session.auth(practice_server.user, practice_server.password, mechanism="SCRAM-SHA-256")  # TLS ends at the relay
        session.quit()
    (recording,) = between.recordings()
    result = replay(
        recording, practice_server.url, user=practice_server.user, password=practice_server.password,
        ca_file=practice_server.ca_file,
    )
    assert result.ok, result.failure
""",
        encoding="utf-8",
    )
    runs("tests/test_a.py").assert_outcomes(passed=3)


def test_no_password_is_in_any_output(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_SHELL_PASSWORD", "wonderland")
    turns: list[Turn] = [b"220 mx\r\n", Hear(b"EHLO a\r\n"), b"250-mx\r\n250 AUTH PLAIN\r\n"]
    runs.write(
        login_smtp="S: 220\nC: EHLO a\nS: 250\nC: AUTH PLAIN ${sasl}\nS: 235\n",
        literal_smtp="S: 220\nC: AUTH PLAIN AGFubgB3b25kZXJsYW5k\nS: 235\n",
        test_a_py="from pathlib import Path\n\ndef test_a(practice_server, smtp_shell_server):\n"
        "    Path('secret').write_text(practice_server.password)\n    assert practice_server is None\n",
    )
    with ScriptedServer(turns) as server:
        done = runs("login.smtp", "--smtp-server", server.address, "--smtp-user", "ann", "-l", "-vv")
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    done = runs("literal.smtp", "test_a.py", "-l", "-vv", "--tb=long")
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["literal.smtp: line 2 holds a credential, *"])
    shown += done.stdout.str()
    secret = (runs.folder / "secret").read_text(encoding="utf-8")
    assert not any(word in shown for word in ("wonderland", "AGFubgB3b25kZXJsYW5k", secret))


def test_ctrl_c_ends_the_run(runs: Runs) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = (
        "import pytest, smtp_shell.integrations.pytest_items as items\n"
        "from msgspec.structs import replace\n"
        "run = items.Replay.run\n"
        "items.Replay.run = lambda self: replace(run(self), exit_status=130)\n"
        f"raise SystemExit(pytest.main(['-p', 'no:smtp_shell', '-p', '{PLUGIN}', 'good.smtp']))\n"
    )
    runs.write(good_smtp=GOOD)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=runs.folder, env=environment, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == pytest.ExitCode.INTERRUPTED
