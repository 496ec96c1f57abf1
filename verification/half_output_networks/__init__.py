"""placeholder"""

from elboproof.checking import Claim

claim = Claim("half-output-networks", title="Networks with half the outputs: better ELBO scores, and any scale of the data")
