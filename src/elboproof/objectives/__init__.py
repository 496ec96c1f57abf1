"""Objectives for torch, in nats per example and to be MAXIMISED: a loss is the negative mean of one.

A variance is a variance everywhere, never a deviation; logarithms of variances say so in their name. Nothing here keeps
state, but a `FlowPrior`, which is a network. Reparameterised samples are the caller's; `hvae_elbo`, `td_vae_loss` and
`td_vae_rollout` draw with the caller's generator. The terms of `td_vae_loss` are to be MINIMISED; `direct_gradient` is
a gradient.
"""

from elboproof.objectives.bounded import baggins as baggins
from elboproof.objectives.bounded import bilbo_baggins as bilbo_baggins
from elboproof.objectives.direct import direct_gradient as direct_gradient
from elboproof.objectives.flow_prior import FlowPrior as FlowPrior
from elboproof.objectives.flows import flow_limit_log_prob as flow_limit_log_prob
from elboproof.objectives.gaussian import bilbo as bilbo
from elboproof.objectives.gaussian import elbo as elbo
from elboproof.objectives.hamiltonian import hvae_elbo as hvae_elbo
from elboproof.objectives.surgery import Surgery as Surgery
from elboproof.objectives.surgery import aggregate_posterior_log_prob as aggregate_posterior_log_prob
from elboproof.objectives.surgery import elbo_surgery as elbo_surgery
from elboproof.objectives.temporal import TDTerms as TDTerms
from elboproof.objectives.temporal import td_vae_loss as td_vae_loss
from elboproof.objectives.temporal import td_vae_rollout as td_vae_rollout

__all__ = [
    "FlowPrior",
    "Surgery",
    "TDTerms",
    "aggregate_posterior_log_prob",
    "baggins",
    "bilbo",
    "bilbo_baggins",
    "direct_gradient",
    "elbo",
    "elbo_surgery",
    "flow_limit_log_prob",
    "hvae_elbo",
    "td_vae_loss",
    "td_vae_rollout",
]
