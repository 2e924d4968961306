"""A hostile SMTP server and its scenarios: every way in which a server or a network can misbehave."""
