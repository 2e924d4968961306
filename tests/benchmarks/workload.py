"""Messages and transcripts of any size, generated once and the same for every client.

Addresses, Message-ID, subject and every line of text differ from message to message, so that a cache of what was sent gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MIB = 1024 * 1024
SENDER = "ann@example.org"
# Not a domain of the servers: Postfix discards what goes there after AUTH, the practice server keeps it.
RECIPIENT = "bob@example.net"
CLIENT = "client.example.org"
WORDS = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "inlet",
    "jetty",
    "knoll",
    "larch",
    "maple",
)


@dataclass(frozen=True, slots=True)
class Mail:
    """One message and its envelope.

    Args:
        sender: The reverse-path.
        recipient: The forward-path.
        lines: Header and body, without line ends, dots not doubled.
    """

    sender: str
    recipient: str
    lines: tuple[str, ...]

    @property
    def octets(self) -> bytes:
        """The message with CRLF line ends."""
        return "".join(f"{line}\r\n" for line in self.lines).encode("ascii")


def mail(number: int, octets: int) -> Mail:
    """Generate the message of that number, of about that many octets, CRLF included."""
    sender, recipient = f"{_word(number)}.{number}@example.org", f"{_word(number + 5)}.{number}@example.net"
    return Mail(sender, recipient, tuple(lines_of_message(octets, number, sender, recipient)))


def repeated_mail(octets: int) -> Mail:
    """Generate a message for `--repeat`, with variables that make each replay send another one."""
    once = mail(0, octets)
    sender, recipient = "ann.${count}@example.org", "bob.${count}@example.net"
    header = _header("${count}", "${uuid}", sender, recipient)
    body = (line.replace("0-", "${count}-", 1) for line in once.lines[len(header) :])
    return Mail(sender, recipient, (*header, *body))


def lines_of_message(octets: int, number: int = 0, sender: str = SENDER, recipient: str = RECIPIENT) -> Iterator[str]:
    """Generate the lines of a message; every hundredth begins with a dot."""
    header = _header(str(number), f"{number}.{number * 7919:x}", sender, recipient)
    yield from header
    left, at = octets - sum(len(line) + 2 for line in header), 0
    while left > 0 or at == 0:
        dot = "." if at % 100 == 7 else ""
        line = f"{dot}{number}-{at} {_word(number + at)} and {_word(number * 3 + at)} are on the agenda of the next meeting"
        yield line
        left -= len(line) + 2
        at += 1


def _header(number: str, unique: str, sender: str, recipient: str) -> tuple[str, ...]:
    return (
        f"From: <{sender}>",
        f"To: <{recipient}>",
        f"Subject: Minutes of meeting {number}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{unique}@{CLIENT}>",
        "",
    )


def _word(number: int) -> str:
    return WORDS[number % len(WORDS)]


def message(folder: Path, octets: int, *, crlf: bool = True) -> Path:
    """Return the file of one message, and write it if it does not exist."""
    end = "\r\n" if crlf else "\n"
    return _written(
        folder / f"message-{octets}-{'crlf' if crlf else 'lf'}.eml",
        (f"{line}{end}" for line in lines_of_message(octets)),
    )


def spool(folder: Path, count: int, octets: int) -> Path:
    """Return a file of messages for the peers: for each a line with sender, recipient and size, then the message with CRLF line ends."""
    path = folder / f"spool-{count}-{octets}"
    if not path.exists():
        with path.open("wb") as file:
            for number in range(count):
                one = mail(number, octets)
                text = one.octets
                file.write(f"{one.sender} {one.recipient} {len(text)}\n".encode("ascii") + text)
    return path


def messages(folder: Path, count: int, octets: int, *, pipelined: bool = False) -> Path:
    """Return a transcript that sends the messages of the spool over one connection."""

    def lines() -> Iterator[str]:
        yield f"S: 220\nC: EHLO {CLIENT}\nS: 250\n"
        for number in range(count):
            yield "\n".join(_transaction(mail(number, octets), pipelined=pipelined)) + "\n"
        yield "C: QUIT\nS: 221\n"

    return _written(folder / f"messages-{count}-{octets}{'-pipelined' if pipelined else ''}.smtp", lines())


def repeated_message(folder: Path, octets: int) -> Path:
    """Return a transcript that sends one message, another one in each replay of `--repeat`."""
    lines = ["S: 220", f"C: EHLO {CLIENT}", "S: 250", *_transaction(repeated_mail(octets)), "C: QUIT", "S: 221"]
    return _written(folder / f"repeated-{octets}.smtp", (f"{line}\n" for line in lines))


def dialogue(folder: Path, octets: int, *, repeated: bool = False) -> Path:
    """Return a transcript with STARTTLS, AUTH PLAIN and one message, which differs in each replay if it is to be repeated."""
    lines = ["S: 220", f"C: EHLO {CLIENT}", "S: 250", "C: STARTTLS", "S: 220", f"C: EHLO {CLIENT}", "S: 250"]
    one = repeated_mail(octets) if repeated else Mail(SENDER, RECIPIENT, tuple(lines_of_message(octets)))
    lines += ["C: AUTH PLAIN ${sasl}", "S: 235", *_transaction(one), "C: QUIT", "S: 221"]
    return _written(
        folder / f"dialogue-{octets}{'-repeated' if repeated else ''}.smtp", (f"{line}\n" for line in lines)
    )


def _transaction(one: Mail, *, pipelined: bool = False) -> list[str]:
    sender, recipient = f"MAIL FROM:<{one.sender}>", f"RCPT TO:<{one.recipient}>"
    if pipelined:
        commands = [f"C& {sender}", f"C& {recipient}", "C: DATA", "S: 250", "S: 250", "S: 354"]
    else:
        commands = [f"C: {sender}", "S: 250", f"C: {recipient}", "S: 250", "C: DATA", "S: 354"]
    data = (f".{line}" if line.startswith(".") else line for line in one.lines)
    return [*commands, *(f"C: {line}".rstrip() for line in data), "C: .", "S: 250"]


def with_file(folder: Path, body: Path) -> Path:
    """Return a transcript that sends the message in a file of the same folder."""
    lines = ["S: 220", f"C: EHLO {CLIENT}", "S: 250", f"C: MAIL FROM:<{SENDER}>", "S: 250", f"C: RCPT TO:<{RECIPIENT}>"]
    lines += ["S: 250", "C: DATA", "S: 354", f"C< {body.name}", "S: 250", "C: QUIT", "S: 221"]
    return _written(folder / f"{body.stem}.smtp", (f"{line}\n" for line in lines))


def noops(folder: Path, steps: int) -> Path:
    """Return a transcript of that many NOOP steps, each with another argument."""

    def lines() -> Iterator[str]:
        yield "S: 220\n"
        for number in range(steps):
            yield f"C: NOOP {number}\nS: 250\n"
        yield "C: QUIT\nS: 221\n"

    return _written(folder / f"noops-{steps}.smtp", lines())


_RECORDED = """\
  0.021  S: 220 mx{0}.example.org ESMTP Postfix
  0.022  C: EHLO {1}.example.org
  0.043  S: 250-mx{0}.example.org
  0.043  S: 250-PIPELINING
  0.043  S: 250-SIZE 10{0}
  0.043  S: 250-AUTH PLAIN LOGIN CRAM-MD5
  0.043  S: 250 ENHANCEDSTATUSCODES
         # Transaction {0} begins here.
  0.051  C: MAIL FROM:<{1}.{0}@example.org> SIZE=1200
  0.052  S: 250 2.1.0 {1} Ok
  0.053  C: RCPT TO:<{2}.{0}@example.org>
  0.055  S: 250 2.1.5 {2} Ok
  0.056  S| 250 2.0.0 odd\\x0a {0}
  0.057  C: NOOP {0}
  0.058  S: 250 2.0.0 Ok {0}
         *: wait 0.0
  0.060  C: RSET
  0.061  S: 250 2.0.0 {1} Ok
"""
_LINES_RECORDED = _RECORDED.count("\n")


def recording(folder: Path, lines: int) -> Path:
    """Return a transcript of that many lines, such as a recording has."""

    def blocks() -> Iterator[str]:
        whole, rest = divmod(lines, _LINES_RECORDED)
        for number in range(whole):
            yield _recorded(number)
        yield "".join(_recorded(whole).splitlines(keepends=True)[:rest])

    return _written(folder / f"recording-{lines}.smtp", blocks())


def recording_of_size(folder: Path, octets: int) -> Path:
    """Return such a transcript of about that many octets."""
    return recording(folder, octets * _LINES_RECORDED // len(_recorded(10_000)))


def _recorded(number: int) -> str:
    return _RECORDED.format(number, _word(number), _word(number + 5))


def _written(path: Path, pieces: Iterable[str]) -> Path:
    if not path.exists():
        with path.open("w", encoding="ascii", newline="") as file:
            file.writelines(pieces)
    return path
