"""Transcripts as tests of pytest: the file, the test, and the servers that they are replayed against."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, suppress
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import pytest
from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.config import PASSWORD_VARIABLE, Place, TlsSettings
from smtp_shell.errors import ConfigError, Interrupted, NotSendable, SmtpShellError, TranscriptError, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.target import parse_target
from smtp_shell.net.tls_check import check_tls
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.api import credentials_of
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters.text import step_lines
from smtp_shell.replay.results import Outcome
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.transcript.header import DIALOGUE
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.variables import parse_assignment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smtp_shell.api.servers import Practice
    from smtp_shell.api.session import Session
    from smtp_shell.replay.results import ReplayResult
    from smtp_shell.transcript.transcript import Transcript

PRACTICE: Final = "practice"
OWN: Final = "transcript"
"""Stands for the server that each transcript names."""

_SNIFFED = 4096  # octets: notes may stand before the first line of a dialogue
_MARK = re.compile(r"[A-Za-z][\w.+-]*", re.ASCII)
# What these do is pytest's, or another plugin's, and not what a word of a file asks for.
_NO_MARKS = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "and", "or", "not"})
_STEPS_BEFORE = 5
"""How many steps before the first difference a failure shows."""


class Server(Struct, frozen=True):
    """A server to replay against or to connect to.

    Args:
        url: Its URL; empty for the one that each transcript names.
        ca_file: PEM file with the authorities to trust; None for the system's.
        user: User name for AUTH; empty for the one that the transcript names.
        password: The password; None where there is none.
    """

    url: str
    ca_file: Path | None = None
    user: str = ""
    password: Secret | None = None


_RUNNING: Final = pytest.StashKey["Practice"]()


def looks_native(path: Path) -> bool:
    """Return whether a file begins as a native transcript does: with its header, or with a line of a dialogue after notes."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_SNIFFED).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    except OSError:
        return False
    lines = (line for line in start.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    first = next(lines, "")
    return first.lower().startswith("transcript:") or DIALOGUE.match(first) is not None


def looks_foreign(path: Path) -> bool:
    """Return whether a file is what another tool wrote about a dialogue."""
    try:
        with open_transcript(path) as reader:
            return bool(reader.taken_for)
    except SmtpShellError:
        return False


def server_names(config: pytest.Config, *, for_sessions: bool = False) -> list[str]:
    """Return what the options and settings name as servers; the practice server where they name none.

    Args:
        config: The run's configuration.
        for_sessions: Whether a session is to be connected, for which `transcript` names nothing.
    """
    named = list(dict.fromkeys(config.getoption("smtp_server") or config.getini("smtp_server")))
    if for_sessions:
        named = [name for name in named if name != OWN]
    return named or [PRACTICE]


def find_server(config: pytest.Config, name: str) -> Server:
    """Return a server by its name; the practice server is started if it is the first to ask for it.

    Args:
        config: The run's configuration.
        name: A URL, `practice` or `transcript`.
    """
    if name == PRACTICE:
        practice = running_practice(config)
        return Server(practice.url, practice.ca_file, practice.user, Secret(practice.password))
    password = os.environ.get(PASSWORD_VARIABLE, "")
    user = _setting(config, "smtp_user")
    return Server("" if name == OWN else name, _ca_file(config), user, Secret(password) if password else None)


def connected(server: Server) -> Session:
    """Return a session with a server. Where there is none, the test fails with a sentence in place of a traceback."""
    from smtp_shell.api.session import connect

    try:
        return connect(server.url, ca_file=server.ca_file)
    except SmtpShellError as error:
        problem = f"no session with {escape_str(server.url)}: {error}"
    pytest.fail(problem, pytrace=False)


def check_options(config: pytest.Config) -> None:
    """Check the options.

    Raises:
        pytest.UsageError: One cannot be used.
    """
    try:
        _replay_settings(config)
        for name in server_names(config):
            if name not in (PRACTICE, OWN):
                parse_target(name)
        ca_file = _ca_file(config)
        check_tls(TlsSettings(ca_file=ca_file, place=Place.PYTEST))
    except SmtpShellError as error:
        raise pytest.UsageError(str(error)) from None


def running_practice(config: pytest.Config) -> Practice:
    """Return the practice server of this run, or of this worker of pytest-xdist; start it if it does not run yet."""
    running = config.stash.get(_RUNNING, None)
    if running is None:
        from smtp_shell.api.servers import practice_server

        stack = ExitStack()
        running = config.stash[_RUNNING] = stack.enter_context(practice_server())
        config.add_cleanup(stack.close)
    return running


def beside(test: Path, transcript: str | PathLike[str] | Transcript) -> str | PathLike[str] | Transcript:
    """Return a transcript, looked for beside a test where its name is relative and there is such a file."""
    if not isinstance(transcript, (str, PathLike)):
        return transcript
    near = test.parent / transcript
    return near if os.path.exists(near) else transcript


def _ca_file(config: pytest.Config) -> Path | None:
    """Return the file of the option, which is named from where pytest was started, or of the setting, from the root of the run."""
    option, setting = config.getoption("smtp_ca_file"), str(config.getini("smtp_ca_file") or "")
    if option:
        return config.invocation_params.dir / str(option)
    return config.rootpath / setting if setting else None


def _setting(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name) or config.getini(name) or "")


