"""Objectives for torch, in nats per example and to be MAXIMISED: a loss is the negative mean of one.

A variance is a variance everywhere, never a deviation; logarithms of variances say so in their name. Nothing here keeps
state or draws random numbers: reparameterised samples are the caller's.
"""

from elboproof.objectives.bounded import baggins as baggins
from elboproof.objectives.bounded import bilbo_baggins as bilbo_baggins
from elboproof.objectives.direct import direct_gradient as direct_gradient
from elboproof.objectives.flows import flow_limit_log_prob as flow_limit_log_prob
from elboproof.objectives.gaussian import bilbo as bilbo
from elboproof.objectives.gaussian import elbo as elbo

__all__ = ["baggins", "bilbo", "bilbo_baggins", "direct_gradient", "elbo", "flow_limit_log_prob"]
