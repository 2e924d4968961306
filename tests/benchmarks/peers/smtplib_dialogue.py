"""smtplib: for each message of a spool a connection with STARTTLS and AUTH PLAIN, all in one process."""

import os
import smtplib
import ssl
import sys


def main() -> None:
    port, ca_file, user, path = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca_file)
    done = 0
    with open(path, "rb") as spool:
        for line in spool:
            sender, recipient, size = line.decode().split()
            with smtplib.SMTP("127.0.0.1", int(port), local_hostname="client.example.org") as client:
                client.starttls(context=context)
                client.ehlo()
                client.user, client.password = user, os.environ["PEER_PASSWORD"]
                client.auth("PLAIN", client.auth_plain)
                assert client.sendmail(sender, [recipient], spool.read(int(size))) == {}
            done += 1
    sys.stdout.write(f"{done} done\n")


main()
