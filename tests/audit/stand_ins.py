"""As much of Lightning and of Pyro as the adapters of docs/audit.md use, for machines that have neither.

They show that an adapter of such a shape is audited; whether the libraries themselves still have it, only they can say.
"""

LIGHTNING = '''
import torch


class LightningModule(torch.nn.Module):
    """A module whose steps are functions of a batch."""
'''

PYRO = '''
import contextlib

_messages = {"observed": None, "drawn": None}


@contextlib.contextmanager
def plate(name, size):
    yield


def sample(name, law, obs=None):
    """Record a site; in a model a latent site is what the guide drew."""
    drawn = _messages["drawn"]
    if obs is not None:
        value = obs
    elif drawn is not None and name in drawn:
        value = drawn[name]
    else:
        value = law.rsample()
    _messages["observed"][name] = (law, value)
    return value
'''

DISTRIBUTIONS = """
import torch.distributions as torch_laws


def _with_event(law):
    law.to_event = lambda count: torch_laws.Independent(law, count)
    return law


def Normal(mean, deviation):
    return _with_event(torch_laws.Normal(mean, deviation))


def Bernoulli(p):
    return _with_event(torch_laws.Bernoulli(p))
"""

INFERENCE = '''
import pyro


def _run(function, drawn, *given):
    pyro._messages.update(observed={}, drawn=drawn)
    function(*given)
    return pyro._messages["observed"]


class Trace_ELBO:
    """The negative ELBO of a model and a guide, drawn, summed over the batch."""

    def differentiable_loss(self, model, guide, *given):
        of_guide = _run(guide, None, *given)
        of_model = _run(model, {name: value for name, (_, value) in of_guide.items()}, *given)
        log_q = sum(law.log_prob(value).sum() for law, value in of_guide.values())
        return log_q - sum(law.log_prob(value).sum() for law, value in of_model.values())
'''

FILES = {
    "lightning": {"lightning.py": LIGHTNING},
    "pyro": {"pyro/__init__.py": PYRO, "pyro/distributions.py": DISTRIBUTIONS, "pyro/infer.py": INFERENCE},
}
"""By library: the files of its stand-in."""
