"""A message sent over a session, as clients do it."""

from collections.abc import Iterable

from smtp_shell.client.session import Session
from smtp_shell.protocol.maildata import MailDataEncoder
from smtp_shell.protocol.replies import Reply


def send_message(session: Session, pieces: Iterable[bytes]) -> Reply:
    """Send a message as mail data, in pieces of any size and with any line ends, and the final dot; read the reply."""
    encoder = MailDataEncoder()
    for piece in pieces:
        session.send_mail_data(encoder.encode(piece))
    return session.end_message(encoder)
