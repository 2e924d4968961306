"""OAUTHBEARER and XOAUTH2: a token in place of a password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from smtp_shell.errors import NotSendable
from smtp_shell.protocol.masking import MASK, conceal_octets
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.sasl.exchange import (
    ASKS_FOR_REFUSAL,
    EMPTY,
    Exchange,
    Need,
    Response,
    Setting,
    encode,
    gs2_header,
)

if TYPE_CHECKING:
    from smtp_shell.protocol.secret import Secret

_SOH = "\x01"


class OAuthBearer(Exchange):
    """Send a token. A server that refuses it gives the reason in JSON, and expects an answer before it sends the 535.

    Source: RFC 7628 section 3.1 and 3.2.3
    """

    name = "OAUTHBEARER"
    plaintext = True
    merit = "a token goes over in place of the password"
    needs: ClassVar[frozenset[Need]] = frozenset(("token",))
    takes_authzid = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._token, self._dummy)
        self._host, self._port = setting.host, setting.port
        for what, value in (
            ("user name", setting.credentials.user),
            ("authorization identity", setting.credentials.authzid),
            ("host", setting.host),
        ):
            if re.search(r"[\x00-\x1f\x7f]", value):
                raise NotSendable(
                    f"The {what} holds a control character, which {self.name} uses to separate its fields."
                )
        if not re.fullmatch("[!-~]+", setting.credentials.password.reveal()):
            raise NotSendable("The token holds a space, a control character or one outside ASCII, which no token has.")

    def _token(self, challenge: bytes) -> Response:
        before, after = self._around_token()
        octets = before + self._credentials.password.reveal().encode() + after
        return Response(octets, f"{escape(before)}{MASK}{escape(after)}", secret=True)

    def _around_token(self) -> tuple[bytes, bytes]:
        header = gs2_header(self._credentials.authzid or self._credentials.user)
        fields = [f"host={self._host}"] * bool(self._host) + [f"port={self._port}"] * bool(self._port)
        return header + encode("".join(_SOH + each for each in (*fields, "auth=Bearer "))), b"\x01\x01"

    def _dummy(self, challenge: bytes) -> Response:
        return Response(b"\x01", rf"\x01: {ASKS_FOR_REFUSAL}", secret=False)

    def _explain(self, challenge: bytes) -> str:
        return _describe_error(challenge, self._credentials.password)


class XOAuth2(OAuthBearer):
    """Send a token in the form that is older than OAUTHBEARER. The dummy response is the empty one.

    Source: the OAuth 2.0 mechanism of Gmail and Exchange Online, in no RFC
    """

    name = "XOAUTH2"
    needs = frozenset(("user", "token"))
    takes_authzid = False

    def _around_token(self) -> tuple[bytes, bytes]:
        return encode(f"user={self._credentials.user}{_SOH}auth=Bearer "), b"\x01\x01"

    def _dummy(self, challenge: bytes) -> Response:
        return Response(b"", f"{EMPTY}: {ASKS_FOR_REFUSAL}", secret=False)


def _describe_error(challenge: bytes, secret: Secret) -> str:
    """Return the members of a JSON object as text, or anything else escaped.

    Source: RFC 7628 section 3.2.2
    """
    import json

    try:
        found = json.loads(challenge.decode())
        if not isinstance(found, dict) or not found:
            return escape(challenge)
        members = [f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in found.items()]
    except (ValueError, RecursionError):  # no JSON, or nested so deeply that only malice explains it
        return escape(challenge)
    # JSON has escapes of its own: a secret written in them is found only here.
    return escape(conceal_octets(", ".join(members).encode("utf-8", "surrogatepass"), secret))
