"""Expectations and how replies are compared with them."""
