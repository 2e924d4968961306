"""What the shell scripts for all tools have in common: their head, the server, and where the password comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.config import PASSWORD_VARIABLE
from smtp_shell.export.equivalents.acts import LoggedIn
from smtp_shell.export.equivalents.posix_shell import comment
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtp_shell.export.equivalents.acts import Act
    from smtp_shell.export.equivalents.deliveries import Deliveries
    from smtp_shell.net.target import Target

TOKEN_MECHANISMS = frozenset({"XOAUTH2", "OAUTHBEARER"})
"""Mechanisms whose secret is a token."""

NO_SECRET = frozenset({"EXTERNAL", "ANONYMOUS"})
"""Mechanisms without a secret of the user's own."""

CERTIFICATE_VARIABLE = "SMTP_SHELL_CLIENT_CERT"
"""Names the file with the client certificate of EXTERNAL; a dialogue does not say where it is."""

_NAMES = ("swaks ", "curl ", "s_client ")
_EXAMPLE = ("mail.example.com", 25)


class Script(Struct, frozen=True):
    """A dialogue that is to be written as a script.

    Args:
        title: Its title, printable; empty for none.
        acts: What the client did.
        found: The same as deliveries, for tools that send one message at a time.
    """

    title: str
    acts: tuple[Act, ...]
    found: Deliveries

    def head(self, tool: str, *, remarks: Iterable[str] | None = None) -> Iterator[str]:
        """Yield the lines with which a shell script begins.

        Args:
            tool: Name of the tool.
            remarks: What the tool does differently, in sentences; None for the remarks of the deliveries.
        """
        yield "#!/bin/sh\n"
        yield from comment(f"{self.title}, for {tool}." if self.title else f"The same for {tool}.")
        for note in self.found.notes:
            yield from comment(f"Note: {note}")
        yield from self.remarks(self.found.remarks if remarks is None else remarks)
        if any(isinstance(act, LoggedIn) and act.mechanism not in NO_SECRET for act in self.acts):
            yield f': "${{{PASSWORD_VARIABLE}:?set it to the password or token; it is in no argument}}"\n'
        if any(isinstance(act, LoggedIn) and act.mechanism == "EXTERNAL" for act in self.acts):
            yield f': "${{{CERTIFICATE_VARIABLE}:?set it to the file of the client certificate and its key, PEM}}"\n'

    @staticmethod
    def remarks(remarks: Iterable[str]) -> Iterator[str]:
        """Yield comments, one for each remark."""
        for remark in remarks:
            is_name = remark.startswith(_NAMES)
            yield from comment(remark if is_name else f"{remark[0].upper()}{remark[1:]}")


def server_words(target: Target | None, remarks: list[str]) -> tuple[str, int]:
    """Return host and port; add a remark where the dialogue names none.

    Args:
        target: The server.
        remarks: The remarks so far.
    """
    if target is not None:
        return target.host, target.port
    remarks.append("the dialogue names no server; put yours in place of mail.example.com.")
    return _EXAMPLE


def login_remark(login: LoggedIn) -> str:
    """Return where the secret comes from, and what became of it here."""
    refused = f" Here the server refused it with {login.code}." if login.code >= 400 else ""
    return f"the password comes from {PASSWORD_VARIABLE}.{refused}"


def shown_mechanism(login: LoggedIn) -> str:
    """Return the name of a mechanism, printable."""
    return escape(login.mechanism.encode("utf-8", "replace")) or "of that kind"
