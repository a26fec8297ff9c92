"""The drawing: answers over time, the phases of the outage, and the runbooks' tasks host by host."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from drills.report.wording import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from drills.journal import Journal
    from drills.judges.verdict import Summary

INK = "#010203"  # stands for the page's own text colour, which light, dark and print each set differently
GOOD, BAD = "#3f8ac9", "#d64545"
OUTCOMES = {"ok": "#7fa7c9", "changed": "#3f8ac9", "failed": BAD, "unreachable": "#e39a3b", "skipped": "#9aa4b1"}
PHASES = {
    "detection": ("fault_started", "detected", "#e0b040"),
    "decision": ("detected", "runbook_started", "#a77bd1"),
    "runbook": ("runbook_started", "runbook_ended", "#4fae8a"),
}
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "drillbook",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}
SMALLEST_BIN = 0.1
FINEST = 250


@dataclass(frozen=True)
class Span:
    """From one second to another, since the start of the drill's clock."""

    begin: float
    end: float

    def edges(self, interval: float, tick: float) -> list[float]:
        """The edges of bars that each hold equally many ticks, one of which is at `tick`.

        A bar lasts a tenth of a second, or longer where it would be too thin to see.
        """
        width = interval * math.ceil(max(SMALLEST_BIN, (self.end - self.begin) / FINEST) / interval - 1e-6)
        origin = tick - interval / 2
        first = math.floor((self.begin - origin) / width)
        last = math.ceil((self.end - origin) / width)
        return [origin + number * width for number in range(first, last + 1)]


def draw(journal: Journal, summary: Summary) -> str:
    """The drawing as an SVG element, the same for the same journal; empty if nobody watched."""
    watch, start = summary.measurement.watch, summary.measurement.clock_started
    if watch is None or start is None:
        return ""
    hosts = sorted({str(task.get("host")) for task in journal.all("task")})
    whole = Span(journal.samples[0].moment - start, max(watch.ended - start, 1.0))
    close = _close_up(summary, whole)
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 4.9 + 0.28 * len(hosts)), layout="constrained")
        top, labels, middle, low = figure.subplots(4, 1, height_ratios=[0.8, 1.35, 2.2, 0.3 + 0.28 * len(hosts)])
        interval = summary.measurement.sampling_interval_s or SMALLEST_BIN
        _answers(top, journal, start, interval, whole)
        top.axvspan(close.begin, close.end, color="#808080", alpha=0.14, lw=0)
        top.set_title("the whole watch; the grey part is shown below", loc="left", fontsize=8)
        top.legend(loc="lower right", bbox_to_anchor=(1, 0.95), fontsize=8, frameon=False, ncols=2)
        _answers(middle, journal, start, interval, close)
        _phases(middle, summary, close)
        _stamps(labels, middle, summary, close)
        _tasks(low, journal, hosts, start, close)
        return _svg(figure)


def _close_up(summary: Summary, whole: Span) -> Span:
    """The outage and its repair, with some peace before and after."""
    told = [t for t in summary.stamps().values() if t is not None]
    watch = summary.measurement.watch
    if watch is not None and watch.last_failure is not None:
        told.append(watch.last_failure - watch.started)
    margin = max(0.5, 0.12 * (max(told) - min(told)))
    return Span(max(min(0.0, *told) - margin, min(whole.begin, 0.0)), max(told) + margin)


def _answers(axes: Axes, journal: Journal, start: float, interval: float, span: Span) -> None:
    """Good and failed answers as stacked bars, at the time at which they were asked for."""
    edges = span.edges(interval, journal.samples[0].due - start)
    moments = [
        [one.moment - start for one in journal.samples if one.good is good and edges[0] <= one.moment - start]
        for good in (True, False)
    ]
    axes.hist(moments, bins=edges, stacked=True, histtype="stepfilled", color=[GOOD, BAD], label=["good", "failed"])
    axes.set_xlim(span.begin, span.end)
    axes.margins(y=0.2)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set_ylabel(f"answers\nper {(edges[1] - edges[0]) * 1000:.0f} ms")


def _phases(axes: Axes, summary: Summary, span: Span) -> None:
    """Whose time it was: bands behind the answers, named where the name has room."""
    stamps = summary.stamps()
    height = axes.get_ylim()[1] * 1.18
    axes.set_ylim(0, height)
    for name, (begin, end, colour) in PHASES.items():
        first, last = stamps[begin], stamps[end]
        if first is None or last is None or last <= first:
            continue
        axes.axvspan(first, last, color=colour, alpha=0.28, lw=0, zorder=0)
        if last - first > 0.07 * (span.end - span.begin):
            axes.text((first + last) / 2, height * 0.97, name, ha="center", va="top", fontsize=8, clip_on=True)


def _stamps(labels: Axes, below: Axes, summary: Summary, span: Span) -> None:
    """A line for each stamp, and its name above, moved aside where names would cover each other."""
    labels.set(xlim=(span.begin, span.end), ylim=(0, 1))
    labels.set_axis_off()
    seen = sorted((t, name) for name, t in summary.stamps().items() if t is not None)
    apart = (span.end - span.begin) * 0.031
    places: list[float] = []
    for t, _ in seen:
        places.append(max(t, places[-1] + apart) if places else t)
    for (t, name), place in zip(seen, places, strict=True):
        below.axvline(t, color=INK, lw=0.7, alpha=0.65, ls=(0, (3, 2)))
        labels.plot([t, t, place], [0, 0.06, 0.22], color=INK, lw=0.7, alpha=0.65, clip_on=False)
        label = f"{name.replace('_', ' ')} {t:.2f} s"
        labels.text(place, 0.25, label, rotation=32, ha="left", va="bottom", rotation_mode="anchor", fontsize=8)


def _tasks(axes: Axes, journal: Journal, hosts: list[str], start: float, span: Span) -> None:
    """A bar for each task, in the row of its host, in the colour of its outcome."""
    seen: set[str] = set()
    for task in journal.all("task"):
        begin, end = (float(task.get(name, task.t)) - start for name in ("started", "ended"))
        if end < span.begin or begin > span.end:
            continue
        outcome = str(task.get("outcome"))
        label = outcome if outcome not in seen else "_again"
        seen.add(outcome)
        row = hosts.index(str(task.get("host")))
        width = max(end - begin, (span.end - span.begin) / 1000)
        colour = OUTCOMES.get(outcome, OUTCOMES["skipped"])
        axes.barh(row, width, left=begin, height=0.62, color=colour, edgecolor="none", label=label)
    axes.set(xlim=(span.begin, span.end), ylim=(len(hosts) - 0.5, -0.5), xlabel="seconds since the clock started")
    axes.set_yticks(range(len(hosts)), [plain(host) for host in hosts])
    if seen:
        axes.legend(loc="lower right", fontsize=8, frameon=False, ncols=len(seen))


def _svg(figure: Figure) -> str:
    """The figure as an element to stand in a page: no prologue, no metadata, the page's ink."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure)  # takes the figure over, so that no display is looked for
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg role="img" aria-label="answers and tasks over time" ', 1)
    return svg.replace(INK, "currentColor")
