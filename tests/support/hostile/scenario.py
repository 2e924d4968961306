"""What a scenario declares, and the registry of scenarios."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.hostile.peer import HostilePeer

USER = "student"
CANARY = "canary-4f9Q.parrot"
LETTER = "letter.eml"
ENVELOPE = ("ehlo", "mail ann@example.org", "rcpt bob@example.org")
MAIL_DATA = ("data", "Subject: greetings", "", "One line.", ".")

Way = Literal["batch", "terminal", "replay"]


def secret_forms() -> tuple[bytes, ...]:
    """Return every form of the canary credential; each may appear only inside TLS, on its way to the server."""
    password, user = CANARY.encode(), USER.encode()
    blobs = (b"\0" + user + b"\0" + password, user + b"\0" + user + b"\0" + password)
    return (password, base64.b64encode(password), *(base64.b64encode(blob) for blob in blobs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to misbehave, and what a test needs to know about it.

    Args:
        name: Its name; by default that of the function.
        says: What the server does, one sentence without its subject.
        play: The server's side.
        script: The lines to type, one `-c` each; those that start with `/` are commands of the shell.
        exit: The exit statuses allowed with `-c`.
        replay_exit: The exit statuses allowed for the replay of `transcript()`.
        shows: Regular expressions, case ignored, each of which the diagnostics must match.
        never: Octets that the server must never receive, in the clear or inside TLS, in upper or lower case.
        once: Octets that the server may receive at most once in a session.
        leaks: Octets that the terminal must never receive.
        rows: Words that no row of an 80-column terminal may start with, because only the program itself may say them.
        forged: Texts that no client line in the recording of the session may have.
        tls: How TLS starts: by STARTTLS, from the first octet, or not at all.
        scheme: The URL scheme; by default it follows from `tls`.
        options: More options for the program.
        credentials: Whether the program gets the user name, and the canary as the password.
        seconds: Longest time for the run with `--timeout 5`.
        idle: Whether the server sends while the prompt waits.
        canary: Whether the server sends the credential back.
        ways: The ways in which the program can be run against it.
        letter: Size in octets of the message that `data < letter.eml` sends; 0 for none.
        steps: The transcript's lines, if they cannot be derived from `script`.
    """

    name: str
    says: str
    play: Callable[[HostilePeer], None]
    script: tuple[str, ...]
    exit: frozenset[int]
    replay_exit: frozenset[int]
    shows: tuple[str, ...]
    never: tuple[bytes, ...]
    once: tuple[bytes, ...]
    leaks: tuple[bytes, ...]
    rows: tuple[str, ...]
    forged: tuple[str, ...]
    tls: Literal["starttls", "implicit"] | None
    scheme: str
    options: tuple[str, ...]
    credentials: bool
    seconds: float
    idle: bool
    canary: bool
    ways: frozenset[Way]
    letter: int
    steps: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The subject of its module, such as `starttls`."""
        return self.play.__module__.rpartition("scenarios_")[2]

    def url(self, port: int) -> str:
        """Return the URL of the server."""
        return f"{self.scheme}://127.0.0.1:{port}"

    def arguments(self, port: int, ca_file: Path) -> list[str]:
        """Return the arguments of `smtp-shell` for a run with `-c`.

        Args:
            port: The port that the hostile server listens on.
            ca_file: A file that holds `ca_pem()`.
        """
        return [*self.connection_arguments(port, ca_file), *(word for line in self.script for word in ("-c", line))]

    def connection_arguments(self, port: int, ca_file: Path) -> list[str]:
        """Return the arguments for the connection alone, for the shell in a terminal."""
        user = ["--user", USER] if self.credentials else []
        return ["--timeout", "5", "--ca-file", str(ca_file), *user, *self.options, self.url(port)]

    def environment(self) -> dict[str, str]:
        """Return the environment variables with the credential."""
        return {"SMTP_SHELL_PASSWORD": CANARY} if self.credentials else {}

    def write_files(self, folder: Path) -> None:
        """Write the files that the script refers to into the program's working directory."""
        if self.letter:
            line = b"All work and no play makes this a long letter, as some letters are.\r\n"
            head = b"From: ann@example.org\r\nSubject: a long letter\r\n\r\n"
            (folder / LETTER).write_bytes(head + line * (self.letter // len(line)))

    def transcript(self) -> str:
        """Return the script as a transcript in which every step expects success."""
        if self.steps:
            return "\n".join(self.steps) + "\n"
        steps = ["S: 220"]
        if "--starttls" in self.options:
            steps += [
                "C: EHLO client.example.org",
                "S: 250",
                "C: STARTTLS",
                "S: 220",
                "C: EHLO client.example.org",
                "S: 250",
            ]
        recipients = 0
        lines = iter(self.script)
        for line in lines:
            steps += _steps_of(line)
            recipients += len(line.split()) - 1 if line.startswith("rcpt ") else 0
            if line == "data":
                steps += [f"C: {text}" for text in iter(lambda: next(lines, "."), ".")] + ["C: ."]
            if line.startswith("data"):
                steps += ["S: 250"] * (recipients if self.scheme == "lmtp" else 1)
        return "\n".join(steps) + "\n"


_MECHANISM_STEPS = {
    "plain": ("C: AUTH PLAIN ${sasl}", "S: 235"),
    "login": ("C: AUTH LOGIN", "S: 334", "C: ${sasl}", "S: 334", "C: ${sasl}", "S: 235"),
    "scram-sha-256": ("C: AUTH SCRAM-SHA-256 ${sasl}", "S: 334", "C: ${sasl}", "S: 334", "C: ${sasl}", "S: 235"),
}
_SUCCESS_CODES = {"ehlo": "250", "helo": "250", "lhlo": "250", "starttls": "220", "quit": "221"}


def _steps_of(line: str) -> list[str]:
    words = line.split()
    verb = words[0].lower()
    if verb == "/wait":
        return [f"*: wait {words[1]}"]
    if verb == "/raw":
        return [f"C| {line.removeprefix('/raw ')}"]
    if verb.startswith("/"):
        return []
    if verb == "auth":
        return list(_MECHANISM_STEPS[words[1] if len(words) > 1 else "plain"])
    if verb == "data":
        return ["C: DATA", "S: 354", *([f"C< {words[2]}"] if len(words) > 1 else [])]
    if verb == "mail":
        return [f"C: MAIL FROM:<{words[1]}>", "S: 250"]
    if verb == "rcpt":
        return [step for address in words[1:] for step in (f"C: RCPT TO:<{address}>", "S: 250")]
    if verb in ("ehlo", "helo", "lhlo") and len(words) == 1:
        line = f"{verb} client.example.org"
    return [
        f"C: {line.upper() if len(words) == 1 else verb.upper() + line[len(verb) :]}",
        f"S: {_SUCCESS_CODES.get(verb, '2yz')}",
    ]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *,
    says: str,
    script: Iterable[str],
    exit: int | Iterable[int],
    replay_exit: int | Iterable[int] | None = None,
    shows: Iterable[str] = (),
    never: Iterable[bytes] = (),
    once: Iterable[bytes] = (),
    leaks: Iterable[bytes] = (),
    rows: Iterable[str] = (),
    forged: Iterable[str] = (),
    tls: Literal["starttls", "implicit"] | None = None,
    scheme: str = "",
    options: Iterable[str] = (),
    credentials: bool = False,
    seconds: float = 8.0,
    idle: bool = False,
    canary: bool = False,
    ways: Iterable[Way] = ("batch", "terminal", "replay"),
    letter: int = 0,
    steps: Iterable[str] = (),
    name: str = "",
) -> Callable[[Callable[[HostilePeer], None]], Callable[[HostilePeer], None]]:
    """Register a function as a scenario; the arguments are those of `Scenario`.

    `replay_exit` defaults to `exit`, with 1 added if that has 3, 4 or 5: in a replay, a refusal or an early close is a step that
    does not match.
    """
    exits = _statuses(exit)

    def register(play: Callable[[HostilePeer], None]) -> Callable[[HostilePeer], None]:
        entry = Scenario(
            name=name or play.__name__,
            says=says,
            play=play,
            script=tuple(script),
            exit=exits,
            replay_exit=(exits | {1} if exits & {3, 4, 5} else exits)
            if replay_exit is None
            else _statuses(replay_exit),
            shows=tuple(shows),
            never=tuple(never),
            once=tuple(once),
            leaks=tuple(leaks),
            rows=tuple(rows),
            forged=tuple(forged),
            tls=tls,
            scheme=scheme or ("smtps" if tls == "implicit" else "smtp"),
            options=tuple(options),
            credentials=credentials,
            seconds=seconds,
            idle=idle,
            canary=canary,
            ways=frozenset(ways),
            letter=letter,
            steps=tuple(steps),
        )
        if entry.name in SCENARIOS:
            raise ValueError(f"two scenarios are named {entry.name}")
        SCENARIOS[entry.name] = entry
        return play

    return register


def _statuses(exit: int | Iterable[int]) -> frozenset[int]:
    return frozenset((exit,) if isinstance(exit, int) else exit)
