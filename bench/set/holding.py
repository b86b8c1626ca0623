# SPDX-License-Identifier: Apache-2.0
"""P4 to P7: what it costs to have connections and to make them."""
from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence

import lines
from judge import Limit, Row
from lines import Line
from runner import Bench, Broken, clean_environment
from section import Section, is_judged

MEMORY, CONNECT, MILLION = "memory", "connect", "million"
# What epoll itself keeps for a socket on 64-bit Linux: struct epitem and struct eppoll_entry. Added
# to what io_uring takes beyond epoll, so that the budget is about io_uring alone.
EPOLL_ITEM_BYTES = 128 + 72
SLOW = ("--timeout", "60")  # without progress; tens of thousands of handshakes share two CPUs


def tables(shards: int) -> tuple[str, ...]:
    return ("--shards", str(shards), "--private-file-tables")


def idle_command(server_pid: int, url: str, points: Sequence[int], seconds: float,
                 *flags: str, timeout: Sequence[str] = SLOW) -> list[str]:
    return ["idle", "--url", url, "--server-pid", str(server_pid),
            "--points", ",".join(map(str, points)), "--settle", str(min(seconds, 2)),
            "--duration", str(seconds), *timeout, *flags]


def run_memory(bench: Bench) -> None:
    points = [bench.size(10_000), bench.size(50_000)]
    held = bench.seconds(30, 120)

    def idle(channels: str, encoding: str, *, seconds: float, io: str = "uring",
             client: str = "auto") -> None:
        step = f"{channels}-{encoding}-{io}" + ("" if client == "auto" else "-kernel")
        with bench.guarded(step), bench.serve(*tables(4), "--io", io) as server:
            bench.measure(
                step, f"{points[-1]:,} idle connections, {channels} channels, {encoding}, {io}",
                idle_command(server.pid, server.url(), points, seconds, "--channels", channels,
                             "--protocol", "centrifuge" if encoding == "json" else encoding,
                             "--client-driver", client, *tables(4)),
                holds_s=seconds, channels=channels, encoding=encoding, io=io, client=client,
                server_shards=4)

    idle("shared", "json", seconds=held)
    if not bench.full:
        return
    idle("own", "json", seconds=2)
    idle("shared", "protobuf", seconds=2)
    idle("own", "protobuf", seconds=2)
    # The same client twice, so that only the server's driver differs in the kernel's memory.
    idle("shared", "json", seconds=2, io="uring", client="epoll")
    idle("shared", "json", seconds=2, io="epoll", client="epoll")


def memory_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, MEMORY)
    judged = is_judged(own)

    def resident(channels: str, encoding: str) -> list[float]:
        of_kind = [line for line in own if line.get("channels") == channels
                   and line.get("encoding") == encoding and line.get("client") == "auto"]
        return lines.last_slopes(of_kind, "server_rss_bytes")

    table = [Row("P4", f"memory of an idle connection, {text}, {encoding}", Limit(bytes_max), "B",
                 resident(channels, encoding.lower()), judged=judged)
             for encoding in ("JSON", "Protobuf")
             for channels, text, bytes_max in (("shared", "one channel for all", 1024),
                                               ("own", "a channel each", 1792))]
    slab = {io: lines.last_slopes([line for line in own if line.get("client") == "epoll"
                                   and line.get("io") == io], "kernel_unreclaimable_bytes")
            for io in ("uring", "epoll")}
    driver = [a - b + EPOLL_ITEM_BYTES for a, b in zip(slab["uring"], slab["epoll"])]
    held = lines.of(own, MEMORY, "shared-json-uring")
    return table + [
        Row("P4", "kernel memory of io_uring per connection", Limit(300), "B", driver,
            "what the kernel cannot reclaim, less that with epoll, plus epoll's 200 B", judged),
        Row("P4", "kernel slab per connection, both ends", unit="B",
            values=lines.last_slopes(held, "kernel_slab_bytes")),
        Row("P5", "connections held in one process", Limit(at_least=50_000), "",
            lines.values(held, "connections"), judged=judged),
        Row("P6", "CPU of an idle connection per second, 25 s pings", Limit(1), "µs",
            lines.values(held, "server_cpu_us_per_connection_second"), judged=judged)]


