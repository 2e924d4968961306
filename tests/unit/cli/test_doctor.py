"""`smtp-shell doctor`: what it finds, what is a problem, and what the ports of a host mean."""

import json
import os
import socket
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from smtp_shell.cli import diagnosis
from smtp_shell.cli.diagnosis import EXTRAS, LIBRARIES, Finding, Verdict, machine_findings
from smtp_shell.cli.reachability import is_troubled, meaning, port_words
from smtp_shell.client.survey import Survey
from smtp_shell.net.target import Target, Way
from smtp_shell.net.tls_library import TlsLibrary, TrustStore, tls_library, trust_store
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.unit.cli.program import ROOT, run, run_text, sentence, serving


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SMTP_SHELL_CONFIG_DIR", str(tmp_path / "configuration"))
    for name in ("SMTP_SHELL_CONFIG", "SSLKEYLOGFILE", "NO_COLOR", "SMTP_SHELL_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def found(about: str) -> Finding:
    (one,) = [each for each in machine_findings() if each.about == about]
    return one


def test_a_healthy_machine_has_no_problem() -> None:
    done = run_text("doctor")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "No problems found."
    assert "PROBLEM" not in done.stdout
    assert done.stderr == ""


def test_it_is_json_for_programs() -> None:
    rows = [json.loads(row) for row in run_text("doctor", "--json").stdout.splitlines()]
    *findings, last = rows
    assert last == {"problems": 0, "exit_status": 0}
    assert {each["section"] for each in findings} == {"program", "TLS", "terminal", "extras", "files"}
    assert all({"section", "about", "verdict", "text"} <= each.keys() for each in findings)
    assert {each["verdict"] for each in findings} <= set(Verdict)


def test_the_libraries_and_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert tuple(each.partition(">")[0] for each in project["dependencies"]) == LIBRARIES
    extras = set(project["optional-dependencies"])
    assert set(EXTRAS) <= extras
    assert extras - set(EXTRAS) == {"test", "package", "bench", "fuzz"}  # for those who change smtp-shell


def test_a_library_that_is_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "LIBRARIES", ("rich", "smtp-shell-needs-this"))
    problem = [each for each in machine_findings() if each.verdict is Verdict.PROBLEM]
    assert [(each.text, each.advice) for each in problem] == [
        ("missing: smtp-shell-needs-this", "pip install smtp-shell-needs-this")
    ]


def test_an_extra_that_is_missing_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "EXTRAS", {"magic": (("smtp-shell-needs-this",), "magic")})
    assert found("magic").verdict is Verdict.NOTE
    assert found("magic").advice == 'pip install "smtp-shell[magic]" for magic'


def test_the_tls_library_and_its_authorities_are_named() -> None:
    library = tls_library()
    assert library.version in found("TLS library").text
    assert "1.3" in library.versions
    assert library.reads_too_early == (sys.version_info[:3] < (3, 11, 5))
    assert found("authorities").text.startswith(f"{trust_store().number} in ")


def test_an_old_tls_library_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_shell.net.tls_library.tls_library", lambda: TlsLibrary("OpenSSL 1.0.2", ("1.2",), True))
    assert found("Python's ssl").verdict is Verdict.PROBLEM
    assert found("TLS 1.3").verdict is Verdict.NOTE


def test_no_authorities_are_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("smtp_shell.net.tls_library.trust_store", lambda: TrustStore(0, (), ("SSL_CERT_FILE",)))
    assert found("authorities").verdict is Verdict.PROBLEM
    assert "ca-certificates" in found("authorities").advice

    def refuse() -> TrustStore:
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr("smtp_shell.net.tls_library.trust_store", refuse)
    assert found("authorities").text == "cannot be read: its permissions do not allow it"


def test_authorities_in_a_folder_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("4a6481c9.0", "5ad8a5d6.1", "README", "x.pem"):
        (tmp_path / name).touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert trust_store() == TrustStore(2, (str(tmp_path),), ("SSL_CERT_FILE", "SSL_CERT_DIR"))


def test_windows_has_a_store_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_shell.net.tls_library.sys", SimpleNamespace(platform="win32"))
    assert trust_store().places == ("the certificate store of Windows",)


class _Stream:
    def __init__(self, encoding: str, *, is_terminal: bool = True) -> None:
        self.encoding = encoding
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def fileno(self) -> int:
        raise OSError


