"""What each exit status means, for the help and the manual page. Who raises an error with which status: `errors`."""

from __future__ import annotations

EXIT_STATUSES = {
    0: "everything that was asked happened; every step of every replay matched",
    1: "a reply was not the expected one (replay), or was 4yz or 5yz (-c, -f, send); nothing known (explain); a problem (doctor, lint); "
    "a recording that was asked for is not whole",
    2: "wrong usage, or a malformed transcript or configuration: nothing was sent",
    3: "no connection: name, refusal, timeout, closed too early",
    4: "TLS: refused, not offered, failed, or not verified",
    5: "authentication: refused, or credentials or a common mechanism missing",
    6: "the server broke the protocol, or an attack is suspected",
    7: "unknown: the connection broke after the final dot, before its reply",
    130: "interrupted",
}