def token_of(bench: Bench, secret: str) -> str:
    done = subprocess.run([bench.sanjay, "gentoken", "--user", "bench", "--quiet"], check=False,
                          capture_output=True, text=True, timeout=60,
                          env=clean_environment() | {"SANJAY_CLIENT_TOKEN_HMAC_SECRET_KEY": secret})
    if done.returncode != 0:
        raise Broken(f"sanjay gentoken: {done.stderr.strip()}")
    return done.stdout.strip()


def run_connect(bench: Bench) -> None:
    secret = secrets.token_hex(32)
    token = token_of(bench, secret)
    settings = {"CLIENT_INSECURE": "false", "CLIENT_TOKEN_HMAC_SECRET_KEY": secret,
                "CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT": "true"}
    count = bench.size(15_000)
    runs = bench.repeats(3, 5)
    for run in range(1, runs + 1):
        # A new server each time: an old one would still be closing the connections before.
        with bench.serve("--shards", "1", "--io", "uring", pinned=True, **settings) as server:
            command = ["connect", "--url", server.url(), "--channels", "shared", *SLOW]
            if run == 1 and bench.measure(
                    "forged", "a forged token is refused",
                    [*command, "--connections", "1", "--token", token_of(bench, secret[::-1])],
                    may_fail=True):
                raise Broken("a forged token was accepted: what is measured verifies nothing")
            bench.measure(
                "token", f"{count:,} connections with a token and a channel, {run} of {runs}",
                [*command, "--server-pid", str(server.pid), "--connections", str(count),
                 "--token", token], pinned=True)


def connect_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, CONNECT, "token")
    return [Row("P7", "accept, upgrade, verified token, one subscribe: CPU", Limit(100), "µs",
                lines.values(own, "server_cpu_ns_per_connection", 1e-3), judged=is_judged(own)),
            Row("P7", "the same as the client sees it, p99", unit="ms",
                values=lines.values(own, "connect_p99_us", 1e-3))]


def million_command(bench: Bench, pid: int, url: str) -> tuple[list[str], float]:
    """How a million is held, and for how many seconds. One in a hundred also gets messages where
    the generator can do that."""
    seconds = bench.seconds(60, 600)
    shards = 2 if bench.smoke else 56
    patience = ("--timeout", "180")
    if bench.has("latency", "--idle "):
        channels = bench.size(1000, 2)
        command = ["latency", "--url", url, "--server-pid", str(pid),
                   "--channels", str(channels), "--subscribers", "10", "--publishers", "10",
                   "--rate", "100", "--nap", "1000", "--duration", str(seconds), *patience,
                   "--idle", str(bench.size(1_000_000) - channels * 10),
                   "--idle-channels", "shared"]
    else:
        points = [bench.size(500_000), bench.size(1_000_000)]
        command = idle_command(pid, url, points, seconds, "--channels", "shared", timeout=patience)
    return [*command, *tables(shards)], seconds


def run_million(bench: Bench) -> None:
    with bench.serve(*tables(2 if bench.smoke else 56), "--io", "uring") as server:
        command, seconds = million_command(bench, server.pid, server.url())
        bench.measure("held", f"{bench.size(1_000_000):,} connections, held for {seconds:.0f} s",
                      command, holds_s=seconds + 1800, io="uring", channels="shared")


def million_rows(found: Sequence[Line]) -> list[Row]:
    own = lines.of(found, MILLION, "held")
    judged = is_judged(own)
    bytes_each = (lines.last_slopes(own, "server_rss_bytes")
                  or lines.values(own, "server_rss_bytes_per_connection"))
    return [Row("P5", "connections held in one process, full set", Limit(at_least=1_000_000), "",
                lines.values(own, "connections"), judged=judged),
            Row("P4", "memory of each of a million", Limit(1024), "B", bytes_each, judged=judged),
            Row("P6", "CPU of each of a million per second, 25 s pings",
                Limit(1) if not any("latency_p99_us" in line for line in own) else Limit(), "µs",
                lines.values(own, "server_cpu_us_per_connection_second"), judged=judged),
            Row("P8", "p99 of messages among a million", unit="ms",
                values=lines.values(own, "latency_p99_us", 1e-3))]


SECTIONS = (
    Section(MEMORY, "P4-P6: memory and CPU of 50,000 idle connections", run_memory, memory_rows),
    Section(CONNECT, "P7: CPU of a connection with a verified token", run_connect, connect_rows),
    Section(MILLION, "P5: a million connections in one process", run_million, million_rows,
            full_only=True),
)
