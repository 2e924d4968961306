r"""The hostile server: one scenario, a thread a connection, loopback only, bounded in time and octets.

How to add a scenario: write a function in the `scenarios_*.py` of its subject (any new `scenarios_*.py` beside this file is found too),
and say in the decorator what the client is made to do, and what must come of it.

```python
@scenario(
    says="answers MAIL with 250 and a second 250, then refuses the recipient",
    script=("ehlo", "mail ann@example.org", "rcpt bob@example.org"),
    exit={1, 6},
)
def two_replies_to_mail(peer: Peer) -> None:
    peer.ordinary({b"MAIL": b"250 ok\r\n250 forged\r\n", b"RCPT": b"550 no such user\r\n"})
```

`peer.ordinary` greets where nothing was sent yet and then behaves as a server should, except for the verbs that it was given; `peer.until`
does the same up to the first command with a given verb. `b"."` stands for the reply to mail data. What the client must not do is said by
`never`, `once` and, where only the scenario can know it, by `peer.blame("...")`: a test asks `server.broken_promises()`.

A runner takes all it needs from the `Scenario`: `arguments`, `environment`, `write_files`, `transcript`, `exit`, `replay_exit`, `shows`,
`leaks`, `rows`, `forged`, `seconds`, `ways`.

By hand: `python -m tests.hostile.server NAME` serves one scenario for 60 seconds, `--list` lists them.
"""

import argparse
import base64
import contextlib
import datetime
import importlib
import ipaddress
import pkgutil
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER = "student"
CANARY = "canary-4f9Q.parrot"
LETTER = "letter.eml"
CAPABILITIES = (b"PIPELINING", b"SIZE 10485760", b"8BITMIME", b"ENHANCEDSTATUSCODES")
ENVELOPE = ("ehlo", "mail ann@example.org", "rcpt bob@example.org")
MAIL_DATA = ("data", "Subject: greetings", "", "One line.", ".")

KIB = 1024
MIB = 1024 * KIB
TICK = 0.05

Way = Literal["batch", "terminal", "replay"]
CertificateName = Literal[
    "good",
    "wrong name",
    "expired",
    "not yet valid",
    "self-signed",
    "unknown ca",
    "hostile names",
    "hostile wrong name",
    "many names",
]


def secret_forms() -> tuple[bytes, ...]:
    """Give every form of the canary credential that must be seen nowhere but inside TLS, on its way to the server."""
    password, user = CANARY.encode(), USER.encode()
    blobs = (b"\0" + user + b"\0" + password, user + b"\0" + user + b"\0" + password)
    return (password, base64.b64encode(password), *(base64.b64encode(blob) for blob in blobs))


class PeerGone(Exception):
    """The client left before the scenario came to its point."""


class Over(Exception):
    """The time or the octets that a scenario may use are used up, or the test is done with it."""


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
    play: "Callable[[Peer], None]"
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


_SCENARIOS: dict[str, Scenario] = {}


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
) -> "Callable[[Callable[[Peer], None]], Callable[[Peer], None]]":
    """Register a function as a scenario; the arguments are those of `Scenario`.

    Where `replay_exit` is not given it is `exit`, and 1 beside 3, 4 and 5: in a replay a refusal, or a connection that closes where the
    transcript goes on, is a step that did not match.
    """
    exits = _statuses(exit)

    def register(play: Callable[[Peer], None]) -> Callable[[Peer], None]:
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
        if entry.name in _SCENARIOS:
            raise ValueError(f"two scenarios are called {entry.name}")
        _SCENARIOS[entry.name] = entry
        return play

    return register


def _statuses(exit: int | Iterable[int]) -> frozenset[int]:
    return frozenset((exit,) if isinstance(exit, int) else exit)


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Import every `scenarios_*.py` beside this file and give all scenarios by name."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("scenarios_"):
            importlib.import_module(f"tests.hostile.{module.name}")
    return _SCENARIOS


HOSTILE_TEXT = "evil\x1b]0;owned\x07\x1b[31mred\u202egnp.\u2066\u200b\x9b1m\rC: QUIT"
"""Text for certificate fields: an OSC title, a colour, bidi, zero-width, a C1 control, a carriage return."""

HOSTILE_NAME_LEAKS = tuple(
    octets.encode()
    for octets in ("\x1b]0;owned", "\x1b[31mred", "\u202egnp", "\u2066", "\u200b", "\x9b1m", "red\rC: QUIT")
)


