"""Run a claim of one's own: one statement decided by symbols, one proved in an instance, and their false neighbours.

    python examples/your_own_claim.py

The claim is examples/claims/entropy_of_the_posterior.py; `elboproof verify --path examples/claims` is the same.
"""

from pathlib import Path

import elboproof as ep

if __name__ == "__main__":  # checks run in processes
    for finding in ep.verify(path=Path(__file__).parent / "claims", workers=1):
        print(
            f"{finding.statement} {finding.check}: {'holds' if finding.holds else 'does not hold'}, {finding.states}"
        )
        for control in finding.controls:
            print(
                f"   false neighbour, {'rejected' if control['rejected'] else 'NOT rejected'}: {control['name']}"
            )
