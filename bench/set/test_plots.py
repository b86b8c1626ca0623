# SPDX-License-Identifier: Apache-2.0
"""The plots: drawn from what there is, the same file from the same lines. Needs matplotlib."""
import importlib.util
import tempfile
import unittest
from pathlib import Path

from lines import Line

HAVE_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
if HAVE_MATPLOTLIB:
    import plots

PAIR = {"io": "uring", "encoding": "json", "connections": 1000, "server/floor": [1.1, 1.0],
        "server_server_cpu_ns": [4000, 4200], "floor_server_cpu_ns": [3900, 4000]}
LINES: list[Line] = [
    PAIR | {"section": "pairs", "scenario": "pair-fanout-1"},
    PAIR | {"section": "pairs", "scenario": "pair-echo", "io": "epoll"},
    PAIR | {"section": "growth", "scenario": "pair-fanout-1"},
    {"section": "growth", "scenario": "fanout", "receivers": 50_000,
     "server_cpu_ns_per_delivery": 6000},
    {"section": "latency", "step": "half", "latency_p50_us": 90, "latency_p99_us": 300,
     "latency_p999_us": 900, "latency_us_histogram": [[1.0, 1], [90.5, 5], [900.0, 4]]},
    {"section": "memory", "scenario": "idle", "channels": "shared", "server_rss_bytes_at_0": 1000,
     "server_rss_bytes_at_100": 51_000, "kernel_slab_bytes_at_0": 0,
     "kernel_slab_bytes_at_100": 800_000},
    {"section": "peers", "step": "fanout-1-ws", "peer": "ws", "server/peer": [0.25]}]


@unittest.skipUnless(HAVE_MATPLOTLIB, "there is no matplotlib")
class Plots(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_the_same_lines_draw_the_same_files(self) -> None:
        once, twice = self.folder / "once", self.folder / "twice"
        drawn = plots.draw_all(LINES, once)
        self.assertEqual(drawn, plots.draw_all(LINES, twice))
        self.assertEqual([file for _, file in drawn], [file for _, file, _ in plots.PLOTS])
        for _, file in drawn:
            self.assertEqual((once / file).read_bytes(), (twice / file).read_bytes())

    def test_what_has_no_lines_is_not_drawn(self) -> None:
        self.assertEqual(plots.draw_all([], self.folder), [])
        self.assertEqual([file for _, file in plots.draw_all(LINES[:1], self.folder)],
                         ["drivers.svg"])

    def test_bins_hold_shares_of_all_deliveries(self) -> None:
        shares = plots.log_bins([[10.0, 1], [100.0, 2], [99.9, 1]])
        self.assertEqual(shares, {20: 0.25, 40: 0.75})

    def test_memory_of_a_connection_is_what_is_more_than_without_any(self) -> None:
        self.assertEqual(plots.memory_points(LINES[5], "server_rss_bytes"), [(100, 500)])
        held = {"connections": 50, "server_rss_bytes_start": 100, "server_rss_bytes_connected": 600}
        self.assertEqual(plots.memory_points(held, "server_rss_bytes"), [(50, 10)])


if __name__ == "__main__":
    unittest.main()
