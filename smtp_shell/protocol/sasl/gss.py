"""NTLM and GSSAPI (Kerberos): mechanisms of Windows and Unix domains, whose tokens pyspnego makes.

pyspnego is an extra, imported when such an exchange starts. GSSAPI needs the system's Kerberos library with it, and a ticket.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from smtp_shell.errors import AuthFailed, ProtocolViolation, SmtpShellError
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.sasl.exchange import EMPTY, Exchange, Response, Setting, encode

_T = TypeVar("_T")

_MOST_TOKENS = 8
_LONGEST_REASON = 200
_NO_LAYER = 1
_NTLM_SIGNATURE = b"NTLMSSP\0"


class Ntlm(Exchange):
    """Answer a challenge with digests of the password, in the manner of Windows NT.

    Source: MS-SMTPNTLM section 3.1, MS-NLMP section 3.1.5.1
    """

    name = "NTLM"
    initial = "asked"
    by_name_only = True
    begins_with_text = True
    merit = "the password stays here, though its digests are weak"
    obsolete = (
        "NTLM is obsolete: whoever listens can try passwords against its digests, and Windows itself is leaving it."
    )

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._negotiate, self._authenticate)
        who = setting.credentials
        self._context = _context(
            self.name, "ntlm", username=who.user, password=who.password.reveal(), hostname=setting.host or "localhost"
        )

    def _negotiate(self, challenge: bytes) -> Response:
        token = _guarded(self.name, lambda: self._context.step(None))
        return Response(token or b"", "NTLM negotiate message", secret=True)

    def _authenticate(self, challenge: bytes) -> Response:
        if not _is_challenge(challenge):
            raise ProtocolViolation("The server's NTLM challenge is no challenge message; try another mechanism.")
        token = _guarded(self.name, lambda: self._context.step(challenge))
        user = escape_str(self._credentials.user)
        return Response(token or b"", f"NTLM authenticate message of {user}, with the digests {MASK}", secret=True)

    def _explain(self, challenge: bytes) -> str:
        return describe_ntlm(challenge)


class Gssapi(Exchange):
    """Show a Kerberos ticket for the mail service, then agree on no layer of protection: TLS is the one.

    Source: RFC 4752 section 3.1
    """

    name = "GSSAPI"
    needs = frozenset()
    takes_authzid = True
    by_name_only = True
    merit = "a Kerberos ticket stands for the password, and both sides prove themselves"
    protocol: ClassVar[str] = "kerberos"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, *(self._step,) * _MOST_TOKENS)
        if not setting.host:
            raise AuthFailed("GSSAPI needs the server's host name for its ticket, and this connection has none.")
        who = setting.credentials
        self._context = _context(
            self.name,
            self.protocol,
            username=who.user or None,
            password=who.password.reveal() or None,
            hostname=setting.host,
            service=setting.service,
        )
        self._principal = f"{setting.service}@{setting.host}"
        self._agreed = False

    def finish(self) -> None:
        """Check, after the 235, that the server has proved itself.

        Raises:
            ProtocolViolation: It accepted before both sides had.
        """
        if not self._agreed:
            raise ProtocolViolation(
                "The server accepted GSSAPI before it had proved itself: it may be an impostor; leave."
            )

    def _step(self, challenge: bytes) -> Response:
        if self._agreed:
            raise ProtocolViolation(f"The server asks for one more response than {self.name} has; cancel with `*`.")
        if self._context.complete:
            return self._choose_layer(challenge)
        # The last step of a client has no token: its response is empty then.
        step = (lambda: self._context.step(challenge)) if challenge else self._first_token
        token = _guarded(self.name, step) or b""
        return Response(
            token, f"token of {len(token)} octets for {escape_str(self._principal)}" if token else EMPTY, secret=True
        )

    def _first_token(self) -> bytes | None:
        try:
            token: bytes | None = self._context.step(None)
        except Exception as error:
            # Whatever the system's Kerberos library raises here means that there is no ticket.
            raise _no_ticket(self._principal, error) from None
        return token

    def _choose_layer(self, challenge: bytes) -> Response:
        offer = bytes(_guarded(self.name, lambda: self._context.unwrap(challenge).data))
        if len(offer) != 4:
            raise ProtocolViolation("The server's offer of GSSAPI layers is not four octets; try another mechanism.")
        if not offer[0] & _NO_LAYER:
            raise AuthFailed("The server wants GSSAPI with a layer of its own, which smtp-shell does not do; use TLS.")
        authzid = self._credentials.authzid
        answer = bytes((_NO_LAYER, 0, 0, 0)) + encode(authzid)
        sealed = bytes(_guarded(self.name, lambda: self._context.wrap(answer, encrypt=False).data))
        self._agreed = True
        return Response(sealed, f"no layer{f', act as {escape_str(authzid)}' if authzid else ''}", secret=True)

    def _explain(self, challenge: bytes) -> str:
        return f"token of {len(challenge)} octets"


def describe_ntlm(message: bytes) -> str:
    """Return an NTLM challenge message as printable text; anything else escaped.

    Source: MS-NLMP section 2.2.1.2
    """
    if not _is_challenge(message):
        return escape(message)
    length, _, start = struct.unpack_from("<HHI", message, 12)
    unicode = message[20] & 1
    target = message[start : start + length]
    name = target.decode("utf-16-le" if unicode else "latin-1", "replace")
    return f"NTLM challenge message of {escape_str(name) or 'no name'}, {len(message)} octets"


def _is_challenge(message: bytes) -> bool:
    """Return whether a message is an NTLM challenge whose fields lie inside it: the target's name, and facts about it."""
    if not message.startswith(_NTLM_SIGNATURE + b"\2\0\0\0") or len(message) < 32:
        return False
    fields = [struct.unpack_from("<HHI", message, at) for at in (12, 40) if len(message) >= at + 8]
    return all(not length or start + length <= len(message) for length, _, start in fields)


