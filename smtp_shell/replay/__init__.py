"""Transcripts replayed against a server: checked whole, sent step by step, and compared reply by reply.

Reading order: `plan` (the whole file is checked), `driver` (the loop), `client` with `sasl_steps` and `mail_data` (sending), `incoming`
and `verifier` (reading and comparing), `results` (values for reporters), `runner` (files, repeats, servers, threads), `reporters`.
The file format is in `transcript`, comparison of one reply in `matching`.
"""