class TranscriptFile(pytest.File):
    """A transcript: one test for each server."""

    def collect(self) -> Iterator[TranscriptTest]:
        """Check the whole transcript, and yield its tests.

        Raises:
            CollectError: It is malformed.
        """
        try:
            with open_transcript(self.path) as reader:
                tags = re.split(r"[\s,]+", reader.header.tags.lower()) if reader.header is not None else []
            names = server_names(self.config)
            self._check(names[0])
        except TranscriptError as error:
            raise self.CollectError(_relative(error.message, self)) from None
        for name in names:
            label = f"replay[{escape_str(name)}]" if len(names) > 1 else "replay"
            test: TranscriptTest = TranscriptTest.from_parent(self, name=label, server=name)
            for tag in dict.fromkeys(tags):
                if _MARK.fullmatch(tag) and tag not in _NO_MARKS:
                    _register(self.config, tag)
                    test.add_marker(tag)
            yield test

    def _check(self, server: str) -> None:
        """Check that the transcript is well-formed. What else keeps it from being replayed is a failure of its test."""
        with suppress(UsageError, NotSendable, ConfigError):
            Replay(self.path, replace(_replay_settings(self.config), server=_placeholder(server))).check(keep=False)


class TranscriptTest(pytest.Item):
    """One transcript, replayed against one server.

    Args:
        name: The test's name.
        parent: The transcript.
        server: A URL, `practice` or `transcript`.
    """

    def __init__(self, *, name: str, parent: TranscriptFile, server: str, **options: Any) -> None:  # pytest's own
        super().__init__(name, parent, **options)
        self._server = server

    def runtest(self) -> None:
        """Replay the transcript. A failure is shown as the differences or a sentence, without a traceback.

        Raises:
            KeyboardInterrupt: Ctrl-C ended it.
        """
        try:
            result = self._replay()
        except SmtpShellError as error:
            problem = str(error)
        else:
            if result.exit_status == Interrupted.exit_status:
                raise KeyboardInterrupt
            problem = "" if result.ok else "\n".join(_lines(result))
        if problem:
            pytest.fail(_relative(problem, self), pytrace=False)

    def _replay(self) -> ReplayResult:
        server = find_server(self.config, self._server)
        settings = replace(
            _replay_settings(self.config),
            server=server.url or None,
            tls_settings=TlsSettings(ca_file=server.ca_file, place=Place.PYTEST),
            credentials=None if server.password is None else credentials_of(server.user, server.password),
        )
        return Replay(self.path, settings).run()

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test is, and its heading."""
        return self.path, 0, self.nodeid.replace("::replay", " ", 1).strip()


def _lines(result: ReplayResult) -> Iterator[str]:
    """Yield the lines of a failure: what is wrong and where, then the steps around the differences."""
    first = next((at for at, step in enumerate(result.steps) if step.outcome is Outcome.MISMATCHED), len(result.steps))
    yield result.failure or "the replay failed"
    yield f"{result.path} -> {result.server}" if result.server else result.path
    for at, step in enumerate(result.steps):
        if at >= first - _STEPS_BEFORE and (at <= first or step.outcome is Outcome.MISMATCHED):
            yield from step_lines(step)
    if result.ending:
        yield result.ending


def _relative(text: str, node: pytest.Item | pytest.Collector) -> str:
    """Return a text in which the transcript has its name below the root of the run, as in all that pytest writes."""
    name = node.nodeid.partition("::")[0]
    return text.replace(escape_str(str(node.path)), escape_str(name)) if name else text


def _replay_settings(config: pytest.Config) -> ReplaySettings:
    """Return the settings of each replay.

    Raises:
        UsageError: A value of an option or setting is wrong.
    """
    settings = ReplaySettings()
    level = _setting(config, "smtp_match")
    try:
        if level:
            settings = replace(settings, strictness=Strictness.parse(level))
        given = config.getoption("smtp_var") or config.getini("smtp_var")
        return replace(settings, variables=dict(parse_assignment(each) for each in given))
    except ValueError as error:
        raise UsageError(f"--smtp-match and --smtp-var: {error}.") from None


def _placeholder(name: str) -> str | None:
    """Return a server to check a transcript with: nothing is started or connected to while tests are collected."""
    return None if name == OWN else "127.0.0.1:25" if name == PRACTICE else name


def _register(config: pytest.Config, tag: str) -> None:
    known = {re.split(r"[:(]", line, maxsplit=1)[0].strip() for line in config.getini("markers")}
    if tag not in known:
        config.addinivalue_line("markers", f"{tag}: a word of Tags in a transcript")
