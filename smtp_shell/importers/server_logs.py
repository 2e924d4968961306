"""Logs of mail servers in which each line of a dialogue is marked: Postfix, Exim, Sendmail, OpenSMTPD, qmail, Haraka, aiosmtpd."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.importers.dialect import LIKELY, SURE, Dialect, Kind, Line, Record
from smtp_shell.importers.marks import COMMAND
from smtp_shell.importers.times import clock_seconds
from smtp_shell.importers.voices import REPLY, Said, Voices

_LONGEST_LITERAL = 100_000

# Postfix: smtpd -v, smtp -v, lmtp -v.
_POSTFIX = re.compile(
    r"(?P<stamp>.{0,120}?)(?P<program>(?:[\w.-]+/){0,3}(?P<name>smtpd|smtp|lmtp"
    r"|postscreen))\[(?P<pid>[0-9]+)\]: (?P<rest>.*)"
)
_POSTFIX_SAID = re.compile(r"(?P<mark>[<>]) (?P<peer>[^\[\]\s]{0,255}\[[^\]]{0,255}\](?::[0-9]+)?): ?(?P<text>.*)")
_POSTFIX_TLS = re.compile(
    r"(?:\w+: )?\w+ TLS connection (?:established|reused) (?:from|to) .{0,300}?: (?P<version>TLSv[0-9.]+"
    r"|SSLv3) with cipher (?P<cipher>[\w-]+)"
)
_POSTFIX_TRYING = re.compile(r"smtp_connect_addr: trying: .{0,255}?\[(?P<ip>[^\]]{1,64})\] port (?P<port>[0-9]+)")

# Exim: -d, -d+all, and -v of a delivery.
_EXIM_PREFIX = r"(?:(?P<clock>(?:[0-9-]{10} )?[0-9:]{8}(?:\.[0-9]+)?) )?[ ]{0,3}(?:(?P<pid>[0-9]{1,10}) )?[ ]{0,40}"
_EXIM = re.compile(_EXIM_PREFIX + r"SMTP(?P<way>\([\w ]{1,30}\))?(?P<mark><<|>>|\|>|>\||\+>|~>)(?P<text>.*)")
_EXIM_MORE = re.compile(_EXIM_PREFIX + r"(?P<text>[2-5][0-9]{2}[ -].*)")
_EXIM_CONNECTS = re.compile(
    _EXIM_PREFIX
    + r"Connecting to (?P<host>[\w.-]{1,255}) \[(?P<ip>[^\]]{1,64})\]:?(?P<port>[0-9]*).*?\.\.\.(?P<how>.*)"
)
_EXIM_WROTE = re.compile(r"\s*(?:writing|write|sending|\(?writing) message")
_EXIM_TLS = re.compile(
    _EXIM_PREFIX + r"(?:TLS session|tls_in_cipher|cipher): (?P<version>TLS[0-9.]+):(?P<cipher>[\w-]+)"
)
_EXIM_MAIN = re.compile(
    r"[0-9-]{10} [0-9:]{8}(?:\.[0-9]+)? (?:[+-][0-9]{4} )?(?:\[[0-9]+\] )?(?:[\w-]{16,23} (?:<=|=>|->|\*\*"
    r"|==|Completed)|exim |SMTP |H=|no host name)"
)

# Sendmail -X, and the same marks of others.
_SENDMAIL = re.compile(r"(?P<pid>[0-9]{1,10}) (?P<mark><<<|>>>|===)(?: (?P<text>.*))?$")
_OPENSMTPD = re.compile(
    r".{0,120}?\b(?P<name>smtp|mta|smtp-in|smtp-out"
    r"|lmtp): ?(?:session )?(?P<key>(?:0x)?[0-9a-fA-F]{6,16}):? (?P<mark><<<|>>>) (?P<text>.*)"
)
_RECORDIO = re.compile(r"(?:@[0-9a-f]{24} |.{0,40}? )?(?P<pid>[0-9]{1,10}) (?P<mark>[<>]) (?P<text>.*)$")
_HARAKA = re.compile(
    r"(?P<stamp>.{0,80}?)\[PROTOCOL\] \[(?P<key>[0-9A-Fa-f-]{8,36})(?:\.[0-9.]+)?\] \[[^\]]{0,40}\] (?P<who>[CS]): ?(?P<text>.*)"
)
_HARAKA_STATE = re.compile(r" state=[0-9A-Z_]{1,20}$")
_AIOSMTPD = re.compile(
    r".{0,200}?(?P<key>\('[^']{0,255}', [0-9]+(?:, [0-9]+, [0-9]+)?\)|'[^']{0,255}'|b?'') (?P<mark><<"
    r"|>>) (?P<challenge>challenge: )?(?P<text>b'.*'|b\".*\"|bytearray\(b'.*'\))\s*$"
)
_AIOSMTPD_DATA = re.compile(r".{0,120}?DATA readline: (?P<text>b'.*'|b\".*\")\s*$")
_AIOSMTPD_EVENT = re.compile(
    r".{0,200}?(?P<key>\('[^']{0,255}', [0-9]+(?:, [0-9]+, [0-9]+)?\)) (?P<what>handling connection"
    r"|connection lost|EOF received|connection timeout)"
)
_RAWLOG = re.compile(r"(?P<at>1[0-9]{9}\.[0-9]{6}) (?:(?P<way>[IO]): )?(?P<text>.*)")
_ONE_SIDE = "this log is of one direction only; what the other side said is in the file beside it, .in or .out"
_EXIM_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(?:\.[0-9]+)? ")
_NO_DIALOGUE: Final = (
    "it has a line for each message and not what was said, so there is nothing to replay; "
    "run exim -d -bd (or exim -v -M for a delivery) and import what that writes"
)


def share(lines: Sequence[Line], *patterns: re.Pattern[str], least: int = 2) -> float:
    """Return how sure a sample is one of a log, by its lines with a mark: sure with `least` of them that are a command and a reply.

    Args:
        lines: The sample.
        patterns: What a marked line looks like.
        least: How many there must be at least.
    """
    found = sum(any(pattern.match(line.text) for pattern in patterns) for line in lines)
    return SURE + 0.05 if found >= least else LIKELY if found else 0.0


def stamped(line: Line, stamp: str | None) -> Line:
    """Return a line with the time that it begins with, if it has one."""
    seconds = clock_seconds(stamp.strip()) if stamp and stamp.strip() else None
    return line if seconds is None else Line(line.text, line.number, seconds, line.cut)


# Postfix


def _parse_postfix(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    program = ""  # of lines without it, as journalctl -o cat writes them; the server greets first
    for line in lines:
        found = _POSTFIX.match(line.text)
        if found is None:
            if said := _POSTFIX_SAID.match(line.text):
                program = program or ("smtpd" if said["mark"] == ">" else "smtp")
                yield from _postfix_line(voices, (program, said["peer"]), line.text, line)
            continue
        key = (found["name"], found["pid"])
        stamp = _first_words(found["stamp"])
        yield from _postfix_line(voices, key, found["rest"], stamped(line, stamp))
    yield from voices.finish()


def _first_words(text: str) -> str:
    """Return what is in front of a syslog line without the host's name, which a time may not be followed by."""
    return text.rstrip().rpartition(" ")[0] or text


