"""A bare socket in each of several threads: one message a connection, in lock-step; the limit of threads in one interpreter."""

import socket
import sys
import threading
from itertools import repeat


def main() -> None:
    port, count, path, together = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read().replace(b"\n.", b"\n..")
    turns = (
        (b"EHLO client.example.org\r\n", b"250"),
        (b"MAIL FROM:<ann@example.org>\r\n", b"250"),
        (b"RCPT TO:<bob@example.org>\r\n", b"250"),
        (b"DATA\r\n", b"354"),
        (octets + b".\r\n", b"250"),
        (b"QUIT\r\n", b"221"),
    )
    left = repeat(None, int(count))
    done: list[None] = []

    def hear(connection: socket.socket, code: bytes) -> None:
        heard = connection.recv(65536)
        assert heard[:3] == code, heard

    def work() -> None:
        for _ in left:
            with socket.create_connection(("127.0.0.1", int(port))) as connection:
                hear(connection, b"220")
                for line, code in turns:
                    connection.sendall(line)
                    hear(connection, code)
            done.append(None)

    threads = [threading.Thread(target=work) for _ in range(int(together))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{len(done)} done\n")


main()
