"""torchtune: what `tune validate FILE` checks, what the recipe reads of the file, and the components that it makes.

The model is built on the meta device, so that its adapters can be counted without memory.
"""

import ast
from functools import cache
from importlib import util
from pathlib import Path

import torch
from common import serve
from omegaconf import OmegaConf
from torchtune import config as components
from torchtune._recipe_registry import get_all_recipes
from torchtune.modules.peft import DoRALinear, LoRALinear

RECIPES = {recipe.name: recipe for recipe in get_all_recipes()}
FOLDER = Path(util.find_spec("recipes").origin).parent


@cache
def required(name):
    """Keys that a recipe reads with no default: `cfg.key`, which is an error where the file has none."""
    tree = ast.parse((FOLDER / RECIPES[name].file_path).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("cfg", "self.cfg"):
            found.add(node.attr)
    return found - {"get", "keys", "items"}


def schedule_of(config):
    """The learning rate's share at the middle of the decay, which tells a constant schedule from a falling one."""
    optimizer = components.instantiate(config.optimizer, [torch.nn.Parameter(torch.zeros(1))])
    scheduler = components.instantiate(config.lr_scheduler, optimizer, num_training_steps=1000, last_epoch=-1)
    middle = scheduler.lr_lambdas[0]((1000 + config.lr_scheduler.num_warmup_steps) // 2)
    if abs(middle - 1.0) < 1e-9:
        return "constant_with_warmup" if config.lr_scheduler.num_warmup_steps else "constant"
    return "cosine" if abs(middle - 0.5) < 0.01 else f"unknown ({middle})"


def adapters(config):
    """(targets, rank, alpha, dropout, whether DoRA, whether NF4) of the model that the file builds."""
    with torch.device("meta"):
        model = components.instantiate(config.model)
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoRALinear | DoRALinear)}
    names = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj", "output_proj": "o_proj"}
    short = sorted({names.get(name.split(".")[-1], name.split(".")[-1]) for name in layers})
    some = next(iter(layers.values()))
    rank = some.lora_a.weight.shape[0]
    alpha = some.scaling * rank if isinstance(some, DoRALinear) else some.alpha
    return short, rank, alpha, getattr(some.dropout, "p", 0.0), isinstance(some, DoRALinear)


def read(path, request):
    config = OmegaConf.load(path)
    components.validate(config)
    recipe = request["command"].split()[-1]
    missing = sorted(required(recipe) - set(config))
    if missing:
        raise KeyError(f"recipe {recipe} reads {', '.join(missing)} and the file has none")
    if request["gpus"] > 1 and not RECIPES[recipe].supports_distributed:
        raise ValueError(f"recipe {recipe} drives one card, not {request['gpus']}")
    optimizer = config.optimizer._component_.rsplit(".", 1)[-1]
    fused = bool(config.optimizer.get("fused"))
    values = {
        "model": config.checkpointer.checkpoint_dir.split("/")[-1],
        "dataset": config.dataset.source,
        "objective": "dpo" if "dpo" in recipe else "cpt" if "text_completion" in config.dataset._component_ else "sft",
        "learning_rate": config.optimizer.lr,
        "weight_decay": config.optimizer.weight_decay,
        "optim": {"AdamW": "adamw_torch_fused" if fused else "adamw_torch"}.get(optimizer, optimizer),
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "num_train_epochs": config.epochs,
        "max_steps": -1 if config.max_steps_per_epoch is None else config.max_steps_per_epoch,
        "max_grad_norm": config.get("clip_grad_norm"),
        "max_length": config.tokenizer.max_seq_len,
        "packing": bool(config.dataset.get("packed", False)),
        "gradient_checkpointing": config.enable_activation_checkpointing,
        "precision": config.dtype,
        "seed": config.seed,
        "lr_scheduler_type": schedule_of(config),
        "warmup_steps": config.lr_scheduler.num_warmup_steps,
        "beta": components.instantiate(config.loss).beta if "dpo" in recipe else None,
        "quantization": "nf4-dq" if config.model.get("quantize_base") else "none",
        "adapter": "full",
        "fsdp": "distributed" in recipe,
    }
    if "lora" in recipe:
        targets, rank, alpha, dropout, dora = adapters(config)
        values |= {"target_modules": targets, "lora_r": rank, "lora_alpha": alpha, "lora_dropout": dropout}
        values["adapter"] = "dora" if dora else "lora"
    return values


serve(read)
