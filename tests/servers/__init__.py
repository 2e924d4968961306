"""Foreign mail servers that the tests start on loopback."""
