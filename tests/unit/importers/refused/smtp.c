#include <stdio.h>
/* A client. */
static int say(int fd, const char *text) { return write(fd, text, strlen(text)); }
int main(void)
{
    say(fd, "EHLO example.com\r\n");
    expect(fd, "250 ");
    say(fd, "MAIL FROM:<robin@example.com>\r\n");
    expect(fd, "250 ok");
    say(fd, "RCPT TO:<wren@example.com>\r\n");
    expect(fd, "250 ok");
    say(fd, "DATA\r\n");
    expect(fd, "354 go");
    switch (code) {
    case 250: return 0;
    case 550: return 1;
    }
    return 0;
}
