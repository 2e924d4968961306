"""A dialogue as the lines to feed to `openssl s_client`, in a script for a POSIX shell that waits for each reply.

`-quiet` turns off the letters that s_client takes for commands of its own (`R`, `Q`, `k`), and `-crlf` makes CRLF of each line end. Where
the octets count, `-crlf` is left out and each line end is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.config import PASSWORD_VARIABLE, PROXY_PASSWORD_VARIABLE
from smtp_shell.export.equivalents.acts import Body, Closed, LoggedIn, Noted, Opened, Said, Secured
from smtp_shell.export.equivalents.posix_shell import (
    DELIMITER,
    can_be_document,
    command,
    document,
    is_printable,
    printf_format,
    word,
)
from smtp_shell.export.equivalents.script import (
    CERTIFICATE_VARIABLE,
    NO_SECRET,
    TOKEN_MECHANISMS,
    Script,
    login_remark,
    server_words,
    shown_mechanism,
)
from smtp_shell.net.target import Way
from smtp_shell.protocol.commands import HELLOS
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smtp_shell.export.equivalents.acts import Act
    from smtp_shell.export.equivalents.spool import Spool

_IN_CLEAR = "here it was in the clear; s_client speaks TLS only, so it says STARTTLS first. nc HOST PORT needs none."
_NO_PIPE = "s_client connects to no program, so this connection is left out."

_FUNCTIONS = r"""
folder=$(mktemp -d) && mkfifo "$folder/in" "$folder/out" || exit 1
pid=
trap 'kill "$pid" 2>/dev/null; rm -r "$folder"' EXIT
cr=$(printf '\r')

reply() { # prints one reply, and keeps its code
    while IFS= read -r line <&4; do
        line=${line%"$cr"}
        code=${line%"${line#???}"}
        printf 'S: %s\n' "$line" | cat -v
        case $line in ???-*) ;; *) return 0 ;; esac
    done
    echo 'The server closed the connection.' >&2
    exit 3
}

say() { # sends a line, of which the second word may be shown in its place
    printf 'C: %s\n' "${2-$1}"
    printf '%s\n' "$1" >&3
    reply
}

