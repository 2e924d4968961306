"""What a server can do wrong before the client sends anything."""

from tests.support.hostile.peer import HostilePeer, multiline
from tests.support.hostile.scenario import scenario


@scenario(says="never greets", script=("ehlo",), exit=3, shows=("greeting|reply",), never=(b"EHLO",))
def greeting_never(peer: HostilePeer) -> None:
    peer.hold()


@scenario(
    says="greets with an octet a second, so that no single read waits long",
    script=("ehlo",),
    exit=3,
    never=(b"EHLO",),
)
def greeting_octet_a_second(peer: HostilePeer) -> None:
    peer.send_slowly(b"220 hostile.example.org ESMTP\r\n", 1.0)
    peer.hold()


@scenario(says="greets with a line a second, never the last", script=("ehlo",), exit=3, never=(b"EHLO",))
def greeting_line_a_second(peer: HostilePeer) -> None:
    for _ in range(25):
        peer.send(b"220-please wait\r\n")
        peer.pause(1.0)
    peer.send(b"220 now\r\n")
    peer.hold()


@scenario(
    says="sends the two lines of its greeting two seconds apart, which is one greeting", script=("ehlo", "quit"), exit=0
)
def greeting_in_two_parts(peer: HostilePeer) -> None:
    peer.send(b"220-hostile.example.org\r\n")
    peer.pause(2.0)
    if peer.has_heard():
        peer.blame("the client spoke before the greeting's last line")
    peer.send(b"220 hostile.example.org ESMTP\r\n")
    peer.ordinary()


@scenario(
    says="greets with 554", script=("ehlo", "mail ann@example.org"), exit={1, 3}, shows=("554",), never=(b"MAIL",)
)
def greeting_554(peer: HostilePeer) -> None:
    peer.send(b"554 5.7.1 no service for you\r\n")
    peer.ordinary({b"EHLO": b"503 5.5.1 bad sequence\r\n"})


@scenario(says="greets with 421 and closes", script=("ehlo",), exit={1, 3}, shows=("421",))
def greeting_421(peer: HostilePeer) -> None:
    peer.send(b"421 4.3.2 too busy\r\n")


@scenario(says="greets with 250, which is no greeting's code", script=("ehlo",), exit={1, 6}, shows=("250",))
def greeting_250(peer: HostilePeer) -> None:
    peer.send(b"250 ok\r\n")
    peer.ordinary()


@scenario(says="greets with 354", script=("ehlo",), exit={1, 6}, shows=("354",))
def greeting_354(peer: HostilePeer) -> None:
    peer.send(b"354 go ahead\r\n")
    peer.ordinary()


@scenario(says="is a web server and answers in HTTP", script=("ehlo",), exit=6, shows=(r"HTTP/1\.1",), never=(b"EHLO",))
def greeting_http(peer: HostilePeer) -> None:
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>400</html>\r\n")
    peer.hold()


@scenario(says="is an SSH server", script=("ehlo",), exit=6, shows=("SSH-2",), never=(b"EHLO",))
def greeting_ssh(peer: HostilePeer) -> None:
    peer.send(b"SSH-2.0-OpenSSH_9.9\r\n")
    peer.hold()


@scenario(says="is a POP3 server", script=("ehlo",), exit=6, shows=(r"\+OK",), never=(b"EHLO",))
def greeting_pop3(peer: HostilePeer) -> None:
    peer.send(b"+OK POP3 ready\r\n")
    peer.hold()


@scenario(says="is an IMAP server", script=("ehlo",), exit=6, shows=("OK",), never=(b"EHLO",))
def greeting_imap(peer: HostilePeer) -> None:
    peer.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
    peer.hold()


@scenario(
    says="speaks TLS from the first octet and answers in its alerts", script=("ehlo",), exit={3, 6}, never=(b"EHLO",)
)
def greeting_tls_alert(peer: HostilePeer) -> None:
    peer.send(b"\x15\x03\x03\x00\x02\x02\x46")


@scenario(says="sends a TLS ServerHello with octets of all kinds", script=("ehlo",), exit={3, 6}, never=(b"EHLO",))
def greeting_binary(peer: HostilePeer) -> None:
    peer.send(b"\x16\x03\x03\x01\x00\x02\x00\x00\xfc\x03\x03" + bytes(range(256)))
    peer.hold()


@scenario(says="sends Telnet option negotiation before its greeting", script=("ehlo",), exit=6, never=(b"EHLO",))
def greeting_telnet_options(peer: HostilePeer) -> None:
    peer.send(b"\xff\xfb\x01\xff\xfb\x03220 hostile.example.org\r\n")
    peer.ordinary()


@scenario(says="sends a byte-order mark before its greeting", script=("ehlo",), exit=6, never=(b"EHLO",))
def greeting_byte_order_mark(peer: HostilePeer) -> None:
    peer.send(b"\xef\xbb\xbf220 hostile.example.org\r\n")
    peer.ordinary()


