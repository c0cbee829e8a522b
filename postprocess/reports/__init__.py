"""What a person reads of a ledger or a session."""