def _postfix_line(voices: Voices, key: tuple[str, str], rest: str, line: Line) -> Iterator[Record]:
    is_server = key[0] in ("smtpd", "postscreen")
    if said := _POSTFIX_SAID.match(rest):
        by_server = (said["mark"] == ">") == is_server
        yield from voices.said(Said(key, said["text"], by_server=by_server), line)
    elif rest.startswith("connect from ") and is_server:
        yield from voices.open(key)
    elif trying := _POSTFIX_TRYING.match(rest):
        host = f"[{trying['ip']}]" if ":" in trying["ip"] else trying["ip"]
        yield from voices.open(key, f"{host}:{trying['port']}")
    elif tls := _POSTFIX_TLS.match(rest):
        yield from voices.happened(key, Kind.TLS, f"{tls['version']} {tls['cipher']}", line)
    elif rest.startswith(("lost connection after ", "lost connection with ")):
        yield from voices.happened(key, Kind.CLOSE, "" if is_server else "server", line)
    elif rest.startswith("timeout after ") or "timed out while" in rest[:200]:
        yield from voices.happened(key, Kind.CLOSE, "server" if is_server else "", line)
    elif rest.startswith(("SSL_accept error from", "SSL_connect error to")):
        yield from voices.happened(key, Kind.TLS_FAILED, rest[:200], line)
    elif rest.startswith("disconnect from "):
        yield from voices.over(key)


def _sniff_postfix(lines: Sequence[Line]) -> float:
    found = sum(bool((each := _POSTFIX.match(line.text)) and _POSTFIX_SAID.match(each["rest"])) for line in lines)
    if not found:
        bare = [each for line in lines if (each := _POSTFIX_SAID.match(line.text))]
        return SURE if len(bare) > 1 and any(REPLY.match(each["text"]) for each in bare) else 0.0
    return 0.97 if found > 1 else LIKELY


