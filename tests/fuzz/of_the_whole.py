"""What has to hold for the whole program, whatever a server says, a network does and a user types: see `whole`."""

from collections.abc import Callable


def whole(data: bytes) -> None:
    """Whatever the dialogue: it ends, what is shown can be shown, and the recording has it all, for every reader of recordings."""
    from tests.fuzz.whole.checks import check  # the whole program: the other targets need less than half of it

    check(data.decode("utf-8", "surrogateescape").removesuffix("\n"))


TARGETS: dict[str, Callable[[bytes], None]] = {"whole": whole}
