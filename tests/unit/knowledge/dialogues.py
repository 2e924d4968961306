"""Dialogues written as transcripts, and followed."""

import io

from smtp_shell.knowledge.exchanges import Exchange, Exchanges
from smtp_shell.protocol.events import Entry
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader

GREETED = "S: 220 mail.example.org\n"
EHLO = "C: EHLO client.example.org\nS: 250-mail.example.org\nS: 250-SIZE 1000\nS: 250-STARTTLS\nS: 250-AUTH PLAIN LOGIN\nS: 250 HELP\n"
BARE = "C: EHLO client.example.org\nS: 250 mail.example.org\n"
MAIL = "C: MAIL FROM:<ann@example.org>\nS: 250 2.1.0 Ok\n"
RCPT = "C: RCPT TO:<bob@example.org>\nS: 250 2.1.5 Ok\n"


def dialogue(text: str) -> list[Entry]:
    """Return the entries of a transcript."""
    return list(entries(TranscriptReader(io.BytesIO(text.encode()), "dialogue.smtp")))


def followed(text: str) -> Exchanges:
    """Return the exchanges of a transcript, followed to its end."""
    exchanges = Exchanges()
    for entry in dialogue(text):
        exchanges(entry)
    return exchanges


def last(text: str) -> Exchange:
    """Return the last exchange of a transcript."""
    exchange = followed(text).last
    assert exchange is not None
    return exchange
