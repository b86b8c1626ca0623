# SPDX-License-Identifier: Apache-2.0
"""P1 to P3: server CPU per message beside the floor's and uWebSockets', in interleaved pairs."""
from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import lines
from judge import NONE, Limit, Row
from lines import Line
from runner import Bench, NotPossible, free_port
from section import Section, is_judged

NAME = "pairs"
PEER = "uwebsockets"


@dataclass(frozen=True)
class Address:
    """How a peer is started and spoken to."""

    command: str
    protocol: str
    url: str
    echo_url: str = ""


def ask_peers(bench: Bench, *words: str) -> str | None:
    """What scripts/peers says; None when it refuses, as for a peer that is not installed."""
    answer = subprocess.run([bench.root / "scripts/peers", *words], capture_output=True, text=True,
                            check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def peer_address(bench: Bench, name: str, port: int) -> Address:
    command = ask_peers(bench, "command", name, str(port))
    address = ask_peers(bench, "address", name, str(port))
    if not command or not address:
        raise NotPossible(f"{name} is not installed: scripts/peers install")
    protocol, url, *echo = address.split()
    return Address(command, protocol, url, echo[0] if echo else "")


def pair_command(bench: Bench, scenarios: Sequence[str], *, io: str = "uring",
                 protocol: str = "centrifuge", pairs: int, subscribers: int = 5000,
                 rounds: int = 40, peer: Address | None = None) -> list[str]:
    """One shard and floor on the servers' CPU, the generator on the other."""
    port = free_port()
    server = bench.serve_command(port, "--shards", "1", "--io", io, "--echo", "/echo",
                                 RPC_PING_ENABLED="true")
    command = ["pair", "--server-cmd", server, "--server-protocol", protocol,
               "--url", f"ws://127.0.0.1:{port}/connection/websocket",
               "--echo-url", f"ws://127.0.0.1:{port}/echo",
               "--server-cpu", str(bench.server_cpu), "--client-cpu", str(bench.client_cpu),
               "--scenarios", ",".join(scenarios), "--pairs", str(pairs),
               "--subscribers", str(bench.size(subscribers)),
               "--connections", str(bench.size(1000)),
               "--fanout-rounds", str(bench.size(rounds, 2)),
               "--request-rounds", str(bench.size(100, 5))]
    if peer:
        command += ["--peer-cmd", peer.command, "--peer-protocol", peer.protocol,
                    "--peer-url", peer.url]
        if peer.echo_url:
            command += ["--peer-echo-url", peer.echo_url]
    return command


def run(bench: Bench) -> None:
    pairs = bench.repeats(3, 5)
    peer: Address | None = None
    with bench.guarded("peer"):
        peer = peer_address(bench, PEER, free_port())
    in_json = ("fanout-1", "fanout-16", "echo", "publish", "rpc")
    wanted = [(scenario, "json") for scenario in in_json]
    if bench.full:
        wanted += [("publish", "protobuf"), ("rpc", "protobuf")]
    for io in ("uring", "epoll") if bench.full else ("uring",):
        for scenario, encoding in wanted:
            beside = peer if scenario not in ("publish", "rpc") else None
            parties = "floor and uWebSockets" if beside else "floor"
            step = f"{scenario}-{encoding}-{io}"
            with bench.guarded(step):
                bench.measure(
                    step, f"{scenario}, {encoding}, {io} beside the {parties}, pairs: {pairs}",
                    pair_command(bench, [scenario], io=io, pairs=pairs, peer=beside,
                                 protocol="protobuf" if encoding == "protobuf" else "centrifuge"),
                    io=io, encoding=encoding)


# Budget, figure, scenario, encoding, limits against floor and peer (None: no such row).
BUDGETS: tuple[tuple[str, str, str, str, Limit | None, Limit | None], ...] = (
    ("P1", "fan-out of single messages", "fanout-1", "json", Limit(1.3), Limit(0.6)),
    ("P2", "fan-out, 16 in flight", "fanout-16", "json", NONE, Limit(0.7)),
    ("P3a", "echo", "echo", "json", Limit(1.3), NONE),
    ("P3b", "publish, JSON", "publish", "json", Limit(1.6), None),
    ("P3b", "publish, Protobuf", "publish", "protobuf", Limit(1.6), None),
    ("P3c", "remote call, JSON", "rpc", "json", Limit(1.6), None),
    ("P3c", "remote call, Protobuf", "rpc", "protobuf", Limit(1.6), None),
)


def rows(found: Sequence[Line]) -> list[Row]:
    """The budgets are about io_uring; epoll's figures stand beside them without one."""
    own = lines.of(found, NAME)
    judged = is_judged(own)
    table: list[Row] = []
    for io in ("uring", "epoll"):
        for budget, figure, scenario, encoding, floor, peer in BUDGETS:
            pairs = [line for line in own if line.get("scenario") == f"pair-{scenario}"
                     and line.get("io") == io and line.get("encoding") == encoding]
            for beside, key, limit in (("floor", "server/floor", floor),
                                       ("uWebSockets", "server/peer", peer)):
                values = lines.values(pairs, key)
                if limit is None or (io == "epoll" and not values):
                    continue
                shown = f"{figure}, CPU / {beside}" + (", epoll" if io == "epoll" else "")
                table.append(Row(budget, shown, limit if io == "uring" else NONE, "", values,
                                 judged=judged))
    return table


SECTION = Section(NAME, "P1-P3: server CPU per message beside the floor and uWebSockets", run, rows)
