"""smtplib: STARTTLS, AUTH PLAIN and one message, again and again in one process."""

import os
import smtplib
import ssl
import sys


def main() -> None:
    port, ca_file, user, times, path = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read()
    context = ssl.create_default_context(cafile=ca_file)
    for _ in range(int(times)):
        with smtplib.SMTP("127.0.0.1", int(port), local_hostname="client.example.org") as client:
            client.starttls(context=context)
            client.ehlo()
            client.user, client.password = user, os.environ["PEER_PASSWORD"]
            client.auth("PLAIN", client.auth_plain)
            assert client.sendmail("ann@example.org", ["bob@example.org"], octets) == {}
    sys.stdout.write(f"{times} done\n")


main()
