"""Speed and memory of smtp-shell, measured beside its peers. See README.md in this folder."""
