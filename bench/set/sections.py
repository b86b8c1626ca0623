# SPDX-License-Identifier: Apache-2.0
"""All sections in the order in which they run: what matters most and is shortest comes first."""
from __future__ import annotations

import holding
import latency
import pairs
import peers
import scale
from section import Section

_MEMORY, _CONNECT, _MILLION = holding.SECTIONS
_GROWTH, _ORDER, _OVERLOAD, _STORM = scale.SECTIONS
SECTIONS: tuple[Section, ...] = (pairs.SECTION, _MEMORY, _CONNECT, latency.SECTION, _GROWTH, _ORDER,
                                 _OVERLOAD, _STORM, peers.SECTION, _MILLION)