base64() {
    openssl base64 -A
}
"""
_EXACT = ("printf '%s\\n' \"$1\" >&3", "printf '%s\\r\\n' \"$1\" >&3")


def openssl_script(script: Script, spool: Spool) -> Iterator[str]:
    """Yield the lines of the script.

    Args:
        script: The acts, and what is known of the dialogue.
        spool: Where the messages are.
    """
    is_exact = _is_exact(script.acts, spool)
    yield from script.head("openssl s_client", remarks=())
    yield _FUNCTIONS.replace(*_EXACT) if is_exact else _FUNCTIONS
    for acts in _connections(script.acts):
        yield "\n"
        yield from _Connection(acts, spool, is_exact=is_exact).lines()


def _is_exact(acts: Iterable[Act], spool: Spool) -> bool:
    """Return whether the octets count: a line end that is no CRLF, or what is no text."""
    return any(
        (isinstance(act, Body) and (act.kind != "data" or not can_be_document(spool.lines([(act.start, act.end)]))))
        or (isinstance(act, Said) and not is_printable(act.line))
        for act in acts
    )


def _connections(acts: Sequence[Act]) -> Iterator[list[Act]]:
    """Yield the acts of each connection, from its opening to its end. Notes before the first are in the head already."""
    now: list[Act] = []
    for act in acts:
        if isinstance(act, Opened) and now:
            yield now
            now = []
        if now or isinstance(act, Opened):
            now.append(act)
    if now:
        yield now


class _Connection:
    """Writes one connection.

    Args:
        acts: What the client did, the opening first.
        spool: Where the messages are.
        is_exact: Whether line ends are written, and not made by s_client.
    """

    def __init__(self, acts: list[Act], spool: Spool, *, is_exact: bool) -> None:
        opened = acts[0]
        self._opened = opened if isinstance(opened, Opened) else Opened(None)
        self._spool = spool
        self._end = "\r\n" if is_exact else "\n"
        self._is_exact = is_exact
        secured = [place for place, act in enumerate(acts) if isinstance(act, Secured)]
        self._verified = next((act.verified for act in acts if isinstance(act, Secured)), None)
        self._was_clear = not secured and not self._opened.tls
        begin = secured[0] + 1 if secured and not self._opened.tls else 1
        self._acts = [act for act in acts[begin:] if not isinstance(act, Secured)]
        self._names = [act.line[4:].strip() for act in acts if isinstance(act, Said) and act.verb in HELLOS]
        self._is_lmtp = any(isinstance(act, Said) and act.verb == "LHLO" for act in acts)

    def lines(self) -> Iterator[str]:
        target = self._opened.target
        if target is not None and target.way is Way.PIPE:
            yield from Script.remarks([_NO_PIPE])
            return
        remarks = [_IN_CLEAR] if self._was_clear else []
        if any(isinstance(act, Said) and act.pipelined and act.verb != "BDAT" for act in self._acts):
            remarks.append("one line at a time is sent; here some went out together (PIPELINING).")
        words = list(self._words(remarks))
        yield from Script.remarks(remarks)
        yield from command(words, after=' <"$folder/in" >"$folder/out" &')
        yield 'pid=$!\nexec 3>"$folder/in" 4<"$folder/out"\n\n'
        if self._opened.tls:
            yield "reply # the greeting\n"
        for place, act in enumerate(self._acts):
            follows = self._acts[place + 1] if place + 1 < len(self._acts) else None
            yield from self._act(act, follows)
        yield 'exec 3>&- 4<&-\nkill "$pid" 2>/dev/null\nwait "$pid" 2>/dev/null\npid=\n'

    def _words(self, remarks: list[str]) -> Iterator[str]:
        yield "openssl s_client -quiet" if self._is_exact else "openssl s_client -crlf -quiet"
        target = self._opened.target
        if target is not None and target.way is Way.UNIX:
            yield f"-unix {word(target.host.encode())}"
        else:
            host, port = server_words(target, remarks)
            yield from _route(self._opened, remarks)
            yield f"-connect {word((f'[{host}]' if ':' in host else host).encode())}:{port}"
            if ":" not in host and not host.replace(".", "").isdigit():
                yield f"-servername {word(host.removesuffix('.').encode())}"
            if self._verified:
                is_address = ":" in host or host.replace(".", "").isdigit()
                yield f"-verify_return_error -verify_{'ip' if is_address else 'hostname'} {word(host.encode())}"
                remarks.append("an authority of your own is named with -CAfile FILE.")
        if any(isinstance(act, LoggedIn) and act.mechanism == "EXTERNAL" for act in self._acts):
            yield f'-cert "${CERTIFICATE_VARIABLE}"'
        if not self._opened.tls:
            yield f"-starttls {'lmtp' if self._is_lmtp else 'smtp'}"
            if self._names and is_printable(self._names[0]) and self._names[0]:
                yield f"-name {word(self._names[0])}"

    def _act(self, act: Act, follows: Act | None) -> Iterator[str]:
        match act:
            case Said(verb="STARTTLS"):
                yield from Script.remarks(["s_client has done STARTTLS already."])
            case Said(verb="DATA") if isinstance(follows, Body) and follows.kind == "data":
                yield 'say DATA\n[ "$code" = 354 ] || exit 1\n'
            case Said():
                yield from self._said(act, is_answered=not (isinstance(follows, Body) and act.verb == "BDAT"))
            case LoggedIn():
                yield from self._login(act)
            case Body():
                yield from self._body(act)
            case Noted():
                yield from Script.remarks([f"Note: {act.text}"])
            case Closed() if not act.by_client:
                yield from Script.remarks(["here the server closed the connection, or it broke."])

    def _said(self, said: Said, *, is_answered: bool) -> Iterator[str]:
        if is_answered and is_printable(said.line):
            yield f"say {word(said.line)}\n"
            return
        yield f"printf {printf_format(said.line + self._end.encode())} >&3\n"
        if is_answered:
            yield "reply\n"

    def _login(self, login: LoggedIn) -> Iterator[str]:
        mechanism, user = login.mechanism, login.user.encode("utf-8", "surrogateescape")
        shown = word(user) if user else "USER"
        remarks = (
            [] if user or mechanism in NO_SECRET else ["the user's name is not known here; put it in place of USER."]
        )
        secret = f'"${PASSWORD_VARIABLE}"'
        if mechanism in NO_SECRET:
            said = user or (b"anonymous" if mechanism == "ANONYMOUS" else b"")
            response = f'"$(printf %s {word(said)} | base64)"' if said else "="
            yield f"say 'AUTH {mechanism} '{response}\n"
            return
        if mechanism == "XOAUTH2":
            made = f"printf 'user=%s\\001auth=Bearer %s\\001\\001' {shown} {secret} | base64"
        elif mechanism == "LOGIN":
            yield from Script.remarks([*remarks, login_remark(login)])
            yield f"say 'AUTH LOGIN'\nsay \"$(printf %s {shown} | base64)\"\n"
            yield f"say \"$(printf %s {secret} | base64)\" '…'\n"
            return
        else:
            made = f"printf '\\000%s\\000%s' {shown} {secret} | base64"
        if mechanism not in ("PLAIN", "XOAUTH2"):
            what = "token" if mechanism in TOKEN_MECHANISMS else "password"
            remarks.append(
                f"a shell cannot keep the {what} out of the arguments of what computes {shown_mechanism(login)}; "
                "PLAIN is tried in its place."
            )
            mechanism = "PLAIN"
        yield from Script.remarks([*remarks, login_remark(login)])
        yield f"say \"AUTH {mechanism} $({made})\" 'AUTH {mechanism} …'\n"

    def _body(self, body: Body) -> Iterator[str]:
        lines = self._spool.lines([(body.start, body.end)])
        if body.is_hidden:
            yield from Script.remarks(["a credential in these octets is left out."])
        if body.kind == "data" and not self._is_exact:
            yield f"cat >&3 <<'{DELIMITER}'\n"
            yield from document(_stuffed(lines))
        else:
            octets = _stuffed(lines) if body.kind == "data" else lines
            yield from (f"printf {printf_format(line)} >&3\n" for line in octets)
        if body.kind == "data":
            if body.is_whole:
                yield "say .\n"
            yield from ("reply\n" for _ in range(body.replies - 1))
        else:
            yield from ("reply\n" for _ in range(body.replies))


def _route(opened: Opened, remarks: list[str]) -> Iterator[str]:
    """Yield the options about how to connect."""
    route = opened.route
    proxy = route.proxy
    if proxy is not None and proxy.scheme != "http":
        remarks.append("s_client goes through no proxy of SOCKS; it connects directly.")
    elif proxy is not None and not opened.tls:
        remarks.append("s_client asks a proxy or says STARTTLS, and cannot do both; it connects directly.")
    elif proxy is not None:
        yield f"-proxy {word(str(proxy.target).encode())}"
        if proxy.user:
            yield f"-proxy_user {word(proxy.user.encode('utf-8', 'surrogateescape'))} -proxy_pass env:{PROXY_PASSWORD_VARIABLE}"
            remarks.append(f"the password of the proxy comes from {PROXY_PASSWORD_VARIABLE}.")
    if route.source:
        yield f"-bind {word((f'[{route.source}]' if ':' in route.source else route.source).encode())}:0"
    if route.version:
        remarks.append("s_client cannot send the PROXY header, which would go before TLS; it is left out.")


def _stuffed(lines: Iterable[bytes]) -> Iterator[bytes]:
    at_start = True
    for line in lines:
        yield b"." + line if at_start and line.startswith(b".") else line
        at_start = line.endswith(CRLF)
