"""CRAM-MD5: the server's challenge, keyed with the password."""

from __future__ import annotations

import hmac

from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.sasl.exchange import Exchange, Response, Setting, encode


class CramMd5(Exchange):
    """Answer the challenge with the user name and a keyed digest of the challenge.

    Source: RFC 2195 section 2
    """

    name = "CRAM-MD5"
    initial = "no"
    merit = "the password stays here, though the server proves nothing"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._digest)

    def _digest(self, challenge: bytes) -> Response:
        digest = _hmac_md5(encode(self._credentials.password.reveal()), challenge)
        octets = encode(self._credentials.user) + b" " + digest.hex().encode()
        return Response(octets, f"{escape_str(self._credentials.user)} and the digest {MASK}", secret=True)


def _hmac_md5(key: bytes, message: bytes) -> bytes:
    try:
        return hmac.digest(key, message, "md5")
    except ValueError:  # a system in FIPS mode has no MD5
        pass
    raise AuthFailed(
        "This system's cryptography does not allow MD5, so CRAM-MD5 cannot be used; choose another mechanism."
    )
