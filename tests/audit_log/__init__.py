"""Reading audit logs and the use of tokens."""
