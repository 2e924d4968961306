"""A bare prompt_toolkit loop with a bare socket: each line goes out, and what comes back is printed."""

import socket
import sys

from prompt_toolkit import PromptSession


def main() -> None:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        session: PromptSession[str] = PromptSession()
        sys.stdout.write(connection.recv(65536).decode() + "\n")
        while True:
            connection.sendall(session.prompt("bare> ").encode() + b"\r\n")
            sys.stdout.write(connection.recv(65536).decode() + "\n")


main()
