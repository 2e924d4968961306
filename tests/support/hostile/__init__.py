r"""The hostile server: one scenario, a thread a connection, loopback only, bounded in time and octets.

- `scenario`: the vocabulary: what a `Scenario` declares, and the decorator that registers one.
- `peer`: the server's end of a connection, with TLS over memory buffers.
- `certificates`: good, bad and hostile certificates.
- `server`: the listener, and what no client may do in any scenario.

The scenarios themselves, and the tests that run the program against them, are in `tests/hostile`.

How to add a scenario: write a function in the `tests/hostile/scenarios_*.py` of its subject (a new `scenarios_*.py` in that folder is
found too). Its decorator declares what the client is to do, and how that must end.

```python
@scenario(
    says="answers MAIL with 250 and a second 250, then refuses the recipient",
    script=("ehlo", "mail ann@example.org", "rcpt bob@example.org"),
    exit={1, 6},
)
def two_replies_to_mail(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"250 ok\r\n250 forged\r\n", b"RCPT": b"550 no such user\r\n"})
```

`peer.ordinary` greets if nothing was sent yet, and then behaves as a server should, except for the verbs that it was given. `peer.until`
does the same up to the first command with a given verb. `b"."` stands for the reply to mail data. What the client must not do is declared
by `never`, `once` and, if only the scenario can know it, by `peer.blame("...")`. A test checks `server.broken_promises()`.

A runner takes all it needs from the `Scenario`: `arguments`, `environment`, `write_files`, `transcript`, `exit`, `replay_exit`, `shows`,
`leaks`, `rows`, `forged`, `seconds`, `ways`.

By hand: `python -m tests.hostile NAME` serves one scenario for 60 seconds, `--list` lists them.
"""
