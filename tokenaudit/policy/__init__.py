"""Identity and use → reasons → a verdict. One rule a file, in `rules/`."""

from tokenaudit.policy.config import load_settings
from tokenaudit.policy.judge import judge
from tokenaudit.policy.registry import RULES
from tokenaudit.policy.settings import Exemption, Incident, Settings

__all__ = ["RULES", "Exemption", "Incident", "Settings", "judge", "load_settings"]
