"""A bare socket: the messages of a spool over one connection, in lock-step, or pipelined up to DATA."""

import socket
import sys


def main() -> None:
    port, path, how = sys.argv[1:]
    done = 0
    with socket.create_connection(("127.0.0.1", int(port))) as connection, open(path, "rb") as spool:
        stream = connection.makefile("rb")

        def hear(code: bytes) -> None:
            line = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            assert line[:3] == code, line

        hear(b"220")
        connection.sendall(b"EHLO client.example.org\r\n")
        hear(b"250")
        for header in spool:
            sender, recipient, size = header.split()
            envelope = (b"MAIL FROM:<%s>\r\n" % sender, b"RCPT TO:<%s>\r\n" % recipient, b"DATA\r\n")
            if how == "pipelined":
                connection.sendall(b"".join(envelope))
                for code in (b"250", b"250", b"354"):
                    hear(code)
            else:
                for line, code in zip(envelope, (b"250", b"250", b"354"), strict=True):
                    connection.sendall(line)
                    hear(code)
            connection.sendall(spool.read(int(size)).replace(b"\n.", b"\n..") + b".\r\n")
            hear(b"250")
            done += 1
        connection.sendall(b"QUIT\r\n")
        hear(b"221")
    sys.stdout.write(f"{done} done\n")


main()
