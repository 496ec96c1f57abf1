"""Prove the evidence of many rows with a file that keeps each: a call that was cut short goes on where it stopped.

    python examples/batch_with_resume.py

writes rows.jsonl into the current folder.
"""

import numpy as np

import elboproof as ep

model = ep.LatentModel("z", ["sinh(z)", "z"], ep.Gaussian(variance="1/10"))
x = np.random.default_rng(0).standard_normal((40, 2))


def told(progress: ep.Progress) -> None:
    """Print how far the call is."""
    print(progress)


try:  # a limit in the place of a machine that is switched off
    ep.log_evidence(model, x, digits=8, total_seconds=1e-3, resume="rows.jsonl")
except ep.Undecided as error:
    undecided = sum(bool(status) for status in error.statuses)
    print(f"cut short: {undecided} of {len(x)} rows are undecided, and bounded all the same")

found = ep.log_evidence(model, x, digits=8, progress=told, resume="rows.jsonl")
again = ep.log_evidence(model, x, digits=8, resume="rows.jsonl")  # read from the file
assert (found.lower == again.lower).all()
print(f"mean log p(x) = {found.mean():S} nats")
