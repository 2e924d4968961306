"""What is sent: messages and transcripts of any size, made on the spot and alike for all sides."""

from collections.abc import Iterator
from pathlib import Path

SENDER = "ann@example.org"
RECIPIENT = "bob@example.org"
CLIENT = "client.example.org"
_HEADER = (
    "From: Ann <ann@example.org>",
    "To: Bob <bob@example.org>",
    "Subject: Minutes of the meeting",
    "Date: Mon, 23 Nov 2026 10:00:00 +0100",
    "Message-ID: <minutes@client.example.org>",
    "",
)
_LINE = "It was agreed that the next meeting is to be held on the first Monday."
MIB = 1024 * 1024


def lines_of_message(octets: int) -> Iterator[str]:
    """Give the lines of a message of about that many octets, CRLF counted; every hundredth begins with a dot."""
    yield from _HEADER
    left = octets - sum(len(line) + 2 for line in _HEADER)
    for number in range(max(left // (len(_LINE) + 2), 1)):
        yield f".{_LINE[1:]}" if number % 100 == 7 else _LINE


def message(folder: Path, octets: int, *, crlf: bool = True) -> Path:
    """Give the file of a message, made if it is not there."""
    path = folder / f"message-{octets}-{'crlf' if crlf else 'lf'}.eml"
    if not path.exists():
        end = "\r\n" if crlf else "\n"
        with path.open("w", encoding="ascii", newline="") as file:
            for line in lines_of_message(octets):
                file.write(line + end)
    return path


def _mail_data(octets: int) -> list[str]:
    lines = [f".{line}" if line.startswith(".") else line for line in lines_of_message(octets)]
    return [f"C: {line}".rstrip() for line in lines]


def _transaction(octets: int, *, pipelined: bool) -> list[str]:
    mail, rcpt = f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"
    if pipelined:
        commands = [f"C& {mail}", f"C& {rcpt}", "C: DATA", "S: 250", "S: 250", "S: 354"]
    else:
        commands = [f"C: {mail}", "S: 250", f"C: {rcpt}", "S: 250", "C: DATA", "S: 354"]
    return [*commands, *_mail_data(octets), "C: .", "S: 250"]


def messages(folder: Path, count: int, octets: int, *, pipelined: bool = False) -> Path:
    """Give a transcript that sends messages over one connection."""
    path = folder / f"messages-{count}-{octets}{'-pipelined' if pipelined else ''}.smtp"
    if not path.exists():
        one = "\n".join(_transaction(octets, pipelined=pipelined)) + "\n"
        with path.open("w", encoding="ascii", newline="\n") as file:
            file.write(f"S: 220\nC: EHLO {CLIENT}\nS: 250\n")
            for _ in range(count):
                file.write(one)
            file.write("C: QUIT\nS: 221\n")
    return path


def dialogue(folder: Path, octets: int) -> Path:
    """Give a transcript that does STARTTLS and AUTH PLAIN, and sends one message."""
    path = folder / f"dialogue-{octets}.smtp"
    lines = ["S: 220", f"C: EHLO {CLIENT}", "S: 250", "C: STARTTLS", "S: 220", f"C: EHLO {CLIENT}", "S: 250"]
    lines += ["C: AUTH PLAIN ${sasl}", "S: 235", *_transaction(octets, pipelined=False), "C: QUIT", "S: 221"]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return path


def with_file(folder: Path, body: Path) -> Path:
    """Give a transcript that sends the message in a file beside it."""
    path = folder / f"{body.stem}.smtp"
    lines = ["S: 220", f"C: EHLO {CLIENT}", "S: 250", f"C: MAIL FROM:<{SENDER}>", "S: 250", f"C: RCPT TO:<{RECIPIENT}>"]
    lines += ["S: 250", "C: DATA", "S: 354", f"C< {body.name}", "S: 250", "C: QUIT", "S: 221"]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return path


def noops(folder: Path, steps: int) -> Path:
    """Give a transcript of that many steps that ask for nothing but a reply."""
    path = folder / f"noops-{steps}.smtp"
    if not path.exists():
        with path.open("w", encoding="ascii", newline="\n") as file:
            file.write("S: 220\n")
            for _ in range(steps):
                file.write("C: NOOP\nS: 250\n")
            file.write("C: QUIT\nS: 221\n")
    return path


_RECORDED = (
    "  0.021  S: 220 mail.example.org ESMTP Postfix",
    "  0.022  C: EHLO client.example.org",
    "  0.043  S: 250-mail.example.org",
    "  0.043  S: 250-PIPELINING",
    "  0.043  S: 250-SIZE 10485760",
    "  0.043  S: 250-AUTH PLAIN LOGIN CRAM-MD5",
    "  0.043  S: 250 ENHANCEDSTATUSCODES",
    "         # The transaction proper begins here.",
    "  0.051  C: MAIL FROM:<ann@example.org> SIZE=1200",
    "  0.052  S: 250 2.1.0 Ok",
    "  0.053  C: RCPT TO:<bob@example.org>",
    "  0.055  S: 250 2.1.5 Ok",
    r"  0.056  S| 250 2.0.0 odd\x0a",
    "  0.057  C: NOOP",
    "  0.058  S: 250 2.0.0 Ok",
    "         *: wait 0.0",
    "  0.060  C: RSET",
    "  0.061  S: 250 2.0.0 Ok",
)


def recording(folder: Path, lines: int) -> Path:
    """Give a transcript of that many lines such as a recording has, of each kind some."""
    path = folder / f"recording-{lines}.smtp"
    if not path.exists():
        once = "\n".join(_RECORDED) + "\n"
        whole, rest = divmod(lines, len(_RECORDED))
        with path.open("w", encoding="ascii", newline="\n") as file:
            for start in range(0, whole, 1000):
                file.write(once * min(1000, whole - start))
            file.write("".join(f"{line}\n" for line in _RECORDED[:rest]))
    return path


def recording_of_size(folder: Path, octets: int) -> Path:
    """Give such a transcript of about that many octets."""
    return recording(folder, octets * len(_RECORDED) // sum(len(line) + 1 for line in _RECORDED))
