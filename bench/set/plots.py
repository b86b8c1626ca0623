# SPDX-License-Identifier: Apache-2.0
"""The plots of a set as SVG files. Needs matplotlib; nothing else in this folder does.

White background, so that they can be read on GitHub's light and dark pages. A plot whose lines are
missing is not drawn.
"""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# pylint: disable=wrong-import-position
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

import lines
import peers
import scale
from judge import median, number
from lines import Line

INK, GREY, BLUE, LIGHT, ORANGE = "#24292f", "#8c959f", "#0969da", "#b6d6fb", "#bc4c00"
STYLE = {
    "font.family": "sans-serif", "font.size": 10, "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": GREY, "xtick.color": INK, "ytick.color": INK, "axes.titlesize": 11,
    "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "grid.color": "#e6e8eb", "legend.frameon": False, "figure.facecolor": "white",
    "savefig.facecolor": "white", "svg.hashsalt": "sanjay",  # the same lines, the same file
}
BINS_PER_DECADE = 20


def thousands(value: float, _: object = None) -> str:
    return f"{value:g}" if value < 1000 else f"{value:,.0f}"


def microseconds(value: float, _: object = None) -> str:
    for bound, factor, unit in ((1e3, 1, "µs"), (1e6, 1e3, "ms"), (math.inf, 1e6, "s")):
        if value < bound:
            return f"{value / factor:g} {unit}"
    return ""


def of_one(title: str, height: float = 3.6) -> tuple[Figure, Axes]:
    figure, axes = pyplot.subplots(figsize=(7.2, height), layout="constrained")
    axes.set_title(title)
    return figure, axes


def below(axes: Axes, columns: int = 2) -> None:
    """The legend where it cannot cover anything."""
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.2), ncols=columns, borderpad=0)


def log_bins(buckets: Sequence[Sequence[float]]) -> dict[int, float]:
    """Shares of the counts by bin; bin i ends at 10^(i / BINS_PER_DECADE) microseconds."""
    total = sum(count for _, count in buckets)
    shares: dict[int, float] = {}
    for upper, count in buckets:
        place = math.ceil(math.log10(max(upper, 0.1)) * BINS_PER_DECADE)
        shares[place] = shares.get(place, 0) + count / total
    return shares


