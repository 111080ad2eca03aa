"""What the learned part costs: CPU seconds, measured here and now, so they stand outside the compared report."""

from __future__ import annotations

import time

from tool.learn.facts import Facts
from tool.learn.serve import HYBRID_ML, Engine


def batch_seconds(engine: Engine, count: int = 10_000) -> float:
    """CPU seconds for `count` different cases answered by hybrid_ml."""
    cases = [
        Facts(
            ("sft", "dpo", "grpo", "cpt")[n % 4],
            ("full", "lora", "qlora")[n % 3],
            family=("llama", "qwen", "gemma")[n % 3],
            params_b=0.1 + (n % 997) / 10,
            seq_len=512 + n,
        )
        for n in range(count)
    ]
    started = time.process_time()
    for facts in cases:
        engine.values(HYBRID_ML, facts)
        engine.confidence(facts, 1e-4)
    return time.process_time() - started
