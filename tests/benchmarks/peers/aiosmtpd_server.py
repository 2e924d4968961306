"""A bare aiosmtpd server."""

import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Handler:
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 OK"


def main() -> None:
    Controller(Handler(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
    threading.Event().wait()


main()
