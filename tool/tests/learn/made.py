"""Small made-up experts and sweeps: three laws of nature that a learner must find, and a repository that shouts."""

from __future__ import annotations

from tool.learn.facts import Facts
from tool.learn.opinions import Opinion
from tool.learn.outcomes import Curve


def opinion(repository: str, number: int, facts: Facts, rate: float, **values: float) -> Opinion:
    """One choice. Rank and batch are given where they matter."""
    name = f"{repository}-{number}"
    link, model = f"{repository}/{number}.yaml", f"model-{number}"
    return Opinion(name, repository, link, model, facts, {"learning_rate": rate, **values})


def experts() -> list[Opinion]:
    """Ten repositories that agree: adapters 2e-4, full 2e-5; batch 16, rank 16, ratio 2, two epochs, warm-up 0.03."""
    found = []
    for repository in range(10):
        for number in range(12):
            adapter = ("full", "lora", "qlora")[number % 3]
            family = ("llama", "qwen", "gemma")[number % 3]
            facts = Facts("sft", adapter, "chat", family, (0.5, 3.0, 8.0, 70.0)[number % 4], seq_len=2048, gpus=1)
            values = {"effective_batch_size": 16.0, "num_train_epochs": 2.0, "warmup_ratio": 0.03, "max_length": 2048.0}
            if adapter != "full":
                values |= {"lora_r": 16.0, "lora_alpha_ratio": 2.0}
            rate = (2e-4 if facts.is_adapter else 2e-5) * (1 + 0.1 * (repository % 3))
            found.append(opinion(f"owner/repo-{repository}", number, facts, rate, **values))
    return found


def curve(task: str, method: str, best: float, steep: float = 1.0) -> Curve:
    """A parabola over log10 of the rate with its lowest point at `best`, sampled in half decades."""
    adapter, rank = ("full", None) if method == "full" else ("lora", int(method.rsplit("r", 1)[1]))
    rates = tuple(10 ** (power / 2) for power in range(-10, -3))
    losses = tuple(1.0 + steep * (power / 2 - best) ** 2 for power in range(-10, -3))
    model = "HuggingFaceTB/SmolLM2-135M-Instruct"
    return Curve(model, 134515008.0, 576, task, "code", "sft", method, adapter, rank, 60, rates, losses)