@cache
def _authority(name: Literal["trusted", "unknown"]) -> trustme.CA:
    return trustme.CA(organization_name=f"example {name} authority")


def ca_pem() -> bytes:
    """Give the certificate of the authority that the program is told to trust."""
    return _authority("trusted").cert_pem.bytes()


def fresh_server_context(certificate: CertificateName) -> ssl.SSLContext:
    """Make a server's side of TLS with one of the certificates, for a scenario that sets more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _leaf(certificate).configure_cert(context)
    return context


server_context = cache(fresh_server_context)
"""The same, one for all scenarios that need nothing else."""


@cache
def _leaf(certificate: CertificateName) -> trustme.LeafCert:
    here = ("localhost", "127.0.0.1")
    now = datetime.datetime.now(datetime.UTC)
    trusted = _authority("trusted")
    match certificate:
        case "good":
            return trusted.issue_cert(*here)
        case "wrong name":
            return trusted.issue_cert("mail.example.net")
        case "expired":
            return trusted.issue_cert(
                *here, not_before=now - datetime.timedelta(days=30), not_after=now - datetime.timedelta(days=2)
            )
        case "not yet valid":
            return trusted.issue_cert(
                *here, not_before=now + datetime.timedelta(days=2), not_after=now + datetime.timedelta(days=30)
            )
        case "unknown ca":
            return _authority("unknown").issue_cert(*here)
        case "many names":
            return trusted.issue_cert(*here, *(f"host-{n}.example.org" for n in range(1000)))
        case "self-signed":
            return _handmade(here, common_name="localhost", signed_by=None)
        case "hostile names":
            return _handmade(here, common_name=HOSTILE_TEXT, signed_by=trusted)
        case "hostile wrong name":
            return _handmade(("mail.example.net",), common_name=HOSTILE_TEXT, signed_by=trusted)


def _handmade(identities: Iterable[str], *, common_name: str, signed_by: trustme.CA | None) -> trustme.LeafCert:
    """Make a certificate with names that trustme refuses to write, as a server with a careless authority might have."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    organization = f"{common_name} Inc."
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    alternatives: list[x509.GeneralName] = [_general_name(identity) for identity in identities]
    if signed_by is not None:
        ascii_text = common_name.encode("ascii", "ignore").decode("ascii")
        alternatives += [
            x509.DNSName(ascii_text),
            x509.UniformResourceIdentifier(f"smtp://{ascii_text}"),
            x509.DirectoryName(subject),
        ]
    issuer, signing_key = subject, key
    if signed_by is not None:
        issuer = x509.load_pem_x509_certificate(signed_by.cert_pem.bytes()).subject
        loaded = serialization.load_pem_private_key(signed_by.private_key_pem.bytes(), password=None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing_key = loaded
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return trustme.LeafCert(key_pem, certificate.public_bytes(pem), [])


def _general_name(identity: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(identity))
    except ValueError:
        return x509.DNSName(identity)


Answer: TypeAlias = "bytes | Callable[[Peer, bytes], bytes | None]"
"""The octets of a reply, or a function of the peer and the command line that gives them, or `None` where it has done all."""


@dataclass(slots=True)
class Log:
    """What was received in a run, its head where it is long, and what the client did that it must not do."""

    limit: int = 2 * MIB
    received: bytearray = field(default_factory=bytearray)
    received_clear: bytearray = field(default_factory=bytearray)
    violations: list[str] = field(default_factory=list)
    tls_failures: list[str] = field(default_factory=list)
    sent: int = 0

    def note(self, octets: bytes, *, clear: bool) -> None:
        """Keep octets of the client."""
        for log in (self.received, self.received_clear) if clear else (self.received,):
            log += octets[: max(0, self.limit - len(log))]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run may use up.

    Args:
        seconds: How long a connection may live.
        octets: How much a connection may be sent.
        pace: What pauses are multiplied by: tests of the server itself do not wait for seconds.
        stop: Set when the test is done.
    """

    seconds: float
    octets: int
    pace: float
    stop: threading.Event


class Peer:
    """The server's side of one connection: octets out and in, and TLS of which every record passes through our hands.

    Args:
        connection: A connected socket; it is closed by `close`, `reset` or the server.
        log: Where what was received is kept.
        bounds: What may be used up.
    """

    def __init__(self, connection: socket.socket, log: Log, bounds: Bounds) -> None:
        self.log = log
        self.capabilities: tuple[bytes, ...] = CAPABILITIES
        self.answers: dict[bytes, Answer] = {}
        self.is_lmtp = False
        self._socket = connection
        self._socket.settimeout(TICK)
        self._bounds = bounds
        self._deadline = time.monotonic() + bounds.seconds
        self._buffer = bytearray()
        self._sent = 0
        self._open = True
        self._has_spoken = False
        self._recipients = 0
        self._tls: ssl.SSLObject | None = None
        self._tls_in = ssl.MemoryBIO()
        self._tls_out = ssl.MemoryBIO()

    def blame(self, violation: str) -> None:
        """Note something that the client must not do and that octets alone do not tell."""
        self.log.violations.append(violation)

    @property
    def in_tls(self) -> bool:
        """Tell whether the handshake is done."""
        return self._tls is not None

    def send(self, octets: bytes) -> None:
        """Send octets, inside TLS where there is TLS.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        self._has_spoken = True
        if self._tls is None:
            self._send_raw(octets)
            return
        for start in range(0, len(octets), 16 * KIB):
            self._tls.write(octets[start : start + 16 * KIB])
            self._flush()

    def send_clear(self, octets: bytes) -> None:
        """Send octets as they are, also in the middle of TLS.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        self._has_spoken = True
        self._send_raw(octets)

    def _send_raw(self, octets: bytes) -> None:
        rest = memoryview(octets)
        while rest:
            self._check()
            try:
                count = self._socket.send(rest[: 64 * KIB])
            except TimeoutError:
                continue
            except OSError as gone:
                raise PeerGone from gone
            rest = rest[count:]
            self._sent += count
            self.log.sent += count

    def send_slowly(self, octets: bytes, seconds: float, *, size: int = 1) -> None:
        """Send octets in pieces, each in a segment (and a TLS record) of its own, with a pause before each but the first."""
        for start in range(0, len(octets), size):
            if start:
                self.pause(seconds)
            self._glance()
            self.send(octets[start : start + size])

    def send_endlessly(self, octets: bytes, *, total: int = 20 * MIB, reading: bool = True) -> None:
        """Send octets again and again until so many were sent, or the client is gone.

        Args:
            octets: What is repeated.
            total: How many octets are sent in all, about.
            reading: Read meanwhile what the client says; without it, both sides may wait for each other.
        """
        many = octets * max(1, 64 * KIB // len(octets))
        with contextlib.suppress(PeerGone):
            for _ in range(total // len(many)):
                self.send(many)
                if reading:
                    self._glance()

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, without looking at what the client says.

        Raises:
            Over: The bounds are reached.
        """
        left = self._deadline - time.monotonic()
        if self._bounds.stop.wait(max(0.0, min(seconds * self._bounds.pace, left))):
            raise Over
        self._check()

    def _check(self) -> None:
        if self._bounds.stop.is_set() or time.monotonic() > self._deadline or self._sent > self._bounds.octets:
            raise Over
        if not self._open:
            raise PeerGone

    def _flush(self, seconds: float = 0.0) -> None:
        octets = self._tls_out.read()
        if seconds:
            for octet in octets:
                self._send_raw(bytes([octet]))
                self.pause(seconds)
        else:
            self._send_raw(octets)

    def read_line(self) -> bytes:
        """Read one line, up to LF, and give it without its line end.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        while b"\n" not in self._buffer:
            if not self._more() or len(self._buffer) > MIB:
                raise PeerGone
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        return line.removesuffix(b"\r")

    def has_heard(self, *, wait: bool = True) -> bool:
        """Tell whether the client has said something that was not read yet.

        Args:
            wait: Give it a moment to do so.
        """
        if self._buffer and wait:
            return True
        self._socket.settimeout(TICK if wait else 0.0)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False
        finally:
            self._socket.settimeout(TICK)

    def read_exactly(self, count: int) -> bytes:
        """Read so many octets.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        while len(self._buffer) < count:
            if not self._more():
                raise PeerGone
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        return octets

    def read_mail_data(self) -> int:
        """Read mail data up to and including the final dot and give the number of its octets.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        count, line = 0, b""
        while line != b".":
            line = self.read_line()
            count += len(line) + 2
        return count

    def hold(self) -> None:
        """Say nothing, and read until the client leaves or the bounds are reached."""
        while self._more():
            self._buffer.clear()

    def hold_after_220(self) -> None:
        """Read, without a handshake, until the client leaves; after a 220 to STARTTLS anything but TLS is its fault."""
        octets = bytes(self._buffer)
        while len(octets) < 64 * KIB and (raw := self._receive()):
            octets += raw
        self._blame_clear_text(octets)

    def _blame_clear_text(self, octets: bytes) -> bool:
        clear = _behind_records(octets)
        if clear:
            self.log.note(clear, clear=True)
            self.blame(f"clear text where TLS was to begin: {clear[:40]!r}")
        return bool(clear)

    def read_client_hello(self) -> bytes:
        """Read the client's first TLS record without answering it.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        octets = bytes(self._buffer)
        self._buffer.clear()
        while len(octets) < 5 or len(octets) < 5 + int.from_bytes(octets[3:5], "big"):
            raw = self._receive()
            if not raw:
                raise PeerGone
            octets += raw
            if self._blame_clear_text(octets):
                raise PeerGone
        return octets

    def _receive(self) -> bytes:
        while True:
            self._check()
            try:
                return self._socket.recv(64 * KIB)
            except TimeoutError:
                continue
            except OSError:
                return b""

    def _glance(self) -> None:
        """Read what is there, without waiting."""
        if self._open and self.has_heard(wait=False):
            self._more()

    def _more(self) -> bool:
        raw = self._receive()
        if self._tls is None:
            self.log.note(raw, clear=True)
            self._buffer += raw
            return bool(raw)
        if raw:
            self._tls_in.write(raw)
        else:
            self._tls_in.write_eof()
        return self._decrypt() and bool(raw)

    def _decrypt(self) -> bool:
        assert self._tls is not None
        while True:
            try:
                text = self._tls.read(64 * KIB)
            except ssl.SSLWantReadError:
                self._flush()
                return True
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return False
            except ssl.SSLError as failed:
                self.log.tls_failures.append(str(failed))
                return False
            if not text:
                return False
            self.log.note(text, clear=False)
            self._buffer += text

    def start_tls(
        self,
        certificate: CertificateName = "good",
        *,
        context: ssl.SSLContext | None = None,
        pause: float = 0.0,
    ) -> None:
        """Do the server's side of the handshake.

        Args:
            certificate: Which certificate to show.
            context: A context of the scenario's own, in place of a certificate.
            pause: Seconds between the octets that are sent in the handshake.

        Raises:
            PeerGone: The client has closed, or the handshake failed.
            Over: The bounds are reached.
        """
        tls = (context or server_context(certificate)).wrap_bio(self._tls_in, self._tls_out, server_side=True)
        if self._buffer:
            self.blame(f"octets sent before the reply to STARTTLS: {bytes(self._buffer[:40])!r}")
        first = True
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush(pause)
            except ssl.SSLError as failed:
                self.log.tls_failures.append(str(failed))
                self._flush()
                raise PeerGone from failed
            raw = self._receive()
            if not raw:
                raise PeerGone
            if first:
                self._blame_clear_text(raw)
            first = False
            self._tls_in.write(raw)
        self._flush(pause)
        self._buffer.clear()
        self._tls = tls
        self._decrypt()  # a quick client's next line may have come with the end of its handshake

    def close(self, *, notify: bool = True) -> None:
        """Close in good order: TLS says that it ends, then TCP, and what the client still says is read for up to a second.

        Args:
            notify: Send TLS's close_notify; without it the end looks like a cut.
        """
        if not self._open:
            return
        try:
            if self._tls is not None and notify:
                self._say_close_notify(self._tls)
            self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + 1.0
            while time.monotonic() < until and self._more():
                self._buffer.clear()
        except (OSError, PeerGone, Over):
            pass
        self._open = False
        self._socket.close()

    def _say_close_notify(self, tls: ssl.SSLObject) -> None:
        with contextlib.suppress(ssl.SSLError):
            tls.unwrap()
        self._flush()

    def close_writing(self) -> None:
        """Close our direction only, and go on listening."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as gone:
            raise PeerGone from gone

    def reset(self) -> None:
        """Close with a TCP reset: what is under way in either direction is lost."""
        if not self._open:
            return
        self._open = False
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def greet(self, text: bytes = b"hostile.example.org ESMTP") -> None:
        """Send an ordinary greeting."""
        self.send(b"220 " + text + b"\r\n")

    def ordinary(self, answers: "Mapping[bytes, Answer] | None" = None) -> None:
        """Behave as an ordinary server until the client leaves, except for some verbs.

        Args:
            answers: What to answer to a verb (upper case; `b"."` is the end of mail data): the octets of a reply, or a function that
                gets the peer and the command line and returns such octets, or `None` where it has done all that is to be done.
                They are kept for all that follows.
        """
        self.answers.update(answers or {})
        self._begin()
        with contextlib.suppress(PeerGone):
            while self._open:
                self._answer(self.read_line())

    def until(self, verb: bytes) -> bytes:
        """Behave as an ordinary server until a command with this verb comes, and give its line, unanswered.

        Raises:
            PeerGone: The client left without it.
            Over: The bounds are reached.
        """
        self._begin()
        while _verb(line := self.read_line()) != verb:
            self._answer(line)
        return line

    def read_mail_data_command(self) -> None:
        """Behave as an ordinary server up to DATA, and take that with 354."""
        self.until(b"DATA")
        self.send(b"354 go ahead\r\n")

    def _begin(self) -> None:
        if not self._has_spoken:
            self.greet()

    def _answer(self, line: bytes) -> None:
        verb = _verb(line)
        chosen = self.answers.get(verb)
        reply = chosen(self, line) if callable(chosen) else chosen
        if callable(chosen) and reply is None:
            return
        if reply is None:
            reply = self._ordinary_reply(verb, line)
        self.send(reply)
        if verb == b"RCPT" and reply.startswith(b"25"):
            self._recipients += 1
        if verb == b"DATA" and reply.startswith(b"354"):
            self.read_mail_data()
            self._answer_mail_data()
        if verb == b"STARTTLS" and reply.startswith(b"220") and not self.in_tls:
            self.start_tls()
        if verb == b"QUIT" and reply.startswith(b"221"):
            self.close()

    def _answer_mail_data(self) -> None:
        chosen = self.answers.get(b".", b"250 2.0.0 queued\r\n" * (self._recipients if self.is_lmtp else 1))
        reply = chosen(self, b".") if callable(chosen) else chosen
        if reply is not None:
            self.send(reply)

    def _ordinary_reply(self, verb: bytes, line: bytes) -> bytes:
        match verb:
            case b"EHLO" | b"LHLO":
                self.is_lmtp = verb == b"LHLO"
                return multiline(b"250", b"hostile.example.org greets you", *self.capabilities)
            case b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                return b"250 2.0.0 ok\r\n"
            case b"DATA":
                return b"354 go ahead\r\n"
            case b"BDAT":
                self.read_exactly(int(line.split()[1]))
                return b"250 2.0.0 chunk taken\r\n"
            case b"VRFY" | b"EXPN":
                return b"252 2.1.5 will try\r\n"
            case b"STARTTLS":
                return b"503 5.5.1 already in TLS\r\n" if self.in_tls else b"220 2.0.0 go ahead\r\n"
            case b"AUTH":
                return self._ordinary_auth(line)
            case b"QUIT":
                return b"221 2.0.0 bye\r\n"
            case _:
                return b"500 5.5.1 unknown command\r\n"

    def _ordinary_auth(self, line: bytes) -> bytes:
        words = line.split()
        mechanism = words[1].upper() if len(words) > 1 else b""
        if mechanism == b"PLAIN":
            if len(words) < 3:
                self.challenge(b"")
            return b"235 2.7.0 welcome\r\n"
        if mechanism == b"LOGIN":
            if len(words) < 3:
                self.challenge(b"Username:")
            self.challenge(b"Password:")
            return b"235 2.7.0 welcome\r\n"
        return b"504 5.5.4 unknown mechanism\r\n"

    def challenge(self, octets: bytes) -> bytes:
        """Send a challenge and give the client's answer, as it came (base64).

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        self.send(b"334 " + base64.b64encode(octets) + b"\r\n")
        return self.read_line()


def _verb(line: bytes) -> bytes:
    words = line.split(maxsplit=1)
    return words[0].upper() if words else b""


def _behind_records(octets: bytes) -> bytes:
    """Give what stands behind whole TLS records and is not the beginning of another."""
    while octets and octets[0] in range(20, 25) and octets[1:2] in (b"", b"\x03"):
        octets = octets[5 + int.from_bytes(octets[3:5], "big") :]
    return octets


def multiline(code: bytes, *lines: bytes) -> bytes:
    """Write one reply of several lines."""
    return b"".join(code + b"-" + line + b"\r\n" for line in lines[:-1]) + code + b" " + lines[-1] + b"\r\n"


class HostileServer:
    """Play one scenario to everyone who connects, until the `with` ends.

    Args:
        entry: The scenario.
        seconds: How long one connection may live.
        octets: How much one connection may be sent.
        pace: What the scenario's pauses are multiplied by.
    """

    CONNECTIONS = 8

    def __init__(self, entry: Scenario, *, seconds: float = 30.0, octets: int = 32 * MIB, pace: float = 1.0) -> None:
        self.scenario = entry
        self.log = Log()
        self.connections = 0
        self.outcomes: list[str] = []
        self._stop = threading.Event()
        self._bounds = Bounds(seconds, octets, pace, self._stop)
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TICK)

    @cached_property
    def port(self) -> int:
        """Name the port that the server listens on."""
        port = self._listener.getsockname()[1]
        assert isinstance(port, int)
        return port

    @property
    def received(self) -> bytes:
        """Give what the client sent, decrypted (its head, where it is long)."""
        return bytes(self.log.received)

    @property
    def received_clear(self) -> bytes:
        """Give what the client sent outside TLS."""
        return bytes(self.log.received_clear)

    def broken_promises(self) -> list[str]:
        """Give what the client did that it must not do in this scenario or in any."""
        broken = list(self.log.violations)
        received = self.received.upper()  # a line is sent as it was typed
        broken += [f"the server received {octets!r}" for octets in self.scenario.never if octets.upper() in received]
        twice = [octets for octets in self.scenario.once if received.count(octets.upper()) > 1]
        broken += [f"the server received {octets!r} twice" for octets in twice]
        broken += [f"a credential in the clear: {form!r}" for form in secret_forms() if form in self.received_clear]
        asked_for = 1 + self.scenario.script.count("/reconnect")
        if self.connections > asked_for:
            broken.append(f"{self.connections} connections where {asked_for} was asked for")
        return broken

    def wait(self, seconds: float) -> bool:
        """Wait until a connection was there and all that were are over, and tell whether that came in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.outcomes and len(self.outcomes) == self.connections:
                return True
            time.sleep(0.01)
        return False

    def __enter__(self) -> Self:
        self.port  # noqa: B018 - asked for while the listener is open
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5.0)
        self._listener.close()
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError(f"the scenario {self.scenario.name} did not end")

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=f"hostile {self.scenario.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set() and self.connections < self.CONNECTIONS:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        peer = Peer(connection, self.log, self._bounds)
        outcome = "played"
        try:
            self.scenario.play(peer)
        except PeerGone:
            outcome = "the client left"
        except Over:
            outcome = "over"
        except Exception as wrong:  # a mistake in the scenario: the test has to see it
            outcome = f"failed: {wrong!r}"
        finally:
            peer.close()
            connection.close()
            self.outcomes.append(outcome)


def main(arguments: list[str] | None = None) -> int:
    """Serve one scenario for a while, for trying things by hand."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.server", description=main.__doc__)
    parser.add_argument("name", nargs="?", help="the scenario")
    parser.add_argument(
        "--list", action="store_true", help="list the scenarios (those whose name or sentence holds NAME)"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to serve (default: 60)")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="write the certificate of the authority to trust")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        for entry in scenarios().values():
            if re.search(chosen.name or "", f"{entry.name} {entry.says}", re.IGNORECASE):
                print(f"{entry.subject:9} {entry.name:40} {entry.says}")  # noqa: T201
        return 0
    if chosen.name not in scenarios():
        parser.error("name a scenario; --list lists them")
    if chosen.ca:
        chosen.ca.write_bytes(ca_pem())
    entry = scenarios()[chosen.name]
    with HostileServer(entry, seconds=chosen.seconds) as server:
        words = " ".join(map(repr, entry.arguments(server.port, Path("CA"))))
        print(f"{server.port}\n{entry.says}\nsmtp-shell {words}", flush=True)  # noqa: T201
        server.wait(chosen.seconds)
        for line in (*server.outcomes, *server.broken_promises()):
            print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    # The scenarios register themselves with the module `tests.hostile.server`, which this one, run as a script, is not.
    sys.exit(importlib.import_module("tests.hostile.server").main())
