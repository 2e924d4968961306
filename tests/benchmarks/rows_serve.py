"""The mock server beside a bare aiosmtpd, with Postfix's smtp-source as the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.bench import Command, compare, marginal, rate
from tests.benchmarks.figures import Findings, at_least
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST, bare_aiosmtpd, mock
from tests.benchmarks.workload import RECIPIENT, SENDER, message

if TYPE_CHECKING:
    from tests.benchmarks.bench import Bench, Side

MESSAGE = 700
AT_A_TIME = 10
_SERVED = f"""\
S: 220 mail.example.com ESMTP
C: HELO client.example
S: 250 mail.example.com
C: MAIL FROM:<{SENDER}>
S: 250 2.1.0 Ok
C: RCPT TO:<{RECIPIENT}>
S: 250 2.1.5 Ok
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: .
S: 250 2.0.0 Ok: queued as 4TABC
C: QUIT
S: 221 2.0.0 Bye
"""


def _serve(bench: Bench) -> Findings:
    path, body = bench.folder / "served.smtp", message(bench.folder, MESSAGE, crlf=False)
    path.write_text(_SERVED, encoding="utf-8")
    few, many = bench.size(100, 20), bench.size(1600, 120)

    def side(port: int, *options: str) -> Side:
        def send(count: int) -> Command:
            words = ("-m", str(count), "-f", SENDER, "-t", RECIPIENT, "-F", str(body), f"{HOST}:{port}")
            return Command(("smtp-source", *options, *words))

        return rate(marginal(bench, send(many), send(few), many - few))

    with mock(bench, path, "--reuse") as ours, bare_aiosmtpd(bench) as theirs:
        found = []
        for label, options in (("a connection each: ", ("-s", str(AT_A_TIME))), ("one connection: ", ("-d",))):
            sides = {"serve": side(ours, *options), "aiosmtpd": side(theirs, *options)}
            found += compare(bench, sides).figures("messages/s", ours="serve", label=label)
    return Findings(tuple(found))


ROWS = (
    Row(
        "serve",
        "the mock server (serve --quiet) beside a bare aiosmtpd, messages from smtp-source; messages a second",
        {"a connection each: aiosmtpd": at_least(1.0), "one connection: aiosmtpd": at_least(1.0)},
        _serve,
    ),
)
