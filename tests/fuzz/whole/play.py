"""Runs the program on a case, and returns all that can be seen of it."""

from __future__ import annotations

import gc
import io
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

from smtp_shell.cli import main as cli
from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import TlsSettings
from smtp_shell.display.views import ConsoleView
from smtp_shell.protocol.events import Entry
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.certificate import ServerCertificate, make_certificate
from smtp_shell.shell import repl
from smtp_shell.shell.handshakes import finish_tls
from smtp_shell.shell.lines import begins_mail_data
from smtp_shell.shell.settings import ShellOptions, ShellSettings
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_secrets import begins_exchange
from tests.fuzz.material import folder
from tests.fuzz.whole.case import Answer, How, Turn, parse
from tests.fuzz.whole.memory import NAME, Clock, Wire, connections
from tests.fuzz.whole.server import PASSWORDS, TOKEN, USER, CaseServer, certificate_of, plain_response

HOST = "192.0.2.25"
TIMEOUT = 5
_ADDRESS = rf"(?:smtps?://|lmtp://)?{re.escape(HOST)}"
# What is typed may come from a fuzzer: no line of it may start a program, ask the network, or write to a file of its own choice.
_SAFE = re.compile(
    rf"/connect(?: --(?:starttls|tls|no-wait))* {_ADDRESS}|/reconnect(?: --(?:back|mail|resume))*|/drop(?: --rst)?|/disconnect|/status"
    r"|/wait(?: [0-9.]{1,4})?|/pipeline(?: [^|>]*)?|/capabilities(?: --json)?|/as(?: \w+)?|/diagram|/timing|/lint|/hex|/explain(?: \d+)?"
    r"|/header(?: [^|>]*)?|/note [^|>]*|/raw [^|>]*|/raw .*\\[rn]|/tls(?: chain| --all| --json| pin(?: off)?)*|/show(?: data)?|/history"
    r"|/send|/set (?:explain|lint|decoded|times|timeout|auto-ehlo|chunk-size|theme|ehlo|insecure-auth) \S*|/help(?: \S+)?"
    r"|/compose --from \S+ --to \S+ --subject \S+ --body [^|>]*|/exit|/sessions"
)
_PICTURES = {0x2400 + number: number for number in range(32)} | {0x2421: 0x7F}
_MARKS = ("@@", "@=", "@p")


@dataclass(slots=True)
class Recorded:
    """One recording, and what should be in it.

    Args:
        path: The file.
        log: The events that were published while it was made.
    """

    path: Path
    log: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Played:
    """What became of a case.

    Args:
        how: How it was run.
        home: The folder of its files.
        status: The exit status; None at a prompt.
        said: What was written to standard output and standard error, or the screen.
        own: The recording that the user asked for.
        sessions: The recordings that were made without being asked for.
        seconds: How long it took on the case's clock.
        octets: How many octets went over the wire.
        waits: How many lines were typed, and connections made.
        typed_secret: Whether a password was typed or sent.
    """

    how: How
    home: Path
    status: int | None = None
    said: bytes = b""
    own: Recorded = field(default_factory=lambda: Recorded(Path()))
    sessions: list[Recorded] = field(default_factory=list)
    seconds: float = 0.0
    octets: int = 0
    waits: int = 1
    typed_secret: bool = False


@cache
def certificate() -> ServerCertificate:
    """Return the certificate of all servers."""
    place = folder() / "certificate"
    place.mkdir(mode=0o700)
    return make_certificate(place, HOST, "mail.example.com", "localhost", "127.0.0.1")


@cache
def files() -> Path:
    """Return the folder of the files that a case may send."""
    place = folder() / "files"
    place.mkdir()
    (place / "letter.eml").write_bytes(b"Subject: x\r\n\r\n.a line\r\nHello\r\n")
    (place / "big.eml").write_bytes(b"Subject: big\r\n\r\n" + b"0123456789 a line of text\r\n" * 4_000)
    (place / "odd.bin").write_bytes(b"\r\r\n.\r\n\0\xff\x1b[31m${sasl}\n.\n" + bytes(range(256)))
    return place


def run_command(*words: str) -> tuple[int, bytes, bytes]:
    """Run a command of the program in this process. Return its status, and what it wrote to standard output and standard error."""
    out, errors = _stream(), _stream()
    with (
        patch.object(sys, "stdout", out),
        patch.object(sys, "stderr", errors),
        patch.object(gc, "freeze", lambda: None),
    ):
        status = cli.main(list(words))
    return status, _octets(out), _octets(errors)


