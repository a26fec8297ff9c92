"""What has to happen so that customers get a release: on which colour, on which hosts, and what is done already."""

from __future__ import annotations

from typing import Any

COLOURS = ("blue", "green")

Seen = dict[str, Any]


def plan(seen: Seen, wanted: str) -> dict[str, Any]:
    """The way from what `seen` says to the release `wanted`; an empty one means the release before.

    A release that customers get already keeps its colour, another one gets the idle one. `at_hand` is whether every
    host in service that can be reached is ready with it there; `done` is whether customers get it from all of them and
    it was found healthy since.
    """
    live = seen["live"]
    idle = next(colour for colour in COLOURS if colour != live)
    release = wanted or seen["record"]["previous"] or ""
    serves = bool(release) and seen["colours"][live]["release"] == release
    colour = live if serves else idle
    hosts = seen["colours"][colour]["hosts"]
    in_service = [name for name, host in hosts.items() if host["in_service"]]
    hosts_reached = [name for name in in_service if hosts[name]["reachable"]]
    ready = [name for name in hosts_reached if hosts[name]["ready"] and hosts[name]["release"] == release]
    at_hand = bool(ready) and ready == hosts_reached
    former = idle if serves else live
    return {
        "release": release,
        "colour": colour,
        "serves": serves,
        "at_hand": at_hand,
        "done": serves and at_hand and seen["agree"] and seen["record"]["healthy"][-1:] == [release],
        "hosts": hosts_reached,
        "missing": [name for name in in_service if name not in hosts_reached],
        "former": former,
        "former_release": seen["colours"][former]["release"] or "",
        "former_ready": bool(seen["colours"][former]["ready"]),
    }
