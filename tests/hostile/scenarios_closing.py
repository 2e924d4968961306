"""What a server can do wrong at the end of a session, or by ending it early."""

from tests.support.hostile.peer import HostilePeer
from tests.support.hostile.scenario import ENVELOPE, scenario


@scenario(says="does not answer QUIT", script=("ehlo", "quit"), exit=3, seconds=9.0)
def quit_unanswered(peer: HostilePeer) -> None:
    peer.ordinary({b"QUIT": lambda peer, line: peer.hold()})


@scenario(says="closes at QUIT without 221", script=("ehlo", "quit"), exit=3)
def quit_closed(peer: HostilePeer) -> None:
    peer.ordinary({b"QUIT": lambda peer, line: peer.close()})


@scenario(says="resets at QUIT without 221", script=("ehlo", "quit"), exit=3)
def quit_reset(peer: HostilePeer) -> None:
    peer.ordinary({b"QUIT": lambda peer, line: peer.reset()})


@scenario(says="answers QUIT with 221 and keeps the connection open without closing", script=("ehlo", "quit"), exit=0)
def quit_answered_never_closed(peer: HostilePeer) -> None:
    peer.until(b"QUIT")
    peer.send(b"221 2.0.0 bye\r\n")
    peer.hold()


@scenario(says="answers QUIT with 500", script=("ehlo", "quit"), exit=1, shows=("500",))
def quit_refused(peer: HostilePeer) -> None:
    peer.ordinary({b"QUIT": b"500 5.5.1 there is no way out\r\n"})


@scenario(says="answers QUIT with 250", script=("ehlo", "quit"), exit={0, 1, 6})
def quit_answered_250(peer: HostilePeer) -> None:
    peer.ordinary({b"QUIT": b"250 2.0.0 ok\r\n"})


# In a replay, a reply that is not in the transcript is a difference, here and in the other floods.
@scenario(says="floods the client behind its 221", script=("ehlo", "quit"), exit={0, 6}, replay_exit={1, 6})
def quit_with_a_flood_behind(peer: HostilePeer) -> None:
    peer.until(b"QUIT")
    peer.send(b"221 2.0.0 bye\r\n")
    peer.send_endlessly(b"250 and another thing\r\n")


@scenario(
    says="says 221 behind its reply to EHLO without being asked, and closes",
    script=("ehlo", "mail ann@example.org"),
    exit={1, 3, 6},
    shows=("221|clos",),
)
def farewell_unasked(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n221 2.0.0 bye\r\n")


@scenario(says="closes where the reply to MAIL should be", script=ENVELOPE, exit=3, shows=("MAIL",), never=(b"RCPT",))
def closed_at_mail(peer: HostilePeer) -> None:
    peer.until(b"MAIL")


@scenario(says="resets where the reply to MAIL should be", script=ENVELOPE, exit=3, shows=("MAIL",), never=(b"RCPT",))
def reset_at_mail(peer: HostilePeer) -> None:
    peer.until(b"MAIL")
    peer.reset()


@scenario(says="closes behind a good reply, between two commands", script=ENVELOPE, exit=3)
def closed_between_commands(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")


@scenario(
    says="closes its direction in the middle of a reply and goes on listening",
    script=ENVELOPE,
    exit={3, 6},
    never=(b"RCPT",),
)
def half_closed_in_a_reply(peer: HostilePeer) -> None:
    peer.until(b"MAIL")
    peer.send(b"250-2.1.0 ok\r\n250 2.1")
    peer.close_writing()
    peer.hold()


@scenario(
    says="says 421 and closes while the prompt waits",
    script=("ehlo", "/wait 1.5", "noop"),
    exit={1, 3},
    shows=("421",),
    idle=True,
)
def idle_421(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")
    peer.pause(0.7)
    peer.send(b"421 4.4.2 idle for too long\r\n")


@scenario(says="closes without a word while the prompt waits", script=("ehlo", "/wait 1.5", "noop"), exit=3, idle=True)
def idle_close(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")
    peer.pause(0.7)


@scenario(says="resets while the prompt waits", script=("ehlo", "/wait 1.5", "noop"), exit=3, idle=True)
def idle_reset(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")
    peer.pause(0.7)
    peer.reset()


@scenario(
    says="writes to the screen, by escape sequences, while the prompt waits",
    script=("ehlo", "/wait 1.5", "mail ann@example.org"),
    exit={1, 6},
    leaks=(b"\x1b]0;owned", b"\x1b[2J"),
    idle=True,
)
def idle_escapes(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")
    peer.pause(0.7)
    peer.send(b"250 \x1b[2J\x1b]0;owned\x07\r\n")
    peer.ordinary({b"MAIL": b"550 5.7.1 no\r\n"})


@scenario(
    says="sends 20 MB while the prompt waits",
    script=("ehlo", "/wait 1.5", "noop"),
    exit=6,
    replay_exit={1, 6},
    shows=("64|65.?536|unsolicited|does not have",),  # in batch, the first unsolicited reply ends it
    idle=True,
)
def idle_flood(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")
    peer.pause(0.7)
    peer.send_endlessly(b"250 hello again\r\n")
