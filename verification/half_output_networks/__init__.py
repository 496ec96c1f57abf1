"""Networks with half the outputs are said to score better and to know no scale: tried on digits and on MNIST.

Claim
-----
The paper: BILBO and BAGGINS together give VAE networks with half the outputs, as no variances are learned, that reach
better ELBO scores and are invariant to the scale of the data. BAGGINS is a RECONSTRUCTION, see claim baggins; the
paper's data, networks and numbers could not be had.

- S1: the encoder has d outputs instead of 2d, the decoder D instead of the 2D of one that gives variances, and no
  parameter is there for a variance.
- S2: the yardstick meets proved evidences and ELBOs.
- S3: scores are better than those of ordinary VAEs whose likelihood variance does not fit the unit of the pixels;
  against a sigma-VAE and an ordinary VAE that fits they are not. An ordinary VAE with a variance for each pixel has
  much the higher densities and, with one variance for both, the lower score.
- S4: of the two halves of BILBO neither brings a gain on digits.
- S5: networks are the same to the last bit at scales 2^-10, 1, 2^10; so are those of a sigma-VAE.
- S6: without inputs and outputs in units of the data there is no invariance, and learned variances overflow.
- S7: most of log p(x) - ELBO is amortisation, less is the constant variance, least is the Gaussian family.
- S8: what the closed-form decoder and the best Gaussian prior would add.
- S9: on MNIST they score better than a sigma-VAE; the bound of BAGGINS is not what brings it, and which half of BILBO
  does is decided by the same ablation as in S4.
- S10: effects of b, batch, latents and length of training.

Hypotheses
----------
at least five seeds (S3, S4), powers of two (S5), smooth networks (S2, S7, S8).

Relation
--------
Equality (S1, S2, S5, S7, S8), signs and sizes of differences, from confidence intervals over seeds (S3, S4, S9).

Method
------
Training runs, scored by one yardstick: prior refitted for every variant, likelihood variance fitted on the validation
split, test images scored by amortised and refined ELBO and by importance sampling. The likelihood is isotropic, against
decoders that give variances (S3) their own and constants for each pixel, too. Differences are paired over seeds, which
share the split. An interval that a border cuts is "not decided at this size".

Trusted base
------------
torch, the training loop and the yardsticks of `elboproof.networks`; Student's interval over seeds; for S2 and S7 the
enclosures of ``ep.log_evidence``, ``ep.elbo`` and ``ep.decompose``.

What this does not show
-----------------------
Anything about the paper's own networks and data: multilayer perceptrons, 5 or 6 seeds; digits of 8 x 8 pixels, and two
comparisons on MNIST (S9), which run only where the variable ELBOPROOF_MNIST names it. Densities under a variance for
each pixel have no bound as its floor falls: S3 is about a floor of 1 % of the data's variance. The refined ELBO and
the evidence are lower bounds as good as the optimiser and the proposal: S2 says how good on six images of digits.
"""

from elboproof.checking import Claim

claim = Claim(
    "half-output-networks", title="Networks with half the outputs: ELBO scores, and the scale of the data"
)
