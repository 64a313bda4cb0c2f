"""Places where Hugging Face credentials are stored on a user's machine."""

from tokenaudit.sources.machine.places import RULES
from tokenaudit.sources.machine.source import MachineSource

__all__ = ["RULES", "MachineSource"]
