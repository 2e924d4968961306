"""The protocol core: octets, commands, replies, mail data, SASL, and the state of a dialogue.

It turns commands into octets and octets into events. It does no input or output, and knows no socket, clock or screen.
"""
