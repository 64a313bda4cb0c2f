"""Decoders: one file for each way in which bytes are wrapped in other bytes."""
