"""What differs on Windows and macOS, simulated here: each branch of the package that asks for the platform, side by side.

A module with a branch that is not in `BRANCHES` fails the first test, so that a new one brings its test with it.
"""

import asyncio
import errno
import io
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows, get_win_folder_from_env_vars

from smtp_shell import output_loss, private_files, programs, temporary_folders
from smtp_shell.cli import startup
from smtp_shell.client import netrc_file
from smtp_shell.config import PASSWORD_VARIABLE, config_dir, state_dir
from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.net import dumpcap, pipe, sockets, transport
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import Target, Way
from smtp_shell.replay import file_lines
from smtp_shell.servers import listening, serving, watching
from smtp_shell.shell import composition, dumb_prompt, output, prompting, terminal_echo, terminal_end
from tests.unit.cli.program import run

ROOT = Path(__file__).parents[2] / "smtp_shell"
BRANCH = re.compile(
    r"sys\.platform|os\.name\b|hasattr\((?:os|socket|select|signal), |getattr\((?:os|socket|select|signal), (?!option)"
)

# Modules that ask for the platform. The other side of each branch is in this file, or where the comment says.
BRANCHES = {
    "cli/diagnosis.py",  # tests/unit/cli
    "net/tls_library.py",  # tests/unit/net
    "shell/output.py",
    "cli/startup.py",
    "client/netrc_file.py",
    "configuration/reading.py",  # tests/unit/configuration/test_reading.py
    "net/dumpcap.py",
    "net/keepalive.py",  # tests/unit/net/test_keepalive.py
    "net/memory_key_log.py",  # tests/unit/net/test_channel_binding.py
    "net/pipe.py",
    "net/sockets.py",
    "net/transport.py",
    "net/waiting.py",  # tests/unit/net/test_waiting.py
    "private_files.py",
    "programs.py",  # tests/unit/test_programs.py, too
    "replay/file_lines.py",
    "output_loss.py",
    "servers/listening.py",
    "servers/serving.py",
    "servers/watching.py",
    "shell/composition.py",
    "shell/dumb_prompt.py",
    "shell/prompting.py",
    "shell/terminal_end.py",
    "shell/terminal_echo.py",
    "temporary_folders.py",
    "shell/whole_characters.py",  # tests/unit/shell/test_whole_characters.py
}


class Other:
    """A module as it is elsewhere: some names are others, and some are missing.

    Args:
        module: The module as it is here.
        without: Names that it does not have there.
        names: Names that are others there.
    """

    def __init__(self, module: ModuleType, without: tuple[str, ...] = (), **names: Any) -> None:
        self._module, self._without = module, without
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        if name in self._without:
            raise AttributeError(name)
        return getattr(self._module, name)


