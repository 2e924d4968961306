"""Study: lessons, questions about one dialogue that are drawn from what was said in it, and cards made of them.

`reading` is what the kinds of question know of a dialogue. `reader` makes it from entries, with `mail_reader` for mail data and
`transactions` for the state between the exchanges. Each kind is a function in `kinds`.
`quiz` draws, `asking` holds a run, `judging` compares an answer, `memory` decides when a question comes again, `anki` writes cards.
`lessons` reads a transcript as tasks, `meaning` compares a typed line with one of them, `lesson_run` is a lesson under way.
Nothing here opens a connection.
"""
