"""A bare socket, in lock-step and with ssl: the same dialogue with nothing around it, again and again in one process."""

import base64
import os
import socket
import ssl
import sys


def hear(connection: socket.socket, code: bytes) -> None:
    octets = b""
    while True:
        octets += connection.recv(65536)
        last = octets[octets.rfind(b"\n", 0, -1) + 1 :]
        if octets.endswith(b"\n") and last[3:4] == b" ":
            assert last[:3] == code, octets
            return


def main() -> None:
    port, ca_file, user, times, path = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read().replace(b"\n.", b"\n..")
    context = ssl.create_default_context(cafile=ca_file)
    response = base64.b64encode(f"\0{user}\0{os.environ['PEER_PASSWORD']}".encode())
    before = ((b"EHLO client.example.org", b"250"), (b"STARTTLS", b"220"))
    after = (
        (b"EHLO client.example.org", b"250"),
        (b"AUTH PLAIN " + response, b"235"),
        (b"MAIL FROM:<ann@example.org>", b"250"),
        (b"RCPT TO:<bob@example.org>", b"250"),
        (b"DATA", b"354"),
        (octets + b".", b"250"),
        (b"QUIT", b"221"),
    )
    for _ in range(int(times)):
        with socket.create_connection(("127.0.0.1", int(port))) as plain:
            hear(plain, b"220")
            for line, code in before:
                plain.sendall(line + b"\r\n")
                hear(plain, code)
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                for line, code in after:
                    connection.sendall(line + b"\r\n")
                    hear(connection, code)
    sys.stdout.write(f"{times} done\n")


main()
