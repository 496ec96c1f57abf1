"""x"""

from elboproof.checking import Claim

claim = Claim("riemannian-likelihoods", title="The analysis extends to likelihoods with a Riemannian metric")
