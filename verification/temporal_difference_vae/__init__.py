"""TD-VAE: beliefs several steps ahead, learned from pairs of times.

Claim
-----
Gregor, Papamakarios, Besse, Buesing and Weber (2019): a generative model of sequences that learns explicit beliefs
about states several steps into the future, that is rolled out directly without single steps, and that is trained on
pairs of times by an analogue of temporal-difference learning. For times t1 < t2, beliefs p_B(.|b1), p_B(.|b2) that know
x up to t1 and t2, a jump p_T(z2|z1), a decoder p_D(x2|z2) and a smoother q_S(z1|z2, b1, b2), the loss is

    KL(q_S || p_B(.|b1)) + E [log p_B(z2|b2) - log p_T(z2|z1) - log p_D(x2|z2)].

- S1: with exact beliefs and one step it is -log p(x_t|x_<t) at every draw.
- S2: it bounds the evidence for any jump; with skipped observations it is not tight, by a conditional information.
- S3: the best belief at t1 is the mean of the smoothers; at an exact target it is the filter.
- S4: a jump that is not told its length learns the mixture, and one Gaussian for it costs.
- S5: hidden Markov models, where all this is enumerated.
- S6: the best smoother never looks at b2.
- S7: with it the loss compares the belief at t2 with that of t1, pushed forward.
- S8: one update is a step of EM towards the target; far targets teach slowly.
- S9: a fixed jump of two steps or more does not teach the filter; over far ones a model that ignores time has the lower
  loss than exact beliefs.
- S10: one jump is as good as its single steps.
- S11: networks trained on a noisy oscillator near the exact filter and do not beat it; with one output and far pairs
  they learn nothing.

Not obtainable
--------------
The paper's text and its experiments (images of moving digits, games, mazes): the loss is that of released code and of
secondary sources.

Hypotheses
----------
positive noise variances, stable dynamics; over finitely many states positive laws, or any positive weights.

Relation
--------
Equality (S1, S3-S8, S10), bounds (S2, S9, S11), limits of far jumps (S2, S8).

Method
------
Bayes's rule and completing the square, symbolically; filters in balls against the determinants of joint covariances;
enumeration of generated chains; linear beliefs by normal equations and by integrals over frequencies; the library's
loss at exact heads; training runs against Kalman's filter.

Trusted base
------------
SymPy and FLINT's polynomials (symbolic); FLINT's balls and acb.integral through python-flint (certified); NumPy, SciPy
(numeric); torch (experiments, the library's loss).

What this does not show
-----------------------
That pairs spare reading: b2 is made of every x up to t2, and only one-step pairs add up to log p(x_1, ..., x_T). That
networks find the best beliefs beyond these runs, or what nonlinear beliefs S9's loss prefers. Beliefs here are of
one layer; the paper's networks, data and figures are not tried. S9's best beliefs are found in doubles; proved is that
the filter is not best. S11 holds for these seeds, this system and these networks.
"""

from elboproof.checking import Claim

claim = Claim("temporal-difference-vae", title="Beliefs several steps ahead, learned from pairs of times")
