"""Which packet of a synthetic capture holds which step, and what to type in Wireshark to see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from smtp_shell.display.render import Look, Presenter, Row
from smtp_shell.export.synthetic import Placed, SyntheticCapture, placed
from smtp_shell.export.wireshark import decode_as_advice
from smtp_shell.protocol.events import Connected, Disconnected, Entry, MailDataSent, TlsStarted

_HEAD: Final = (
    ("In the capture that `smtp-shell convert FILE out.pcapng` writes of it:", "said"),
    ("   packets  seconds", "note"),
)
_FILTERS: Final = (
    ("smtp", "the dialogue, decrypted where it was inside TLS"),
    ("smtp.req.command", "what the client said"),
    ("smtp.response.code >= 400", "what the server refused"),
    ("imf", "the message, put together"),
    ("tls.handshake", "the TLS handshake"),
    ("tcp.flags.syn == 1 || tcp.flags.fin == 1", "where connections begin and end"),
)


def packet_rows(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """Yield the lines of the list, printable, each with its style.

    Args:
        entries: The dialogue, with all of its mail data.
    """
    yield from _HEAD
    capture, presenter = SyntheticCapture(), Presenter(Look(times=False, decoded=False, groups=False, paired=False))
    has_tls = False
    for each in placed(entries, capture):
        rows = list(_rows(each, presenter))
        has_tls = has_tls or each.entry.tls
        if not each.first or not rows:
            continue
        where = f"{each.first}" if each.first == each.last else f"{each.first}-{each.last}"
        yield f"{where:>10} {each.entry.at:>8.3f}  {rows[0].gutter}{rows[0].text}", rows[0].style
        yield from ((f"{'':21}{row.gutter}{row.text}", row.style) for row in rows[1:])
    yield "", "said"
    yield "Display filters, and what they show:", "said"
    for text, meaning in _FILTERS:
        if has_tls or not text.startswith("tls"):
            yield f"  {text:<42} {meaning}", "note"
    for port, implicit in dict.fromkeys(capture.ports):
        if advice := decode_as_advice(port, implicit=implicit):
            yield advice, "notice"


def _rows(each: Placed, presenter: Presenter) -> Iterator[Row]:
    """Return the rows of a step; what is longer than a line of its own on the wire has one."""
    event = each.entry.event
    rows = list(presenter.rows(each.entry))
    if isinstance(event, MailDataSent) and not event.last:
        yield Row(rows[0].gutter if rows else "   C: ", "the mail data, and the dot that ends it", "command")
    elif isinstance(event, MailDataSent):
        return
    elif isinstance(event, Connected | TlsStarted | Disconnected):
        what = {Connected: "SYN, SYN-ACK, ACK", TlsStarted: "the handshake", Disconnected: "the end"}[type(event)]
        yield Row(rows[0].gutter, f"{rows[0].text} ({what})", rows[0].style)
    else:
        yield from rows
