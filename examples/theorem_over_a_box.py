"""Prove a bound of the gap for all parameters of a box, keep the proof as a file, and check it by other means.

    python examples/theorem_over_a_box.py

writes certificate.json and leaves.png into the current folder.
"""

import elboproof as ep

gap = ep.Gap(latent="z", decoder=["z + c*z**3"], variance="v", x=["7/10"])  # log p(x) - best ELBO
box = {"c": ("0", "0.3"), "v": ("0.1", "1")}

proof = ep.for_all(gap <= "1/10", box)
print(proof)
if isinstance(proof, ep.Proof):
    proof.plot().figure.savefig("leaves.png")
    proof.certificate.save("certificate.json")
    print(ep.recheck("certificate.json"))  # shares no code with the search

print(ep.for_all(gap <= "1/100", box))  # false: a counterexample, proved as well
