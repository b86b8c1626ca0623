# SPDX-License-Identifier: Apache-2.0
"""P11, and everyone served when there are very many: growth, order, overload, reconnect storms."""
from __future__ import annotations

from collections.abc import Sequence

import lines
from holding import SLOW, idle_command, tables
from judge import Limit, Row, median, ratios
from lines import Line
from pairs import pair_command
from runner import Bench, NotPossible
from section import Section, is_judged

GROWTH, ORDER, OVERLOAD, STORM = "growth", "order", "overload", "storm"
FLAT = Limit(1.2, 0.8)
DELIVERIES = 240_000  # of each run of a pair
SERVER_SHARDS = 4  # for 50,000 descriptors of at most 20,000 a table, and room to spare
# The generator's threads share the CPUs with the server's: they nap instead of spinning.
NAP = ("--nap", "500")


def run_growth(bench: Bench) -> None:
    pairs = bench.repeats(3, 5)
    for count in (1000, 5000, 15_000) if bench.full else (1000, 15_000):
        for io in ("uring", "epoll") if bench.full else ("uring",):
            step = f"fanout-{count}-{io}"
            with bench.guarded(step):
                bench.measure(step, f"fan-out to {count:,} beside the floor, {io}, pairs: {pairs}",
                              pair_command(bench, ["fanout-1"], io=io, pairs=pairs,
                                           subscribers=count, rounds=DELIVERIES // count),
                              io=io, subscribers=count)
    with bench.guarded("memory"), bench.serve("--shards", "1", "--io", "uring") as server:
        points = [bench.size(1000), bench.size(5000, 40), bench.size(15_000)]
        bench.measure("memory", f"memory up to {points[-1]:,} connections",
                      idle_command(server.pid, server.url(), points, bench.seconds(2),
                                   "--channels", "shared"))
    if not bench.full:
        return
    for count, shards in ((50_000, 4), (100_000, 8)):
        step = f"beyond-{count}"
        with bench.guarded(step), bench.serve(*tables(shards), "--io", "uring") as server:
            bench.measure(step, f"fan-out to {count:,} on {shards} shards; no floor is that large",
                          ["fanout", "--url", server.url(), "--server-pid", str(server.pid),
                           "--subscribers", str(bench.size(count)), "--rounds", "20",
                           "--warmup-rounds", "2", *SLOW, *tables(shards)], subscribers=count)
    with bench.guarded("memory-beyond"), bench.serve(*tables(8), "--io", "uring") as server:
        points = [bench.size(10_000), bench.size(50_000), bench.size(100_000)]
        bench.measure("memory-beyond", f"memory up to {points[-1]:,} connections",
                      idle_command(server.pid, server.url(), points, bench.seconds(2),
                                   "--channels", "shared", *tables(8)))


def growth_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, GROWTH)
    judged = is_judged(own)
    over_floor = {}
    for count in (1000, 5000, 15_000):
        of_count = lines.of(own, GROWTH, f"fanout-{count}-uring")
        over_floor[count] = lines.values(of_count, "server/floor")
    first = median(over_floor[1000]) if over_floor[1000] else 0.0

    def bytes_grow(step: str) -> list[float]:
        """The slope of the last stretch over that of the stretch before it."""
        each = [sorted(lines.slopes(line, "server_rss_bytes").items())
                for line in lines.of(own, GROWTH, step)]
        return [ratio for of_line in each if len(of_line) > 2
                for ratio in ratios([of_line[-1][1]], [of_line[-2][1]])]

    table = [Row("P11", f"fan-out CPU / floor at {count:,}, over that at 1,000", FLAT, "",
                 ratios(over_floor[count], [first] * len(over_floor[count])), judged=judged)
             for count in (5000, 15_000)]
    table += [Row("P11", f"fan-out CPU at {count:,}", unit="ns",
                  values=lines.values(lines.of(own, GROWTH, f"beyond-{count}"),
                                      "server_cpu_ns_per_delivery"),
                  reason="the floor has one descriptor table: there is none to compare with")
              for count in (50_000, 100_000)]
    return table + [
        Row("P11", "bytes per connection, 5,000–15,000 over 1,000–5,000", FLAT, "",
            bytes_grow("memory"), judged=judged),
        Row("P11", "bytes per connection, 50,000–100,000 over 10,000–50,000", FLAT, "",
            bytes_grow("memory-beyond"), judged=judged)]


def hot_command(bench: Bench, pid: int, url: str, rate: float, seconds: float,
                *flags: str) -> list[str]:
    """One channel with 50,000 subscribers, at a fixed rate."""
    return ["latency", "--url", url, "--server-pid", str(pid), "--channels", "1",
            "--subscribers", str(bench.size(50_000)), "--publishers", "1", "--rate", str(rate),
            "--warmup", str(bench.seconds(2)), "--duration", str(seconds), *NAP, *SLOW,
            *tables(SERVER_SHARDS), *flags]


