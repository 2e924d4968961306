"""A bare socket: one message from a file with CRLF line ends, dots doubled, in chunks of 256 KiB."""

import socket
import sys

CHUNK = 256 * 1024


def main() -> None:
    port, path = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(port))) as connection, open(path, "rb") as file:
        stream = connection.makefile("rb")

        def hear(code: bytes) -> None:
            line = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            assert line[:3] == code, line

        hear(b"220")
        for line, code in (
            (b"EHLO client.example.org\r\n", b"250"),
            (b"MAIL FROM:<ann@example.org>\r\n", b"250"),
            (b"RCPT TO:<bob@example.net>\r\n", b"250"),
            (b"DATA\r\n", b"354"),
        ):
            connection.sendall(line)
            hear(code)
        at_start = True
        while chunk := file.read(CHUNK):
            dot = b"." if at_start and chunk[:1] == b"." else b""
            at_start = chunk.endswith(b"\n")
            connection.sendall(dot + chunk.replace(b"\n.", b"\n.."))
        connection.sendall(b".\r\n")
        hear(b"250")
        connection.sendall(b"QUIT\r\n")
        hear(b"221")
    sys.stdout.write("1 done\n")


main()
