"""What strangers send: octets and text made of the pieces that break parsers."""

from hypothesis import strategies as st

_PIECES = (
    b"\\", b"\\x", b"\\x4", b"\\x1b", b"\\r\\n", b"$", b"{", b"}", b"${", b"${name}", b"\\${", b"${sasl}",
    b"\r", b"\n", b"\r\n", b"\0", b"\t", b" ", b"\x1b[2J", b"\x7f", b"\x9b", b"\xff", b"\xe2", b"\xe2\x80",
    b"C: QUIT", b"\nC: QUIT", b"\n  0.1  C: RSET\n", b"S: 250 ok", b"C:", b"C&", b"C|", b"C<", b"S:", b"S|", b"S=", b"S~",
    b"*:", b"#", b"Transcript: 1\n", b"Client: x\n", b"Var: a=b\n", b"0.5 ", b"1e9 ", b"\xef\xbb\xbf",
    *(char.encode() for char in "e\u0301\u0320\u0327a\u1100\u1161\u11a8\uac00\u212a\u200b\u202e\u2028\u0085\u00a0\u3164\U000e0041\ufe0f"),
)  # fmt: skip

OCTETS = st.binary() | st.lists(st.sampled_from(_PIECES) | st.binary(max_size=3)).map(b"".join)
"""Any octets, and such as are likely to be taken for something else."""

HOSTILE_TEXT = st.text() | OCTETS.map(lambda octets: octets.decode("utf-8", "replace").replace("\n", ""))
"""Text as a stranger types it behind a marker."""
