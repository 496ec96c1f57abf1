"""The audit of a user's own VAE: what the number is that his code trains on or reports.

``audit(Adapter(loss, data, encode, decode))`` returns a `Report`; ``elboproof audit my_adapter.py`` prints it.
`trained` of an adapter, or of a `Fitted`, returns the `Diagnostics` of a model that has been trained.
"""

from elboproof.audit.adapter import Adapter as Adapter
from elboproof.audit.adapter import Declared as Declared
from elboproof.audit.formula import Formula as Formula
from elboproof.audit.report import Report as Report
from elboproof.audit.reported import Reported as Reported
from elboproof.audit.result import Result as Result
from elboproof.audit.run import audit as audit
from elboproof.audit.schema import schema as schema
from elboproof.audit.suite import Suite as Suite
from elboproof.audit.trained_run import trained as trained
from elboproof.checking.collect import UsageError as UsageError
from elboproof.diagnostics.diagnostic import Diagnostic as Diagnostic
from elboproof.diagnostics.diagnostics import Diagnostics as Diagnostics
from elboproof.diagnostics.fitted import Fitted as Fitted

__all__ = [
    "Adapter",
    "Declared",
    "Diagnostic",
    "Diagnostics",
    "Fitted",
    "Formula",
    "Report",
    "Reported",
    "Result",
    "Suite",
    "UsageError",
    "audit",
    "schema",
    "trained",
]
