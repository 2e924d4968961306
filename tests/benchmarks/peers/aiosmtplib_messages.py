"""aiosmtplib: many messages over one connection, or each over its own with some at a time."""

import asyncio
import sys

import aiosmtplib


def client(port: int) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, local_hostname="client.example.org", start_tls=False, use_tls=False
    )


async def over_one(port: int, count: int, octets: bytes) -> None:
    async with client(port) as connection:
        for _ in range(count):
            refused, _text = await connection.sendmail("ann@example.org", ["bob@example.org"], octets)
            assert refused == {}


async def over_its_own(port: int, count: int, octets: bytes, at_a_time: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await over_one(port, 1, octets)

    await asyncio.gather(*(work() for _ in range(at_a_time)))


def main() -> None:
    port, count, path, at_a_time = sys.argv[1:]
    with open(path, "rb") as file:
        octets = file.read()
    if at_a_time == "one":
        asyncio.run(over_one(int(port), int(count), octets))
    else:
        asyncio.run(over_its_own(int(port), int(count), octets, int(at_a_time)))
    sys.stdout.write(f"{count} done\n")


main()
