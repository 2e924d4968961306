"""A bare socket: each message of a spool in a dialogue of its own with each server in turn; prints the median time at each."""

import socket
import statistics
import sys
import time
from collections.abc import Iterator

PAUSE = 0.08  # as between the runs of a program under test, and longer than a watched server takes to show a dialogue


RECIPIENT = b"bob@example.org"  # whom the practice server takes without AUTH


def messages(path: str) -> Iterator[tuple[bytes, bytes]]:
    with open(path, "rb") as spool:
        for line in spool:
            sender, _, size = line.split()
            yield sender, spool.read(int(size)).replace(b"\n.", b"\n..")


def hear(connection: socket.socket, code: bytes) -> None:
    octets = connection.recv(65536)
    assert octets[:3] == code, octets


def send(port: int, sender: bytes, octets: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        hear(connection, b"220")
        for line, code in (
            (b"EHLO client.example.org\r\n", b"250"),
            (b"MAIL FROM:<%s>\r\n" % sender, b"250"),
            (b"RCPT TO:<%s>\r\n" % RECIPIENT, b"250"),
            (b"DATA\r\n", b"354"),
            (octets + b".\r\n", b"250"),
            (b"QUIT\r\n", b"221"),
        ):
            connection.sendall(line)
            hear(connection, code)


def main() -> None:
    *ports, path = sys.argv[1:]
    took: dict[str, list[float]] = {port: [] for port in ports}
    for number, one in enumerate(messages(path)):
        turn = number % len(ports)
        for port in ports[turn:] + ports[:turn]:  # so that no server always follows the same one
            begun = time.perf_counter()
            send(int(port), *one)
            took[port].append(time.perf_counter() - begun)
            time.sleep(PAUSE)
    medians = " ".join(f"{statistics.median(times):.9f}" for times in took.values())
    sys.stdout.write(f"{medians} seconds\n")


main()
