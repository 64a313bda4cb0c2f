"""Finds, judges and replaces Hugging Face credentials."""