WINDOWS_OS = Other(
    os, ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "geteuid", "fchmod", "fchown", "sched_yield"), name="nt"
)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes modules take this system for Windows: all that they ask `os` and `sys`."""

    def on(*modules: ModuleType) -> None:
        for module in modules:
            if hasattr(module, "os"):
                monkeypatch.setattr(module, "os", WINDOWS_OS)
            if hasattr(module, "sys"):
                monkeypatch.setattr(module, "sys", Other(sys, platform="win32"))

    return on


def test_each_module_with_a_branch_is_known() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if BRANCH.search(path.read_text("utf-8"))}
    assert found == BRANCHES, "test both sides of a new branch, and name its module in BRANCHES"


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_the_echo_is_turned_off_and_on_where_there_is_one(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    with open(ours, "rb", 0), open(theirs, "rb", 0) as terminal:
        monkeypatch.setattr(terminal_echo, "sys", Other(sys, platform=platform, stdin=terminal))

        def is_on() -> bool:
            return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)

        with terminal_echo.no_echo():
            assert is_on() is (platform == "win32")
            with terminal_echo.usual_echo():
                assert is_on()
        assert is_on()


def test_the_folders_are_where_each_system_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SMTP_SHELL_STATE_DIR")
    monkeypatch.setattr("platformdirs.windows.get_win_folder", get_win_folder_from_env_vars)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "AppData" / "Local"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("SMTP_SHELL_CONFIG_DIR", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    windows, macos = tmp_path / "AppData" / "Local", Path.home() / "Library" / "Application Support"
    wanted = {
        Windows: (windows / "smtp-shell", windows / "smtp-shell"),
        MacOS: (macos / "smtp-shell", macos / "smtp-shell"),
        Unix: (Path.home() / ".local" / "state" / "smtp-shell", Path.home() / ".config" / "smtp-shell"),
    }
    for system, folders in wanted.items():
        monkeypatch.setattr(platformdirs, "PlatformDirs", system)
        assert (state_dir(), config_dir()) == folders


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_a_prompt_restores_the_modes_of_a_terminal_where_it_has_modes(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    with open(ours, "rb", 0), open(theirs, "rb", 0) as terminal:
        monkeypatch.setattr(prompting, "sys", Other(sys, platform=platform, stdin=terminal))
        with prompting.usual_modes():
            modes = termios.tcgetattr(terminal)
            modes[3] ^= termios.ECHO
            termios.tcsetattr(terminal, termios.TCSANOW, modes)
        assert (termios.tcgetattr(terminal) == modes) is (platform == "win32")


@pytest.mark.parametrize("has_poll", [True, False])
def test_without_a_buffer_a_broken_pipe_is_the_outputs_unless_the_system_says_that_somebody_reads(
    has_poll: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_poll:
        monkeypatch.delattr(select, "poll")
    reader, writer = os.pipe()
    with open(reader, "rb", 0) as other_end, open(writer, "wb", 0) as raw:
        stream = io.TextIOWrapper(raw, write_through=True)
        assert output_loss.is_lost(stream, BrokenPipeError()) is not has_poll
        other_end.close()
        assert output_loss.is_lost(stream, BrokenPipeError())
        stream.detach()


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_a_server_has_the_loop_that_the_platform_has(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "sys", Other(sys, platform=platform))
    usual = asyncio.new_event_loop()
    loop = serving._make_loop()
    try:
        assert (type(loop) is type(usual)) is (platform == "win32")
        assert isinstance(loop, asyncio.AbstractEventLoop)
    finally:
        loop.close()
        usual.close()


# Files


def test_without_modes_and_users_a_file_is_the_users(windows: Callable[..., None], tmp_path: Path) -> None:
    windows(private_files)
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o666)
    assert private_files.read_private(path, 10) == b"x"
    private_files.open_append(path, own=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    link = tmp_path / "link"
    link.symlink_to(path)
    assert private_files.read_private(link, 10) is None
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        private_files.open_append(link)


def test_where_nothing_open_can_be_moved_a_file_that_grows_is_created_under_its_name(
    windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[Path] = []

    def refuse_open(source: Path, target: Path) -> None:
        if any(Path(os.readlink(each)) == source for each in Path("/proc/self/fd").glob("*") if os.path.lexists(each)):
            raise PermissionError(13, "it is open")
        opened.append(source)
        source.rename(target)

    windows(private_files)
    monkeypatch.setattr(
        private_files,
        "os",
        Other(
            os, ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "link"), name="nt", replace=refuse_open, rename=refuse_open
        ),
    )
    path = tmp_path / "a"
    path.write_text("mine")
    left = tmp_path / ".smtp-shell-0123456789abcdef.draft"
    left.write_text("of a process that has ended")
    with private_files.create_private(path, overwrite=True, start=b"start\n") as file:
        file.write(b"more\n")
    assert (path.read_text(), opened) == ("start\nmore\n", [])
    with private_files.whole_file(tmp_path / "b") as file:
        file.write(b"whole")
    private_files.replace_private(path, b"new")
    assert (path.read_text(), (tmp_path / "b").read_text(), len(opened)) == ("new", "whole", 2)
    assert {each.name for each in tmp_path.iterdir()} == {"a", "b"}
    monkeypatch.setattr(
        private_files, "open_new", lambda path: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(UsageError, match="cannot be created: no space left"):
        private_files.create_private(tmp_path / "c", start=b"start\n")


def test_where_a_folder_has_no_lock_none_is_removed(
    windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    windows(temporary_folders)
    left = tmp_path / "smtp-shell-practice-of_a_run.run"
    left.mkdir(mode=0o700)
    with temporary_folders.TemporaryFolder("practice") as name:
        assert {each.name for each in tmp_path.iterdir()} == {left.name, Path(name).name}
    assert [*tmp_path.iterdir()] == [left]


def test_with_modes_a_file_of_others_is_none_and_ours_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o666)
    assert private_files.read_private(path, 10) is None
    private_files.open_append(path, own=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_lock_of_windows_is_on_the_first_octet(
    windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[int, int]] = []
    refusals = [PermissionError(), None]

    def locking(descriptor: int, mode: int, octets: int) -> None:
        asked.append((os.lseek(descriptor, 0, os.SEEK_CUR), octets))
        if (refusal := refusals.pop(0)) is not None:
            raise refusal

    windows(private_files)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_NBLCK=2, locking=locking))
    path = tmp_path / "lock"
    path.write_bytes(b"abc")
    with private_files.locked(path, 20.0):
        assert asked == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    "without", [("fchmod", "fchown"), ("fchown",), ()], ids=["Windows before 3.13", "Windows", "POSIX"]
)
def test_an_updated_transcript_is_written_on_each_system(
    without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(file_lines, "os", Other(os, without))
    path = tmp_path / "one.smtp"
    path.write_text("C: NOOP\nS: 250\n")
    path.chmod(0o640)
    file_lines.replace_lines(path, [])
    assert path.read_text() == "C: NOOP\nS: 250\n"
    assert stat.S_IMODE(path.stat().st_mode) == (0o600 if "fchmod" in without else 0o640)


@pytest.mark.parametrize("is_windows", [False, True])
def test_the_netrc_file_has_another_name_and_no_modes_on_windows(
    is_windows: bool, windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "_netrc").write_text("machine mail.example.org login ann password hush\n")
    (tmp_path / "_netrc").chmod(0o644)
    if is_windows:
        windows(netrc_file)
    entry = netrc_file.netrc_entry(None, "mail.example.org")
    assert (entry is not None and entry.password.reveal() == "hush") is is_windows


# Sockets


def test_what_windows_has_not_is_said(windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    windows(pipe)
    with pytest.raises(ConnectFailed, match=r"need a POSIX system; use HOST:PORT"):
        pipe.open_pipe(Target(Way.PIPE, "sendmail -bs", 0))
    monkeypatch.setattr(sockets, "socket", Other(socket, ("AF_UNIX",)))
    with pytest.raises(ConnectFailed, match=r"this platform has no Unix sockets; use lmtp://HOST:PORT"):
        sockets.open_unix(Target(Way.UNIX, "/run/lmtp", 0), 0.0)


class Options(socket.socket):
    """A socket that keeps the names of the options that are set."""

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        OPTIONS.add(option)
        if option != ~socket.SO_REUSEADDR:  # Windows's own
            super().setsockopt(level, option, *value)


OPTIONS: set[int] = set()


@pytest.mark.parametrize("is_windows", [False, True])
def test_a_port_is_shared_with_nobody(
    is_windows: bool, windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sockets, listening):
        monkeypatch.setattr(module, "socket", Other(socket, socket=Options))
    if is_windows:
        windows(sockets, listening)
    OPTIONS.clear()
    for listener in listening.listen("127.0.0.1", 0):
        port = listener.getsockname()[1]
        listener.close()
    assert (socket.SO_REUSEADDR in OPTIONS) is not is_windows
    assert (~socket.SO_REUSEADDR in OPTIONS) is is_windows
    OPTIONS.clear()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = ConnectSettings(source="127.0.0.1", source_port=port)
        sockets.open_tcp(socket.AF_INET, server.getsockname(), 2.0**40, settings).close()
    assert (socket.SO_REUSEADDR in OPTIONS) is not is_windows


def test_a_thread_yields_by_sleeping_where_there_is_no_other_way() -> None:
    transport._yield_by_sleep()
    assert transport._yield_processor is getattr(os, "sched_yield", transport._yield_by_sleep)


def test_a_watched_connection_is_not_polled_where_there_is_no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    import select

    monkeypatch.setattr(watching, "select", Other(select, ("poll",)))
    one, other = socket.socketpair()
    with one, other:
        other.sendall(b"ahead")
        added: list[str] = []
        watch: Any = SimpleNamespace(add=lambda connection, kind, octets: added.append(kind))
        watching.Tap(watch, "peer", 0.0, one.fileno()).server(b"250 Ok\r\n")
        monkeypatch.undo()
        watching.Tap(watch, "peer", 0.0, one.fileno()).server(b"250 Ok\r\n")
    assert added == ["server", "more"]


# Processes


@pytest.mark.parametrize(("system", "ended_by"), [("linux", "INT"), ("darwin", "INT"), ("win32", "TERM")])
def test_dumpcap_is_started_and_stopped_as_each_system_can(
    system: str, ended_by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "dumpcap"
    program.write_text(
        f"#!/bin/sh\ntrap 'echo INT >>{tmp_path}/end; exit' INT\ntrap 'echo TERM >>{tmp_path}/end; exit' TERM\n"
        f'echo "$@" >{tmp_path}/words\necho "File: -" >&2\nwhile :; do sleep 0.05; done\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(dumpcap, "sys", Other(sys, platform=system))
    with (tmp_path / "out").open("wb") as out:
        running = dumpcap.Dumpcap("tcp port 25", out)
        running.stop()
    assert ("-i any" in (tmp_path / "words").read_text()) is (system == "linux")
    assert (tmp_path / "end").read_text().split() == [ended_by]


@pytest.mark.parametrize(
    ("system", "command", "words"),
    [
        ("linux", "", ["vi"]),
        ("win32", "", ["notepad"]),
        ("linux", "'my editor' -w", ["my editor", "-w"]),
        ("win32", r"C:\bin\vim.exe -f", [r"C:\bin\vim.exe", "-f"]),
        ("win32", r'"C:\Program Files\vim\vim.exe" -f', [r"C:\Program Files\vim\vim.exe", "-f"]),
        ("win32", r'C:\"Program Files"\vim\vim.exe', [r"C:\Program Files\vim\vim.exe"]),
        ("win32", r"C:\Users\O'Neill\vim.exe", [r"C:\Users\O'Neill\vim.exe"]),
    ],
)
def test_the_editor_is_the_systems_own_or_the_users(
    system: str, command: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def note(argv: list[str], env: dict[str, str], check: bool) -> SimpleNamespace:
        assert PASSWORD_VARIABLE not in env
        started.append(argv[:-1])
        return SimpleNamespace(returncode=0)

    for module in (composition, programs):
        monkeypatch.setattr(module, "sys", Other(sys, platform=system))
    monkeypatch.setattr(composition, "program_file", str)
    monkeypatch.setenv(PASSWORD_VARIABLE, "hush")
    monkeypatch.setattr(composition, "subprocess", Other(subprocess, run=note))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", command)
    assert composition.edited("text\n") == "text\n"
    assert started == [words]


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_an_editor_with_an_open_quote_is_refused(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "sys", Other(sys, platform=system))
    monkeypatch.setenv("VISUAL", '"vim')
    with pytest.raises(UsageError, match="a quote is not closed"):
        composition.edited("text")


@pytest.mark.parametrize(
    ("system", "text", "words"),
    [
        ("linux", "| 'my pager' -S", ["my pager", "-S"]),
        ("win32", r'| "C:\Program Files\Git\usr\bin\less.exe" -S', [r"C:\Program Files\Git\usr\bin\less.exe", "-S"]),
        ("win32", r'| findstr /C:"250 OK"', ["findstr", "/C:250 OK"]),
    ],
)
def test_what_follows_a_bar_is_read_as_each_system_quotes(
    system: str, text: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "sys", Other(sys, platform=system))
    assert output.split_programs("/show", text) == ("", [words])
    monkeypatch.setattr(output, "program_file", str)
    monkeypatch.setenv("PAGER", text.removeprefix("| "))
    assert output.pager_words() == words


@pytest.mark.parametrize(
    ("system", "is_console", "encoding"),
    [("linux", True, "utf-8"), ("win32", True, "cp850"), ("win32", False, "utf-8")],
)
def test_a_pager_of_windows_reads_the_code_page(
    system: str, is_console: bool, encoding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = SimpleNamespace(encoding="utf-8", isatty=lambda: is_console, flush=lambda: None)
    monkeypatch.setattr(output, "sys", Other(sys, platform=system, stdout=stream))
    monkeypatch.setattr(output, "os", Other(os, device_encoding=lambda descriptor: "cp850"))
    written = tmp_path / "written"
    out = output._Pipe(
        [[sys.executable, "-c", f"import sys; open({str(written)!r}, 'wb').write(sys.stdin.buffer.read())"]]
    )
    out.write("müller 😀")
    out.finish()
    emoji = "😀" if encoding == "utf-8" else "\\U0001f600"
    assert written.read_bytes().decode(encoding) == f"müller {emoji}"


@pytest.mark.parametrize("words", [["lint"], ["diff", "{path}"], ["show"], ["convert", "--to", "md"]], ids=str)
def test_standard_input_is_read_without_a_name_in_the_file_system(words: list[str], transcript: Path) -> None:
    words = [each.format(path=transcript) for each in words]
    named = run(*words, str(transcript))
    piped = run(*words, "-", stdin=transcript.read_bytes())
    assert piped.returncode == named.returncode
    assert _without(_without(piped.stdout, "-"), str(transcript)) == _without(named.stdout, str(transcript))


def _without(output: bytes, name: str) -> bytes:
    """Return output without the name of a file where it stands at the end of a line, or before a number of a line."""
    return re.sub(rb"%s(?=$|:\d)" % re.escape(os.fsencode(name)), b"", output, flags=re.MULTILINE)


def test_no_file_is_named_that_windows_has_not() -> None:
    # The commands that `/as` writes, and the completions, are for shells of POSIX; files in memory are of Linux.
    theirs = {"equivalents", "completions", "memory_key_log.py"}
    ours = [each for each in ROOT.rglob("*.py") if not theirs & set(each.parts)]
    assert [each for each in ours if re.search(r"""["'](?:/dev|/tmp|/proc|/etc)/""", each.read_text("utf-8"))] == []


