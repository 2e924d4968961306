"""A shell whose connection is in memory: a server that answers at once, and keeps what it heard."""

from collections.abc import Iterable, Mapping

from smtp_shell.client.credentials import Ask, CredentialSource
from smtp_shell.client.session import Session
from smtp_shell.config import TlsSettings
from smtp_shell.display.render import Look
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.events import Certificate, Entry, TlsStarted
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.secret import Secret
from smtp_shell.shell.settings import ShellOptions, ShellSettings
from smtp_shell.shell.shell import Shell

EHLO = (
    b"250-mail.example.org\r\n250-STARTTLS\r\n250-SIZE 1000\r\n250-DSN\r\n250-CHUNKING\r\n250 AUTH PLAIN LOGIN OTP\r\n"
)
REPLIES = {
    b"EHLO": EHLO,
    b"LHLO": EHLO,
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
    b"STARTTLS": b"220 ready\r\n",
    b"AUTH": b"235 welcome\r\n",
    b".": b"250 taken\r\n",
}


class FakeTransport(Transport):
    """A connection to nowhere.

    Args:
        replies: First word of a line, upper-case, to the octets that answer it; any other line is answered with 250.

    Attributes:
        heard: All octets that were sent.
    """

    def __init__(self, replies: "dict[bytes, bytes] | None" = None) -> None:
        self.heard = b""
        self.peer = ""
        self.closed = False
        self.secured = False
        self._replies = {**REPLIES, **(replies or {})}
        self._line = b""
        self._in_data = False
        self._coming = b"220 mail.example.org\r\n"

    def replies_with(self, verb: bytes, reply: bytes) -> None:
        """Answer a verb otherwise from now on."""
        self._replies[verb] = reply

    def channel_binding(self, kind: str = "") -> None:
        return None

    @property
    def truncated(self) -> bool:
        return False

    @property
    def in_tls(self) -> bool:
        return self.secured

    @property
    def local(self) -> tuple[str, int]:
        return "192.0.2.7", 40_000

    @property
    def readable(self) -> bool:
        return bool(self._coming)

    @property
    def lines(self) -> list[bytes]:
        """The lines that were sent, all of which end in CRLF."""
        *lines, rest = self.heard.split(b"\r\n")
        assert rest == b""
        return lines

    def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
        self.heard += octets
        *lines, self._line = (self._line + octets).split(b"\n")
        for line in lines:
            self._coming += self._answer(line.removesuffix(b"\r"))

    def recv(self, deadline: float) -> bytes | None:
        came, self._coming = self._coming, b""
        return came or None

    def start_tls(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool = False) -> TlsStarted:
        self.secured = True
        return TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(b"CN=mail.example.org"), name)

    def close(self) -> None:
        self.closed = True

    def abort(self, *, reset: bool = False) -> None:
        self.closed = True

    def _answer(self, line: bytes) -> bytes:
        if self._in_data:
            self._in_data = line + b"\r\n" != END_OF_DATA
            return b"" if self._in_data else self._replies[b"."]
        words = line.upper().split()
        reply = self._replies.get(words[0] if words else b"", b"250 Ok\r\n")
        self._in_data = bool(words) and words[0] == b"DATA" and reply.startswith(b"354")
        return reply


class Screen:
    """A view that keeps what it is shown."""

    def __init__(self) -> None:
        self.look = Look()
        self.entries: list[Entry] = []
        self.said: list[str] = []
        self.answers: list[dict[str, object]] = []

    def __call__(self, entry: Entry) -> None:
        self.entries.append(entry)

    def show_all(self, entries: Iterable[Entry]) -> None:
        self.entries += entries

    def labelled(self, number: int) -> "Screen":
        return self

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        self.said.append(text)

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        if not as_json:
            self.said += [text for text, _ in rows]
        self.answers += [dict(each) for each in objects]

    def say(self, text: str, style: str = "said") -> None:
        self.said.append(text)

    @property
    def words(self) -> str:
        """All that the program has said in its own words."""
        return "\n".join(self.said)


def answering(*answers: str) -> Ask:
    """Make what answers questions, in this order."""
    left = list(answers)
    return lambda question, hidden: left.pop(0)


def make_shell(
    replies: "dict[bytes, bytes] | None" = None,
    *,
    before: Iterable[str] = (),
    interactive: bool = True,
    settings: ShellSettings | None = None,
    ask: Ask | None = None,
    target: Target | None = None,
) -> tuple[Shell, FakeTransport, Screen]:
    """Return a shell with a connection, its greeting read.

    Args:
        replies: What the server answers where it is not the usual.
        before: Lines that were typed already; what they sent is not in `heard`.
        interactive: Whether a person is there.
        settings: The settings.
        ask: What answers questions.
        target: What the shell believes it is connected to.
    """
    screen, transport = Screen(), FakeTransport(replies)
    credentials = CredentialSource("student", preset=Secret("open sesame"))
    options = ShellOptions(recording=False, interactive=interactive, credentials=credentials)
    shell = Shell(screen, options, settings or ShellSettings(ehlo="client.example.org", insecure_auth=True), ask=ask)
    shell.target = target or Target(Way.TCP, "mail.example.org", 25)
    shell.session = Session(shell.target, transport, shell.consumers(), deferred=[shell.advise_on])
    shell.session.read_reply()
    for line in before:
        shell.run(line)
    transport.heard = b""
    return shell, transport, screen