# Exim


def _parse_exim(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    has_main_log = False
    for line in lines:
        text = line.text
        if found := _EXIM.match(text):
            yield from _exim_said(voices, found, stamped(line, found["clock"]))
        elif (found := _EXIM_MORE.match(text)) and not voices.in_data(found["pid"]):
            yield from voices.goes_on(found["pid"], found["text"], stamped(line, found["clock"]))
        elif found := _EXIM_CONNECTS.match(text):
            key = found["pid"]
            yield from voices.open(key, f"{found['host']}:{found['port'] or 25}")
            if "fail" in found["how"] or "refused" in found["how"]:
                yield from voices.happened(key, Kind.ERROR, found["how"].strip()[:200], line)
        elif found := _EXIM_TLS.match(text):
            yield from voices.happened(found["pid"], Kind.TLS, f"{found['version']} {found['cipher']}", line)
        else:
            has_main_log = has_main_log or bool(_EXIM_MAIN.match(text))
    yield from voices.finish()
    if has_main_log and not voices.has_said:
        raise TranscriptError("Exim's main log", Fault(0, _NO_DIALOGUE))


def _exim_said(voices: Voices, found: re.Match[str], line: Line) -> Iterator[Record]:
    key, text = found["pid"], found["text"]
    if found["way"] or text.startswith("(close"):
        if found["way"] is None or "clos" in found["way"]:
            yield from voices.happened(key, Kind.CLOSE, "server" if found["mark"] == "<<" else "", line)
            yield from voices.over(key)
        return
    if _EXIM_WROTE.match(text):
        yield from voices.said(Said(key, ".", mark="hidden", by_server=False), line)
        return
    mark = "<<" if found["mark"] == "<<" else ">>"
    yield from voices.said(Said(key, text.removeprefix(" "), mark=mark), line)


def _sniff_exim(lines: Sequence[Line]) -> float:
    sure = share(lines, _EXIM)
    dated = sum(bool(_EXIM_DATED.match(line.text)) for line in lines)
    is_main = dated > len(lines) / 2 and any(_EXIM_MAIN.match(line.text) for line in lines)
    return sure or (LIKELY if is_main else 0.0)


# Marks <<< and >>>, with a process


def _parse_sendmail(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    for line in lines:
        found = _SENDMAIL.match(line.text)
        if found is None:
            continue
        key, text = found["pid"], found["text"] or ""
        if found["mark"] == "===":
            if text.startswith("CONNECT "):
                yield from voices.open(key, f"{text[8:].strip()[:255]}:25")
        elif text == "[EOF]":
            yield from voices.happened(key, Kind.CLOSE, "", line)
            yield from voices.over(key)
        else:
            yield from voices.said(Said(key, text, mark=found["mark"]), line)
    yield from voices.finish()


def _parse_opensmtpd(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    for line in lines:
        found = _OPENSMTPD.match(line.text)
        if found is None:
            continue
        key, text = (found["name"], found["key"]), found["text"]
        if text in ("[EOM]", "[EOF]"):
            text = "."
        by_server = (found["mark"] == ">>>") == (found["name"] in ("smtp", "smtp-in"))
        yield from voices.said(Said(key, text.removeprefix("[MSG] "), by_server=by_server), line)
    yield from voices.finish()


def _parse_recordio(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    parts: dict[Hashable, str] = {}
    for line in lines:
        found = _RECORDIO.match(line.text)
        if found is None:
            continue
        key, text = found["pid"], found["text"]
        if text.strip() == "[EOF]":
            yield from voices.happened(key, Kind.CLOSE, "" if found["mark"] == "<" else "server", line)
            yield from voices.over(key)
            continue
        if text.endswith("+"):
            if len(parts) < 1_000 and len(parts.get((key, found["mark"]), "")) < _LONGEST_LITERAL:
                parts[key, found["mark"]] = parts.get((key, found["mark"]), "") + text[:-1]
            continue
        whole = parts.pop((key, found["mark"]), "") + text.removesuffix(" ").rstrip("\r")
        yield from voices.said(Said(key, whole, by_server=found["mark"] == ">"), line)
    yield from voices.finish()


def _sniff_recordio(lines: Sequence[Line]) -> float:
    found = [match for line in lines if (match := _RECORDIO.match(line.text))]
    greets = any(match["mark"] == ">" and REPLY.match(match["text"]) for match in found)
    return 0.92 if greets and len(found) > 2 else 0.0


# Haraka and aiosmtpd


def _parse_haraka(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    for line in lines:
        found = _HARAKA.match(line.text)
        if found is None:
            yield from voices.goes_on(voices.last, line.text.strip(), line)
            continue
        text = _HARAKA_STATE.sub("", found["text"])
        yield from voices.said(Said(found["key"], text, by_server=found["who"] == "S"), stamped(line, found["stamp"]))
    yield from voices.finish()


def literal(text: str) -> str:
    """Return what a literal of Python's octets stands for, as text; empty for one that is none."""
    if len(text) > _LONGEST_LITERAL:
        return ""
    try:
        value = ast.literal_eval(
            text.removeprefix("bytearray(").removesuffix(")") if text.startswith("bytearray") else text
        )
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else ""


def _parse_aiosmtpd(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    for line in lines:
        if found := _AIOSMTPD.match(line.text):
            text = literal(found["text"])
            if found["challenge"] and not text.startswith("334"):
                text = f"334 {text}"
            for part in text.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").split("\n"):
                yield from voices.said(Said(found["key"], part, by_server=found["mark"] == "<<"), line)
        elif found := _AIOSMTPD_DATA.match(line.text):
            if voices.in_data(voices.last):
                text = literal(found["text"]).rstrip("\r\n")
                yield from voices.said(Said(voices.last, text, by_server=False), line)
        elif found := _AIOSMTPD_EVENT.match(line.text):
            key = found["key"]
            if found["what"].startswith("handling"):
                yield from voices.open(key)
            elif found["what"].startswith("EOF"):
                yield from voices.happened(key, Kind.CLOSE, "", line)
            else:
                yield from voices.over(key)
    yield from voices.finish()


# Dovecot's rawlogs: a file for each direction


def _parse_rawlog(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    sides = set[bool]()
    server_way = ""  # of a log of both directions, the mark of what the server said
    in_data = False  # in the client's file, in which no reply says so
    for line in lines:
        found = _RAWLOG.match(line.text)
        if found is None:
            continue
        text = found["text"]
        by_server = not in_data and not voices.in_data("rawlog") and bool(REPLY.match(text))
        if (way := found["way"]) and by_server and not server_way:
            server_way = way
        if way and server_way:
            by_server = way == server_way
        sides.add(by_server)
        if not by_server:
            in_data = text != "." if in_data else text.strip().upper() == "DATA" and True not in sides
        where = Line(text, line.number, float(found["at"]))
        yield from voices.said(Said("rawlog", text, by_server=by_server), where)
    if len(sides) == 1:
        yield from voices.happened("rawlog", Kind.NOTE, _ONE_SIDE, Line("", 0))
    yield from voices.finish()


def _sniff_rawlog(lines: Sequence[Line]) -> float:
    found = [each for line in lines if (each := _RAWLOG.match(line.text))]
    is_smtp = any(REPLY.match(each["text"]) or COMMAND.match(each["text"]) for each in found[:50])
    return SURE if is_smtp and len(found) > 1 and len(found) > len(lines) * 0.9 else 0.0


def _sniff_by(*patterns: re.Pattern[str]) -> Callable[[Sequence[Line]], float]:
    return lambda lines: share(lines, *patterns)


DIALECTS: Final = (
    Dialect(
        name="postfix",
        title="Postfix's log with smtpd -v or smtp -v",
        sniff=_sniff_postfix,
        parse=_parse_postfix,
        keeps_times=True,
    ),
    Dialect(name="exim", title="Exim's output with -d or -v", sniff=_sniff_exim, parse=_parse_exim, keeps_times=True),
    Dialect(name="sendmail-x", title="Sendmail's traffic log (-X)", sniff=_sniff_by(_SENDMAIL), parse=_parse_sendmail),
    Dialect(
        name="opensmtpd", title="OpenSMTPD's trace (smtpd -T smtp)", sniff=_sniff_by(_OPENSMTPD), parse=_parse_opensmtpd
    ),
    Dialect(
        name="recordio",
        title="recordio of ucspi-tcp, for qmail",
        sniff=_sniff_recordio,
        parse=_parse_recordio,
        keeps_times=True,
    ),
    Dialect(
        name="haraka",
        title="Haraka's log of level PROTOCOL",
        sniff=_sniff_by(_HARAKA),
        parse=_parse_haraka,
        keeps_times=True,
    ),
    Dialect(
        name="dovecot",
        title="a rawlog of Dovecot's submission service",
        sniff=_sniff_rawlog,
        parse=_parse_rawlog,
        keeps_times=True,
    ),
    Dialect(name="aiosmtpd", title="aiosmtpd's log of level DEBUG", sniff=_sniff_by(_AIOSMTPD), parse=_parse_aiosmtpd),
)
"""The dialects of this module."""