@pytest.mark.parametrize(("system", "chooses"), [("linux", True), ("darwin", False), ("win32", False)])
def test_a_processor_is_chosen_on_linux_alone(system: str, chooses: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[set[int]] = []
    known: dict[str, Any] = {
        "sched_getaffinity": lambda pid: {0, 1},
        "sched_setaffinity": lambda pid, cores: chosen.append(cores),
    }
    monkeypatch.setattr(startup, "os", Other(os, **known))
    monkeypatch.setattr(startup, "sys", Other(sys, platform=system))
    interval = sys.getswitchinterval()
    try:
        startup.for_many_threads()
    finally:
        sys.setswitchinterval(interval)
    assert bool(chosen) is chooses


def test_where_there_is_no_sighup_the_other_signals_end_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: dict[int, Any] = {}

    def keep(number: int, handler: Any) -> Any:
        handled[number] = handler
        return signal.SIG_DFL

    there = {"SIGTERM": 15, "SIGBREAK": 21, "SIG_DFL": signal.SIG_DFL, "SIG_IGN": signal.SIG_IGN}
    monkeypatch.setattr(
        terminal_end, "signal", SimpleNamespace(**there, getsignal=lambda number: signal.SIG_DFL, signal=keep)
    )
    closed: list[bool] = []

    def breaks() -> int:
        handled[21](21, None)
        return 0

    shell: Any = SimpleNamespace(close=lambda: closed.append(True))
    assert terminal_end.run_until_end(shell, breaks) == 128 + 21
    assert closed == [True]
    assert handled == {15: signal.SIG_DFL, 21: signal.SIG_DFL}


def test_on_windows_a_dumb_console_is_read_without_a_poll(
    windows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = iter(["noop\r\n", ""])
    monkeypatch.setattr(
        dumb_prompt,
        "sys",
        Other(sys, platform="win32", stdin=SimpleNamespace(readline=lambda: next(lines))),
    )
    monkeypatch.setattr("getpass.getpass", lambda question: f"answer to {question}")
    assert dumb_prompt.read_line(lambda: "ready> ") == "noop"
    with pytest.raises(EOFError):
        dumb_prompt.read_line(lambda: "ready> ")
    assert dumb_prompt.read_line(lambda: "Password: ", hidden=True) == "answer to Password: "
    assert capsys.readouterr().out == "ready> ready> \n"


# The console


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "names.smtp"
    path.write_text("S: 220 müller.example → ready\nC: EHLO x.example\nS: 250 hi 😀\n", "utf-8")
    return path


@pytest.mark.parametrize("code_page", ["cp437", "cp850", "cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize("words", [["show"], ["show", "--explain"], ["lint"], ["show", "--diagram"]], ids=str)
def test_what_a_code_page_has_not_is_shown_as_an_escape(code_page: str, words: list[str], transcript: Path) -> None:
    done = run(*words, str(transcript), env={"PYTHONIOENCODING": code_page, "PYTHONUTF8": "0"})
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1)
    done.stdout.decode(code_page)
    if words == ["show"]:
        assert ("😀".encode() in done.stdout) is (code_page == "utf-8")
