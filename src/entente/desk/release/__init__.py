"""The release gate of a desk: private shelves, plans, officers, ledger, and what became of each release."""
