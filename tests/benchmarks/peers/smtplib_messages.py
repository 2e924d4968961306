"""smtplib: many messages over one connection."""

import smtplib
import sys


def main() -> None:
    port, count, path = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read()
    with smtplib.SMTP("127.0.0.1", int(port), local_hostname="client.example.org") as client:
        for _ in range(int(count)):
            assert client.sendmail("ann@example.org", ["bob@example.org"], octets) == {}
    sys.stdout.write(f"{count} done\n")


main()
