"""What a shell records: each session by itself, and everything into a file of the user's from `/record` on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.events import Entry

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Event
    from smtp_shell.recording.capture import Capture
    from smtp_shell.recording.live import LiveCapture
    from smtp_shell.recording.recording import Recording


class SessionRecordings:
    """The recordings of one shell.

    Args:
        automatic: Whether each session is recorded into the state directory.
        on_failure: Takes a sentence when a recording cannot begin or go on.

    Attributes:
        session: Recording of the current session, or of the last one; None where there is none.
        own: Recording into the user's file; None while there is none.
        capture: The capture of the connections' octets; None while there is none.
        live: The capture from the wire; None while there is none.
        is_incomplete: Whether a file that the user asked for is not whole.
    """

    def __init__(self, *, automatic: bool, on_failure: Callable[[str], None]) -> None:
        self.session: Recording | None = None
        self.own: Recording | None = None
        self.capture: Capture | None = None
        self.live: LiveCapture | None = None
        self.is_incomplete = False
        self._automatic = automatic
        self._on_failure = on_failure

    @property
    def open(self) -> list[Recording]:
        """What a new connection is recorded into."""
        return [each for each in (self.session, self.own) if each is not None]

    @property
    def taps(self) -> Capture | None:
        """What gets the octets of the next connection."""
        return self.live.taps if self.live is not None else self.capture

    def begin_session(self, target: Target, before: Sequence[Event] = ()) -> None:
        """Begin to record a session; where that fails, the session goes on unrecorded.

        Args:
            target: The server that the session connects to.
            before: What happened before; recorded first.
        """
        if not self._automatic:
            return
        from smtp_shell.recording.library import automatic

        try:
            self.session = automatic(target, on_failure=self._on_failure)
        except SmtpShellError as error:
            self._on_failure(f"this session is not recorded: {error}")
            return
        for event in before:
            self.session(Entry(0, 0.0, event))

    def end_session(self) -> None:
        """Close the recording of the session; its file can still be saved and shown."""
        if self.session is not None:
            self.session.close()

    def begin_own(
        self, path: Path, target: Target | None, *, overwrite: bool, session: Session | None, times: bool = True
    ) -> None:
        """Begin to record into a file of the user's.

        Args:
            path: The file.
            target: The server, for the header; None if it is not known yet.
            overwrite: Whether to replace an existing file.
            session: The session that runs, to be recorded from here on; None for the next one only.
            times: Whether the file has times.

        Raises:
            UsageError: The file exists, or cannot be created.
        """
        from smtp_shell.recording.library import recording_header
        from smtp_shell.recording.recording import Recording

        self.own = Recording.create(
            path,
            recording_header(target, times=times),
            overwrite=overwrite,
            on_failure=self.fail,
            times=times,
        )
        if session is not None and session.is_open:
            session.subscribe(self.own)

    def end_own(self, session: Session | None = None) -> None:
        """Close the user's file.

        Args:
            session: The session that is recorded into it; None where it has ended.
        """
        if self.own is not None:
            if session is not None and session.is_open:
                session.unsubscribe(self.own)
            self.own.close()
        self.own = None

    def end_captures(self) -> None:
        """Close the captures.

        Raises:
            UsageError: The capture from the wire is not complete.
        """
        capture, live = self.capture, self.live
        self.capture = self.live = None
        if capture is not None:
            capture.close()
        if live is not None:
            live.close()

    def close(self) -> None:
        """Close the user's file and the captures."""
        self.end_own()
        try:
            self.end_captures()
        except SmtpShellError as error:
            self.fail(error.message)

    def fail(self, sentence: str) -> None:
        """Report that a file which the user asked for is not whole."""
        self.is_incomplete = True
        self._on_failure(sentence)
