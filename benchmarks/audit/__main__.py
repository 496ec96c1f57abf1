"""Put the catalogue to the audit.

    python -m benchmarks.audit            prints the tables
    python -m benchmarks.audit --write    replaces them in benchmarks/README.md
    python -m benchmarks.audit --small    the first two of each kind, a smoke test

`--rounds` is the number of seeds of each control.
"""

from benchmarks import section
from benchmarks.audit import power

if __name__ == "__main__":
    section.command("audit", __doc__, power.report, rounds=20)
