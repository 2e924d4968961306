"""smtplib: one message from a file."""

import smtplib
import sys


def main() -> None:
    port, path = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read()
    with smtplib.SMTP("127.0.0.1", int(port), local_hostname="client.example.org") as client:
        assert client.sendmail("ann@example.org", ["bob@example.net"], octets) == {}
    sys.stdout.write("1 done\n")


main()
