"""The state of a server before and after each exchange, and the mail transactions that follow from it."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from smtp_shell.protocol.commands import HELLOS
from smtp_shell.study.reading import Exchange, Mail, Sent, State, Transaction

# What leaves the state as it is, of the commands whose effect on it is known. Any other command that is accepted leaves it unknown.
_KEEPING_STATE: Final = frozenset({"NOOP", "HELP", "VRFY", "EXPN", "QUIT", "STARTTLS", "ETRN", "DATA", "BDAT"})


def replies_after_message(exchanges: list[Exchange]) -> int:
    """Return how many replies the end of a message has: in LMTP one for each accepted recipient."""
    lmtp, accepted = False, 0
    for each in exchanges:
        if each.digit == 2 and each.verb in HELLOS:
            lmtp, accepted = each.verb == "LHLO", 0
        elif each.digit == 2 and each.verb in ("MAIL", "RSET"):
            accepted = 0
        elif each.digit == 2 and each.verb == "RCPT":
            accepted += 1
        elif _ends_message(each):
            accepted = 0
    return max(1, accepted) if lmtp else 1


class TransactionReader:
    """Follows the server's state over the exchanges, in the order of their replies.

    Attributes:
        regular: Whether nothing was accepted that the state before it forbids.
    """

    def __init__(self) -> None:
        self.regular = True
        self._transactions: list[Transaction] = []

    def fold(
        self, exchanges: list[Exchange], mails: dict[int, Mail]
    ) -> tuple[tuple[Exchange, ...], tuple[Transaction, ...]]:
        """Return the exchanges with the state before and after each, and the transactions."""
        done: list[Exchange] = []
        state, tls = State(), False
        for place, exchange in enumerate(exchanges):
            if exchange.tls and not tls:
                state, tls = State(certain=state.certain), True
            after = self._after(state, exchange)
            whole = replace(exchange, before=state, after=after)
            self._follow(whole, mails.get(place))
            done.append(whole)
            state = after
        return tuple(done), tuple(self._transactions)

    def _after(self, state: State, exchange: Exchange) -> State:
        digit, verb = exchange.digit, exchange.verb
        if not exchange.replies or not digit:
            return replace(state, certain=False)
        if _ends_message(exchange):
            return replace(state, sender=None, accepted=())
        if exchange.sent is Sent.RESPONSE or verb == "AUTH":
            # What becomes of a transaction in which a server takes AUTH is told nowhere: RFC 4954 forbids it.
            certain = state.certain and not (digit == 2 and state.sender is not None)
            return replace(state, user=state.user or digit == 2, certain=certain)
        if digit == 2 and verb in HELLOS:
            return State(verb, user=state.user)
        if digit == 2 and verb == "MAIL":
            return replace(state, sender=exchange.mailbox or "", accepted=())
        if digit == 2 and verb == "RCPT":
            if state.sender is None:
                self.regular = False
            return replace(state, accepted=(*state.accepted, exchange.mailbox or ""))
        if digit == 2 and verb == "RSET":
            return replace(state, sender=None, accepted=(), certain=state.certain or bool(state.hello))
        if verb in ("DATA", "BDAT") and digit in (4, 5) and state.accepted:
            return replace(state, certain=False)  # whether the transaction goes on is the server's affair
        is_unknown = digit in (2, 3) and exchange.sent is Sent.COMMAND and verb not in _KEEPING_STATE
        if exchange.code == 421 or is_unknown:
            return replace(state, certain=False)
        return state

    def _follow(self, exchange: Exchange, mail: Mail | None) -> None:
        if exchange.verb == "MAIL" and exchange.digit == 2:
            self._transactions.append(Transaction(exchange))
            return
        if not self._transactions or exchange.before.sender is None:
            return
        last = self._transactions[-1]
        if exchange.verb == "RCPT":
            last = replace(last, recipients=(*last.recipients, exchange))
        elif exchange.verb in ("DATA", "BDAT") and last.data is None and exchange.digit in (2, 3):
            last = replace(last, data=exchange)
        if _ends_message(exchange):
            last = replace(last, end=exchange, message=mail)
        self._transactions[-1] = last


def _ends_message(exchange: Exchange) -> bool:
    if exchange.verb == "BDAT":
        return exchange.argument.upper().endswith("LAST")
    return exchange.sent is Sent.DOT
