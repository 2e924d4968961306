"""Mail data, read for the few lines that questions are about."""

from smtp_shell.study.mail_reader import LONGEST_EXCERPT, MailReader, excerpt


def test_each_part_of_a_message_has_the_number_of_its_line() -> None:
    reader = MailReader()
    for line, octets in enumerate((b"From: a\r\n", b" b\r\n", b"\r\n", b"..dot\r\n"), 8):
        reader.take(octets, line)
    mail = reader.mail(12)
    assert [(field.name, field.line) for field in mail.fields] == [("From", 8)]
    assert (mail.separator, mail.body, mail.stuffed, mail.whole) == (10, ((11, "..dot"),), ((11, "..dot"),), True)


def test_a_piece_of_more_than_one_line_has_no_line_numbers() -> None:
    reader = MailReader()
    reader.take(b"From: a\r\n\r\nb\r\n", 5)
    mail = reader.mail(6)
    assert not mail.whole
    assert [field.name for field in mail.fields] == ["From"]


def test_a_line_without_an_end_is_cut_and_the_rest_of_it_is_passed_over() -> None:
    reader = MailReader()
    for _ in range(4):
        reader.take(b"x" * 900, 5)
    reader.take(b"\r\ny\r\n", 6)
    ((line, shown), second) = reader.mail(7).body
    assert (line, shown, second) == (5, excerpt(b"x" * 2000), (6, "y"))
    assert len(shown) == LONGEST_EXCERPT + 1
