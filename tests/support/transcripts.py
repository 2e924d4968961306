"""Transcripts in memory: an example, reading and writing; and a check of whole files."""

import io
from collections.abc import Iterator
from pathlib import Path

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.reader import ReadLimits, TranscriptReader, open_scan
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.writer import TranscriptWriter

EXAMPLE = rb"""Transcript: 1
Title: Lab 7, first successful delivery
Server: mail.example.com:587
Date: Sun, 22 Nov 2026 10:21:05 +0100
Client: smtp-shell 0.1.0

         *: connect mail.example.com:587
  0.021  S: 220 mail.example.com ESMTP
  0.022  C: EHLO laptop.example
  0.043  S: 250-mail.example.com
  0.043  S: 250-STARTTLS
  0.043  S: 250 SIZE 10485760
         # Why EHLO again after this? Because TLS resets what the server announced (RFC 3207, 4.2).
  2.310  C: STARTTLS
  2.331  S: 220 2.0.0 Ready to start TLS
         *: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=mail.example.com
"""


def faults(path: Path) -> Iterator[Fault]:
    """Yield the faults of a file, in the order of its lines."""
    with open_scan(path) as scan:
        yield from scan.header_faults
        is_empty = not scan.header_faults
        for block in scan:
            yield from block.faults
            is_empty = is_empty and not block.faults and all(step.marker is Marker.NOTE for step in block.steps)
        if is_empty:
            yield Fault(0, "the transcript has no steps")


def check(path: Path) -> None:
    """Check that every line of a file can be read, and that it has a step.

    Raises:
        TranscriptError: It has faults, or no step.
    """
    if found := list(faults(path)):
        raise TranscriptError(str(path), *found)


def reader(octets: bytes, limits: ReadLimits | None = None) -> TranscriptReader:
    """Return a reader of these octets as the file lab.smtp."""
    return TranscriptReader(io.BytesIO(octets), "lab.smtp", limits=limits or ReadLimits())


def written(*steps: Step, header: Header | None = None) -> bytes:
    """Return the octets that a writer writes for steps."""
    stream = io.BytesIO()
    writer = TranscriptWriter(stream, header)
    for step in steps:
        writer.write(step)
    return stream.getvalue()


def rewritten(octets: bytes) -> bytes:
    """Return the octets of a file after reading and writing it."""
    transcript = reader(octets)
    return written(*transcript, header=transcript.header)
