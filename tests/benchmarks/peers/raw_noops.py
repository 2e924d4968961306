"""A bare socket: many NOOPs in lock-step, each with another argument."""

import socket
import sys


def main() -> None:
    port, count = map(int, sys.argv[1:])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        stream = connection.makefile("rb")
        assert stream.readline()[:3] == b"220"
        for number in range(count):
            connection.sendall(b"NOOP %d\r\n" % number)
            assert stream.readline()[:4] == b"250 "
        connection.sendall(b"QUIT\r\n")
        assert stream.readline()[:3] == b"221"
    sys.stdout.write(f"{count} done\n")


main()