@scenario(says="greets in UTF-16", script=("ehlo",), exit=6, never=(b"EHLO",))
def greeting_utf_16(peer: HostilePeer) -> None:
    peer.send("220 hostile.example.org\r\n".encode("utf-16"))
    peer.hold()


@scenario(says="greets with an empty line", script=("ehlo",), exit=6, never=(b"EHLO",))
def greeting_empty_line(peer: HostilePeer) -> None:
    peer.send(b"\r\n")
    peer.hold()


@scenario(says="greets with empty lines only, 20 MB of them", script=("ehlo",), exit=6, never=(b"EHLO",))
def greeting_empty_lines(peer: HostilePeer) -> None:
    peer.send_endlessly(b"\r\n")


@scenario(
    says="sends a line that never ends, 20 MB of it", script=("ehlo",), exit=6, shows=("64|65.?536",), never=(b"EHLO",)
)
def greeting_endless_line(peer: HostilePeer) -> None:
    peer.send(b"220 ")
    peer.send_endlessly(b"x")


@scenario(says="sends NUL for ever", script=("ehlo",), exit=6, never=(b"EHLO",))
def greeting_endless_nul(peer: HostilePeer) -> None:
    peer.send_endlessly(b"\0")


@scenario(
    says="greets with a reply that never ends, of short lines",
    script=("ehlo",),
    exit=6,
    shows=("10.?000|1 ?MiB|1.?048.?576",),
    never=(b"EHLO",),
)
def greeting_endless_lines(peer: HostilePeer) -> None:
    peer.send_endlessly(b"220-and so on\r\n")


@scenario(says="greets with 30,000 lines", script=("ehlo",), exit=6, shows=("10.?000",), never=(b"EHLO",))
def greeting_30000_lines(peer: HostilePeer) -> None:
    peer.send(multiline(b"220", *(b"l",) * 30_000))
    peer.ordinary()


@scenario(says="greets with one line of 60,000 octets, which is within the limits", script=("ehlo", "quit"), exit=0)
def greeting_long_line(peer: HostilePeer) -> None:
    peer.greet(b"hostile.example.org " + b"x" * 60_000)
    peer.ordinary()


@scenario(says="closes at once", script=("ehlo",), exit=3)
def greeting_closed(peer: HostilePeer) -> None:
    peer.close()


@scenario(says="resets the connection at once", script=("ehlo",), exit=3)
def greeting_reset(peer: HostilePeer) -> None:
    peer.reset()


@scenario(says="closes in the middle of its greeting's code", script=("ehlo",), exit={3, 6})
def greeting_cut_in_the_code(peer: HostilePeer) -> None:
    peer.send(b"22")


@scenario(says="closes in the middle of its greeting's text", script=("ehlo",), exit={3, 6}, never=(b"EHLO",))
def greeting_cut_in_the_text(peer: HostilePeer) -> None:
    peer.send(b"220 hostile.exam")


@scenario(says="closes after a line that announces another", script=("ehlo",), exit={3, 6}, never=(b"EHLO",))
def greeting_cut_between_lines(peer: HostilePeer) -> None:
    peer.send(b"220-hostile.example.org\r\n")


@scenario(says="greets and closes its direction, still listening", script=("ehlo",), exit=3)
def greeting_half_closed(peer: HostilePeer) -> None:
    peer.greet()
    peer.close_writing()
    peer.hold()


@scenario(
    says="greets twice, so that the second greeting may pass for the reply to EHLO, which is refused",
    script=("ehlo",),
    exit={1, 6},
)
def greeting_twice(peer: HostilePeer) -> None:
    peer.send(b"220 one\r\n220 two\r\n")
    peer.ordinary({b"EHLO": b"550 5.7.1 not you\r\n"})


@scenario(
    says="sends a forged reply to EHLO behind its greeting, and refuses EHLO",
    script=("ehlo",),
    exit={1, 6},
    shows=("unasked|unsolicited|unexpected|not asked|before|without|does not have",),
)
def greeting_with_a_reply_behind(peer: HostilePeer) -> None:
    peer.send(b"220 one\r\n250-forged\r\n250 AUTH PLAIN\r\n")
    peer.ordinary({b"EHLO": b"550 5.7.1 not you\r\n"})


@scenario(says="sends an unasked 421 behind its greeting, and closes", script=("ehlo",), exit={1, 3}, shows=("421",))
def greeting_with_421_behind(peer: HostilePeer) -> None:
    peer.send(b"220 one\r\n421 4.3.2 shutting down\r\n")


@scenario(
    says="sends 20 MB that nobody asked for behind its greeting", script=("ehlo", "noop"), exit=6, replay_exit={1, 6}
)
def greeting_with_a_flood_behind(peer: HostilePeer) -> None:
    peer.greet()
    peer.send_endlessly(b"250 forged\r\n")


@scenario(says="says that all is done already, in words", script=("ehlo", "mail ann@example.org"), exit=1)
def greeting_says_all_is_done(peer: HostilePeer) -> None:
    peer.greet(b"hostile.example.org 250 ok 235 authenticated 221 bye")
    peer.ordinary({b"MAIL": b"530 5.7.0 who are you\r\n"})
