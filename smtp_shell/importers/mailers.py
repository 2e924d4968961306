"""Libraries that send mail and log it in a form of their own: PHPMailer, JavaMail, nodemailer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from typing import Final

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.marks import COMMAND, NO_REPLY, REPLY, GoingOn, certainty_of, has
from smtp_shell.importers.times import clock_seconds

# PHPMailer

_PHP = re.compile(
    r"[ \t]*(?:debug level [0-9]+; message: )?"
    r"(?:(?P<c>CLIENT -> SERVER|SMTP -> TO SERVER)|(?P<s>SERVER -> CLIENT|SMTP -> FROM SERVER)): ?"
)
_PHP_AT = re.compile(r"[ \t]*Connection: opening to (?:(ssl|tls)://)?([^\s,:]+):([0-9]+)")
_PHP_TIME = re.compile(
    r"[ \t]*[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[ \t]+(?=CLIENT -> SERVER|SERVER -> CLIENT|SMTP |Connection)"
)
_PHP_NO_TLS = re.compile(r"(?i).*(?:stream_socket_enable_crypto\(\)|SSL operation failed|certificate verify failed)")
_BREAK = re.compile(r"(?i)<br ?/?>")


def _sniff_php(lines: Sequence[Line]) -> float:
    plain = [Line(_plain(line.text), line.number) for line in lines]
    return certainty_of(plain, _PHP, _PHP)


def _plain(text: str) -> str:
    """Return a line without HTML."""
    if "-&gt;" not in text and not text.rstrip().endswith(">"):
        return text
    without = _BREAK.sub("", text)
    return unescape(without) if "-&gt;" in without or without != text else text


def _parse_php(lines: Iterable[Line]) -> Iterator[Record]:
    server = False  # the last line with a mark was the server's: its further lines have none
    for line in lines:
        for part in _parts(line.text):
            text = _plain(part)
            found = _PHP.match(text)
            if found is None:
                bare = text.strip(" \t")
                if server and REPLY.match(bare):
                    yield Record(Kind.SERVER, bare, line.number, line.at)
                elif found := _PHP_AT.match(text):
                    server = False
                    yield Record(
                        Kind.CONNECT, f"{found[2]}:{found[3]}", line.number, line.at, tls=bool(found[1]) or None
                    )
                elif _PHP_NO_TLS.match(bare):
                    server = False
                    yield Record(Kind.TLS_FAILED, bare, line.number, line.at)
                elif bare:
                    server = False
                    if bare.startswith("Connection: closed"):
                        yield Record(Kind.CLOSE, "", line.number, line.at)
                continue
            server = found.lastgroup == "s"
            said = text[found.end() :]
            if server and not said.strip():
                yield Record(Kind.NOTE, NO_REPLY, line.number, line.at)
                continue
            if not server:
                yield Record(Kind.CLIENT, said, line.number, line.at)
                continue
            for each in _split_reply(said):
                yield Record(Kind.SERVER, each, line.number, line.at)


def _parts(text: str) -> Sequence[str]:
    """Return the lines that a browser or a page has put on one."""
    if text.count("-&gt;") > 1:
        return _BREAK.split(text)
    if text.count("SERVER -> CLIENT: ") + text.count("CLIENT -> SERVER: ") > 1:
        return [part for part in _PHP_TIME.split(text) if part]
    return (text,)


def _split_reply(text: str) -> list[str]:
    """Return the lines of a reply: HTML output has joined them without a space."""
    if not re.match(r"[2-5][0-9][0-9]-", text):
        return [text]
    lines = re.split(rf"(?<=.)(?={text[:3]}[ -])", text)
    return [each.rstrip() for each in lines] if lines[-1][3:4] == " " else [text]


PHPMAILER: Final = Dialect(
    name="phpmailer", title="PHPMailer, SMTPDebug 1 to 4", sniff=_sniff_php, parse=_parse_php, reads_html=True
)

# JavaMail: what is said has no mark, and what is remarked begins with DEBUG

_JAVA = re.compile(r"DEBUG(?: SMTPS?| TLS)?: |DEBUG: (?:Jakarta|JavaMail)")
_JAVA_AT = re.compile(r'DEBUG SMTPS?: trying to connect to host "([^"]*)", port ([0-9]+), isSSL (true|false)')
_SUPPRESSED = re.compile(r"DEBUG SMTPS?: AUTH (\S+) command trace suppressed")
_THROWN = re.compile(r"(?:Exception|Error)\b.{0,200}: ([2-5][0-9][0-9])-")
_CONTINUED = re.compile(r"[2-5][0-9][0-9]-")


def _sniff_java(lines: Sequence[Line]) -> float:
    if not any(
        line.text.startswith(("DEBUG SMTP", "DEBUG: Jakarta Mail", "DEBUG: JavaMail", "DEBUG: Angus")) for line in lines
    ):
        return 0.0
    bare = [line.text for line in lines if not _JAVA.match(line.text)]
    replies, commands = any(REPLY.match(text) for text in bare), any(COMMAND.match(text) for text in bare)
    return 0.99 if replies and commands else 0.6 if replies or commands else 0.0


def _parse_java(lines: Iterable[Line]) -> Iterator[Record]:
    in_data = False
    asked = False  # DATA was sent, and no reply to it was shown
    begun = False
    exchange = False  # the last reply was a 334
    echoed = ""  # code of a reply that an exception has repeated the first line of
    for line in lines:
        text = line.text
        if in_data:
            if text.startswith(("DEBUG SMTP", "DEBUG TLS")) and not begun:
                continue
            in_data = text != "."
            yield Record(Kind.CLIENT, text, line.number, line.at)
        elif _JAVA.match(text) or text.startswith("DEBUG "):
            if found := _JAVA_AT.match(text):
                begun = False
                address = f"{found[1]}:{found[2]}"
                yield Record(Kind.CONNECT, address, line.number, line.at, tls=found[3] == "true" or None)
            elif found := _SUPPRESSED.match(text):
                note = f"the log does not show the exchange of AUTH {found[1]}"
                yield Record(Kind.NOTE, note, line.number, line.at)
        elif echoed and text.startswith(echoed):
            echoed = "" if text[3:4] != "-" else echoed
        elif REPLY.match(text):
            begun = exchange = False
            if not _CONTINUED.match(text):
                in_data, asked = asked and text.startswith("354"), False
                exchange = text.startswith("334")
            yield Record(Kind.SERVER, text, line.number, line.at)
        elif COMMAND.match(text) or exchange:
            asked = text.strip().upper() == "DATA"
            exchange = False
            yield Record(Kind.CLIENT, text, line.number, line.at)
        elif found := _THROWN.search(text, 0, 500):
            echoed = found[1]


JAVAMAIL: Final = Dialect(
    name="javamail", title="JavaMail and Jakarta Mail, mail.debug", sniff=_sniff_java, parse=_parse_java
)

# nodemailer: mail data has no mark, between the 354 and the dot

_NODE = re.compile(r"[ \t]*(?:(?P<c>C)|(?P<s>S)): ?")
_NODE_SIGNS = re.compile(
    r"(?:Creating transport: nodemailer|Sending mail using SMTP|Sending message <|Connection established to |SMTP handshake)"
)
_NODE_AT = re.compile(r"(?:Secure )?[Cc]onnection established to (\S+)")
_PINO = re.compile(r'\{.*"tnx":')
_MIME = re.compile(r"<([0-9]+) bytes encoded mime message")


def _sniff_node(lines: Sequence[Line]) -> float:
    if has(lines, _PINO):
        lines = [Line(_from_pino(line).text, line.number) for line in lines if _PINO.match(line.text)]
        return certainty_of(lines, _NODE, _NODE)
    return certainty_of(lines, _NODE) + 0.04 if has(lines, _NODE_SIGNS) else 0.0


def _from_pino(line: Line) -> Line:
    """Return a line of a log in JSON as nodemailer's own logger writes it; an empty one if nobody says anything in it."""
    try:
        found = json.loads(line.text)
        at = clock_seconds(found["time"]) if isinstance(found.get("time"), str) else float(found.get("time", 0)) / 1000
        mark = {"client": "C: ", "server": "S: "}.get(str(found.get("tnx")), "")
        return Line(f"{mark}{found.get('msg') or found.get('message') or ''}", line.number, at)
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return Line("", line.number)


