"""Mutation tests: does a test notice when the package is changed in one place? `python -m tests.mutants --help`.

The runner is our own. mutmut 3 replaces functions by trampolines: it leaves out what is decorated, the bodies of classes and the tables of
modules, which are half of this package. cosmic-ray changes a file and starts pytest for each mutant: three seconds and more, and there are
twenty-three thousand mutants. Here a mutant costs 0.06 processor seconds where a test notices, 0.5 where none does.

- `mutant`, `edits`, `modules`: the mutants of a module, from its syntax tree.
- `witnesses`: which tests run the changed line, measured once with coverage.
- `under_pytest`, `exchange`, `forks`: a process imports every test once, and forks for each mutant, which gets the code of one function.
  What has an effect when modules are imported gets a process that imports them anew. The tests of the module's own file come first.
- `equivalents`: the mutants that are the same program, with the reason.

Only POSIX systems have `fork`: elsewhere the command says so.
"""
