"""One fine-tuning run: a plain AdamW loop, held-out loss at fixed steps. The same seed gives the same data order."""

from __future__ import annotations

import copy
import functools
import importlib.util
import math
import random
import time
from pathlib import Path
from typing import Any

from tool.sweep.grid import Run, SweepConfig, SweepMethod, SweepTask
from tool.sweep.text import BUILDERS, Pair, digest, shuffled

_IGNORED = -100  # cross-entropy skips this label
_DIVERGED = 3.0  # held-out loss above this many times the untrained model's: nothing is learned from going on

Example = tuple[list[int], list[int]]


def load_base(config: SweepConfig) -> tuple[Any, Any]:
    """Model in fp32 and tokenizer, from the GGUF file that a Python package ships."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    spec = importlib.util.find_spec(config.weights_package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"error: package {config.weights_package} is missing; install it to get the weights")
    folder = str(Path(spec.origin).parent)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=config.weights_file, dtype=torch.float32)
    model.hf_quantizer, model.is_quantized, model.quantization_method = None, False, None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model, AutoTokenizer.from_pretrained(folder, gguf_file=config.weights_file)


def encode(pair: Pair, tokenizer: Any, max_length: int) -> Example | None:
    """Token ids and labels; the prompt bears no loss. None where the prompt leaves no room for an answer."""
    prompt = tokenizer(pair[0], add_special_tokens=False)["input_ids"] if pair[0] else []
    answer = [*tokenizer(pair[1], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    if len(answer) < 8 or len(prompt) > max_length - 8 or (prompt and len(prompt) + len(answer) > max_length):
        return None
    ids = (prompt + answer)[:max_length]
    return ids, ([_IGNORED] * len(prompt) + answer)[:max_length]


@functools.cache
def examples(task: SweepTask, config: SweepConfig, tokenizer: Any) -> tuple[list[Example], list[Example], str]:
    """Held-out examples, training examples (one epoch of the run), and the digest of the text."""
    wanted = config.held_out + config.steps * config.batch
    pairs, chosen = [], []
    for pair in shuffled(BUILDERS[task.text]()):
        example = encode(pair, tokenizer, config.max_length)
        if example:
            pairs.append(pair)
            chosen.append(example)
        if len(chosen) == wanted:
            break
    if len(chosen) < wanted:
        raise SystemExit(f"error: {task.id} has {len(chosen)} examples, {wanted} are wanted")
    return chosen[: config.held_out], chosen[config.held_out :], digest(pairs)


def batch_of(rows: list[Example], padding: int) -> tuple[Any, Any, Any]:
    """Right-padded input ids, attention mask and labels."""
    import torch

    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [padding] * (width - len(row)) for row, _ in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row, _ in rows])
    labels = torch.tensor([row + [_IGNORED] * (width - len(row)) for _, row in rows])
    return ids, mask, labels


def prepare(base: Any, method: SweepMethod) -> Any:
    """A fresh copy of the base model, with an adapter where the method has one."""
    model = copy.deepcopy(base)
    model.train()
    if method.adapter == "qlora":
        quantize(model)
    if method.adapter == "full":
        return model
    from peft import LoraConfig, get_peft_model

    adapter = LoraConfig(
        r=method.lora_r,
        lora_alpha=method.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, adapter)


def quantize(module: Any) -> None:
    """Every linear layer but the output to NF4 with double quantisation, as QLoRA does; in place."""
    import bitsandbytes
    import torch

    for name, child in module.named_children():
        if not isinstance(child, torch.nn.Linear):
            quantize(child)
        elif name != "lm_head":
            dense = child.weight.data.clone()
            packed = bitsandbytes.nn.Linear4bit(
                child.in_features, child.out_features, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4"
            )
            packed.weight = bitsandbytes.nn.Params4bit(
                dense, requires_grad=False, quant_type="nf4", compress_statistics=True, module=packed
            )
            packed.bias = child.bias
            setattr(module, name, packed.to("cpu"))


def labelled_loss(model: Any, ids: Any, mask: Any, labels: Any) -> Any:
    """Mean cross-entropy over labelled tokens. Only these pass the output layer: most of a masked prompt is saved."""
    import torch

    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = causal.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:] != _IGNORED
    return torch.nn.functional.cross_entropy(causal.lm_head(hidden[wanted]).float(), labels[:, 1:][wanted])


def held_out_loss(model: Any, rows: list[Example], padding: int, batch: int) -> float:
    """Mean loss per labelled token.

    The model stays in training mode: nothing in it drops out, and 4-bit layers repack their weights for good once they
    are evaluated on a CPU (bitsandbytes 0.50), after which their gradients are those of other weights.
    """
    import torch

    total, count = 0.0, 0
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(rows), batch):
            ids, mask, labels = batch_of(rows[start : start + batch], padding)
            n = int((labels[:, 1:] != _IGNORED).sum())
            total += float(labelled_loss(model, ids, mask, labels)) * n
            count += n
    return total / count


def learning_rate_at(step: int, steps: int, warmup: int) -> float:
    """Factor on the peak: linear warm-up, then linear decay to zero at the end."""
    return (step + 1) / warmup if step < warmup else (steps - step) / max(1, steps - warmup)


def train(run: Run, config: SweepConfig, base: Any, tokenizer: Any, untrained: dict[str, float]) -> dict[str, Any]:
    """Fine-tune and return what was measured. `untrained` remembers the loss of the base model by task."""
    import torch

    torch.manual_seed(run.seed)
    held_out, rows, text_digest = examples(run.task, config, tokenizer)
    rows = random.Random(run.seed).sample(rows, len(rows))
    model, padding = prepare(base, run.method), tokenizer.eos_token_id
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=run.learning_rate, weight_decay=config.weight_decay)
    warmup = max(1, round(config.steps * config.warmup_ratio))
    started, losses, tokens = time.perf_counter(), [], 0
    if run.task.id not in untrained:
        untrained[run.task.id] = held_out_loss(base, held_out, padding, config.batch)
    measured = {"0": untrained[run.task.id]}
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = run.learning_rate * learning_rate_at(step, config.steps, warmup)
        ids, mask, labels = batch_of(rows[step * config.batch : (step + 1) * config.batch], padding)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = labelled_loss(model, ids, mask, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        tokens += int(mask.sum())
        if step + 1 in config.evaluate_at:
            measured[str(step + 1)] = held_out_loss(model, held_out, padding, config.batch)
        if not math.isfinite(losses[-1]):
            break
    return _row(run, config, text_digest, measured, losses, tokens, len(parameters), started)


def _row(
    run: Run,
    config: SweepConfig,
    text_digest: str,
    measured: dict[str, float],
    losses: list[float],
    tokens: int,
    tensors: int,
    started: float,
) -> dict[str, Any]:
    """The row of the table. A run that blew up keeps its record, with `diverged: true`."""
    final = measured.get(str(config.steps), math.nan)
    diverged = not math.isfinite(final) or final > _DIVERGED * measured["0"]
    return {
        "id": run.id,
        "model": config.model,
        "task": run.task.id,
        "task_type": run.task.task_type,
        "objective": run.task.objective,
        "method": run.method.id,
        "adapter": run.method.adapter,
        "lora_r": run.method.lora_r,
        "lora_alpha": run.method.lora_alpha,
        "learning_rate": run.learning_rate,
        "seed": run.seed,
        "steps": len(losses),
        "batch": config.batch,
        "tokens": tokens,
        "trained_tensors": tensors,
        "held_out_loss": {at: round(value, 5) for at, value in measured.items() if math.isfinite(value)},
        "first_loss": round(losses[0], 5) if math.isfinite(losses[0]) else None,
        "last_loss": round(sum(losses[-5:]) / 5, 5) if math.isfinite(sum(losses[-5:])) else None,
        "diverged": diverged,
        "text_sha256": text_digest,
        "seconds": round(time.perf_counter() - started, 1),
    }
