"""Small inputs that want much time or memory. `python -m tests.bombs` measures them and writes the table."""
