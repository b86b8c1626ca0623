# SPDX-License-Identifier: Apache-2.0
"""P8: latency at half of the rate at which one shard is saturated."""
from __future__ import annotations

from collections.abc import Sequence

import lines
from judge import Limit, Row
from lines import Line
from runner import Bench, Broken, Server
from section import Section, is_judged

NAME = "latency"
SUBSCRIBERS = 10  # of each channel
RATE_FIRST = 2000.0  # messages per second
SERVER_CORES_MAX = 0.95
LATE_US = 10_000.0  # half of the deliveries this late: they queue somewhere
LATENESS_US = 1000.0  # half of the publications this late: the generator cannot keep up
DOUBLINGS_MAX = 8


def saturation(line: Line | None) -> str:
    """What is at its end in a run at a fixed rate: nothing (empty), "server" or "generator"; "run"
    when it did not end well (no line)."""
    if line is None:
        return "run"
    if line.get("server_cpu_cores", 0) > SERVER_CORES_MAX:
        return "server"
    if line.get("publisher_lateness_p50_us", 0) > LATENESS_US:
        return "generator"
    if line.get("latency_p50_us", 0) > LATE_US:
        return "server"
    return ""


def measure_at(bench: Bench, server: Server, step: str, rate: float, seconds: float,
               **more: object) -> Line | None:
    """One run; none when it did not end well."""
    command = ["latency", "--url", server.url(), "--server-pid", str(server.pid),
               "--channels", str(bench.size(1000, 10)), "--subscribers", str(SUBSCRIBERS),
               "--rate", f"{rate:.0f}", "--duration", str(seconds),
               "--warmup", str(bench.seconds(1))]
    found = bench.measure(step, f"{rate:,.0f} messages/s, {SUBSCRIBERS} subscribers each", command,
                          pinned=True, holds_s=seconds, may_fail=step == "search", **more)
    return found[0] if found else None


def search(bench: Bench, server: Server) -> tuple[float, str]:
    """The highest rate found that is no saturation, and what was at its end just above it."""
    seconds, rate = bench.seconds(3, 5), bench.size(int(RATE_FIRST), 200)
    good, bad, why = 0.0, 0.0, ""
    for _ in range(2 if bench.smoke else DOUBLINGS_MAX):
        reached = saturation(measure_at(bench, server, "search", rate, seconds))
        if reached:
            bad, why = rate, reached
            break
        good, rate = rate, rate * 2
    if good == 0 and bench.smoke:
        return rate, why
    if good == 0:
        raise Broken(f"saturated ({why}) at the lowest rate of {rate:,.0f} messages/s")
    if bad == 0:
        return good, "nothing yet"
    for _ in range(bench.repeats(2, 4)):
        middle = (good * bad) ** 0.5
        reached = saturation(measure_at(bench, server, "search", middle, seconds))
        if reached:
            bad, why = middle, reached
        else:
            good = middle
    return good, why


def run(bench: Bench) -> None:
    with bench.serve("--shards", "1", "--io", "uring", pinned=True) as server:
        rate, why = search(bench, server)
        print(f"[{NAME}] saturated above {rate:,.0f} messages/s, by: {why}", flush=True)
        for _ in range(bench.repeats(1, 5)):
            measure_at(bench, server, "half", rate / 2, bench.seconds(10, 30),
                       saturation_rate=rate, saturation_by=why)


def rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, NAME, "half")
    reason = ""
    if own:
        rate = own[-1]["saturation_rate"]
        reason = (f"at {rate / 2:,.0f} messages/s to {SUBSCRIBERS} subscribers each; "
                  f"saturated above {rate:,.0f}, by: {own[-1]['saturation_by']}")
    judged = is_judged(own)
    return [Row("P8", "publish to deliver at half of saturation, p50", Limit(300), "µs",
                lines.values(own, "latency_p50_us"), reason, judged),
            Row("P8", "the same, p99", Limit(1000), "µs", lines.values(own, "latency_p99_us"),
                judged=judged)]


SECTION = Section(NAME, "P8: latency at half of the saturation of one shard", run, rows)
