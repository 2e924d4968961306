"""Dialects that mark each line with an arrow or a word: msmtp, sendmail -v, Perl's Net::SMTP, mutt, go-mail, PEAR, smtp-cli."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.marks import REPLY, certainty, certainty_of, has, records_of
from smtp_shell.importers.times import after_time

# msmtp --debug

_MSMTP = re.compile(r"(?:(?P<c>-->)|(?P<s><--))(?: |$)")
_MSMTP_SIGNS = re.compile(
    r"(?:tls_starttls|tls_certcheck|set_from_header|passwordeval|logfile) = |using account |loaded (?:system|user) conf"
)
_SETTING = re.compile(r"(host|port|tls|tls_starttls) *= (\S+)$")
_MSMTP_CIPHER = re.compile(r"[ \t]+\((TLS[0-9.]+)\)-(\S+)$")


def _sniff_msmtp(lines: Sequence[Line]) -> float:
    return certainty_of(lines, _MSMTP, _MSMTP_SIGNS)


def _parse_msmtp(lines: Iterable[Line]) -> Iterator[Record]:
    settings: dict[str, str] = {}
    at_tls = False
    for line in lines:
        if not at_tls and not _MSMTP.match(line.text) and (found := _SETTING.match(line.text)):
            settings[found[1]] = found[2]
        elif line.text.startswith("TLS session parameters"):
            at_tls = True
        elif at_tls:
            at_tls = False
            found = _MSMTP_CIPHER.match(line.text)
            words = f"{found[1].replace('TLS', 'TLSv')} {found[2]}" if found else ""
            yield Record(Kind.TLS, words, line.number, line.at)
        if "host" in settings and (_MSMTP.match(line.text) or line.text.startswith("TLS session")):
            begins = settings.get("tls") == "on" and settings.get("tls_starttls") == "off"
            address = f"{settings['host']}:{settings['port']}" if "port" in settings else settings["host"]
            yield Record(Kind.CONNECT, address, line.number, line.at, tls=begins or None)
            settings = {}
        yield from records_of((line,), _MSMTP)


MSMTP: Final = Dialect(name="msmtp", title="msmtp --debug", sniff=_sniff_msmtp, parse=_parse_msmtp, marks=_MSMTP)

# sendmail -v: the server's lines have no mark

_SENDMAIL = re.compile(r"(?:050 )?(?:(?P<c>>>> ?)|(?P<s>(?=[2-5][0-9][0-9](?:[ -]|$))))")
_SENDMAIL_SIGNS = re.compile(
    r"(?:050 )?(?:\S+\.\.\. (?:Connecting to|Sent|Deferred|User unknown)|Closing connection to )"
)
_CONNECTING = re.compile(r"(?:050 )?\S+\.\.\. Connecting to (\S+?)\.? (?:port ([0-9]+) )?via ")


def _sniff_sendmail(lines: Sequence[Line]) -> float:
    if not any(line.text.startswith((">>>", "050 >>>")) for line in lines) or has(lines, _NET_SMTP, _BACK):
        return 0.0
    return certainty_of(lines, _SENDMAIL, _SENDMAIL_SIGNS)


def _parse_sendmail(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        if found := _CONNECTING.match(line.text):
            host, port = found[1].removeprefix("[IPv6:").strip("[]"), found[2]
            where = f"[{host}]" if ":" in host else host
            yield Record(Kind.CONNECT, f"{where}:{port}" if port else where, line.number, line.at)
            continue
        for record in records_of((line,), _SENDMAIL):
            if record.kind is Kind.CLIENT and record.text == ".":
                yield Record(Kind.HIDDEN_DATA, "", line.number, line.at)
            yield record


SENDMAIL: Final = Dialect(name="sendmail", title="sendmail -v", sniff=_sniff_sendmail, parse=_parse_sendmail)

# Perl's Net::SMTP: it shows mail data before its dots are doubled, and no empty line of it

_NET_SMTP = re.compile(r"Net::SMTP[\w:]*(?:=GLOB\(0x[0-9a-f]+\))?(?:\([^)]*\))?(?:(?P<c>>>>)|(?P<s><<<))(?: |$)")
_PERL_MODULE = re.compile(r" *[A-Z][\w:]*\([0-9._]+\)$")


def _sniff_net_smtp(lines: Sequence[Line]) -> float:
    return certainty_of(lines, _NET_SMTP, _NET_SMTP)


def _parse_net_smtp(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        record = next(records_of((line,), _NET_SMTP), None)
        if record is None:
            continue
        tls = True if "_SSL" in line.text[:16] else None
        if record.kind is Kind.SERVER:
            yield Record(Kind.SERVER, record.text, record.line, record.at, tls)
            if record.text.startswith("354"):
                note = "Net::SMTP shows no empty lines of mail data: the one after its header and others are missing"
                yield Record(Kind.NOTE, note, record.line, record.at)
        elif not _PERL_MODULE.match(record.text) or "GLOB" in line.text[:40]:
            kind = Kind.CLIENT if record.text == "." else Kind.UNSTUFFED
            yield Record(kind, record.text, record.line, record.at, tls)


NET_SMTP: Final = Dialect(
    name="netsmtp", title="Perl's Net::SMTP, Debug => 1", sniff=_sniff_net_smtp, parse=_parse_net_smtp, marks=_NET_SMTP
)

# Arrows of whatever kind, and mutt's `4>` and `4<`

_ARROWS = re.compile(
    r"[ \t]*(?:\[[^\]]{1,60}\] ?)?[0-9]?"
    r"(?:(?P<c>(?:-{1,4}|={1,4})>|>{1,4}|\u2192|\u00bb|\u21d2)(?:: ?| |$)"
    r"|(?P<s><(?:-{1,4}|={1,4})|<{1,4}|\u2190|\u00ab|\u21d0)(?:: *| +|$))"
)
_BACK = re.compile(r"[ \t]*<{2,3} ?[2-5][0-9][0-9][ -]")
_AT = re.compile(r"(?i)(?:\* )?(?:connect(?:ed|ing) to|trying) \[?([^\s\[\],]+)\]?(?:\.\.\.| *:? *(?:port )?([0-9]+))?")


def _sniff_arrows(lines: Sequence[Line]) -> float:
    return min(0.93, certainty_of(lines, _ARROWS))


def _parse_arrows(lines: Iterable[Line]) -> Iterator[Record]:
    return records_of(lines, _ARROWS, _remark)


def _remark(text: str) -> tuple[Kind, str] | None:
    if found := _AT.match(text.strip()):
        return Kind.CONNECT, ":".join(filter(None, (found[1].rstrip("."), found[2])))
    return None


ARROWS: Final = Dialect(
    name="arrows",
    title="---> and <---, > and <, and the like",
    sniff=_sniff_arrows,
    parse=_parse_arrows,
    marks=_ARROWS,
)

# PEAR Net_SMTP and other words

_WORDS = re.compile(
    r"[ \t]*(?:DEBUG: )?(?:(?P<c>(?i:send|sent|sending|client says|to server|out(?:going|bound)?|tx|write|wrote|c2s))"
    r"|(?P<s>(?i:recv|received|receive|rcvd|server says|from server|in(?:coming|bound)?|rx|read|s2c)))[ \t]*(?::|>+|<+|=)[ \t]?"
)


def _sniff_words(lines: Sequence[Line]) -> float:
    return min(0.92, certainty_of(lines, _WORDS))


def _parse_words(lines: Iterable[Line]) -> Iterator[Record]:
    in_data = False  # between the 354 and the final dot, where one mark is in front of many lines
    for line in lines:
        marked = False
        for record in records_of((line,), _WORDS, _remark):
            marked = True
            in_data = record.text.startswith("354") if record.kind is Kind.SERVER else in_data and record.text != "."
            yield record
        if in_data and not marked:
            in_data = line.text != "."
            yield Record(Kind.CLIENT, line.text, line.number, line.at)


WORDS: Final = Dialect(
    name="words", title="Send: and Recv: (PEAR Net_SMTP), and the like", sniff=_sniff_words, parse=_parse_words
)

# Replies whose lines have lost their codes, or have them in brackets: go-mail, smtp-cli

_GO_MAIL = re.compile(r".{0,80}?(?:(?P<c>C --> S:|S <-- C:)|(?P<s>C <-- S:|S --> C:)) ?")
_SMTP_CLI = re.compile(r"(?:(?P<c>> )|(?P<s>(?=\[[2-5][0-9][0-9]\] ')))")
_BRACKETED = re.compile(r"\[([2-5][0-9][0-9])\] '(.*)'$")
_GO_JSON = re.compile(r'\{.*"direction":')


def _sniff_go_mail(lines: Sequence[Line]) -> float:
    if has(lines, _GO_JSON):
        records = [*_parse_go_mail(lines)]
        said = {kind: [r.text for r in records if r.kind is kind] for kind in (Kind.CLIENT, Kind.SERVER)}
        return certainty(said[Kind.CLIENT], said[Kind.SERVER], signed=True)
    return certainty_of(lines, _GO_MAIL, _GO_MAIL)


def _parse_go_mail(lines: Iterable[Line]) -> Iterator[Record]:
    reply = _Reply()
    last = ""  # the command
    for line in lines:
        found = _GO_MAIL.match(line.text)
        who, text = (found.lastgroup, line.text[found.end() :]) if found else _from_json(line.text)
        if who is None:
            if last == "QUIT" or after_time(line.text):
                yield from reply.end()
            if reply.texts and line.text.strip():
                reply.add(line.text, line)
            if len(reply.texts) >= _MOST_LINES:
                yield from reply.end()
            continue
        for each in text.split("\n"):
            if who == "c" or (REPLY.match(each) and not (reply.texts and each is not text and reply.code == each[:3])):
                yield from reply.end()
            if who == "c":
                last = each.strip().upper()
                yield Record(Kind.CLIENT, each, line.number, line.at)
            else:
                reply.add(each, line)
                if each.startswith("354"):
                    yield from reply.end()
                    yield Record(Kind.HIDDEN_DATA, "", line.number, line.at)
    yield from reply.end()


def _from_json(text: str) -> tuple[str | None, str]:
    if not text.startswith("{") or len(text) > 1_000_000:
        return None, ""
    try:
        found = json.loads(text)
        return {"client": "c", "server": "s"}.get(found["direction"]["from"]), str(found["msg"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, ""


_MOST_LINES: Final = 1_000  # of one reply


class _Reply:
    """A reply whose lines are told from one another, but not by their codes."""

    def __init__(self) -> None:
        self.code = ""
        self.texts: list[tuple[str, Line]] = []

    def add(self, text: str, line: Line) -> None:
        if REPLY.match(text):
            if not self.texts:
                self.code = text[:3]
            text = text[4:]
        self.texts.append((text, line))

    def end(self) -> Iterator[Record]:
        texts, self.texts = self.texts, []
        for number, (text, line) in enumerate(texts, 1):
            mark = " " if number == len(texts) else "-"
            yield Record(Kind.SERVER, f"{self.code}{mark}{text}" if self.code else text, line.number, line.at)


GO_MAIL: Final = Dialect(name="gomail", title="go-mail's debug log", sniff=_sniff_go_mail, parse=_parse_go_mail)


def _sniff_smtp_cli(lines: Sequence[Line]) -> float:
    return certainty_of([*lines], _SMTP_CLI, _BRACKETED) if has(lines, _BRACKETED) else 0.0


def _parse_smtp_cli(lines: Iterable[Line]) -> Iterator[Record]:
    reply = _Reply()
    for line in lines:
        if found := _BRACKETED.match(line.text):
            if reply.code != found[1]:
                yield from reply.end()
            reply.code = found[1]
            reply.texts.append((found[2], line))
            continue
        yield from reply.end()
        yield from records_of((line,), _SMTP_CLI, _remark)
    yield from reply.end()


SMTP_CLI: Final = Dialect(name="smtp-cli", title="smtp-cli --verbose", sniff=_sniff_smtp_cli, parse=_parse_smtp_cli)
