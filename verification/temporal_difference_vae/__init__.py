"""TD-VAE: beliefs several steps ahead, learned from pairs of times.

Claim
-----
x

Hypotheses
----------
x

Relation
--------
x

Method
------
x

Trusted base
------------
x

What this does not show
-----------------------
x
"""

from elboproof.checking import Claim

claim = Claim("temporal-difference-vae", title="Beliefs several steps ahead, learned from pairs of times")
