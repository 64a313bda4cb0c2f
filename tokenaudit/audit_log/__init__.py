"""Use of tokens according to an organization's audit log: who, when, from where, and what they did."""