def _parse_node(lines: Iterable[Line]) -> Iterator[Record]:
    in_data = False
    going_on = GoingOn()
    for line in lines:
        if _PINO.match(line.text):
            line = _from_pino(line)
        text = line.text
        found = _NODE.match(text)
        if not found and going_on.takes(text):
            yield Record(Kind.SERVER, text.lstrip(), line.number, line.at)
            continue
        if in_data and _MIME.match(text):
            size = _MIME.match(text)
            yield Record(Kind.HIDDEN_DATA, f"{int(size[1]):,} octets" if size else "", line.number, line.at)
        elif in_data and not (found and found["s"] and REPLY.match(text[found.end() :])):
            if text != "." and _NODE_SIGNS.match(text):
                continue
            in_data = text != "."
            yield Record(Kind.CLIENT, text, line.number, line.at)
        elif found:
            said = text[found.end() :]
            if found["s"]:
                in_data = said.startswith("354")
            kind = Kind.SERVER if found["s"] else Kind.CLIENT
            for each in said.rstrip("\r\n").replace("\r\n", "\n").split("\n"):
                going_on.said(each if found["s"] else "")
                yield Record(kind, each, line.number, line.at)
        elif found := _NODE_AT.match(text):
            yield Record(Kind.CONNECT, found[1], line.number, line.at, tls=text.startswith("Secure") or None)
        elif text.startswith("Connection upgraded with STARTTLS"):
            yield Record(Kind.TLS, "", line.number, line.at)
        elif text.startswith("Closing connection"):
            yield Record(Kind.CLOSE, "", line.number, line.at)


NODEMAILER: Final = Dialect(
    name="nodemailer", title="nodemailer, logger and debug", sniff=_sniff_node, parse=_parse_node
)
