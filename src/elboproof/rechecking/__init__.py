"""The independent checker of certificates; it shares no code with the search that made them.

What stands here and in `theorems` alike (control points, bounds of functions, moments, tangents, best Gaussians) stands
twice on purpose: by another method where there is one, and never by an import, which a test of the rooms forbids. Both
share what a statement and a certificate mean (`statements`), and the numbers. Of an evidence they share the records of
a model with their parser, python-flint's balls, and the elimination in exact rationals; decoders, densities, rules,
remainders and tails are written once more.
"""
