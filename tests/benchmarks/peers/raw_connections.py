"""A bare socket in each of several threads: each message of a spool over its own connection, in lock-step."""

import socket
import sys
import threading
from collections.abc import Iterator


def messages(path: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    with open(path, "rb") as spool:
        for line in spool:
            sender, recipient, size = line.split()
            yield sender, recipient, spool.read(int(size)).replace(b"\n.", b"\n..")


def hear(connection: socket.socket, code: bytes) -> None:
    octets = connection.recv(65536)
    assert octets[:3] == code, octets


def send(port: int, sender: bytes, recipient: bytes, octets: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        hear(connection, b"220")
        for line, code in (
            (b"EHLO client.example.org\r\n", b"250"),
            (b"MAIL FROM:<%s>\r\n" % sender, b"250"),
            (b"RCPT TO:<%s>\r\n" % recipient, b"250"),
            (b"DATA\r\n", b"354"),
            (octets + b".\r\n", b"250"),
            (b"QUIT\r\n", b"221"),
        ):
            connection.sendall(line)
            hear(connection, code)


def main() -> None:
    port, path, at_a_time = sys.argv[1:]
    left = list(messages(path))
    total = len(left)
    done: list[None] = []

    def work() -> None:
        while left:
            try:
                one = left.pop()
            except IndexError:  # another thread was quicker
                return
            send(int(port), *one)
            done.append(None)

    threads = [threading.Thread(target=work) for _ in range(int(at_a_time))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == total
    sys.stdout.write(f"{total} done\n")


main()
