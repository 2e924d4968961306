"""A bare socket: many NOOPs in lock-step."""

import socket
import sys


def main() -> None:
    port, count = map(int, sys.argv[1:])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        stream = connection.makefile("rb")
        assert stream.readline()[:3] == b"220"
        for _ in range(count):
            connection.sendall(b"NOOP\r\n")
            assert stream.readline()[:4] == b"250 "
        connection.sendall(b"QUIT\r\n")
        assert stream.readline()[:3] == b"221"
    sys.stdout.write(f"{count} done\n")


main()
