"""What telnet, nc, openssl s_client and the like write into a window by themselves: connected, closed, certificates, tickets.

It tells whether a session begins or ends, where it goes, and whether it is under TLS. Everything else of it is noise.
"""

from __future__ import annotations

import re

from smtp_shell.importers.dialect import Kind, Record
from smtp_shell.protocol.octets import escape_str

_HOST = r"\[?(?P<host>[\w.:-]{1,255}?)\]?"
_COMMAND = re.compile(
    r"(?:.{0,200}?[$#%>] ?|\+ |COMMAND=\"|)(?:sudo |busybox |winpty )*(?P<tool>telnet|ncat|netcat|nc"
    r"|openssl s_client|plink|socat|gnutls-cli)"
    r"(?:\.exe)?(?P<words>(?:[ \t]+[^\s\"]+){1,30})"
)
_CONNECTED = tuple(
    re.compile(pattern)
    for pattern in (
        r"Trying (?P<ip>[0-9a-fA-F.:%\w]+)\.\.\.(?: ?Open)?\s*$",
        rf"Connected to {_HOST}\.?\s*$",
        rf"Connected to {_HOST}[: ](?:port )?(?P<port>[0-9]+)\.?\s*$",
        rf"Connecting [Tt]o {_HOST}(?::(?P<port>[0-9]+))?\s?\.\.\.\s*$",
        r"Connecting to '(?P<host>[\w.:-]+?)(?::(?P<port>[0-9]+))?'\.\.\.\s*$",
        rf"Ncat: Connected to {_HOST}:(?P<port>[0-9]+)\.\s*$",
        rf"Connection to {_HOST}(?: \([^)]*\))? (?P<port>[0-9]+) port \[[^\]]*\] succeeded!\s*$",
        r"(?:DNS fwd/rev mismatch.*"
        r"|(?:(?P<host>[\w.-]+) )?\(?[\w]{0,8}\)? ?\[(?P<ip>[0-9a-fA-F.:]+)\] (?P<port>[0-9]+) \([\w?-]+\) open)\s*$",
        r"Ncat: Version [\w.]+ \(",
        r"Escape character is ",
        r"CONNECTED\([0-9A-Fa-f]+\)\s*$",
        r"Connecting to (?P<host>[0-9a-fA-F.:]+)\s*$",
        r"Resolving '",
        r"(?:=~)+=?\s*PuTTY log .*(?:=~)+=?\s*$",
        r"Can't use SSL_get_servername\s*$",
        r"CONNECTION ESTABLISHED\s*$",
        r"Looking up host \"(?P<host>[\w.:-]+)\"",
        r"Connecting to [0-9a-fA-F.:]+ port (?P<port>[0-9]+)\s*$",
    )
)
_CLOSED_BY_SERVER = re.compile(
    r"Connection closed by foreign host\.?|Connection to host lost\.?"
    r"|(?:telnet: )?Connection closed by remote host|closed\s*$"
    r"|Connection to [\w.:-]+ closed by (?:foreign|remote) host|read:errno=0\s*$"
    r"|- Peer has closed the GnuTLS connection"
    r"|.{0,80}error:[0-9A-F]+:SSL routines:.{0,80}unexpected eof while reading|Remote side unexpectedly closed"
    r"|Connection closed by server\b"
)
_CLOSED_BY_CLIENT = re.compile(r"Connection closed\.\s*$|DONE\s*$|Console escape\.|telnet> ?(?:q|quit|close|c)\s*$")
_GREETS = re.compile(r"220[ -]")
_BEGINS_AGAIN = re.compile(
    r"CONNECTED\([0-9A-F]{8}\)\s*$|(?:=~){5,}=?\s*PuTTY log |Script (?:started|done) on [A-Z0-9].* ?"
)
_KEY_THAT_ENDS = re.compile(r"\^[CDZ\\]\s*$|\^\]e\s*$")
_MAY_END = re.compile(
    r"\^|Connection|(?:telnet: )?Conn|closed|read:errno|- Peer|[0-9A-F]{8,20}:error:|DONE|Console|telnet>"
    r"|Remote|Ncat:|\s*sent [0-9]"
)
_MAY_CONNECT = re.compile(r"Trying|Connect|CONNECT|Ncat|Escape|Resolving|=~|Can't|Looking|.{0,255} open\s*$")
_TLS_ERROR = re.compile(r"[0-9A-F]{8,20}:error:[0-9A-F]{1,12}:(?P<why>[^:]{1,60}(?::[^:]{0,60}){1,2})")
_BROKEN = re.compile(
    r"(?:telnet: |nc: |ncat: |Ncat: |FATAL ERROR: |.{0,120}: )?(?P<why>Connection refused"
    r"|Connection timed out|Operation timed out|TIMEOUT|No route to host"
    r"|Network is unreachable|Network error: .{1,80}|Host is unreachable"
    r"|Unable to connect to remote host.{0,80}|Connection reset by peer|Broken pipe"
    r"|Name or service not known|nodename nor servname provided.{0,40}|Temporary failure in name resolution"
    r"|Unknown host"
    r"|Could not resolve hostname.{0,80}"
    r"|Could not open connection to the host, on port [0-9]+: Connect failed"
    r"|can't connect to remote host.{0,80})[. ]*$"
)
_NC_SUMMARY = re.compile(r"\s*sent [0-9]+, rcvd [0-9]+\s*$|Ncat: [0-9]+ bytes sent, [0-9]+ bytes received in .*$")
_TLS_BEGINS = re.compile(
    r"CONNECTED\([0-9A-Fa-f]+\)\s*$|depth=[0-9]+ |Can't use SSL_get_servername|- Handshake was completed"
    r"|- Certificate type:|CONNECTION ESTABLISHED\s*$|Ncat: SSL connection to "
    r"|(?:[0-9/]{10} [0-9:.]{8,15} )?socat\[[0-9]+\] [IN] (?:SSL connection using|SSL proto version used)"
)
_CIPHER = re.compile(r"(?:New, |Reused, )?(?P<version>TLSv[0-9.]+|SSLv3), Cipher is (?P<cipher>[\w-]+)\s*$")
_PROTOCOL = re.compile(r"\s+Protocol\s*: (?P<version>TLSv[0-9.]+)\s*$")
_VERIFIED = re.compile(r"\s*Verify return code: (?P<number>[0-9]+) ")
_GNUTLS = re.compile(r"- Description: \((?P<version>TLS[0-9.]+)")
_NOISE = re.compile(
    r"---\s*$|read R BLOCK\s*$|RENEGOTIATING\s*$|KEYUPDATE\s*$|DONE\s*$|verify (?:return|error|depth)"
    r"|depth=[0-9]+ |Post-Handshake New Session Ticket"
    r"|SSL-Session:|Certificate chain|Server certificate|-----(?:BEGIN|END) |subject=|issuer="
    r"|No client certificate CA|Peer sign|Server Temp Key"
    r"|Negotiated TLS1\.3 group|Peer Temp Key|SSL handshake has read|Verification|New, |Reused, "
    r"|Server public key is|Protocol: |This TLS version forbids"
    r"|Secure Renegotiation|Compression: |Expansion: |No ALPN|ALPN protocol|Early data was"
    r"|Verify return code|Acceptable client|Requested Signature"
    r"|Shared Requested|Client Certificate Types|notAfter|notBefore|Server did acknowledge|SSL_connect"
    r"|SSL3 alert|(?:write to|read from) 0x"
    r"|(?:>>>|<<<) (?:TLS|SSL|\?\?\?)|[0-9A-F]{8,20}:error:|    [0-9a-f]{4} - "
    r"|[0-9a-f]{4} - [0-9a-f]{2}[ -]|    [0-9a-f]{2}(?: [0-9a-f]{2}){0,15}\s*$"
    r"|    (?:Protocol|Cipher|Session-ID|Session-ID-ctx|Resumption PSK|Master-Key|PSK identity"
    r"|PSK identity hint|SRP username|Key-Arg|Krb5 Principal"
    r"|TLS session ticket.*|Start Time|Timeout|Verify return code|Extended master secret|Max Early Data"
    r"|Compression)\s*:"
    r"|(?: [0-9]|   ) ?(?:s:|i:|a:PKEY|v:NotBefore)|   [siav]:|OCSP response|DANE |SSL0"
    r"|Using default temp DH|didn't find starttls"
    r"|\^\]|telnet> ?|Escape character is|Ncat: |Press any key to continue|Welcome to Microsoft Telnet"
    r"|Microsoft Telnet>|Escape Character is"
    r"|- |\*\*\* |\|<[0-9]+>\||Processed [0-9]+ CA|warning: |Last login: |Script (?:started|done|beendet"
    r"|gestartet)|\s*Using username|Looking up host"
    r"|(?:Outgoing|Incoming) (?:packet|raw data)|Event Log: |  [0-9a-f]{8}  [0-9a-f]{2} |Connecting to "
    r"|(?:libnsock|NSOCK INFO|NCAT DEBUG:) |(?:[0-9/]{10} [0-9:.]{8,15} )?socat\[[0-9]+\] [DINWEF] "
    r"|>>> |LOG: |\*{4} |Server hostname: |Local echo|We claim version"
)
_REPORTS = re.compile(
    r"libnsock nsock_|NSOCK INFO \[|NCAT DEBUG: "
    r"|(?:[0-9/]{10} [0-9:]{8}(?:\.[0-9]+)? )?socat\[[0-9]+\] [DINWEF] "
)
_DUMP_BEGINS = re.compile(
    r"(?:write to|read from) 0x[0-9a-f]+ \[|(?:>>>|<<<) (?:TLS|SSL|\?\?\?)|(?:Sent|Received) Record$"
)
_DUMPED = re.compile(
    r"[0-9a-f]{4} - (?:[0-9a-f]{2}[ -]|   ){1,16}| {4}[0-9a-f]{2}(?: [0-9a-f]{2}){0,15}\s*$|[0-9a-f]{4} - <SPACES/NULS>"
    r"|Header:$| {2,4}(?:Version|Content Type|Length|Inner Content Type) = "
)
_STARTTLS = re.compile(r"-starttls[ =]+(?:smtp|lmtp)|--starttls-proto[ =]smtp")
_TAKEN = {"Q": "DONE", "R": "RENEGOTIATING", "K": "KEYUPDATE", "B": "HEARTBEATING"}


