"""Mail data in a replay: sent once the server has said 354, and else not."""

from __future__ import annotations

from functools import partial
from time import monotonic

from smtp_shell.client.session import Session
from smtp_shell.protocol.maildata import PIECE, MailDataEncoder
from smtp_shell.protocol.octets import CRLF, unescape
from smtp_shell.replay.stage import Stage
from smtp_shell.replay.verifier import DIFFERS, Settled
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step

_COMMANDS = frozenset((Marker.CLIENT, Marker.PIPELINED))


class Delivery:
    """The mail data of a replay.

    Args:
        stage: What the replay has at hand.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def send(self, session: Session, first: Step) -> None:
        """Send mail data up to the final dot, or up to something that is none."""
        script, stage = self._stage.script, self._stage
        started = monotonic()
        is_whole, last = False, first.line
        while not is_whole and (lines := script.take_run(_COMMANDS, ".", PIECE)):
            octets, is_whole = self._expand(lines)
            last = script.line
            if is_whole:
                stage.attempt(partial(session.send_last_mail_piece, octets))
            else:
                stage.catch_up()  # sending may take long
                stage.attempt(partial(session.send_mail_piece, octets))
        step = None if is_whole else script.peek()
        if step is not None and step.marker is Marker.MAIL_DATA_FILE:
            script.next()
            last = step.line
            stage.catch_up()
            stage.attempt(partial(self._send_body, session, step))
        elif not is_whole:
            self._break_off(session, step, (first.line, last), started)
            return
        settled = stage.settler.settle(own=True)
        stage.tell((first.line, last), "(mail data and the final dot)", settled, started)

    def _expand(self, lines: list[Step]) -> tuple[bytes, bool]:
        """Give what goes over the wire for lines of mail data, up to the final dot if it is among them, and whether it is.

        Lines behind a dot are put back into the script: one that is written as a variable, or with an escape, is no less final.
        """
        text = "\r\n".join([line.text for line in lines])
        if "${" not in text and "\\" not in text:
            is_whole = lines[-1].text == "."
            return unescape(text[:-1] if is_whole else text + "\r\n"), is_whole
        octets = bytearray()
        for number, line in enumerate(lines, 1):
            expanded = self._stage.expand(line)
            if expanded == b".":
                self._stage.script.put_back(lines[number:], line.line)
                return bytes(octets), True
            octets += expanded + CRLF
        return bytes(octets), False

    def _break_off(self, session: Session, step: Step | None, lines: tuple[int, int], started: float) -> None:
        """Send octets that stand among the mail data, or leave off before an event, a reply or the transcript's end."""
        script, stage = self._stage.script, self._stage
        if step is not None and step.marker is Marker.CLIENT_OCTETS:
            script.next()
            lines = (lines[0], step.line)
            stage.attempt(partial(session.send_raw, stage.expand(step)))
        settled = stage.settler.settle(own=False)
        if step is None:
            settled.why = "the transcript ends inside the mail data; no final dot is sent"
        elif step.marker is Marker.CLIENT_OCTETS:
            stage.settler.doubtful = stage.arrivals.outstanding
        stage.tell(lines, "(mail data)", settled, started)

    def skip_if_refused(self, settled: Settled) -> None:
        """Pass over the mail data behind a DATA that was not answered with 354.

        Args:
            settled: What came to DATA.
        """
        if not settled.ok and settled.takes_354 and self._is_next():
            self.skip("there was no 354", 0)
        elif settled.ok and settled.takes_354 and self._is_next():
            self.skip(f"DATA was answered with {settled.code}, as foreseen: the mail data is not sent", 0)
        elif settled.ok and not settled.demanded and self.is_ahead():
            self.skip(f"DATA was answered with {settled.code}, not 354: the mail data is not sent", DIFFERS)

    def is_ahead(self) -> bool:
        """Look ahead whether the client lines that follow are mail data: only that ends with a dot before any reply."""
        for step in self._stage.script.ahead():
            if step.marker is Marker.MAIL_DATA_FILE or (step.marker in _COMMANDS and step.text == "."):
                return True
            if step.marker in SERVER_LINES or step.event[:1] in (("connect",), ("close",)):
                return False
        return False

    def skip(self, why: str, status: int) -> None:
        """Pass over mail data up to the final dot, with the reply to it, and tell so."""
        script = self._stage.script
        first = last = script.peek()
        assert first is not None
        assert last is not None
        while (step := script.next()) is not None:
            last = step
            if step.marker is Marker.MAIL_DATA_FILE or step.text == ".":
                break
        script.skip_expected()
        self._stage.tell_skipped((first.line, last.line), "(mail data)", why, status)

    def _is_next(self) -> bool:
        step = self._stage.script.peek()
        return step is not None and (step.marker in CLIENT_LINES or step.marker is Marker.MAIL_DATA_FILE)

    def _send_body(self, session: Session, step: Step) -> None:
        encoder = MailDataEncoder()
        for piece in body_pieces(self._stage.folder, step, outside=self._stage.settings.outside):
            session.send_mail_piece(encoder.encode(piece))
        session.send_end_of_data(encoder)