def latency(found: Sequence[Line]) -> Figure | None:
    """How the latencies of P8 spread."""
    runs = [line for line in lines.of(found, "latency", "half") if line.get("latency_us_histogram")]
    if not runs:
        return None
    shares = log_bins([bucket for line in runs for bucket in line["latency_us_histogram"]])
    figure, axes = of_one("Publish to deliver at half of the saturation of one shard")
    left = [10 ** ((place - 1) / BINS_PER_DECADE) for place in shares]
    width = [edge * (10 ** (1 / BINS_PER_DECADE) - 1) for edge in left]
    axes.bar(left, [share * 100 for share in shares.values()], width, align="edge", color=BLUE,
             edgecolor="white", linewidth=0.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, (1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(microseconds))
    axes.set(ylabel="share of deliveries, %", xlim=(min(left) / 1.3, max(left) * 2.2))
    top = max(shares.values()) * 100
    axes.set_ylim(0, top * 1.25)
    # p99 and p99.9 may be close to each other: one label on either side.
    for name, side in (("p50", "right"), ("p99", "right"), ("p99.9", "left")):
        value = median(lines.values(runs, f"latency_{name.replace('.', '')}_us"))
        axes.plot([value, value], [0, top * 1.2], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        shown = f"{number(value)} µs" if value < 1000 else f"{number(value / 1000)} ms"
        axes.text(value, top * 1.22, f" {name} \n {shown} ", fontsize=9, va="top", ha=side)
    return figure


def growth(found: Sequence[Line]) -> Figure | None:
    """Server CPU per delivery against subscribers."""
    own = lines.of(found, scale.GROWTH)
    curves: dict[str, dict[int, list[float]]] = {}
    for line in own:
        if line.get("scenario") == "pair-fanout-1":
            count = line["connections"]
            name = "sanjay, io_uring" if line.get("io") == "uring" else "sanjay, epoll"
            curves.setdefault(name, {})[count] = lines.values([line], "server_server_cpu_ns")
            if line.get("io") == "uring":
                floor = lines.values([line], "floor_server_cpu_ns")
                curves.setdefault("floor (io_uring, no protocol)", {})[count] = floor
        elif line.get("scenario") == "fanout":
            values = lines.values([line], "server_cpu_ns_per_delivery")
            curves.setdefault("sanjay, io_uring, several shards", {})[line["receivers"]] = values
    if not curves:
        return None
    looks = {"sanjay, io_uring": (BLUE, "o", "-"), "sanjay, epoll": (ORANGE, "s", "-"),
             "floor (io_uring, no protocol)": (GREY, "D", "--"),
             "sanjay, io_uring, several shards": (BLUE, "o", ":")}
    figure, axes = of_one("Server CPU per delivery as subscribers grow")
    for name, (colour, marker, dash) in looks.items():
        points = sorted(curves.get(name, {}).items())
        if not points:
            continue
        counts, values = [count for count, _ in points], [of_count for _, of_count in points]
        middles = [median(one) / 1000 for one in values]
        around = ([middle - min(one) / 1000 for middle, one in zip(middles, values)],
                  [max(one) / 1000 - middle for middle, one in zip(middles, values)])
        axes.errorbar(counts, middles, around, color=colour, marker=marker, linestyle=dash,
                      markersize=5, linewidth=1.6, elinewidth=0.8, capsize=2, label=name)
    counts = sorted({count for curve in curves.values() for count in curve})
    axes.set_xscale("log")
    axes.set_xticks(counts, [thousands(count) for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="subscribers of the channel", ylabel="µs per delivery")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    below(axes)
    return figure


def memory_points(line: Line, key: str) -> list[tuple[int, float]]:
    """Connections, and bytes of each: all that is more than without any, of one line."""
    if f"{key}_connected" in line:  # latency --idle has one point only
        count = int(line["connections"])
        return [(count, (line[f"{key}_connected"] - line[f"{key}_start"]) / count)]
    found = {int(match[1]): float(value) for name, value in line.items()
             if (match := re.fullmatch(re.escape(key) + r"_at_(\d+)", name))}
    return [(count, (value - found[0]) / count) for count, value in sorted(found.items())
            if count > 0 and 0 in found]


def memory(found: Sequence[Line]) -> Figure | None:
    """Bytes of a connection against their number: the server's own and the kernel's."""
    held = [*lines.of(found, "memory"), *lines.of(found, scale.GROWTH, "memory-beyond"),
            *lines.of(found, "million")]
    kinds: dict[str, dict[int, float]] = {}
    for line in held:
        ours = line.get("encoding", "json") == "json" and line.get("client", "auto") == "auto"
        if not ours or line.get("io", "uring") != "uring":
            continue
        own = line.get("channels") == "own"
        name = "server, a channel each" if own else "server, one channel for all"
        kinds.setdefault(name, {}).update(memory_points(line, "server_rss_bytes"))
        if not own:
            kinds.setdefault("kernel slab, both ends", {}).update(
                memory_points(line, "kernel_slab_bytes"))
    if not kinds:
        return None
    figure, axes = of_one("Memory of an idle, subscribed connection")
    looks = {"kernel slab, both ends": (GREY, "D", "--"),
             "server, a channel each": (ORANGE, "s", "-"),
             "server, one channel for all": (BLUE, "o", "-")}
    counts: set[int] = set()
    for name, (colour, marker, dash) in looks.items():
        points = sorted((count, size) for count, size in kinds.get(name, {}).items() if size > 0)
        if not points:
            continue
        counts |= {count for count, _ in points}
        axes.plot([count for count, _ in points], [size for _, size in points], color=colour,
                  marker=marker, linestyle=dash, markersize=5, linewidth=1.6, label=name)
        axes.annotate(f"{number(points[-1][1])} B", points[-1], (0, 7), fontsize=9, ha="center",
                      textcoords="offset points")
    axes.set_xscale("log")
    axes.set_yscale("log", base=2)
    axes.set_xticks(sorted(counts), [thousands(count) for count in sorted(counts)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.set(xlabel="connections", ylabel="bytes per connection")
    axes.margins(x=0.08, y=0.15)
    axes.grid(axis="y")
    below(axes)
    return figure


def drivers(found: Sequence[Line]) -> Figure | None:
    """epoll beside io_uring, P1 to P3, each in multiples of its floor: only ratios within a run can
    be laid side by side."""
    titles = {"pair-fanout-1": "P1 fan-out", "pair-fanout-16": "P2 fan-out,\n16 in flight",
              "pair-echo": "P3a echo", "pair-publish": "P3b publish", "pair-rpc": "P3c call"}
    times_floor: dict[str, dict[str, list[float]]] = {"uring": {}, "epoll": {}}
    for line in lines.of(found, "pairs"):
        if line.get("encoding") == "json" and line.get("scenario") in titles:
            times_floor[line["io"]][line["scenario"]] = lines.values([line], "server/floor")
    scenarios = [name for name in titles if any(name in of_io for of_io in times_floor.values())]
    if not scenarios:
        return None
    figure, axes = of_one("Server CPU per message, in multiples of the floor's (one shard)")
    looks = [(io, label, colour) for io, label, colour in (("uring", "io_uring", BLUE),
                                                           ("epoll", "epoll", ORANGE))
             if times_floor[io]]
    width = 0.7 / len(looks)
    for place, (io, label, colour) in enumerate(looks):
        bars = [(at - 0.35 + width * (place + 0.5), times_floor[io][name])
                for at, name in enumerate(scenarios) if times_floor[io].get(name)]
        middles = [median(values) for _, values in bars]
        around = ([middle - min(values) for middle, (_, values) in zip(middles, bars)],
                  [max(values) - middle for middle, (_, values) in zip(middles, bars)])
        shown = axes.bar([spot for spot, _ in bars], middles, width * 0.92, color=colour,
                         label=label, yerr=around, error_kw={"ecolor": INK, "elinewidth": 0.8,
                                                             "capsize": 2})
        axes.bar_label(shown, [number(middle) for middle in middles], fontsize=8.5, padding=2)
    axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="floor")
    axes.set_xticks(range(len(scenarios)), [titles[name] for name in scenarios])
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.12)
    below(axes, columns=3)
    return figure


def peers_beside(found: Sequence[Line]) -> Figure | None:
    """CPU and memory of other servers beside sanjay's."""
    names = [peers.OURS, *peers.names_in(found)]
    panels: list[tuple[str, Callable[[str], list[float]]]] = [
        ("CPU, single messages", lambda name: peers.times_ours(found, name, "fanout-1")),
        ("CPU, 16 in flight", lambda name: peers.times_ours(found, name, "fanout-16")),
        ("KiB per idle connection",
         lambda name: [size / 1024 for size in peers.idle_bytes(found, name)])]
    if len(names) == 1:
        return None
    figure, all_axes = pyplot.subplots(1, 3, figsize=(7.2, 1.2 + 0.36 * len(names)), sharey=True,
                                       layout="constrained")
    for axes, (title, values_of) in zip(all_axes, panels):
        values = [[1.0] if name == peers.OURS and title.startswith("CPU") else values_of(name)
                  for name in names]
        middles = [median(one) if one else 0 for one in values]
        shown = axes.barh(names, middles, 0.62,
                          color=[BLUE if name == peers.OURS else "#afb8c1" for name in names])
        unit = " ×" if title.startswith("CPU") else ""
        axes.bar_label(shown, [number(middle) + unit if one else "–"
                               for middle, one in zip(middles, values)], fontsize=8.5, padding=3)
        axes.set_title(title, fontsize=9.5, fontweight="normal")
        axes.margins(x=0.3)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
    all_axes[0].invert_yaxis()
    figure.suptitle("The same work by other servers (CPU: sanjay is 1)", x=0.01, ha="left",
                    fontsize=11, fontweight="bold")
    return figure


PLOTS: tuple[tuple[str, str, Callable[[Sequence[Line]], Figure | None]], ...] = (
    ("Server CPU per message on both drivers", "drivers.svg", drivers),
    ("Latency at half of the saturation", "latency.svg", latency),
    ("Server CPU per delivery against subscribers", "growth.svg", growth),
    ("Memory against connections", "memory.svg", memory),
    ("Other servers side by side", "peers.svg", peers_beside),
)


def draw_all(found: Sequence[Line], folder: Path) -> list[tuple[str, str]]:
    """Titles and file names of what was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[tuple[str, str]] = []
    with matplotlib.rc_context(STYLE):
        for title, file, draw in PLOTS:
            figure = draw(found)
            if figure is None:
                continue
            figure.savefig(folder / file, metadata={"Date": None})
            pyplot.close(figure)
            drawn.append((title, file))
    return drawn
