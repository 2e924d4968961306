"""aiosmtplib: the messages of a spool over one connection, or each over its own with some at a time."""

import asyncio
import sys
from collections.abc import Iterator

import aiosmtplib


def messages(path: str) -> Iterator[tuple[str, str, bytes]]:
    with open(path, "rb") as spool:
        for line in spool:
            sender, recipient, size = line.decode().split()
            yield sender, recipient, spool.read(int(size))


def client(port: int) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, local_hostname="client.example.org", start_tls=False, use_tls=False
    )


async def send(connection: aiosmtplib.SMTP, one: tuple[str, str, bytes]) -> int:
    sender, recipient, octets = one
    refused, _ = await connection.sendmail(sender, [recipient], octets)
    assert refused == {}
    return 1


async def over_one(port: int, path: str) -> int:
    async with client(port) as connection:
        return sum([await send(connection, one) for one in messages(path)])


async def over_its_own(port: int, path: str, at_a_time: int) -> int:
    spool = messages(path)

    async def work() -> int:
        done = 0
        for one in spool:
            async with client(port) as connection:
                done += await send(connection, one)
        return done

    return sum(await asyncio.gather(*(work() for _ in range(at_a_time))))


def main() -> None:
    port, path, at_a_time = sys.argv[1:]
    done = over_one(int(port), path) if at_a_time == "one" else over_its_own(int(port), path, int(at_a_time))
    sys.stdout.write(f"{asyncio.run(done)} done\n")


main()
