"""Fuzzing of the whole: random dialogues in which one side is the program, and the other a server, a network and a user at once.

```
case        the language of a case: what is typed, what the server answers, how it is cut
generate    random cases, and changes of cases
memory      connections in memory, and a clock that stands still unless somebody waits
server      the server of a case: sensible, except where the case says otherwise
play        runs the program on a case; returns all that can be seen of it
read_back   what has to be in the recording, and what a file cannot hold
serve       the replay of a recording against the mock that is made of it
checks      what has to hold
shrink      makes a case smaller as long as it fails
__main__    python -m tests.fuzz.whole
```

Everything happens in one thread and without the system's clock, so that the same case is the same dialogue each time.
"""
