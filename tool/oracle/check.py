"""Holds the oracle to real runs: the same two steps of tiny models, once pretended, once with real tensors.

The real run is measured by PyTorch's own CPU allocator (torch.profiler, profile_memory), which also sees what
kernels allocate inside. CPU kernels are compared with CPU kernels, so the stand-ins for CUDA are left out here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tool.oracle import quantized, step
from tool.oracle.request import TraceRequest, complete
from tool.schema.model import Architecture

TOLERANCE = 0.002
"""Largest relative difference of the peak that passes."""
TINY = Architecture(
    architecture="LlamaForCausalLM",
    model_type="llama",
    hidden_size=256,
    num_hidden_layers=4,
    num_attention_heads=8,
    num_key_value_heads=4,
    head_dim=32,
    intermediate_size=768,
    vocab_size=4096,
)
CASES: tuple[dict[str, Any], ...] = (
    {"method": "full", "dtype": "fp32"},
    {"method": "full", "dtype": "fp32", "grad_checkpointing": True},
    {"method": "full", "dtype": "bf16", "attention": "eager"},
    {"method": "lora", "dtype": "fp32"},
    {"method": "lora", "dtype": "bf16", "grad_checkpointing": True, "attention": "eager"},
    {"method": "lora", "dtype": "bf16", "use_reentrant": True, "grad_checkpointing": True},
    {"method": "qlora", "dtype": "fp32", "quant": "nf4", "grad_checkpointing": True, "kbit_preparation": True},
)


@dataclass(frozen=True)
class Comparison:
    """Peak bytes of one case, pretended and real."""

    id: str
    pretended: int
    real: int

    @property
    def difference(self) -> float:
        """Pretended over real, less one."""
        return self.pretended / self.real - 1


@contextmanager
def pretended_processor(request: TraceRequest) -> Iterator[None]:
    """Pretended tensors with the CPU's own kernels."""
    with quantized.bitsandbytes_pretended(), step.unpacked_batches(), FakeTensorMode(allow_non_fake_inputs=True):
        yield


@contextmanager
def real_processor(request: TraceRequest) -> Iterator[None]:
    """Real tensors, real kernels."""
    with step.unpacked_batches():
        yield


def allocator_peak(run: Any) -> int:
    """Peak bytes of PyTorch's CPU allocator during `run()`, above what lived before it."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    memory = [event["args"] for event in events if event.get("name") == "[memory]"]
    first = memory[0]["Total Allocated"] - memory[0]["Bytes"]
    return int(max(item["Total Allocated"] for item in memory) - first)


def compare(case: dict[str, Any]) -> Comparison:
    """One case both ways, all four layers."""
    request, _ = complete({"model": "tiny", "micro_batch": 2, "seq_len": 256, **case}, [])
    layers = TINY.num_hidden_layers
    ledger = step.run(request, TINY, layers, world=pretended_processor)
    torch.manual_seed(0)
    real = allocator_peak(lambda: step.run(request, TINY, layers, world=real_processor))
    return Comparison(request.id, max(segment.total for segment in ledger.segments.values()), real)


def check() -> list[Comparison]:
    """All cases."""
    return [compare(case) for case in CASES]
