"""A watched dialogue: no octet of the client is lost, invented or shown twice, however it came."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.events import Disconnected, End, Entry
from smtp_shell.protocol.octets import escape
from smtp_shell.servers.sessions import WatchedDialogue
from smtp_shell.servers.waiting import waiting_for
from tests.unit.servers.test_sessions import octets_of

PIECES = (
    *(
        b"EHLO a.example\r\n",
        b"MAIL FROM:<a@example.org>\r\n",
        b"RCPT TO:<b@example.org>\r\n",
        b"DATA\r\n",
        b"QUIT\r\n",
    ),
    *(
        b"AUTH LOGIN\r\n",
        b"AUTH PLAIN AGEAYg==\r\n",
        b"YQ==\r\n",
        b"*\r\n",
        b"STARTTLS\r\n",
        b"BDAT 5 LAST\r\n",
        b"DATA\n",
    ),
    *(b"\r\n", b"\n", b"\r", b".", b".\r\n", b"\n.\n", b"x", b"\0", b"\xff", b"\x16\x03\x01", b"Hello\r\n"),
)
REPLIES = (
    *(b"220 ok\r\n", b"250 ok\r\n", b"250-a\r\n250 b\r\n", b"354 go\r\n", b"334 UGFzc3dvcmQ6\r\n", b"334 \r\n"),
    b"250-a\r\n250 CHUNKING\r\n",
    *(b"235 ok\r\n", b"535 no\r\n", b"503 no\r\n", b"421 bye\r\n", b"500 what\r\n"),
)
client = st.one_of(st.sampled_from(PIECES), st.binary(max_size=8), st.lists(st.sampled_from(PIECES)).map(b"".join))
steps = st.lists(st.one_of(st.tuples(st.just(True), client), st.tuples(st.just(False), st.sampled_from(REPLIES))))


@given(steps)
def test_every_octet_of_the_client_is_in_one_event(steps: list[tuple[bool, bytes]]) -> None:
    entries: list[Entry] = []
    watched = WatchedDialogue(entries.append)
    watched.connected("192.0.2.1:25")
    sent = b""
    for number, (by_client, octets) in enumerate(steps):
        if by_client:
            watched.from_client(octets, number / 1000)
            sent += octets
        else:
            watched.from_server(octets, number / 1000)
        assert escape(waiting_for(watched).encode()).isprintable()
    watched.closed(End.CLIENT, 1000.0)
    assert b"".join(octets_of(entry.event) for entry in entries) == sent
    assert isinstance(entries[-1].event, Disconnected)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert all(a.at <= b.at for a, b in itertools.pairwise(entries))
