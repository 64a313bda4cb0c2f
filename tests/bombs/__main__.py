"""`python -m tests.bombs [NAME…]`: measures bombs in full size and writes their rows of `docs/security-model.md`.

Without names all of them are measured. Linux only.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bombs.catalog import BOMBS
from tests.bombs.table import Row, read_rows, write_rows
from tests.bombs.test_bombs import measure


def main() -> int:
    """Measures and writes; the exit code is 1 where a bomb goes beyond the limits."""
    names = sys.argv[1:] or list(BOMBS)
    rows = {row.name: row for row in read_rows() if row.name in BOMBS}
    failed = False
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                ran = measure(BOMBS[name], Path(folder))
            except AssertionError as error:
                print(f"{name}: {error}")  # noqa: T201 - a script
                failed = True
                continue
        rows[name] = Row(name, ran.peak >> 20, ran.seconds)
        print(f"{name}: {rows[name].mebibytes} MiB, {ran.seconds:.1f} s", flush=True)  # noqa: T201 - a script
        write_rows([rows[each] for each in BOMBS if each in rows])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
