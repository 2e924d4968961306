"""The rows of the table, in its order. A new row is an entry in the `ROWS` of one of these modules."""

from tests.benchmarks import (
    rows_capture,
    rows_import,
    rows_maildata,
    rows_reading,
    rows_scaling,
    rows_serve,
    rows_shell,
    rows_startup,
    rows_wire,
)

ALL_ROWS = tuple(
    row
    for module in (
        rows_startup,
        rows_shell,
        rows_wire,
        rows_maildata,
        rows_reading,
        rows_import,
        rows_capture,
        rows_scaling,
        rows_serve,
    )
    for row in module.ROWS
)
