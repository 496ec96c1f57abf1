"""Objectives for torch, in nats per example and to be MAXIMISED: a loss is the negative mean of one.

A variance is a variance everywhere, never a deviation; logarithms of variances say so in their name. Nothing here keeps
state, and reparameterised samples are the caller's, but for `td_vae_loss` and `td_vae_rollout`: those take networks and
draw through them, and the terms of the loss are to be MINIMISED.
"""

from elboproof.objectives.bounded import baggins as baggins
from elboproof.objectives.bounded import bilbo_baggins as bilbo_baggins
from elboproof.objectives.flows import flow_limit_log_prob as flow_limit_log_prob
from elboproof.objectives.gaussian import bilbo as bilbo
from elboproof.objectives.gaussian import elbo as elbo
from elboproof.objectives.temporal import TDTerms as TDTerms
from elboproof.objectives.temporal import td_vae_loss as td_vae_loss
from elboproof.objectives.temporal import td_vae_rollout as td_vae_rollout

__all__ = [
    "TDTerms",
    "baggins",
    "bilbo",
    "bilbo_baggins",
    "elbo",
    "flow_limit_log_prob",
    "td_vae_loss",
    "td_vae_rollout",
]
