"""Recomputing what a closed session claims, from what its nodes have stored.

`evidence` reads what is there, `claims_of_session`, `claims_of_strings` and `claims_of_both` are one function a claim,
`session_audit` goes through them.
"""

from postprocess.audit.finding import Finding
from postprocess.audit.session_audit import audit_both, audit_node

__all__ = ["Finding", "audit_both", "audit_node"]
