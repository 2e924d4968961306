from __future__ import annotations

import pytest

from tests.support.foreign_text import lines_of, records, taken_for

SAID = ["*: connect 192.0.2.25:25", "S: 220 hi ESMTP", "C: EHLO x", "S: 250-a", "S: 250 b", "C: QUIT", "S: 221 bye"]
HEX = """\
===================================================================
Follow: tcp,hex
Filter: tcp.stream eq 0
Node 0: 192.0.2.1:50000
Node 1: 192.0.2.25:25
\t00000000  32 32 30 20 68 69 20 45  53 4d 54 50 0d 0a           220 hi E SMTP..
00000000  45 48 4c 4f 20 78 0d 0a                           EHLO x..
\t0000000E  32 35 30 2d 61 0d 0a 32  35 30 20 62 0d 0a           250-a..2 50 b..
00000008  51 55 49 54 0d 0a                                 QUIT..
\t0000001C  32 32 31 20 62 79 65 0d  0a                          221 bye. .
===================================================================
"""
ARRAYS = """\
char peer1_0[] = { /* Packet 4 */
0x32, 0x32, 0x30, 0x20, 0x68, 0x69, 0x20, 0x45, 0x53, 0x4d, 0x54, 0x50, 0x0d, 0x0a };
char peer0_0[] = { /* Packet 6 */
0x45, 0x48, 0x4c, 0x4f, 0x20, 0x78, 0x0d, 0x0a };
char peer1_1[] = { /* Packet 8 */
0x32, 0x35, 0x30, 0x2d, 0x61, 0x0d, 0x0a,
0x32, 0x35, 0x30, 0x20, 0x62, 0x0d, 0x0a };
char peer0_1[] = { /* Packet 9 */
0x51, 0x55, 0x49, 0x54, 0x0d, 0x0a };
char peer1_2[] = { /* Packet 10 */
0x32, 0x32, 0x31, 0x20, 0x62, 0x79, 0x65, 0x0d, 0x0a };
"""
OLD_YAML = """\
# Packet 4
peer1_0: !!binary |
  MjIwIGhpIEVTTVRQDQo=
# Packet 6
peer0_0: !!binary |
  RUhMTyB4DQo=
# Packet 8
peer1_1: !!binary |
  MjUwLWENCjI1MCBiDQo=
# Packet 9
peer0_1: !!binary |
  UVVJVA0K
# Packet 10
peer1_2: !!binary |
  MjIxIGJ5ZQ0K
"""
NGREP = """\
interface: eth0 (192.0.2.0/255.255.255.0)
filter: (ip or ip6) and ( port 25 )
####
T 192.0.2.25:25 -> 192.0.2.1:50000 [AP] #4
  220 hi ESMTP..
##
T 192.0.2.1:50000 -> 192.0.2.25:25 [AP] #6
  EHLO x..
##
T 192.0.2.25:25 -> 192.0.2.1:50000 [AP] #8
  250-a..250 b..
#
T 192.0.2.1:50000 -> 192.0.2.25:25 [AP] #9
  QUIT..
#
T 192.0.2.25:25 -> 192.0.2.1:50000 [AP] #10
  221 bye..
"""
PLAIN = "220 hi ESMTP\nEHLO x\n250-a\n250 b\nQUIT\n221 bye\n"
TCPDUMP = """\
12:00:00.000001 IP mail.example.com.smtp > client.example.org.50000: Flags [P.], seq 1:15, ack 1, win 64, length 14: SMTP: 220 hi ESMTP
E..6..@.@..............P....220 hi ESMTP

12:00:00.100001 IP client.example.org.50000 > mail.example.com.smtp: Flags [P.], seq 1:9, ack 15, win 64, length 8: SMTP: EHLO x
E..0..@.@..............P....EHLO x

12:00:00.200001 IP mail.example.com.smtp > client.example.org.50000: Flags [P.], seq 15:29, ack 9, win 64, length 14: SMTP: 250-a
E..6..@.@..............P....250-a
250 b

12:00:00.300001 IP client.example.org.50000 > mail.example.com.smtp: Flags [P.], seq 9:15, ack 29, win 64, length 6: SMTP: QUIT
E.....@.@..............P....QUIT

12:00:00.400001 IP mail.example.com.smtp > client.example.org.50000: Flags [P.], seq 29:38, ack 15, win 64, length 9: SMTP: 221 bye
E..1..@.@..............P....221 bye

"""


@pytest.mark.parametrize(
    ("text", "form", "address"),
    [
        (HEX, "follow", "192.0.2.25:25"),
        (ARRAYS, "follow", "localhost:25"),
        (OLD_YAML, "follow", "localhost:25"),
        (NGREP, "ngrep", "192.0.2.25:25"),
        (TCPDUMP, "tcpdump", "mail.example.com:25"),
        (PLAIN, "telnet", ""),
    ],
    ids=["hexadecimal", "C arrays", "YAML", "ngrep", "tcpdump", "plain"],
)
def test_what_tools_print_of_a_stream_is_the_dialogue(text: str, form: str, address: str) -> None:
    assert taken_for(text) == form
    said = lines_of(records(text, form))
    assert said == ([f"*: connect {address}", *SAID[1:]] if address else SAID[1:])


def test_a_dump_in_which_a_digit_is_missing_is_no_error() -> None:
    text = "12:00:00.000001 IP a.25 > b.5: Flags [P.], seq 1:15, length 14\n\t0x0000:  4500 003 45  E..\n"
    assert lines_of(records(text * 2, "tcpdump")) == []
