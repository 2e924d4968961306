"""Which packet holds which step."""

from pathlib import Path

from smtp_shell.export.packet_list import packet_rows
from smtp_shell.recording.shown import shown_transcript

TRANSCRIPT = """\
*: connect mail.example.com:2525
0.1 S: 220 mail.example.com
C& MAIL FROM:<ann@example.org>
C& RCPT TO:<bob@example.org>
0.2 C: DATA
0.3 S: 250 ok
S: 250 ok
S: 354 go
C< big.eml
S: 250 ok
# a note
2.0 C: QUIT
S: 221 bye
"""


def test_each_step_has_its_packets(tmp_path: Path) -> None:
    (tmp_path / "lab.smtp").write_text(TRANSCRIPT)
    (tmp_path / "big.eml").write_bytes(b"x" * 70 * 1460)
    with shown_transcript(tmp_path / "lab.smtp", bodies=True) as (_, entries, _mask):
        rows = [text for text, _ in packet_rows(entries)]
    assert rows[:16] == [
        "In the capture that `smtp-shell convert FILE out.pcapng` writes of it:",
        "   packets  seconds",
        "       1-3    0.000     *: connect mail.example.com:2525 (SYN, SYN-ACK, ACK)",
        "         4    0.100  +  S: 220 mail.example.com",
        "         6    0.100     C: MAIL FROM:<ann@example.org>",
        "         6    0.100     C: RCPT TO:<bob@example.org>",
        "         6    0.200     C: DATA",
        "         8    0.300  +  S: 250 ok",
        "         9    0.300  +  S: 250 ok",
        "        10    0.300  >  S: 354 go",
        "    12-105    0.300     C: the mail data, and the dot that ends it",
        "       106    0.300  +  S: 250 ok",
        "       108    2.000     C: QUIT",
        "       109    2.000  +  S: 221 bye",
        "",
        "Display filters, and what they show:",
    ]
    assert rows[-1].endswith("tshark -d tcp.port==2525,smtp")
