"""How fast, how large: smtp-shell beside its peers. `python -m tests.benchmarks --help` tells how to run it."""
