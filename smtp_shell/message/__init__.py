"""Messages: what a user composes (`draft`), its header fields (`fields`, `mailboxes`), and its octets (`building`).

It knows no server and no screen. What sends a message over a session is `client.transaction`; what asks the user is in `shell`.
"""
