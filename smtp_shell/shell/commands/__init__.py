"""The entries of the command registry, by subject."""
