# SPDX-License-Identifier: Apache-2.0
"""Medians, limits and verdicts."""
import unittest

import judge
from judge import Limit, Row


class Figures(unittest.TestCase):
    def test_the_median_is_the_middle_or_the_mean_of_the_two_there(self) -> None:
        self.assertEqual(judge.median([3, 1, 2]), 2)
        self.assertEqual(judge.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(judge.median([7]), 7)
        with self.assertRaises(ValueError):
            judge.median([])

    def test_ratios_are_formed_within_pairs_only(self) -> None:
        self.assertEqual(judge.ratios([2, 6, 9], [1, 3]), [2, 2])
        self.assertEqual(judge.ratios([2, 6], [0, 3]), [2])

    def test_numbers_keep_three_significant_digits(self) -> None:
        for value, shown in ((0.98123, "0.981"), (1.2345, "1.23"), (41.23, "41.2"),
                             (4122.4, "4,122"), (50000, "50,000"), (0, "0"), (-1.5, "-1.50")):
            self.assertEqual(judge.number(value), shown)


class Limits(unittest.TestCase):
    def test_a_bound_belongs_to_what_is_allowed(self) -> None:
        self.assertTrue(Limit(1.3).allows(1.3))
        self.assertFalse(Limit(1.3).allows(1.301))
        self.assertTrue(Limit(at_least=0.8).allows(0.8))
        self.assertFalse(Limit(at_least=0.8).allows(0.799))
        self.assertFalse(Limit(1.2, 0.8).allows(0.7))
        self.assertFalse(Limit(1.2, 0.8).allows(1.3))

    def test_a_limit_of_zero_is_a_limit(self) -> None:
        self.assertTrue(Limit(0, 0).exists())
        self.assertTrue(Limit(0).exists())
        self.assertFalse(Limit(0, 0).allows(1))

    def test_limits_are_shown_as_they_were_set(self) -> None:
        self.assertEqual([str(limit) for limit in (Limit(1.3), Limit(1024), Limit(at_least=0.8),
                                                   Limit(1.2, 0.8), Limit(0, 0), Limit())],
                         ["≤ 1.3", "≤ 1,024", "≥ 0.8", "0.8 to 1.2", "0", "–"])


class Verdicts(unittest.TestCase):
    def verdict(self, limit: Limit, *values: float, judged: bool = True) -> str:
        return Row("P1", "figure", limit, "", values, judged=judged).verdict()

    def test_the_median_decides_not_the_range(self) -> None:
        self.assertEqual(self.verdict(Limit(1.3), 1.0, 1.1, 9.0), judge.MET)
        self.assertEqual(self.verdict(Limit(1.3), 1.0, 1.4, 1.5), judge.NOT_MET)

    def test_nothing_measured_is_never_met(self) -> None:
        self.assertEqual(self.verdict(Limit(0, 0)), judge.NOT_MEASURED)
        self.assertEqual(self.verdict(Limit()), judge.NOT_MEASURED)

    def test_without_a_budget_there_is_no_verdict(self) -> None:
        self.assertEqual(self.verdict(Limit(), 1.0), judge.NO_BUDGET)

    def test_what_had_other_sizes_is_not_judged(self) -> None:
        self.assertEqual(self.verdict(Limit(1.3), 1.0, judged=False), judge.NOT_JUDGED)
        self.assertEqual(self.verdict(Limit(1.3), 2.0, judged=False), judge.NOT_JUDGED)

    def test_the_range_is_shown_where_there_is_one(self) -> None:
        self.assertEqual(Row("P4", "f", unit="B", values=[522]).measured(), "522 B")
        self.assertEqual(Row("P1", "f", values=[1.5, 1.25, 1.75]).measured(), "1.50 (1.25–1.75)")
        self.assertEqual(Row("P1", "f").measured(), "–")


if __name__ == "__main__":
    unittest.main()
