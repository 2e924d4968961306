"""A bare socket, in lock-step and with ssl: the same dialogue with nothing around it, for each message of a spool."""

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
    port, ca_file, user, path = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca_file)
    response = base64.b64encode(f"\0{user}\0{os.environ['PEER_PASSWORD']}".encode())
    done = 0
    with open(path, "rb") as spool:
        for header in spool:
            sender, recipient, size = header.split()
            octets = spool.read(int(size)).replace(b"\n.", b"\n..")
            with socket.create_connection(("127.0.0.1", int(port))) as plain:
                hear(plain, b"220")
                for line, code in ((b"EHLO client.example.org", b"250"), (b"STARTTLS", b"220")):
                    plain.sendall(line + b"\r\n")
                    hear(plain, code)
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                    for line, code in (
                        (b"EHLO client.example.org", b"250"),
                        (b"AUTH PLAIN " + response, b"235"),
                        (b"MAIL FROM:<%s>" % sender, b"250"),
                        (b"RCPT TO:<%s>" % recipient, b"250"),
                        (b"DATA", b"354"),
                        (octets + b".", b"250"),
                        (b"QUIT", b"221"),
                    ):
                        connection.sendall(line + b"\r\n")
                        hear(connection, code)
            done += 1
    sys.stdout.write(f"{done} done\n")


main()
