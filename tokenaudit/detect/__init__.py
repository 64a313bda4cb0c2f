"""Bytes in, credentials out."""
