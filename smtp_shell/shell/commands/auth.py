"""`auth`: a whole AUTH exchange, with a mechanism of ours, or typed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import AuthFailed, UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import Option, mechanisms_of
from smtp_shell.shell.owed_replies import check_between_commands
from smtp_shell.shell.registry import Args, shorthand
from smtp_shell.shell.settings import credentials_for
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_secrets import is_guess, is_initial_response

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.shell.login import Login

_BINDINGS = {
    "tls-exporter": "of TLS 1.3 (RFC 9266)",
    "tls-unique": "of TLS 1.2 (RFC 5929)",
    "tls-server-end-point": "the server's certificate (RFC 5929)",
}


class _Words(Struct, frozen=True):
    """What follows `auth`.

    Args:
        mechanism: The mechanism; empty for the strongest.
        user: The user name; empty if none was given.
        initial: Whether the AUTH command carries the initial response; None for what is usual.
        authzid: Whom to act as; empty for the user.
        binding: The type of channel binding; empty for the best there is.
    """

    mechanism: str = ""
    user: str = ""
    initial: bool | None = None
    authzid: str = ""
    binding: str = ""


def _is_exchange(text: str) -> bool:
    words = text.split()
    if any(word.startswith("--") for word in words):
        return True
    return len(words) < 2 or (len(words) == 2 and not is_initial_response(*words))


@shorthand(
    "auth",
    "[MECHANISM [USER]]",
    rfc="RFC 4954 §4",
    applies=_is_exchange,
    complete=mechanisms_of,
    options=(
        Option("--initial-response", "the first response in the AUTH command", either="initial"),
        Option("--no-initial-response", "the first response when the server asks for it", either="initial"),
        Option("--authzid", "whom to act as, with a mechanism that can say so", "ID"),
        Option(
            "--channel-binding",
            "what a -PLUS mechanism binds to: tls-exporter, tls-unique or tls-server-end-point",
            "TYPE",
            choices=_BINDINGS,
        ),
    ),
)
def auth(shell: Shell, args: Args) -> None:
    r"""Authenticate: the whole exchange, decoded and masked.

    Each base64 line is shown beside what it means, secrets masked.
    With no mechanism, the strongest that both sides can do; it says why. What is missing is asked for, the password hidden.
    One that the server announces and this shell does not know goes out as typed, and each answer to a 334 is yours (at the prompt
    only); `*` cancels.
    Without TLS it is refused unless you insist. `AUTH PLAIN dGVz…` with a response of your own goes out as typed, and is masked too.
    To do it all by hand, `/raw AUTH LOGIN\r\n`: each line that follows a 334 is then an answer.
    """
    session = shell.need_session()
    check_between_commands(session)
    words = _parse(args)
    if words.mechanism.upper() in _unknown(session):
        _send_by_hand(shell, args, words)
        return
    from smtp_shell.client.authentication import authenticate
    from smtp_shell.protocol.sasl import mechanism

    name = words.mechanism or shell.options.mechanism
    named = mechanism(name) if name else None
    cleartext = named is not None and not named.holds_credential
    cleartext = cleartext or shell.confirm_cleartext()
    host = session.target.host.removesuffix(".")
    chosen = named or _strongest(shell, session, words, host)
    if named is not None:
        _remark(shell, session, named, words)
    credentials = credentials_for(shell.options, session.target).find(
        chosen.needs, user=words.user, host=host, last_user=shell.last_user, authzid=words.authzid
    )
    shell.last_user = credentials.user
    reply = shell.waiting(
        lambda: authenticate(
            session,
            chosen,
            credentials,
            allow_cleartext=cleartext,
            initial=words.initial,
            binding=words.binding,
        )
    )
    if reply is not None:
        shell.login = _login(session, chosen, credentials)


def _login(session: Session, chosen: Mechanism, credentials: Credentials) -> Login:
    from smtp_shell.shell.login import Login

    is_token = "token" in chosen.needs
    return Login(session, chosen.name, credentials.origin, session.bound_by, credentials.authzid, is_token)


def _parse(args: Args) -> _Words:
    """Return what was typed after `auth`.

    Raises:
        UsageError: An option is unknown or lacks its value, two exclude each other, or there are too many words.
    """
    given = args.read()
    if len(given.words) > 2:
        raise UsageError("auth takes a mechanism and a user name; see /help auth.")
    initial = True if "--initial-response" in given else False if "--no-initial-response" in given else None
    mechanism, user = (*given.words, "", "")[:2]
    return _Words(mechanism, user, initial, given.last("--authzid"), given.last("--channel-binding"))


def _send_by_hand(shell: Shell, args: Args, words: _Words) -> None:
    """Send AUTH with a mechanism that nobody here knows; what answers the challenges is typed.

    Raises:
        AuthFailed: Nobody is there to answer.
        UsageError: An option is given, which only an exchange of ours can heed.
    """
    name = escape_str(words.mechanism.upper())
    if not shell.options.interactive:
        raise AuthFailed(
            f"smtp-shell does not know the mechanism {name}, and nobody is there to answer; nothing was sent. "
            rf"To answer by hand all the same, send it with /raw AUTH {name}\r\n."
        )
    if any(word.startswith("--") for word in args.words):
        raise UsageError(f"auth: smtp-shell does not know {name}, so that its options mean nothing; leave them out.")
    shell.say(f"smtp-shell does not know {name}: each 334 is decoded, and the answer, in base64, is yours; * cancels.")
    shell.send_as_typed(f"AUTH {args.text}")


def _strongest(shell: Shell, session: Session, words: _Words, host: str) -> Mechanism:
    """Return the strongest mechanism, and say why it is that one."""
    from smtp_shell.client.authentication import reason_for, strongest

    source = credentials_for(shell.options, session.target)
    chosen = strongest(
        session,
        token=source.has_token,
        password=source.has_password(words.user, host),
        certificate=shell.tls.client_cert is not None,
        authzid=bool(words.authzid or source.authzid),
    )
    shell.say(reason_for(session, chosen, token=source.has_token))
    return chosen


def _remark(shell: Shell, session: Session, named: Mechanism, words: _Words) -> None:
    """Show what is odd about a mechanism that was named."""
    extensions = session.dialogue.extensions
    if extensions is None or named.name not in extensions.mechanisms:
        shell.say(f"The server has not announced {named.name}; it is tried all the same.", "notice")
    if "certificate" in named.needs and not session.is_private:
        shell.say(f"{named.name} counts on a certificate that was shown in TLS, and there is no TLS here.", "notice")
    if named.obsolete:
        shell.say(named.obsolete, "notice")
    if words.binding and "binding" not in named.needs:
        raise UsageError(
            f"auth: {named.name} has no channel binding; leave --channel-binding out, or use a -PLUS mechanism."
        )
    if is_guess(words.user):
        by_hand = rf"/raw AUTH {named.name} BASE64\r\n"
        who = escape_str(words.user)
        shell.say(f"{who} is taken for a user name; base64 of your own is sent with {by_hand}.", "notice")


def _unknown(session: Session) -> set[str]:
    """Return the mechanisms that the server announces and smtp-shell does not know."""
    from smtp_shell.protocol.sasl import MECHANISMS

    extensions = session.dialogue.extensions
    return set(extensions.mechanisms) - set(MECHANISMS) if extensions is not None else set()
