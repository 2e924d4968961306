"""The rows of the table, in its order; a new row is a new entry in the `ROWS` of a room."""

from tests.benchmarks import rows_maildata, rows_reading, rows_scaling, rows_shell, rows_startup, rows_wire

ALL_ROWS = tuple(
    row
    for room in (rows_startup, rows_shell, rows_wire, rows_maildata, rows_reading, rows_scaling)
    for row in room.ROWS
)
