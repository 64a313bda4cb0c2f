"""Places where Hugging Face credentials are stored on a user's machine."""

from tokenaudit.sources.machine.source import RULES, MachineSource

__all__ = ["RULES", "MachineSource"]
