"""Diagnostics of a trained VAE: what its nats are made of, and what of them can be gained.

`trained(Fitted(...))` returns `Diagnostics`; ``elboproof audit FILE --trained`` makes them of an adapter.
"""

from elboproof.diagnostics.diagnose import trained as trained
from elboproof.diagnostics.diagnostic import Diagnostic as Diagnostic
from elboproof.diagnostics.diagnostics import Diagnostics as Diagnostics
from elboproof.diagnostics.fitted import Fitted as Fitted

__all__ = ["Diagnostic", "Diagnostics", "Fitted", "trained"]