def _context(name: str, protocol: str, **options: Any) -> Any:
    """Return a security context of pyspnego, which is untyped at this edge: only `step`, `complete`, `wrap` and `unwrap` are used.

    Raises:
        AuthFailed: The extra is not installed, or there are no credentials.
    """
    extra = "gssapi" if protocol == "kerberos" else "ntlm"
    try:
        import spnego

        kinds = spnego.NegotiateOptions
        # The system's own NTLM would take the ticket of whoever is logged in there.
        return spnego.client(protocol=protocol, options=kinds.use_ntlm if protocol == "ntlm" else kinds.none, **options)
    except ImportError:
        reason = AuthFailed(
            f'{name} needs an extra that is not installed: pip install "smtp-shell[{extra}]"; or choose another mechanism.'
        )
    except Exception as error:
        # The library's errors are many, and those of the system's library below are not its own.
        if protocol == "ntlm":
            reason = AuthFailed(
                "NTLM cannot use the user name or the password; it takes DOMAIN\\USER, USER@DOMAIN or USER."
            )
        else:
            reason = _no_ticket(f"{options['service']}@{options['hostname']}", error)
    raise reason from None


def _no_ticket(principal: str, error: Exception) -> AuthFailed:
    said = str(error).rpartition("Minor (")[2].partition("): ")[2] or str(
        error
    )  # the reason itself, where it has a number
    said = escape_str(" ".join(said.partition(", Context:")[0].split())[:_LONGEST_REASON]).rstrip(".")
    return AuthFailed(f"no Kerberos ticket for {escape_str(principal)} can be had: {said}; use kinit first.")


def _guarded(name: str, act: Callable[[], _T]) -> _T:
    """Do something with a token of the server.

    Raises:
        ProtocolViolation: The library refuses the token, by whatever exception.
    """
    try:
        return act()
    except SmtpShellError:
        raise
    except Exception:  # not chained: the library's errors may hold what it computes with
        pass
    raise ProtocolViolation(f"The server's {name} token cannot be used: it is damaged, or not for this client; leave.")
