"""Transcripts with one fault each: the rule that finds it, the line where it stands, and what mends it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smtp_shell.lint import Finding, Linter
from smtp_shell.lint.findings import Place
from smtp_shell.lint.moments import CommandLine, Moment, View
from smtp_shell.lint.rules import all_rules
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.phases import Asked, Owed
from smtp_shell.protocol.replies import Extensions, Reply, ReplyParser
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader

RECORDED = "Transcript: 1\nClient: a client\n\n"
GREETING = "S: 220 mx.example.org ESMTP\n"
KEYWORDS = (
    "S: 250-mx.example.org\nS: 250-PIPELINING\nS: 250-SIZE 2000\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-CHUNKING\nS: 250-DSN\n"
    "S: 250-STARTTLS\nS: 250 AUTH PLAIN LOGIN CRAM-MD5\n"
)
FEW_KEYWORDS = "S: 250-mx.example.org\nS: 250 HELP\n"
EHLO = f"{GREETING}C: EHLO a.example.org\n{KEYWORDS}"
PLAIN_EHLO = f"{GREETING}C: EHLO a.example.org\n{FEW_KEYWORDS}"
HELO = f"{GREETING}C: HELO a.example.org\nS: 250 mx.example.org\n"
TLS = f"{EHLO}C: STARTTLS\nS: 220 ready\n*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified\n"
TLS_EHLO = f"{TLS}C: EHLO a.example.org\n{KEYWORDS.replace('S: 250-STARTTLS' + chr(10), '')}"
MAIL = "C: MAIL FROM:<ann@example.org>\nS: 250 2.1.0 ok\n"
RCPT = "C: RCPT TO:<bob@example.org>\nS: 250 2.1.5 ok\n"
DATA = "C: DATA\nS: 354 go on\n"
ENVELOPE = MAIL + RCPT + DATA
FROM = "C: From: Ann <ann@example.org>\n"
TO = "C: To: bob@example.org\n"
SUBJECT = "C: Subject: Hello\n"
DATE = "C: Date: Fri, 27 Nov 2026 10:21:05 +0100\n"
MESSAGE_ID = "C: Message-ID: <1@example.org>\n"
HEADER = FROM + TO + SUBJECT + DATE + MESSAGE_ID
DOT = "C: .\nS: 250 2.0.0 ok\n"
TEXT = f"C:\nC: Some text.\n{DOT}"
QUIT = "C: QUIT\nS: 221 2.0.0 bye\n*: close\n"


@dataclass(frozen=True)
class Case:
    """A transcript with a fault.

    Args:
        rule: The rule that finds it.
        text: The transcript; `!` stands before each line where it is found.
        old: What is wrong.
        new: What is right in its place.
    """

    rule: str
    text: str
    old: str
    new: str

    @property
    def bad(self) -> str:
        return self.text.replace("!", "")

    @property
    def lines(self) -> list[int]:
        return [number for number, line in enumerate(self.text.split("\n"), 1) if line.startswith("!")]

    @property
    def good(self) -> str:
        assert self.old in self.bad
        return self.bad.replace(self.old, self.new)


def lint(text: str | bytes) -> list[Finding]:
    """Return the findings of a transcript."""
    octets = text if isinstance(text, bytes) else text.encode()
    reader = TranscriptReader(io.BytesIO(octets), "case.smtp")
    linter = Linter()
    found = [each for entry in entries(reader, Path(__file__).parent, reader.header) for each in linter.feed(entry)]
    return [*found, *linter.finish()]


def assert_found(case: Case) -> None:
    """Assert that the rule finds the fault at its line, and nothing once it is mended."""
    assert [each.line for each in lint(case.bad) if each.rule == case.rule] == case.lines
    assert [each for each in lint(case.good) if each.rule == case.rule] == []


def sent(line: str | bytes, *, is_text: bool = False, answers_nothing: bool = False) -> CommandLine:
    """Return the moment at which a command is sent."""
    command = Command.parse(line.encode() if isinstance(line, str) else line)
    argument = command.shown[len(command.verb) :].strip()
    return CommandLine(command, command.verb, argument, is_text=is_text, answers_nothing=answers_nothing)


def announcing(*keywords: str) -> Extensions:
    """Return what a server announces."""
    return Extensions.parse(reply(250, "mx.example.org", *keywords))


def reply(code: int, *lines: str) -> Reply:
    """Return a reply of the server with these lines."""
    octets = "".join(f"{code}{'-' if n < len(lines) else ' '}{line}\r\n" for n, line in enumerate(lines, 1))
    (parsed,) = ReplyParser().receive(octets.encode())
    assert isinstance(parsed, Reply)
    return parsed


def owed(*lines: str) -> tuple[Owed, ...]:
    """Return the replies that are owed to commands."""
    commands = [Command.parse(line.encode()) for line in lines]
    return tuple(Owed(Asked.COMMAND, command, command.verb) for command in commands)


def said(rule: str, view: View, moment: Moment | str) -> list[str]:
    """Return what one rule says of a moment, or of a command, where the dialogue stands so."""
    found: list[Finding] = []
    Linter([all_rules()[rule]]).check(sent(moment) if isinstance(moment, str) else moment, view, Place(1), found)
    return [each.message for each in found]


Moments = Sequence[Moment | str]


def assert_tells_apart(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    """Assert that the rule finds fault with the first moments, or commands, and with none of the others."""
    assert [moment for moment in (*wrong, *right) if said(rule, view, moment)] == [*wrong]
