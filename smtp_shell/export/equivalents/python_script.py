"""A dialogue as a Python script of sockets, ssl and base64, which does it line by line: the form that a student may hand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.export.equivalents.acts import Body, Closed, LoggedIn, Noted, Opened, Said, Secured
from smtp_shell.export.equivalents.posix_shell import comment, is_printable
from smtp_shell.export.equivalents.python_functions import IMPORTS, LOGINS, PARTS
from smtp_shell.export.equivalents.script import CERTIFICATE_VARIABLE, NO_SECRET, Script, server_words, shown_mechanism
from smtp_shell.net.target import Way
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtp_shell.export.equivalents.acts import Act
    from smtp_shell.export.equivalents.spool import Spool
    from smtp_shell.net.target import Target

_AUTHORITY = "An authority of your own is named with SSL_CERT_FILE=FILE in the environment."


def python_script(script: Script, spool: Spool) -> Iterator[str]:
    """Yield the lines of the script.

    Args:
        script: The acts, and what is known of the dialogue.
        spool: Where the messages are.
    """
    yield "#!/usr/bin/env python3\n"
    yield from comment(f"{script.title}, with sockets." if script.title else "The same with sockets.")
    yield from _functions(script.acts)
    writer = _Writer(
        spool, has_certificate=any(isinstance(act, LoggedIn) and act.mechanism == "EXTERNAL" for act in script.acts)
    )
    for place, act in enumerate(script.acts):
        follows = script.acts[place + 1] if place + 1 < len(script.acts) else None
        yield from writer.act(act, follows)
    yield from writer.end()


def _functions(acts: Iterable[Act]) -> Iterator[str]:
    """Yield the imports and the functions that the acts need."""
    needed = {"tcp", "close"}
    logins: dict[str, None] = {}
    for act in acts:
        if isinstance(act, Opened):
            needed |= {each for each, is_needed in (("tls", act.tls), ("octets", act.route.header)) if is_needed}
        match act:
            case Opened(target=target) if target is not None and target.way is not Way.TCP:
                needed = {*needed, "any way"} - {"tcp"}
            case Secured():
                needed.add("tls")
            case Body():
                needed.add("message" if act.kind == "data" else "octets")
            case LoggedIn():
                needed.add("login")
                logins[_login_function(act)] = None
    imports = {name for key in (*needed, *logins) for name in IMPORTS.get(key, ())}
    yield "\n"
    yield from (f"import {name}\n" for name in sorted(imports))
    yield from (text for key, text in PARTS.items() if key in needed)
    yield from (LOGINS[key] for key in logins)
    yield "\n"


def _login_function(login: LoggedIn) -> str:
    if login.mechanism.startswith("SCRAM-SHA-"):
        return "SCRAM"
    return login.mechanism if login.mechanism in LOGINS else "PLAIN"


class _Writer:
    """Writes the acts, one after the other.

    Args:
        spool: Where the messages are.
        has_certificate: Whether TLS is to show a client certificate.
    """

    def __init__(self, spool: Spool, *, has_certificate: bool) -> None:
        self._spool = spool
        self._group: list[Said] = []  # commands of one write
        self._is_lmtp = False
        self._host = ""
        self._is_open = False
        self._certificate = f', certificate=os.environ["{CERTIFICATE_VARIABLE}"]' if has_certificate else ""

    def act(self, act: Act, follows: Act | None) -> Iterator[str]:
        """Yield the lines for an act.

        Args:
            act: The act.
            follows: The one after it; None for none.
        """
        if isinstance(act, Said):
            self._group.append(act)
            is_group = act.pipelined and isinstance(follows, Said) and follows.verb != "BDAT" and act.verb != "BDAT"
            if not is_group:
                yield from self._commands(follows)
            return
        match act:
            case Opened():
                yield from self._open(act)
            case Secured():
                if self._is_open and not self._is_implicit:
                    yield from self._secure(act)
            case LoggedIn():
                yield from self._login(act)
            case Body():
                yield from self._body(act)
            case Noted():
                yield from comment(f"Note: {act.text}")
            case Closed():
                yield from self.end()

    def end(self) -> Iterator[str]:
        """Yield what closes the connection."""
        if self._is_open:
            self._is_open = False
            yield "server.close()\n"

    def _open(self, opened: Opened) -> Iterator[str]:
        remarks: list[str] = []
        target = opened.target
        yield from self.end()
        self._is_open, self._is_implicit = True, opened.tls
        self._is_lmtp = target is not None and target.lmtp
        host, port = server_words(target, remarks) if target is None or target.way is Way.TCP else ("localhost", 0)
        self._host = host
        yield "\n"
        yield from Script.remarks(remarks)
        if opened.route.proxy is not None:
            yield from Script.remarks(["this script goes through no proxy; it connects directly."])
        source = f", source={opened.route.source!r}" if opened.route.source else ""
        yield f"server = Connection({_opening(target, host, port)}{source})\n"
        if opened.route.header:
            yield f"server.send_octets({opened.route.header!r})  # the PROXY header\n"
        if opened.tls:
            yield from comment(_AUTHORITY)
            yield f"server.start_tls({self._host!r}{self._certificate})\n"
        yield "server.reply()  # the greeting\n"

    def _secure(self, secured: Secured) -> Iterator[str]:
        check = ", verify=False" if secured.verified is False else ""
        yield from comment("The certificate was not verified here." if check else _AUTHORITY)
        yield f"server.start_tls({self._host!r}{check}{self._certificate})\n"

    def _commands(self, follows: Act | None) -> Iterator[str]:
        group, self._group = self._group, []
        self._is_lmtp = self._is_lmtp or any(said.verb == "LHLO" for said in group)
        last = group[-1]
        if last.verb == "BDAT" and isinstance(follows, Body):
            yield f"server.send({_literal(last.line)})\n"
            return
        call = f"server.command({', '.join(_literal(said.line) for said in group)})"
        if last.verb == "DATA" and isinstance(follows, Body):
            yield f'if {call} != "354":\n    raise SystemExit("the server does not take the message")\n'
        elif last.verb == "STARTTLS" and isinstance(follows, Secured):
            yield f'if {call} != "220":\n    raise SystemExit("the server does not start TLS")\n'
        else:
            yield f"{call}\n"

    def _login(self, login: LoggedIn) -> Iterator[str]:
        remarks = []
        mechanism, function = login.mechanism, _login_function(login)
        if function != "SCRAM" and mechanism not in LOGINS:
            remarks.append(f"this script has no mechanism {shown_mechanism(login)}; PLAIN is tried in its place.")
            mechanism = "PLAIN"
        user = repr(login.user.encode("utf-8", "surrogateescape").decode("utf-8", "replace")) if login.user else ""
        if not user and mechanism not in NO_SECRET:
            remarks.append("the user's name is not known here, and is asked for.")
            user = 'input("User: ")'
        yield from Script.remarks(remarks)
        if function == "SCRAM":
            digest = mechanism.removesuffix("-PLUS").removeprefix("SCRAM-").replace("-", "").lower()
            yield f"scram(server, {user}, {digest!r})\n"
        elif mechanism in NO_SECRET:
            yield f"{function.lower()}(server{f', {user}' if user else ''})\n"
        else:
            yield f"{function.lower().replace('-', '_')}(server, {user})\n"

    def _body(self, body: Body) -> Iterator[str]:
        lines = self._spool.lines([(body.start, body.end)])
        if body.is_hidden:
            yield from comment("A credential in these octets is left out.")
        if body.kind == "data":
            yield "server.send_message([\n"
            yield from _items(lines)
            yield "])\n" if body.is_whole else "], end=False)\n"
            replies = body.replies - 1 if body.is_whole else 0
        else:
            yield "server.send_octets(\n"
            yield from (f"    {line!r}\n" for line in lines)
            yield ("" if body.end > body.start else '    b""\n') + ")\n"
            replies = body.replies or (body.kind == "chunk")
        yield from ("server.reply()\n" for _ in range(replies))


def _items(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the items of a list of lines; one that was cut for its length is a literal in several parts."""
    is_cut = False
    for line in lines:
        is_whole = line.endswith(CRLF)
        literal = _literal(line[:-2]) if is_whole and not is_cut else repr(line.removesuffix(CRLF))
        yield f"    {literal}{',' if is_whole else ''}\n"
        is_cut = not is_whole


def _opening(target: Target | None, host: str, port: int) -> str:
    """Return the arguments that open the connection."""
    if target is not None and target.way is Way.UNIX:
        return f"path={target.host!r}"
    if target is not None and target.way is Way.PIPE:
        return f"program={target.host!r}"
    return f"{host!r}, {port}"


def _literal(octets: bytes) -> str:
    """Return octets as a literal of text where it is printable, and of octets where not."""
    return repr(octets.decode()) if is_printable(octets) else repr(octets)
