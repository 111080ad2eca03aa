"""Which tensors live at the fullest moment of a shortened model: for finding out where two forecasts differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tool.oracle import step
from tool.oracle.request import parse_request
from tool.oracle.trace import architecture_of
from tool.oracle.worker import quiet

TRACED_LAYERS = 3
SHOWN = 40
MIB = 2**20


def explain(request: dict[str, Any], root: Path) -> str:
    """Live storages at the peak of each phase with three layers, largest first: MiB, count, category, origin."""
    quiet()
    parsed, _ = parse_request(request)
    shape, _ = architecture_of(root, parsed.model)
    segments = step.run(parsed, shape, TRACED_LAYERS).segments
    lines = []
    for phase in ("forward", "backward", "optimizer"):
        fullest = max((name for name in segments if name.split("/")[0] == phase), key=lambda name: segments[name].total)
        watched = step.run(parsed, shape, TRACED_LAYERS, watch=fullest).segments[fullest]
        lines.append(f"{phase}: {watched.total / MIB:.1f} MiB in {fullest}")
        groups = Counter((size, category, origin) for size, category, origin in watched.storages)
        order = sorted(groups.items(), key=lambda item: (-item[0][0] * item[1], item[0]))
        for (size, category, origin), count in order[:SHOWN]:
            lines.append(f"  {size * count / MIB:9.2f} MiB {count:3d} x {category:20s} {origin}")
    return "\n".join(lines)
