"""The audit against bugs of real VAEs and against correct ones: small models, each bug one changed method.

A RECONSTRUCTION: of the list M01-M52 only the numbers and what each check made of them are on record. A bug that bears
a source is the one reported or proposed there; nothing is copied from it, and all code is written here anew.
`vae` and `vae_others` hold the correct models, `noise`, `divergences`, `likelihoods`, `weights` and `odd` the bugs,
`controls` further correct models and `conventions` what public code bases do. `reference` knows each correct model's
loss in closed form. ``python -m benchmarks.audit --write`` puts all of them to the audit and writes the table.
"""
