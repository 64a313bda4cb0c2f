"""`python -m tokenaudit`."""

from tokenaudit.cli import start

start()
