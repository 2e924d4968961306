"""What a client did, as acts that a script repeats."""

from smtp_shell.export.equivalents.acts import LEFT_OUT, Closed, LoggedIn, Noted, Opened, without_retries

REFUSED, ACCEPTED = LoggedIn("PLAIN", "ann", code=535), LoggedIn("PLAIN", "ann", code=235)
OPENED, CLOSED = Opened(None), Closed(by_client=True)


def test_an_exchange_that_was_refused_and_tried_again_is_left_out() -> None:
    assert without_retries((OPENED, REFUSED, REFUSED, ACCEPTED)) == (OPENED, Noted(LEFT_OUT), Noted(LEFT_OUT), ACCEPTED)


def test_the_last_exchange_of_a_connection_stays_whatever_became_of_it() -> None:
    acts = (OPENED, ACCEPTED, REFUSED, CLOSED, OPENED, REFUSED, CLOSED)
    assert without_retries(acts) == acts
