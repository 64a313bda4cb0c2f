"""Rotates a credential step by step: every step is verified, and an interrupted rotation resumes."""
