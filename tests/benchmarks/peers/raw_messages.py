"""A bare socket: many messages over one connection, in lock-step, or pipelined up to DATA."""

import socket
import sys


def main() -> None:
    port, count, path, how = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read().replace(b"\n.", b"\n..")
    envelope = (b"MAIL FROM:<ann@example.org>\r\n", b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\n")
    codes = (b"250", b"250", b"354")
    end = octets + b".\r\n"
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        stream = connection.makefile("rb")

        def hear(code: bytes) -> None:
            line = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            assert line[:3] == code, line

        hear(b"220")
        connection.sendall(b"EHLO client.example.org\r\n")
        hear(b"250")
        for _ in range(int(count)):
            if how == "pipelined":
                connection.sendall(b"".join(envelope))
                for code in codes:
                    hear(code)
            else:
                for line, code in zip(envelope, codes, strict=True):
                    connection.sendall(line)
                    hear(code)
            connection.sendall(end)
            hear(b"250")
        connection.sendall(b"QUIT\r\n")
        hear(b"221")
    sys.stdout.write(f"{count} done\n")


main()