class Window:
    """What is known of the tool that the window belongs to.

    Attributes:
        tls_words: Words of the event `tls`, once TLS is established; None in the clear.
        starttls_done: Whether the tool itself did STARTTLS.
        is_connected: Whether it has said that it is connected.
        is_over: Whether the server has answered QUIT.
    """

    def __init__(self) -> None:
        self.is_tls_tool = False
        self.forget()

    def forget(self) -> None:
        """Forget the session, which is over."""
        self.host, self.port = "", ""
        self.tls_words: tuple[str, ...] | None = None
        self.starttls_done = self.is_connected = self.is_over = False
        self.is_tls_tool = False
        self._in_pem = self._in_dump = False

    def opened(self) -> Record:
        """Return the record of the connection that is open now."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_tls = self.tls_words is not None and not self.starttls_done
        address = f"{host}:{self.port or ('465' if is_tls else '25')}" if host else ""
        self.is_over = False
        return Record(Kind.CONNECT, address, tls=is_tls)

    def read(self, text: str, *, in_session: bool) -> Record | None:
        """Return what a line of the tool says has happened; None for any other line. What it says about the host is kept.

        Args:
            text: The line.
            in_session: Whether the dialogue has begun.
        """
        if self._pem(text):
            return None
        if (found := _COMMAND.match(text)) and not in_session:
            self.forget()
            self._command(found["tool"], found["words"])
            return None
        if self.is_over and (found := _COMMAND.match(text)):
            self.forget()
            self._command(found["tool"], found["words"])
            return Record(Kind.CONNECT)
        if (found := _BROKEN.match(text)) and (
            not in_session or "reset" in found["why"] or "timed out" in found["why"] or "pipe" in found["why"]
        ):
            if not in_session and not (self.host or self.is_connected):
                return None
            return Record(Kind.ERROR, found["why"])
        if ended := self.ends(text, in_session=in_session):
            return ended
        if self.is_tls_tool or not in_session:
            self._tls(text)
        return self._connected(text, in_session=in_session)

    def ends(self, text: str, *, in_session: bool = True) -> Record | None:
        """Return the end of the session if a line says that it has ended, even in the midst of mail data."""
        if not (in_session or self.is_connected) or not _MAY_END.match(text):
            return None
        if _CLOSED_BY_SERVER.match(text) and (self.is_tls_tool or not text.startswith("closed")):
            return Record(Kind.CLOSE, "server")
        if _KEY_THAT_ENDS.match(text):
            return Record(Kind.CLOSE)
        if _CLOSED_BY_CLIENT.match(text) and (self.is_tls_tool or not text.startswith("DONE")):
            return Record(Kind.CLOSE)
        if _NC_SUMMARY.match(text):
            return Record(Kind.CLOSE)
        if self.is_tls_tool and (found := _TLS_ERROR.match(text)):
            return Record(Kind.ERROR, escape_str(found["why"]))
        return None

    def begins_again(self, text: str, ahead: str) -> bool:
        """Return whether a line in mail data is the start of another session, and the next one goes on with it."""
        if text.startswith("Trying ") and ahead.startswith(("Connected to ", "Trying ", "telnet: ")):
            return bool(_CONNECTED[0].match(text))
        if text.startswith("Connected to ") and (ahead.startswith("Escape character is ") or _GREETS.match(ahead)):
            return True
        return bool(_BEGINS_AGAIN.match(text))

    def is_noise(self, text: str) -> bool:
        """Return whether a line is one that tools write, and no part of a dialogue."""
        if self._in_pem or _NOISE.match(text):
            return True
        return bool(_MAY_CONNECT.match(text)) and any(pattern.match(text) for pattern in _CONNECTED)

    def dumps(self, text: str) -> bool:
        """Return whether a line is one in which the tool reports what it does (s_client -debug, ncat -vv), even in mail data."""
        if _REPORTS.match(text):
            return self.is_connected
        if not self.is_tls_tool:
            return False
        found = _DUMP_BEGINS.match(text)
        self._in_dump = bool(found) or (self._in_dump and bool(_DUMPED.match(text)))
        return self._in_dump

    @property
    def is_plain(self) -> bool:
        """Whether it is a tool that cannot do TLS."""
        return not self.is_tls_tool and (self.is_connected or bool(self.host))

    def takes(self, line: str) -> bool:
        """Return whether openssl s_client takes a typed line as its own command, by its first letter."""
        return self.is_tls_tool and line[:1].upper() in _TAKEN

    def took(self, ahead: str) -> bool:
        """Return whether a line shows that openssl s_client has taken the line before it as its own command."""
        return self.is_tls_tool and ahead.strip() in _TAKEN.values()

    def does_starttls(self) -> bool:
        """Return whether the tool did STARTTLS by itself, when the first reply in the window is the last line of one to EHLO."""
        self.starttls_done = self.starttls_done or self.is_tls_tool
        return self.starttls_done

    def quit_answered(self) -> None:
        """Note that the server has answered QUIT: nothing of the dialogue follows."""
        self.is_over = True

    def _pem(self, text: str) -> bool:
        if text.startswith("-----BEGIN "):
            self._in_pem = True
        elif text.startswith("-----END "):
            self._in_pem = False
            return True
        return self._in_pem

    def _command(self, tool: str, words: str) -> None:
        if tool in ("openssl s_client", "gnutls-cli"):
            self.is_tls_tool = True
            self.starttls_done = bool(_STARTTLS.search(words))
            found = re.search(r"-connect[ =]+\[?([\w.:-]+?)\]?:(\w+)", words)
            if found:
                self.host, self.port = found[1], _port(found[2])
                return
        plain = [word for word in words.split() if not word.startswith("-")]
        for index, word in enumerate(plain):
            number = _port(word)
            if number and index:
                self.host, self.port = plain[index - 1], number
                return
            if found := re.fullmatch(r"(?:TCP4?:|TCP6:|OPENSSL:)?\[?([\w.-]+\.[\w.-]+)\]?:([0-9]{1,5})(?:,.*)?", word):
                self.host, self.port = found[1], found[2]
                return
        if plain and re.fullmatch(r"[\w.-]{1,255}", plain[-1]):
            self.host = plain[-1]

    def _connected(self, text: str, *, in_session: bool) -> Record | None:
        if not _MAY_CONNECT.match(text):
            return None
        for pattern in _CONNECTED:
            found = pattern.match(text)
            if found is None:
                continue
            groups = found.groupdict()
            begins = (
                not in_session
                or self.is_over
                or pattern.pattern.startswith(("Trying", "CONNECTED", "(?:=~)", "Connecting"))
            )
            if not begins:
                continue
            if in_session:
                port = self.port
                self.forget()
                self.port = port
            self._tls(text)
            self.is_connected = True
            if groups.get("host") and (not self.host or not re.fullmatch(r"[0-9.]+|[0-9a-f:]+", groups["host"])):
                self.host = groups["host"]
            elif groups.get("ip") and not self.host:
                self.host = groups["ip"]
            if groups.get("port"):
                self.port = groups["port"]
            return Record(Kind.CONNECT)
        return None

    def _tls(self, text: str) -> None:
        if _TLS_BEGINS.match(text):
            self.is_tls_tool = self.is_connected = True
            if self.tls_words is None:
                self.tls_words = ()
        if found := _CIPHER.match(text):
            self.tls_words = (found["version"], found["cipher"])
        elif (found := _PROTOCOL.match(text) or _GNUTLS.match(text)) and not self.tls_words:
            self.tls_words = (found["version"],)
        elif (found := _VERIFIED.match(text)) and self.tls_words and len(self.tls_words) == 2:
            self.tls_words = (*self.tls_words, "verified" if found["number"] == "0" else "unverified")


def _port(word: str) -> str:
    names = {"smtp": "25", "smtps": "465", "submission": "587", "submissions": "465", "urd": "465", "lmtp": "24"}
    if word.lower() in names:
        return names[word.lower()]
    return word if word.isascii() and word.isdigit() and 0 < int(word[:6]) < 65_536 else ""
