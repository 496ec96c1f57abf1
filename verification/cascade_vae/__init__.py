"""A cascade of two VAEs that sorts stars from galaxies (CasVAE; Sun, Guo, Kim and Brunner 2019).

Claim
-----
The paper: stars and galaxies can be told apart without labels by a cascade of VAEs, more accurately and more stably
than by its baseline. What is decided is the principle of a cascade, p(u) p(z|u) p(x|z) with q_1(z|x) and q_2(u|z),
where the first stage is trained with the prior N(0, I), and a comparison on simulated images:

- S1: log p(x) >= E_q1[log p(x|z) + ELBO_2(z)] + H(q_1), with the gap in closed form; a second stage does not lower the
  bound of the first if the first one's prior lies in its family, and may lower it otherwise.
- S2: the second stage knows no more of the class than the first: I(u;y) <= I(z;y) <= I(x;y), and what is lost.
- S3: accuracies of two equal Gaussians split along an axis, in closed form; of labels that know nothing.
- S4: after whitening no second stage that is Gaussian and linear can find the axis of the classes.
- S5: one stage against two on simulated stars and galaxies, over seeds, all variants.
- S6: a cascade needs no labels there; with the fluxes left in, codes follow the flux and not the class.

Not obtainable
--------------
The paper's architecture, data and numbers, and what its baseline is: only title, abstract and half of an introduction
were seen. Stages, simulator and variants are made anew.

Hypotheses
----------
positive variances, positive probabilities, a chain y - x - z - u of tables; simulated images.

Relation
--------
Equality and inequality (S1, S2, S3, S4), means over seeds of accuracies up to exchange of the labels (S5, S6).

Method
------
Gaussian moments and tables, symbolically; information of exact tables and normal probabilities in balls; drawn
Gaussians; training of small VAEs on simulated images.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's balls through python-flint (certified); NumPy's random numbers
(statistical); torch in float32 and scikit-learn's clusterings (experiment).

What this does not show
-----------------------
Whether the paper's cascade beats its baseline on its data. The simulation has one point-spread function and no blends,
masks or gradients of the sky; networks are small, nothing is tuned.
"""

from elboproof.checking import Claim

claim = Claim("cascade-vae", title="A cascade of VAEs sorts stars from galaxies")
