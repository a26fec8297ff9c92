"""Performs one scenario to its end, whatever happens: the story, then the heal, then the last line."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drills.drill import LiveDrill, StoryEndedError
from drills.errors import UsageError
from drills.interruption import StoppedError
from drills.probes.database import Look, look_at_all
from drills.probes.leadership import LeadershipWatch
from drills.probes.releases import live_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drills.interruption import Interruption
    from drills.run import Run
    from drills.scenario import Scenario
    from drills.site import Host, Site

DATABASE_GROUP = "database"
TRACEBACK = Path("logs", "traceback.txt")


@dataclass(frozen=True)
class Performance:
    """How it went: the status, and the exception that nobody expected, if there was one."""

    status: str
    crash: BaseException | None = None


def perform(
    scenario: Scenario, run: Run, interruption: Interruption, variables: Mapping[str, Mapping[str, object]]
) -> Performance:
    """Tell the story on the real hosts, and heal what it hurt. Never raises before it has healed."""
    drill = LiveDrill(run, interruption, variables)
    run.site.meanings["db_primary"] = lambda: _leader(run)
    run.site.event = run.id
    run.site.facts["live_release"] = lambda: live_release(run.site)
    watch = LeadershipWatch(run.site.group(DATABASE_GROUP), lambda look: _note_look(run, look))
    ended = Performance("aborted")
    try:
        watch.start()
        ended = _tell(scenario, drill, run)
    finally:
        run.healing = interruption.healing = True
        if ended.status == "aborted":
            drill.stop_workloads()
        drill.heal_all()
        if drill.workloads:
            drill.stop_workloads()
            drill.read_back()
        watch.stop()
        run.note("closed", status=ended.status)
    return ended


def leader(site: Site) -> tuple[Host | None, str]:
    """The one database host that leads at this moment, or None and why."""
    looks = look_at_all(site.group(DATABASE_GROUP))
    primaries = [seen.host for seen in looks if seen.state == "primary"]
    if len(primaries) == 1:
        return site.hosts[primaries[0]], f"{primaries[0]} leads"
    seen = "; ".join(f"{seen.host} is {seen.state} ({seen.because})" for seen in looks)
    return None, f"{len(primaries)} database hosts lead: {seen}"


def _tell(scenario: Scenario, drill: LiveDrill, run: Run) -> Performance:
    try:
        scenario.story(drill)
        drill.await_confirmations()
    except StoryEndedError as error:
        run.note("story_ended", because=str(error))
        return Performance("completed")
    except (StoppedError, KeyboardInterrupt) as error:
        run.note("aborted", because=f"stopped by {str(error) or 'Ctrl-C'}")
        return Performance("aborted")
    except UsageError as error:
        run.note("aborted", because=error.message)
        return Performance("aborted", error)
    except Exception as error:  # noqa: BLE001  # whatever it is, what was hurt is healed first
        kept = run.folder / TRACEBACK
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(traceback.format_exc())
        run.note("aborted", because=f"unexpected {type(error).__name__}: {error} (see {kept})")
        return Performance("aborted", error)
    return Performance("completed")


def _leader(run: Run) -> Host:
    found, because = leader(run.site)
    if found is None:
        run.note("gate", probe="db_primary", ok=False, because=because)
        raise StoryEndedError("nobody leads")
    return found


def _note_look(run: Run, look: Look) -> None:
    run.note("looked", **vars(look))
