"""Where Hugging Face credentials live on a person's machine."""

from tokenaudit.sources.machine.places import RULES
from tokenaudit.sources.machine.source import MachineSource

__all__ = ["RULES", "MachineSource"]
