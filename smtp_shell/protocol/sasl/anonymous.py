"""ANONYMOUS: nobody in particular, with a trace if the user likes."""

from __future__ import annotations

from smtp_shell.errors import NotSendable
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.sasl.exchange import EMPTY, Exchange, Response, Setting, encode

_LONGEST = 255


class Anonymous(Exchange):
    """Send a trace, such as a mail address, or nothing. Nobody is authenticated.

    Source: RFC 4505 section 2
    """

    name = "ANONYMOUS"
    needs = frozenset()
    by_name_only = True
    holds_credential = False
    merit = "nobody needs to be authenticated"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._trace)
        if len(setting.credentials.user) > _LONGEST:
            raise NotSendable(f"The trace of ANONYMOUS is over {_LONGEST} characters; give a shorter one, or none.")

    def _trace(self, challenge: bytes) -> Response:
        trace = self._credentials.user
        return Response(
            encode(trace),
            f"trace {escape_str(trace)}" if trace else f"{EMPTY}: no trace of who it is",
            secret=bool(trace),
        )
