"""The certificate of an evidence: what the search that writes one and the check that reads it must agree on."""

EVIDENCE_SCHEMA = "elboproof.log_evidence/1"
"""Of certificates ``{"schema", "version", "model", "x", "bounds", "frame", "box", "cells"}``, all numbers exact and
written as strings. The model has its ``latent`` names, its ``decoder``, a list of expressions or a network, its
``likelihood`` and its ``prior``. ``bounds`` are those of log p(x) in nats that are claimed.

The cells are boxes of coordinates t. For a normal prior z = m + L sqrt(D) A t, with the covariance L D L' and the
``frame`` A; for a uniform one z is affine in t, and the ``box`` that all cells tile is [-1, 1]^d. A box is halved, and
its halves again, until each part is a cell. A cell with ``nodes``, a number of them for each axis, is integrated by a
rule; one without is only bounded."""
