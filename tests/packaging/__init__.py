"""What is released and what it stands on: versions of the dependencies, their licences and advisories, and builds.

`python -m tests.packaging versions|audit|builds`, each with `--help`. Those make environments and ask registries. The rules that need no
network are tests, here and in `tests/unit/test_dependencies.py`.
"""
