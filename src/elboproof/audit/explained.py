"""What each check of an audit compares, in one sentence for a reader of its report."""

CHECKED = {
    "batch": "The encoder's mean of a datum does not depend on the other data of its batch",
    "state": "The same data, weights and seed give the same number",
    "mode": "After eval() z is still drawn, so that what validation reports estimates the ELBO",
    "formula": "The loss is a known multiple of a negative bound of the log evidence, terms and constants compared",
    "samples": "Several samples of a datum are combined into a bound",
    "noise": "z is a fresh, independent draw of the q whose divergence the loss contains",
    "gradient": "The gradient is that of the recognised formula, or an unbiased estimate of it",
    "extremes": "The formula holds at tiny and huge variances and at large means",
    "evidence": "E exp(-loss) is p(x) of a decoder whose evidence is known",
    "report": "The number reported is the bound that it is said to be, of its own draws on the real networks",
}
"""By check, in the order in which they run."""
