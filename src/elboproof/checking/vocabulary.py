"""The words of claims, verdicts and findings. Imports nothing: the command line shows them before NumPy is loaded."""

ROLES = ("confirms", "sharpens", "limits")
METHODS = ("symbolic", "certified", "numeric", "property", "statistical", "experiment")
"""How a verdict can be reached, the strongest first: a conjunction is as strong as the weakest of its parts."""
RELATIONS = ("=", "<=", "<", ">=", ">", "order", "limit")
TIERS = ("quick", "default", "full")
NONE = "none"
"""What a check without hypotheses says on purpose."""

VERDICTS = ("established", "refuted", "undecided")
OUTCOMES = (*VERDICTS, "error", "timeout", "killed")
"""What became of a check: the three verdicts, or how its run ended without one."""
AGAIN = ("overlap", "same", "exact", "no radius", "apart", "other verdict")
"""What a second run at another precision made of a certified part, see `elboproof.checking.repetition`."""
NOT_RUN = "not run"
"""What became of a control whose check gave no verdict."""
