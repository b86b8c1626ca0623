# SPDX-License-Identifier: Apache-2.0
"""Other servers doing the same work, each beside sanjay in the same run."""
from __future__ import annotations

from collections.abc import Sequence

import lines
from holding import SLOW
from judge import Row, ratios
from lines import Line
from pairs import Address, ask_peers, pair_command, peer_address
from runner import Bench, Broken, Server, free_port
from section import Section

NAME = "peers"
OURS = "sanjay"
IN_QUICK = ("uwebsockets", "centrifugo")


def measure_memory(bench: Bench, name: str, server: Server, address: Address) -> None:
    """The same clients for all: subscribed where there are channels, else connected."""
    points = f"{bench.size(1000)},{bench.size(10_000)}"
    channels = "shared" if address.protocol in ("centrifuge", "protobuf") else "none"
    bench.measure(f"memory-{name}", f"{name}: memory of idle connections",
                  ["idle", "--url", address.url, "--server-pid", str(server.pid),
                   "--protocol", address.protocol, "--channels", channels, "--points", points,
                   "--settle", str(bench.seconds(2)), "--duration", str(bench.seconds(1)), *SLOW],
                  peer=name)


def measure_peer(bench: Bench, name: str) -> None:
    port = free_port()
    address = peer_address(bench, name, port)
    scenarios = ["fanout-1", "fanout-16"] + (["echo"] if address.echo_url else [])
    pairs = bench.repeats(2, 3)
    for scenario in scenarios:
        step = f"{scenario}-{name}"
        with bench.guarded(step):
            bench.measure(step, f"{name}: {scenario} beside sanjay, pairs: {pairs}",
                          pair_command(bench, [scenario], pairs=pairs, peer=address), peer=name)
    with bench.guarded(f"memory-{name}"), bench.started(address.command, port) as server:
        measure_memory(bench, name, server, address)


def run(bench: Bench) -> None:
    with bench.guarded(f"memory-{OURS}"), bench.serve("--shards", "1", "--io", "uring") as server:
        measure_memory(bench, OURS, server, Address("", "centrifuge", server.url()))
    names = ask_peers(bench, "list")
    if not names:
        raise Broken("scripts/peers list names nobody")
    for name in names.split():
        if bench.full or name in IN_QUICK:
            with bench.guarded(name):
                measure_peer(bench, name)


def names_in(found: Sequence[Line]) -> list[str]:
    """The peers measured, in order, without sanjay."""
    return list(dict.fromkeys(line["peer"] for line in lines.of(found, NAME)
                              if line.get("peer", OURS) != OURS))


def times_ours(found: Sequence[Line], name: str, scenario: str) -> list[float]:
    """CPU per message of a peer, in multiples of what sanjay took in the same pair."""
    own = lines.of(found, NAME, f"{scenario}-{name}")
    inverse = lines.values(own, "server/peer")
    return ratios([1.0] * len(inverse), inverse)


def idle_bytes(found: Sequence[Line], name: str) -> list[float]:
    return lines.last_slopes(lines.of(found, NAME, f"memory-{name}"), "server_rss_bytes")


def rows(found: Sequence[Line]) -> list[Row]:
    names = names_in(found)
    table = [Row(NAME, f"{name} / sanjay, CPU, {text}", values=values)
             for name in names for scenario, text in (("fanout-1", "fan-out of single messages"),
                                                      ("fanout-16", "fan-out, 16 in flight"),
                                                      ("echo", "echo"))
             if (values := times_ours(found, name, scenario))]
    table += [Row(NAME, f"{name}, memory of an idle connection", unit="B", values=values)
              for name in (OURS, *names) if (values := idle_bytes(found, name))]
    return table or [Row(NAME, "other servers doing the same")]


SECTION = Section(NAME, "other servers beside sanjay: fan-out, echo, memory", run, rows)
