"""The only package that speaks to the Hub. Import from its modules; nothing here imports a network library early."""
