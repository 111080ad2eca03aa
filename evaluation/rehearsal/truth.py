"""The world of the rehearsal: what a run needs, and how it ends. Imports nothing of the project.

Memory is counted from the shapes that the models publish, tensor by tensor and in words of its own; the figures of the
cards are those of this world, and two of them are not what anybody recorded. Losses follow a bowl around a best
learning rate for each kind of training.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

GIB = 1024.0**3


@dataclass(frozen=True)
class Network:
    """A decoder: parameters in total, layers, widths (features), vocabulary, heads.

    `tied`: the head is the embedding.
    """

    parameters: float
    layers: int
    width: int
    narrow: int
    middle: int
    words: int
    heads: int
    tied: bool


NETWORKS = {
    "Qwen/Qwen2.5-0.5B": Network(0.494e9, 24, 896, 128, 4864, 151_936, 14, True),
    "Qwen/Qwen2.5-1.5B": Network(1.544e9, 28, 1536, 256, 8960, 151_936, 12, True),
    "meta-llama/Llama-3.2-3B": Network(3.213e9, 28, 3072, 1024, 8192, 128_256, 24, True),
    "Qwen/Qwen2.5-7B": Network(7.616e9, 28, 3584, 512, 18_944, 152_064, 28, False),
    "meta-llama/Llama-3.1-8B": Network(8.030e9, 32, 4096, 1024, 14_336, 128_256, 32, False),
}


@dataclass(frozen=True)
class Card:
    """What a card of this world has free (GiB), by how much its kernels need more, and if they write out all scores."""

    free: float
    appetite: float = 1.0
    writes_scores: bool = False


CARDS = {
    "T4": Card(14.62, writes_scores=True),
    "L4": Card(22.1),
    "A100-SXM4-40GB": Card(39.6),
    "A10G": Card(19.6),
    "RTX-4090": Card(23.7, appetite=1.24),
}
MISJUDGED = ("A10G", "RTX-4090")
"""Of the A10G a monitor takes 2.6 GiB; the driver of the RTX 4090 needs a quarter more for the same work."""
DRIVER = 0.38
"""GiB that a process takes beside its tensors."""
SPOILT = 1.25
"""By how much the release of a library in the weeks of the regression raises what its runs need."""


@dataclass(frozen=True)
class Job:
    """What is trained and how. `length` is tokens of a sequence, `batch` sequences at a time, `rank` of the adapter."""

    model: str
    card: str
    kind: str
    quantised: bool
    batch: int
    length: int
    recomputes: bool
    rank: int
    rate: float


@dataclass(frozen=True)
class End:
    """How a run ended: the allocator's peak (GiB), and the losses of the first and the last step."""

    outcome: str
    peak: float
    first: float | None
    last: float | None


def chance(*parts: object) -> float:
    """A number from 0 to 1 that is the same for the same parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _stored(net: Network, job: Job) -> float:
    """Bytes of frozen weights: two a parameter, or half a byte and its scales where the matrices are quantised."""
    table = net.words * net.width * (1 if net.tied else 2)
    if not job.quantised:
        return 2.0 * net.parameters
    return 2.0 * table + 0.52 * (net.parameters - table)


def _trained(net: Network, job: Job) -> float:
    """Bytes of adapters on every matrix, with their gradients and two moments, all in 32 bits."""
    sides = 2 * (net.width + net.width) + 2 * (net.width + net.narrow) + 3 * (net.width + net.middle)
    return 16.0 * net.layers * job.rank * sides


def _layer(net: Network, job: Job, tokens: float) -> float:
    """Bytes that one layer keeps for its way back: 16-bit inputs of each product, 32-bit ones of its norms."""
    kept = 2.0 * (6 * net.width + 2 * net.narrow + 4 * net.middle) + 8.0 * net.width
    scores = 8.0 * net.heads * job.length if CARDS[job.card].writes_scores else 0.0
    return tokens * (kept + scores)


def need(job: Job, spoilt: bool) -> float:
    """GiB of tensors at the peak. Each kind of job differs from the count by up to 4 %, always in the same way."""
    net, tokens = NETWORKS[job.model], float(job.batch * job.length)
    layer = _layer(net, job, tokens)
    head = 16.0 * net.width * tokens  # logits in pieces that take no more than the states they come from, and back
    if job.recomputes:  # the head is done with when the first layer is computed again
        alive = tokens * 2.0 * net.width * net.layers + max(head, 1.2 * layer)
    else:
        alive = layer * net.layers + head
    total = _stored(net, job) + _trained(net, job) + alive
    own = 0.96 + 0.08 * chance("kind", job.model, job.card, job.kind, job.quantised, job.recomputes)
    return total * own * CARDS[job.card].appetite * (SPOILT if spoilt else 1.0) / GIB


BEST_RATE = {"supervised": 2.2e-4, "reinforced": 1.2e-5}
"""The learning rate at which a kind of training ends best, in this world."""
PATIENCE = {"supervised": 10.0, "reinforced": 2.5}
"""How many times that rate half of the runs bear."""
MISHAPS = 0.012
"""Share of runs that end for reasons of their own."""


def run(job: Job, name: str, spoilt: bool = False) -> End:
    """Train: `name` tells runs apart, and gives each its own luck."""
    peak = need(job, spoilt) * (0.985 + 0.03 * chance(name, "peak"))
    room = CARDS[job.card].free - DRIVER
    if peak > room:
        return End("oom", room, None, None)
    first = 2.2 + 0.3 * chance(name, "first")
    off = math.log10(job.rate / BEST_RATE[job.kind])
    diverges = 1.0 / (1.0 + math.exp(-8.0 * (off - math.log10(PATIENCE[job.kind]))))
    if chance(name, "diverges") < diverges:
        return End("diverged", peak, first, None)
    if chance(name, "mishap") < MISHAPS:
        return End("error", peak, first, None)
    return End("success", peak, first, first * (0.55 + 0.12 * off * off + 0.05 * chance(name, "last")))
