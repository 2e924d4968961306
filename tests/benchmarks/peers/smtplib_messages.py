"""smtplib: the messages of a spool over one connection."""

import smtplib
import sys


def main() -> None:
    port, path = sys.argv[1:]
    done = 0
    with smtplib.SMTP("127.0.0.1", int(port), local_hostname="client.example.org") as client, open(path, "rb") as spool:
        for line in spool:
            sender, recipient, size = line.decode().split()
            assert client.sendmail(sender, [recipient], spool.read(int(size))) == {}
            done += 1
    sys.stdout.write(f"{done} done\n")


main()
