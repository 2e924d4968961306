"""What taps note, read as a dialogue: entries, and mail data that is cut."""

import pytest

from smtp_shell.protocol.events import End, Entry, MailDataSent, Remarked
from smtp_shell.servers.tap_reader import Cut, TapReader
from smtp_shell.servers.watched_session import WatchedSession


def test_of_a_long_message_the_start_is_passed_on_and_the_rest_is_counted() -> None:
    cut = Cut(octets=10, rows=100)
    passed: list[Entry] = []
    for number in range(4):
        passed += cut(Entry(number, 0.0, MailDataSent(b"12345678")), in_data=True)
    passed += cut(Entry(4, 0.0, MailDataSent(b".\r\n", last=True)), in_data=False)
    assert [type(each.event) for each in passed] == [MailDataSent, Remarked, MailDataSent]
    assert passed[1].event == Remarked("24 more octets of mail data are left out here")


@pytest.mark.parametrize(
    ("words", "ended"), [(b"EHLO a\r\nQUIT\r\n", "QUIT"), (b"EHLO a\r\n", "no QUIT"), (b"", "no QUIT")]
)
def test_a_dialogue_is_kept_with_how_it_ended(words: bytes, ended: str) -> None:
    session = WatchedSession(1, "127.0.0.1:25", "127.0.0.1:40000", None)
    reader = TapReader(session, lambda reader, entry: session.add(entry, reader.watched), 0.0, preamble=False)
    reader.read("connect", 0.0, "127.0.0.1:25")
    reader.read("server", 0.1, b"220 mx\r\n")
    for line in words.splitlines(keepends=True):
        reader.read("client", 0.2, line)
        reader.read("server", 0.3, b"250 ok\r\n")
    reader.read(End.CLIENT, 0.4, "")
    assert (session.hello, session.ended) == ("a" if words else "", ended)