def run_order(bench: Bench) -> None:
    subscribers = bench.size(50_000)
    with bench.serve(*tables(SERVER_SHARDS), "--io", "uring") as server:
        seconds = bench.seconds(15, 60)
        rate = 10 if bench.smoke else 2
        with bench.guarded("rate"):
            bench.measure("rate", f"{rate} publications/s to {subscribers:,} for {seconds:.0f} s",
                          hot_command(bench, server.pid, server.url(), rate, seconds),
                          holds_s=seconds)
        with bench.guarded("verify"):
            bench.measure("verify", f"order of two publishers at {subscribers:,} subscribers",
                          ["verify", "--url", server.url(), "--server-pid", str(server.pid),
                           "--subscribers", str(subscribers), "--publishers", "2",
                           "--window", "1", "--rounds", str(50 if bench.full else 10), *SLOW,
                           *tables(SERVER_SHARDS)])


def faults(found: Sequence[Line]) -> list[float]:
    """Deliveries that were lost, came twice or out of order, or streams that differ."""
    keys = ("lost", "duplicate", "misordered", "differing_streams")
    return [float(max(sum(line.get(key, 0) for key in keys),
                      line.get("expected_deliveries", 0) - line.get("deliveries", 0)))
            for line in found]


def order_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, ORDER)
    judged = is_judged(own)
    rate, verified = lines.of(own, ORDER, "rate"), lines.of(own, ORDER, "verify")
    return [Row("order", "2/s to 50,000: not delivered once and in order", Limit(0, 0), "",
                faults(rate), judged=judged),
            Row("order", "the same, p50", unit="ms",
                values=lines.values(rate, "latency_p50_us", 1e-3)),
            Row("order", "the same, p99", unit="ms",
                values=lines.values(rate, "latency_p99_us", 1e-3)),
            Row("order", "two publishers to 50,000: lost, duplicate, misordered", Limit(0, 0), "",
                faults(verified), judged=judged)]


def run_overload(bench: Bench) -> None:
    if not bench.has("latency", "--overload"):
        raise NotPossible("this load generator has no latency --overload")
    seconds = bench.seconds(30)
    with bench.serve(*tables(SERVER_SHARDS), "--io", "uring") as server:
        bench.measure("rate", f"20 publications/s to {bench.size(50_000):,} for {seconds:.0f} s",
                      hot_command(bench, server.pid, server.url(), 20, seconds, "--overload"),
                      holds_s=seconds)
        bench.keep({"step": "peak", "peak_bytes": server.peak_bytes()})


def overload_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, OVERLOAD)
    rate = lines.of(own, OVERLOAD, "rate")
    return [Row("overload", "20/s to 50,000: lost by some who were not closed for it", Limit(0, 0),
                "", lines.values(rate, "silent_losses"), judged=is_judged(own)),
            Row("overload", "closed as slow", values=lines.values(rate, "closed_3008")),
            Row("overload", "frames per send", values=lines.values(rate, "frames_per_send")),
            Row("overload", "most memory resident", unit="MiB",
                values=lines.values(own, "peak_bytes", 1 / (1 << 20)))]


def run_storm(bench: Bench) -> None:
    if not bench.has("storm"):
        raise NotPossible("this load generator has no storm")
    count = bench.size(20_000)
    with bench.serve(*tables(2), "--io", "uring") as server:
        bench.measure("storm", f"{count:,} reconnect beside {bench.size(5000):,} who stay",
                      ["storm", "--url", server.url(), "--server-pid", str(server.pid),
                       "--channels", str(bench.size(1000)), "--subscribers", "5",
                       "--rate", "1000", "--reconnecting", str(count),
                       "--reconnecting-channels", "shared", "--baseline", str(bench.seconds(10)),
                       "--nap", "50", *SLOW, *tables(2)])


def storm_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, STORM)
    return [Row("storm", "clients closed that were to stay", Limit(0, 0), "",
                lines.values(own, "established_closed"), judged=is_judged(own)),
            Row("storm", "p99 of those who stay, before", unit="ms",
                values=lines.values(own, "latency_p99_us_before", 1e-3)),
            Row("storm", "the same, while 20,000 reconnect", unit="ms",
                values=lines.values(own, "latency_p99_us_during", 1e-3)),
            Row("storm", "reconnects", unit="/s", values=lines.values(own, "reconnects_per_s"))]


SECTIONS = (
    Section(GROWTH, "P11: growth of CPU and memory with the connections", run_growth, growth_rows),
    Section(ORDER, "50,000 subscribers of one channel: everything, once, in order", run_order,
            order_rows),
    Section(OVERLOAD, "more than can be delivered: nobody loses anything silently", run_overload,
            overload_rows, full_only=True),
    Section(STORM, "latency of those who stay while 20,000 reconnect", run_storm, storm_rows,
            full_only=True),
)