@pytest.mark.parametrize(
    ("encoding", "platform", "advice"),
    [("UTF-8", "linux", ""), ("ascii", "linux", "LC_ALL"), ("cp1252", "win32", "PYTHONUTF8=1"), ("utf-8", "win32", "")],
)
def test_a_terminal_without_utf_8_is_noted(
    monkeypatch: pytest.MonkeyPatch, encoding: str, platform: str, advice: str
) -> None:
    monkeypatch.setattr(sys, "stdout", _Stream(encoding))
    monkeypatch.setattr(sys, "stdin", _Stream(encoding))
    monkeypatch.setattr(sys, "platform", platform)
    one = next(each for each in diagnosis.terminal_findings() if each.about == "characters")
    assert (one.verdict is Verdict.NOTE) == bool(advice)
    assert advice in one.advice


@pytest.mark.parametrize(("name", "is_noted"), [("", True), ("dumb", True), ("xterm-256color", False)])
def test_a_dumb_terminal_is_noted(monkeypatch: pytest.MonkeyPatch, name: str, is_noted: bool) -> None:
    monkeypatch.setattr(sys, "stdout", _Stream("utf-8"))
    monkeypatch.setattr(sys, "stdin", _Stream("utf-8"))
    monkeypatch.setenv("TERM", name)
    findings = {each.about: each for each in diagnosis.terminal_findings()}
    assert (findings["TERM"].verdict is Verdict.NOTE) == is_noted
    assert "does not tell its size" in findings["size"].text


def test_a_configuration_that_is_wrong_is_a_problem(place: Path) -> None:
    folder = place / "configuration"
    folder.mkdir()
    (folder / "config.toml").write_text("[settings]\ntimeuot = 5\n", encoding="utf-8")
    (folder / "config.toml").chmod(0o600)
    done = run_text("doctor")
    assert done.returncode == 1
    assert "config.toml:2: " in done.stdout
    assert "did you mean timeout" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 problem found."


def test_a_configuration_is_counted(place: Path) -> None:
    folder = place / "configuration"
    folder.mkdir()
    (folder / "config.toml").write_text('[profile.lab]\nhost = "127.0.0.1"\n', encoding="utf-8")
    (folder / "config.toml").chmod(0o600)
    assert found("config file").text.endswith("config.toml: 0 settings, 1 profile, 0 aliases")


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes there")
def test_what_others_may_read_is_a_problem(place: Path) -> None:
    state = place / "state"
    state.mkdir(mode=0o755)
    (state / "recordings").mkdir(mode=0o700)
    (state / "recordings" / "a.smtp").touch()
    assert found("state folder").verdict is Verdict.OK
    assert found("recordings").text == "1 file, 1 MiB"
    (state / "history").touch()
    (state / "history").chmod(0o644)
    assert found("state folder").verdict is Verdict.PROBLEM
    assert found("state folder").advice == f"chmod go= {state / 'history'}"


def test_a_state_folder_that_is_none_is_a_problem(place: Path) -> None:
    (place / "state").touch()
    assert "cannot be written to" in found("state folder").text


def test_secrets_in_the_environment_are_not_shown() -> None:
    done = run_text("doctor", env={"SMTP_SHELL_PASSWORD": "swordfish"})
    assert "SMTP_SHELL_PASSWORD (not shown)" in done.stdout
    assert "swordfish" not in done.stdout


