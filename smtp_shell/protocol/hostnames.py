"""Host names in the form that goes over the wire: ASCII, with IDNA 2008 for letters outside it.

`idna` is loaded for a name outside ASCII only. Python's own codec is of IDNA 2003, which makes `strasse` of `straße`: another host.
"""

from __future__ import annotations

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def ascii_name(name: str) -> str:
    """Return a host name in ASCII, each label with other letters as an A-label. A name in ASCII stays as it is.

    Args:
        name: A name, with or without a dot at its end; not an address literal.

    Raises:
        UsageError: It is no host name.

    Source: RFC 5891 section 4, RFC 1035 section 2.3.4
    """
    if not name.isascii():
        return _encode(name)
    labels = name.removesuffix(".").split(".")
    if not all(labels):
        raise _no_host_name(name, "a label between its dots is empty")
    if max(map(len, labels)) > _LONGEST_LABEL:
        raise _no_host_name(name, f"a label is longer than {_LONGEST_LABEL} octets")
    if len(name.removesuffix(".")) > _LONGEST_NAME:
        raise _no_host_name(name, f"it is longer than {_LONGEST_NAME} octets")
    return name


def _encode(name: str) -> str:
    import idna

    try:
        # UTS 46 maps what a user types: capital letters, full-width forms, and the other three dots.
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError as error:  # of which all errors of `idna` are
        reason = str(error)
    raise _no_host_name(name, f"{reason[:1].lower()}{reason[1:]} (IDNA 2008)")


def _no_host_name(name: str, reason: str) -> UsageError:
    return UsageError(f"{escape_str(name[:_LONGEST_NAME])} is no host name: {escape_str(reason)}; correct it.")