def play(text: str) -> Played:
    """Run a case."""
    how, turns = parse(text)
    return _Play(how, turns).run()


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")


def _octets(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue()


@contextmanager
def home_of_case(*, keep: bool = False) -> Iterator[Path]:
    """Give the program folders of its own, with a password in the environment.

    Args:
        keep: Whether they stay as they are; otherwise they are empty.
    """
    place = folder() / "case"
    if not keep:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
    given = {
        "SMTP_SHELL_STATE_DIR": str(place / "state"),
        "SMTP_SHELL_CONFIG_DIR": str(place / "config"),
        "SMTP_SHELL_PASSWORD": PASSWORDS[0],
        "HOME": str(place / "home"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    with patch.dict(os.environ, given):
        yield place


class _Play:
    def __init__(self, how: How, turns: list[Turn]) -> None:
        self._how, self._turns = how, turns
        self._clock = Clock()
        self._answers: deque[Answer] = deque()
        self._server: CaseServer | None = None
        self._wires: list[Wire] = []
        self._shells: list[Shell] = []
        self._may_be_data = False  # DATA was typed, and no dot after it
        self._played = Played(how, Path())

    def run(self) -> Played:
        played = self._played
        begun = self._clock.now
        with home_of_case() as home, ExitStack() as stack:
            played.home, played.own = home, Recorded(home / "own.smtp")
            stack.enter_context(connections(self._clock, self._open))
            stack.enter_context(self._following())
            stack.callback(self._close_recordings)
            if "prompt" in self._how:
                out = _stream()  # scripts are written there, not on the screen
                with patch.object(sys, "stdout", out):
                    self._at_prompt()
                played.said += _octets(out)
            else:
                self._without_prompt()
        played.seconds = self._clock.now - begun
        played.octets = sum(wire.octets for wire in self._wires)
        played.sessions = [each for each in played.sessions if each.path.is_file()]
        return played

    def _close_recordings(self) -> None:
        """Close what an error that is not ours has left open."""
        for shell in self._shells:
            shell.recordings.end_session()
            shell.recordings.close()

    def _open(self) -> Wire:
        self._played.waits += 1
        if self._answers and self._answers[0][0].kind == "R":
            self._answers.popleft()
            raise ConnectionRefusedError(111, "Connection refused")
        window = self._how.numbers("win")
        server = CaseServer(self._how, self._answers, certificate_of(certificate()))
        self._server = server
        wire = Wire(self._clock, server, window[0] if window else 1 << 20)
        self._wires.append(wire)
        return wire

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Follow what each connection publishes, beside the recorders."""
        consumers = Shell.consumers
        played = self._played

        def follow(shell: Shell, *words: Any) -> list[Any]:
            self._shells[:] = [shell]
            logs = [played.own.log]
            if shell.recordings.session is not None:
                played.sessions.append(Recorded(shell.recordings.session.path))
                logs.append(played.sessions[-1].log)

            def note(entry: Entry) -> None:
                for log in logs:
                    log.append(entry)

            return [*consumers(shell, *words), note]

        with patch.object(Shell, "consumers", follow):
            yield

    # What is typed

    def _begin(self, turn: Turn) -> None:
        self._answers.clear()
        self._answers.extend(turn.answers)
        if turn.unasked and self._server is not None:
            self._server.unasked(turn.unasked)

    def _typed(self) -> Iterator[str]:
        """Yield each line when it is due, after what the server says before it."""
        for turn in self._turns[1:]:
            self._begin(turn)
            if "prompt" in self._how:
                self._look(self._shells[0])
            if turn.typed is not None:
                self._played.waits += 1
                line = self._line(turn.typed)
                self._may_be_data = line != "." and (self._may_be_data or begins_mail_data(line))
                yield line

    def _line(self, text: str) -> str:
        text = text.translate(_PICTURES)
        stripped = text.strip(" \t")
        if stripped.startswith("/") and not _SAFE.fullmatch(stripped):
            text = "/status"
        if any(mark in text for mark in _MARKS):
            secret = self._is_secret_here(text)
            self._played.typed_secret |= secret
            word = PASSWORDS[1] if secret else "public"
            text = text.replace("@@", word).replace("@=", _base64(word)).replace("@p", plain_response(word).decode())
        return text.replace("@f", str(files())).replace("\n", " ")

    def _is_secret_here(self, text: str) -> bool:
        """Return whether a password in this line is one: in an AUTH, and where the server waits for one."""
        if not re.search(r"(?<!\S)(?:@@|@=|@p)(?=\s|\\|$)", text):
            return False  # a part of a word: nobody can know what of it is the password
        shell = self._shells[0] if self._shells else None
        if shell is None or shell.phase in (None, Phase.MAILDATA):
            return False
        if self._may_be_data and "keep" in self._how and "prompt" not in self._how:
            return False  # after a refused DATA, lines are read up to a dot, and run when there is none: another DATA may be among them
        if shell.session is not None:
            dialogue = shell.session.dialogue
            # In LOGIN the first answer is the user name, which is shown.
            if dialogue.unended or dialogue.chunk_left or dialogue._raw_in_data or dialogue.exchange._expects_user:
                return False
        if shell.group is not None and shell.group.commands:
            last = shell.group.commands[-1]
            # Other lines are commands, as far as anybody knows, and end the exchange.
            return (last.verb == "AUTH" or last.public == 0) and len(text.split()) == 1
        is_answer = shell.awaits_answer and (shell.phase is Phase.AUTH or len(text.split()) == 1)
        return is_answer or bool(
            re.match(r"(?i)\s*(?:/raw )?auth \S+ @[p=]", text)
            and begins_exchange(text.strip()[5 * text.strip().startswith("/raw") :])
        )

    def _without_prompt(self) -> None:
        how, played = self._how, self._played
        begin = [
            word
            for word in ("--keep-going", "--json", "--starttls", "--insecure")
            if word[2:].replace("-going", "") in how
        ]
        words = [*begin, "--timeout", str(TIMEOUT), "--user", USER, "--ehlo", NAME, "--no-config"]
        words += ["--record", str(played.own.path)] + (
            ["--ca-file", str(certificate().ca_file)] if "no-ca" not in how else []
        )
        words += ["--insecure-auth"] if "private" not in how else []
        scheme = "smtps" if "smtps" in how else "lmtp" if "lmtp" in how else "smtp"
        self._begin(self._turns[0])
        with patch.object(sys, "stdin", _Typed(self._typed())):
            status, out, errors = run_command(*words, f"{scheme}://{HOST}", "-f", "-")
        played.status, played.said = status, out + errors

    def _at_prompt(self) -> None:
        how, played = self._how, self._played
        out = io.StringIO()
        width = min(max((*how.numbers("width"), 80)[0], 24), 200)
        view = ConsoleView(Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False))
        options = ShellOptions(
            tls=TlsSettings(ca_file=None if "no-ca" in how else certificate().ca_file, insecure="insecure" in how),
            credentials=CredentialSource(USER, preset=Secret(PASSWORDS[0]), preset_token=Secret(TOKEN)),
            interactive=True,
        )
        settings = ShellSettings(timeout=TIMEOUT, ehlo=NAME, insecure_auth="private" not in how)
        shell = Shell(view, options, settings, ask=lambda question, hidden: PASSWORDS[0] if hidden else "y")
        self._shells.append(shell)
        shell.record_to(played.own.path)
        self._begin(self._turns[0])
        scheme = "smtps" if "smtps" in how else "lmtp" if "lmtp" in how else "smtp"
        starttls = "--starttls " if "starttls" in how and scheme != "smtps" else ""
        repl.run_typed(shell, f"/connect {starttls}{scheme}://{HOST}")
        for line in self._typed():
            if shell.leaving:
                break
            repl.run_typed(shell, line)
        self._look(shell)
        shell.close()
        played.said = out.getvalue().encode("utf-8", "surrogateescape")

    def _look(self, shell: Shell) -> None:
        """Show what has come while the prompt waited, and do a handshake that is due."""
        session = shell.session
        if session is not None and session.has_input:
            repl._guard(shell, shell.look)
        if session is not None and session.is_open and session.tls_due:
            repl._guard(shell, partial(finish_tls, shell))


class _Typed(io.RawIOBase):
    """Standard input that is no terminal: each line comes when it is asked for.

    Args:
        lines: The lines.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        super().__init__()
        self._lines = lines

    @property
    def buffer(self) -> _Typed:
        return self

    def isatty(self) -> bool:
        return False

    def read1(self, size: int) -> bytes:
        line = next(self._lines, None)
        return b"" if line is None else line.encode("utf-8", "surrogateescape") + b"\n"


def _base64(word: str) -> str:
    from base64 import b64encode

    return b64encode(word.encode()).decode()
