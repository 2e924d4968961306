"""Sessions written down, and read back."""
