"""How far the story was told, and whether the drill itself had put right by then what customers are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drills.journal import Entry, Journal


def story_end(journal: Journal) -> Entry | None:
    """The entry that says that the story ended early; None where it was told to its end, or was stopped from outside.

    A journal that is older than the entry `story_ended` says it by a no that ends every story.
    """
    return journal.first("story_ended") or next((entry for entry in journal.entries if _is_a_no(entry)), None)


def ended_early(journal: Journal) -> str:
    """Why the story ended early; empty where it did not."""
    entry = story_end(journal)
    if entry is None:
        return ""
    asked = f"{entry.get('probe')} said no for {entry.get('within_s')} s: " if _is_a_no(entry) else ""
    return f"{asked}{entry.get('because')}"


def read_after_heal(journal: Journal) -> bool:
    """Whether the drill had undone its harm before bookings were first read back.

    Then what is there may be the merit of the heal. A story that is told to its end reads back before the drill heals;
    what such a story undoes on its way is a part of it.
    """
    healed, read = journal.first("heal_ended"), journal.first("read_back")
    if healed is None or read is None or healed.get("heal") == "nothing_to_heal":
        return False
    return healed.seq < read.seq


def _is_a_no(entry: Entry) -> bool:
    return entry.kind == "not_detected" or (entry.kind == "waited" and entry.get("ok") is not True)
