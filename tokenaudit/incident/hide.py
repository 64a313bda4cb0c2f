"""Values taken out of the view: the known ones, and any that strangers' titles and messages hold."""

from __future__ import annotations

from collections.abc import Iterable

from tokenaudit.incident.model import View
from tokenaudit.interfaces import Examiner
from tokenaudit.redaction import redactor
from tokenaudit.secret import Secret
from tokenaudit.texts import map_text


def hidden(view: View, secrets: Iterable[Secret], examiner: Examiner) -> View:
    """`view` with every value of `secrets`, and every other credential in its texts, as its display form."""
    found = dict.fromkeys(secrets)

    def look(text: str) -> str:
        data = text.encode("utf-8", "backslashreplace")
        if examiner.may_hold(data):
            seen = (one for one in examiner.examine(data).detections if one.likelihood != "identifier")
            found.update((one.secret, None) for one in seen)
        return text

    map_text(view, look)
    return map_text(view, redactor(found))
