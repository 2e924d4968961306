r"""A dialogue as a program of lines, each of which is one thing that happens.

```
> MAIL FROM:<>          a command            & NOOP          a pipelined one         | NOOP\r\n       octets as they are
< 250 ok                the server's line    : 250-cut       the server's octets     A cGxhaW4=      a line of an AUTH exchange
D a line\r\n            mail data            .               the final dot           B abc           BDAT and its chunk
L                       nobody waits more    T               TLS begins              E               the end of the connection
```

A line that begins with none of these is what the server says. `unescape` is applied to what stands behind the sign.
"""

from collections.abc import Iterator

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    Noticed,
    NoticeKind,
    Remarked,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.maildata import END_OF_DATA, MailDataEncoder
from smtp_shell.protocol.octets import CRLF, escape, unescape
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.protocol.replies import ReplyLimits

MOST_LINES = 200
_SENT, _AWAITED = ">&|ADB.", ">A."


def perform(
    program: bytes, dialogue: Dialogue, *, plausible: bool = False
) -> Iterator[tuple[str, bytes, Iterator[Event]]]:
    """Act a program out; give for each line its sign, its octets and what happened.

    The end of the dialogue, as a session sees it, ends the program.

    Args:
        program: The lines.
        dialogue: The dialogue.
        plausible: Leave out what no session would do, such as mail data before DATA.
    """
    within_line, encoder = False, MailDataEncoder()
    waits = False  # the last line that was sent is one whose reply a session waits for before it sends more
    for line in program.split(b"\n")[:MOST_LINES]:
        sign = chr(line[0]) if line else ":"
        octets = unescape(line[1:].removeprefix(b" ").decode("utf-8", "surrogateescape"))
        if plausible and not _is_plausible(sign, octets, dialogue, within_line=within_line):
            continue
        if sign in _SENT:
            if plausible and waits and sign != "|" and _is_owed(dialogue):
                continue
            waits = sign in _AWAITED
        if plausible and sign == "D":
            octets = encoder.encode(octets)
        elif plausible and sign == ".":
            octets, encoder = encoder.end().removesuffix(END_OF_DATA), MailDataEncoder()
        if sign == "|" and octets:
            within_line = not octets.endswith(b"\n")
        ended = False
        happened: list[Event] = []
        for event in _happening(sign, octets, line, dialogue):
            happened.append(event)
            ended = ended or _ends(event)
        yield sign, octets, iter(happened)
        if ended or sign == "E" or dialogue.phase is Phase.CLOSED:
            return


def session(program: bytes) -> list[Entry]:
    """Act a program out as a session would, from its connection to its end."""
    dialogue = Dialogue(ReplyLimits(line=2000, reply=4000, lines=20))
    events: list[Event] = [Connected("mx.example:25")]
    for sign, _, happened in perform(program, dialogue, plausible=True):
        events += happened
        if sign == "L":
            events.append(TimedOut(5.0, "the reply"))
        elif sign == "T":
            events.append(TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(), "mx.example"))
    events.append(Disconnected(End.SERVER))
    tls = False
    entries: list[Entry] = []
    for number, event in enumerate(events, 1):
        entries.append(Entry(number, number / 8, event, tls))
        tls = tls or isinstance(event, TlsStarted)
    return entries


def hostile_events(octets: bytes) -> Iterator[Event]:
    """Return the events that hold text from outside and are no replies, with these octets in them."""
    text = octets.decode("utf-8", "surrogateescape")
    certificate = Certificate(octets, octets, (octets,), octets, octets, octets, octets)
    yield TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, certificate, text)
    yield Authenticated("PLAIN", text)
    yield Remarked(escape(octets))
    yield TimedOut(1.5, escape(octets))
    for kind in (NoticeKind.CUT_REPLY, NoticeKind.PLAINTEXT_AFTER_STARTTLS):
        yield Noticed(kind, octets=octets)
    for end in End:
        yield Disconnected(end, escape(octets))


def _happening(sign: str, octets: bytes, line: bytes, dialogue: Dialogue) -> Iterator[Event]:
    match sign:
        case ">" | "&":
            yield from dialogue.send(Command.parse(octets), pipelined=sign == "&")
        case "|":
            yield from dialogue.send_raw(octets)
        case "A":
            yield from dialogue.send_sasl(octets, secret=octets not in (b"", b"*"))
        case "D":
            yield from dialogue.send_mail_data(octets)
        case ".":
            if octets == CRLF:
                yield from dialogue.send_mail_data(octets)
            yield from dialogue.send_mail_data(END_OF_DATA, last=True)
        case "B":
            yield from dialogue.send(Command(b"BDAT %d LAST" % len(octets)), pipelined=True)
            yield from dialogue.send_chunk(octets)
        case "L":
            dialogue.expect_late()
        case "T":
            if dialogue.phase is Phase.TLS:
                dialogue.forget_plaintext()
        case "E":
            yield from dialogue.receive_eof()
        case "<":
            yield from dialogue.receive(octets + CRLF)
        case ":":
            yield from dialogue.receive(octets)
        case _:
            yield from dialogue.receive(line + CRLF)


def _is_plausible(sign: str, octets: bytes, dialogue: Dialogue, *, within_line: bool) -> bool:
    one_line = sign == "B" or not set(octets) & set(b"\r\n\0")
    match sign:
        case ">" | "&" | "B":
            in_dialogue = dialogue.phase not in (Phase.MAILDATA, Phase.AUTH, Phase.TLS)
            return one_line and in_dialogue and not within_line and not _waits_for(dialogue, "DATA")
        case "A":
            return dialogue.phase is Phase.AUTH and one_line and not within_line
        case "D" | ".":
            ended = any(owed.ends_message for owed in dialogue.owed)
            return (
                dialogue.phase is Phase.MAILDATA and not ended and not within_line and not _waits_for(dialogue, "AUTH")
            )
        case "T":
            return dialogue.phase is Phase.TLS
        case "L" | "|":
            return dialogue.phase is not Phase.TLS
    return True


def _is_owed(dialogue: Dialogue) -> bool:
    return any(not owed.late and owed.asked is not Asked.GREETING for owed in dialogue.owed)


def _waits_for(dialogue: Dialogue, verb: str) -> bool:
    return any(owed.command and owed.command.verb == verb and not owed.late for owed in dialogue.owed)


def _ends(event: Event) -> bool:
    return isinstance(event, Noticed) and event.kind in (NoticeKind.NOT_A_REPLY, NoticeKind.PLAINTEXT_AFTER_STARTTLS)
