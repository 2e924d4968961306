"""What each way to start loads. Time cannot be tested exactly, this can; each name here is milliseconds."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.peer import Hear, ScriptedServer, Turn

ROOT = Path(__file__).parents[3]

# What no start needs: each of these came in by the back door once.
NEVER = {
    "dataclasses",
    "regex",
    "platformdirs",
    "tzlocal",
    "uuid",
    "platform",
    "difflib",
    "subprocess",
    "shutil",
    "tempfile",
    "json",
    "random",
    "email",
    "multiprocessing",
    "cryptography",
    "trustme",
    "smtplib",
}
# What other libraries load differs from one version to the next, so they come first.
STANDARD = (
    "import functools, msgspec, pathlib, socket, ssl, threading, argparse as a\n"
    "a.ArgumentParser(formatter_class=functools.partial(a.HelpFormatter, width=80)).parse_args([])\n"
    "before = set(sys.modules)\n"
)
LIBRARIES = {"rich", "prompt_toolkit", "asyncio", "aiosmtpd"}


def loaded_by(code: str) -> set[str]:
    """Run code in a new interpreter; give the modules that it loads beside those that Python itself starts with."""
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint('loaded:', *set(sys.modules) - before)"
    run = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("loaded: ")[2].split())


def top_level(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def ours(names: Iterable[str]) -> set[str]:
    return {name.removeprefix("smtp_shell.") for name in names if name.startswith("smtp_shell.")}


@pytest.mark.parametrize("module", ["cli.main", "__main__"])
def test_the_version_loads_nothing(module: str) -> None:
    found = loaded_by(
        f"import smtp_shell.{module}\nfrom smtp_shell.cli.main import main\nassert main(['--version']) == 0"
    )
    assert found - {"__future__"} == {"smtp_shell", "smtp_shell.cli", "smtp_shell.cli.main", f"smtp_shell.{module}"}


def test_a_replay_loads_what_it_needs(tmp_path: Path) -> None:
    transcript = tmp_path / "noop.smtp"
    transcript.write_text("S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n", encoding="utf-8")
    turns: list[Turn] = [b"220 mx\r\n", Hear(b"NOOP\r\n"), b"250 ok\r\n", Hear(b"QUIT\r\n"), b"221 bye\r\n"]
    with ScriptedServer(turns) as server:
        words = ["replay", str(transcript), "--server", server.address]
        found = loaded_by(f"{STANDARD}from smtp_shell.cli.main import main\nassert main({words!r}) == 0")
    assert not top_level(found) & (NEVER | LIBRARIES)
    assert not ours(found) & {"shell.shell", "shell.repl", "display", "servers", "matching.normalise"}
    assert not ours(found) & {"net.in_time", "net.proxy", "net.dns", "protocol.proxy_header", "client.netrc_file"}


def test_tls_and_auth_load_what_they_need() -> None:
    found = loaded_by(f"{STANDARD}import smtp_shell.net.tls_layer, smtp_shell.client.authentication")
    assert not top_level(found) & (NEVER | LIBRARIES)
    assert "net.session_keys" not in ours(found)  # keys are for captures


def test_the_prompt_loads_no_connection_and_no_colours() -> None:
    # What prompt_toolkit loads is its own affair, so it comes first.
    found = loaded_by(
        f"import prompt_toolkit\n{STANDARD}"
        "from smtp_shell.shell.repl import run_repl\n"
        "from smtp_shell.shell.shell import Shell\n"
        "from smtp_shell.display.views import console_view\n"
        "Shell(console_view(color=True, force=False))"
    )
    assert not top_level(found) & (NEVER | {"rich", "aiosmtpd", "hmac", "shlex", "stringprep"})
    assert not ours(found) & {
        "client.session",
        "net.transport",
        "net.tls_context",
        "net.connect",
        "protocol.sasl",
        "transcript",
        "client.mail_hosts",
        "client.netrc_file",
        "display.surveys",
        "net.literals",
        "protocol.announcements",
        "protocol.client_attributes",
        "protocol.written_paths",
        "configuration",
        "shell.configured",
        "shell.connecting",
        "shell.draft_remarks",
        "shell.header_completion",
        "shell.login",
        "shell.mail_editor",
        "shell.mail_hosts",
        "shell.message_files",
        "shell.profiles",
    }


@pytest.mark.parametrize("text", ["", '[settings]\ntheme = "light"\n[profile.lab]\nhost = "mx"\n'])
def test_a_configuration_loads_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SMTP_SHELL_CONFIG_DIR", str(tmp_path))
    if text:
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    found = loaded_by(
        f"{STANDARD}import argparse, smtp_shell.cli.configured as start\n"
        "from smtp_shell.shell.settings import ShellSettings\n"
        "options = argparse.Namespace(no_config=False, profile=None)\n"
        "read = start.read_start(options, interactive=True)\n"
        "found, _ = start.settle(options, ShellSettings(), read, interactive=True, practises=False)\n"
        f"assert found.settings.theme == {'light' if text else 'dark'!r}, found"
    )
    assert ("tomllib" in found) is bool(text)
    assert {name for name in ours(found) if name.startswith("configuration")} == (
        {"configuration", "configuration.loading", "configuration.reading"} if text else set()
    )


def test_the_practice_server_listens_before_it_makes_a_certificate() -> None:
    found = loaded_by(
        "from smtp_shell.servers.practice import PracticeServer\n"
        "import smtp_shell.servers.practice.server as server\n"
        "server.deliver_certificate = lambda kept, own, certificate, names: certificate.set_exception(OSError())\n"
        "from smtp_shell.servers.practice import PracticeSettings\n"
        "with PracticeServer(PracticeSettings()) as running:\n"
        "    import socket\n"
        "    assert socket.create_connection((running.host, running.port), 10).recv(4) == b'220 '"
    )
    assert not top_level(found) & {"rich", "prompt_toolkit", "cryptography", "trustme", "smtplib"}
