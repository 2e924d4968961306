"""Facts about SMTP, each with its section of an RFC, in `data/*.toml`.

`tables` reads them when asked for, and `lookup` makes values of them. Facts are values in data files, in our own words. What is said
about one dialogue (why this command was refused, what is legal now) is in `explain`. Nothing here does network or terminal I/O.
"""