def test_hostile_names_are_escaped() -> None:
    done = run("doctor", env={"TERM": "\x1b[2J", "SMTP_SHELL_STATE_DIR": "/tmp/\x1b]0;x\x07"})
    assert b"\x1b" not in done.stdout
    assert b"\\x1b]0;x\\x07" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["127.0.0.1:25"], "doctor takes a host without a port"),
        (["--ports", "25"], "doctor --ports needs a host"),
        (["127.0.0.1", "--ports", "0"], "--ports takes numbers"),
        (["127.0.0.1", "--ports", "1,2,3,4,5"], "--ports takes 4 ports at most"),
        (["127.0.0.1", "--timeout", "soon"], "--timeout"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], said: str) -> None:
    done = run("doctor", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in sentence(done)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def trusted_server() -> Iterator[tuple[int, str]]:
    with PracticeServer(PracticeSettings()) as server:
        yield server.port, str(server.ca_file)


def test_a_host_is_tried_only_where_the_user_names_it() -> None:
    closed = free_port()
    with trusted_server() as (port, authority):
        done = run_text("doctor", "localhost", "--ports", f"{port},{closed}", "--ca-file", authority, "-4")
        rows = done.stdout.splitlines()
    assert done.returncode == 0
    assert rows[0].startswith(f"  port {port}")
    assert "certificate verified" in rows[0]
    assert "not reached: the connection was refused" in rows[1]
    assert f"  To connect: smtp-shell --starttls localhost:{port}" in rows
    assert rows[-1] == "No problems found."


def test_a_certificate_that_is_not_good_is_a_problem() -> None:
    with trusted_server() as (port, _):
        done = run_text("doctor", "localhost", "--ports", str(port), "-4")
        rows = [
            json.loads(row)
            for row in run_text("doctor", "localhost", "--ports", str(port), "-4", "--json").stdout.splitlines()
        ]
    assert done.returncode == 1
    assert "PROBLEM" in done.stdout
    assert f"smtp-shell --starttls localhost:{port} -c /tls" in done.stdout
    assert [each.get("port") for each in rows] == [port, None, None]
    assert rows[-1] == {"problems": 1, "exit_status": 1}


def test_no_port_that_is_reached_is_3() -> None:
    done = run_text("doctor", "127.0.0.1", "--ports", str(free_port()))
    assert done.returncode == 3
    assert "refuses every port" in done.stdout
    assert done.stdout.splitlines()[-1] == "No port was reached."


def test_what_greets_as_no_mail_server_does_is_a_problem() -> None:
    with serving(lambda peer: peer.say("HTTP/1.1 400 Bad Request\x1b[2J")) as address:
        done = run("doctor", "127.0.0.1", "--ports", address.rpartition(":")[2], "--timeout", "5")
    assert done.returncode == 1
    assert b"PROBLEM: open" in done.stdout
    assert b"\x1b" not in done.stdout


def port(number: int, problem: str = "", **facts: object) -> Survey:
    target = Target(Way.TCP, "mail.example.org", number, tls=number == 465)
    if problem:
        return Survey(target, problem=f"no connection to mail.example.org:{number}: {problem}; try another.")
    known = Survey(target, opened_in=0.01, code=220, greeting="220 hi", keywords=(), starttls=number != 465)
    return replace(known, **facts) if number != 465 else replace(known, keywords=None, secured=(), starttls=False)


SILENT, REFUSED, UNKNOWN, NO_SERVER = (
    "it did not answer in time",
    "the connection was refused",
    "the name is not known",
    "no name server answers",
)


@pytest.mark.parametrize(
    ("surveys", "said"),
    [
        ((port(25, SILENT), port(465), port(587)), "this network lets no connection to port 25 out"),
        ((port(25, REFUSED), port(465), port(587)), "Port 25 is refused"),
        ((port(25), port(465, SILENT), port(587, SILENT)), "Only port 25 answers"),
        ((port(25), port(465), port(587)), "reaches every port"),
        ((port(25, UNKNOWN), port(465, UNKNOWN), port(587, UNKNOWN)), "is not known: check its spelling"),
        ((port(25, NO_SERVER), port(587, NO_SERVER)), "No name server answers"),
        ((port(25, REFUSED), port(587, REFUSED)), "refuses every port"),
        ((port(25, SILENT), port(587, SILENT)), "lets no mail connection out"),
        ((port(25, SILENT), port(587, REFUSED)), "for different reasons"),
        ((port(587, starttls=False),), "does not announce STARTTLS"),
    ],
)
def test_what_the_ports_mean(surveys: tuple[Survey, ...], said: str) -> None:
    assert said in " ".join(meaning(surveys))


@pytest.mark.parametrize(
    ("surveys", "command"),
    [
        ((port(25), port(465), port(587)), "smtp-shell smtps://mail.example.org"),
        ((port(25), port(587)), "smtp-shell --starttls mail.example.org"),
        ((port(25, starttls=False),), "smtp-shell mail.example.org"),
        ((port(2525),), "smtp-shell --starttls mail.example.org:2525"),
    ],
)
def test_how_to_connect_is_a_command(surveys: tuple[Survey, ...], command: str) -> None:
    assert list(meaning(surveys))[-1] == f"To connect: {command}"


def test_a_port_that_is_reached_and_breaks_off_is_troubled() -> None:
    assert not is_troubled(port(25))
    assert not is_troubled(port(25, SILENT))
    assert is_troubled(port(25, code=554))
    assert is_troubled(port(25, doubt="the certificate's chain is not trusted: x"))
    assert port_words(port(25, SILENT)) == "not reached: it did not answer in time"
