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
    """Give every form of the canary credential that must be seen nowhere but inside TLS, on its way to the server."""
    password, user = CANARY.encode(), USER.encode()
    blobs = (b"\0" + user + b"\0" + password, user + b"\0" + user + b"\0" + password)
    return (password, base64.b64encode(password), *(base64.b64encode(blob) for blob in blobs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to misbehave, with all that a test needs to know about it.

    Args:
        name: The function's name.
        says: What the server does, in one sentence.
        play: The server's side.
        script: The lines typed, one `-c` each; lines that start with `/` are for the shell.
        exit: The exit statuses that are right for `-c`.
        replay_exit: The exit statuses that are right for the replay of `transcript()`.
        shows: Regular expressions, case ignored, each of which the diagnostics must match.
        never: Octets that the server must never receive, in the clear or inside TLS, in upper or lower case.
        once: Octets that the server may receive once at most in a session.
        leaks: Octets that the terminal must never receive.
        rows: Words that no row of an 80-column terminal may start with, because only the program itself may say them.
        forged: What must never stand, as a line of the client, in the transcript of this session.
        tls: How TLS comes in: by STARTTLS, from the first octet, or not at all.
        scheme: The URL scheme where it is not what `tls` makes it.
        options: More options for the program.
        credentials: Give the user name, and the canary as the password.
        seconds: How long the whole run may take with `--timeout 5`.
        idle: The server speaks while the prompt waits.
        canary: The server says the credential back.
        ways: The ways in which this scenario can be put to the program.
        letter: Octets of the letter that `data < letter.eml` sends; 0 for none.
        steps: The transcript's lines where they cannot be derived from `script`.
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
        """Name the room of the scenario, such as `starttls`."""
        return self.play.__module__.rpartition("scenarios_")[2]

    def url(self, port: int) -> str:
        """Name the server as the program's target."""
        return f"{self.scheme}://127.0.0.1:{port}"

    def arguments(self, port: int, ca_file: Path) -> list[str]:
        """Give the arguments of `smtp-shell` for the `-c` way.

        Args:
            port: The port that the hostile server listens on.
            ca_file: A file that holds `ca_pem()`.
        """
        return [*self.connection_arguments(port, ca_file), *(word for line in self.script for word in ("-c", line))]

    def connection_arguments(self, port: int, ca_file: Path) -> list[str]:
        """Give the arguments that lead to the server, without the lines: for the shell in a terminal."""
        user = ["--user", USER] if self.credentials else []
        return ["--timeout", "5", "--ca-file", str(ca_file), *user, *self.options, self.url(port)]

    def environment(self) -> dict[str, str]:
        """Give the variables of the environment that carry the credential."""
        return {"SMTP_SHELL_PASSWORD": CANARY} if self.credentials else {}

    def write_files(self, folder: Path) -> None:
        """Write into the folder in which the program is to run what the script refers to."""
        if self.letter:
            line = b"All work and no play makes this a long letter, as some letters are.\r\n"
            head = b"From: ann@example.org\r\nSubject: a long letter\r\n\r\n"
            (folder / LETTER).write_bytes(head + line * (self.letter // len(line)))

    def transcript(self) -> str:
        """Give the dialogue that the script hopes for, as a transcript: each step demands success."""
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
_CODE_HOPED_FOR = {"ehlo": "250", "helo": "250", "lhlo": "250", "starttls": "220", "quit": "221"}


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
        f"S: {_CODE_HOPED_FOR.get(verb, '2yz')}",
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

    Where `replay_exit` is not given it is `exit`, and 1 beside 3, 4 and 5: in a replay a refusal, or a connection that closes where the
    transcript goes on, is a step that did not match.
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
            raise ValueError(f"two scenarios are called {entry.name}")
        SCENARIOS[entry.name] = entry
        return play

    return register


def _statuses(exit: int | Iterable[int]) -> frozenset[int]:
    return frozenset((exit,) if isinstance(exit, int) else exit)
