"""Contradictions between settings."""

from __future__ import annotations

import random

from evaluation.lint_report.carrier import Carrier, Kind


def bf16_and_fp16(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if not carrier.has_trainer and carrier.framework != "axolotl":
        return None
    carrier.put("bf16", True)
    carrier.put("fp16", True)
    return ("two-precisions",)


def four_and_eight_bits(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework not in ("trl", "axolotl", "unsloth") or (carrier.calls and carrier.framework == "trl"):
        return None
    head = "FastLanguageModel.from_pretrained." if carrier.framework == "unsloth" else ""
    carrier.config |= {f"{head}load_in_4bit": True, f"{head}load_in_8bit": True}
    return ("two-quantisations",)


def quantised_weights_without_adapter(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework == "trl" and not carrier.calls:
        carrier.config |= {"use_peft": False, "load_in_4bit": True}
        carrier.drop("lora_r", "lora_alpha")
    elif carrier.framework == "axolotl":
        carrier.drop("adapter", "lora_r", "lora_alpha", "peft_use_dora", "gptq")
        carrier.config["load_in_4bit"] = True
    elif carrier.framework == "llamafactory" and "finetuning_type" in carrier.config:
        carrier.config |= {"finetuning_type": "full", "quantization_bit": 4}
    elif carrier.framework == "ms-swift":
        carrier.drop("sft_type", "train_type", "tuner_type")
        carrier.config |= {"tuner_type": "full", "quant_bits": 4}
    elif carrier.framework == "unsloth":
        head = "FastLanguageModel.from_pretrained"
        carrier.config |= {f"{head}.full_finetuning": True, f"{head}.load_in_4bit": True}
    else:
        return None
    return ("quantised-full",)


def adapter_switched_off(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """The settings of an adapter stay, the switch is gone: every weight would be trained."""
    if carrier.adapter == "full" or carrier.key("lora_r") is None or carrier.calls:
        return None
    if carrier.framework == "trl":
        carrier.drop("use_peft")
    elif carrier.framework == "axolotl":
        carrier.drop("adapter", "load_in_4bit", "load_in_8bit")
    elif carrier.framework == "llamafactory":
        carrier.config["finetuning_type"] = "full"
    elif carrier.framework == "oumi":
        carrier.config["training.use_peft"] = False
    elif carrier.framework == "ms-swift":
        carrier.drop("sft_type", "train_type")
        carrier.config["tuner_type"] = "full"
    else:
        return None
    return ("adapter-unused",)


def rank_forgotten(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework != "axolotl" or "lora_r" not in carrier.config or "adapter" not in carrier.config:
        return None
    carrier.drop("lora_r", "lora_model_dir")
    return ("adapter-without-rank",)


def scaling_of_an_order_too_much(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    rank, key = carrier.key("lora_r"), carrier.key("lora_alpha")
    rslora = any(name.endswith("use_rslora") and value for name, value in carrier.config.items())
    if rank is None or key is None or rslora or carrier.adapter == "full" or not str(carrier.config[rank]).isdigit():
        return None
    carrier.config[key] = int(carrier.config[rank]) * rng.choice([16, 32, 64])
    return ("scaling-odd",)


def steps_beside_epochs(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    epochs = carrier.key("epochs")
    if epochs is None or carrier.framework == "torchtune" or "." in epochs.replace(carrier.trainer, ""):
        return None
    carrier.put("max_steps", 500)
    return ("steps-and-epochs",)


def warm_up_twice(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework == "torchtune":
        return None
    carrier.put("warmup_ratio", 0.1)
    carrier.put("warmup_steps", 20)
    return ("two-warmups",)


def warm_up_of_a_constant_rate(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework == "torchtune":
        return None
    carrier.drop("lr_scheduler", "lr_scheduler_type", "warmup_ratio", "warmup_steps")
    carrier.put("lr_scheduler" if carrier.framework == "axolotl" else "lr_scheduler_type", "constant")
    carrier.put("warmup_ratio", 0.1)
    return ("warmup-ignored",)


def warm_up_beyond_the_end(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework == "torchtune":
        return None
    carrier.drop("warmup_ratio", "lr_warmup_fraction", "max_steps", "train_iters")
    carrier.put("max_steps", 100)
    carrier.put("warmup_steps", rng.choice([100, 500]))
    return ("warmup-too-long",)


def deepspeed_and_fsdp(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework == "torchtune":
        return None
    if carrier.framework == "oumi":
        carrier.config |= {"fsdp.enable_fsdp": True, "deepspeed.enable_deepspeed": True}
    else:
        carrier.put("deepspeed", "zero2.json")
        carrier.put("fsdp", ["full_shard"] if carrier.framework == "axolotl" else "full_shard")
    return ("two-shardings",)


def evaluation_of_nothing(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework == "axolotl":
        carrier.drop("test_datasets", "evals_per_epoch", "eval_strategy", "evaluation_strategy")
        carrier.config = {key: value for key, value in carrier.config.items() if not key.startswith("test_datasets")}
        carrier.config |= {"val_set_size": 0.0, "eval_steps": 50}
    elif carrier.framework == "llamafactory":
        carrier.drop("val_size", "eval_dataset", "evaluation_strategy")
        carrier.config["eval_strategy"] = "steps"
    elif carrier.framework == "oumi":
        carrier.config = {key: value for key, value in carrier.config.items() if not key.startswith("data.validation")}
        carrier.config["training.eval_strategy"] = "steps"
    elif carrier.calls:
        trainer = f"{carrier.trainer.removesuffix('Config.').removesuffix('.')}Trainer"
        carrier.drop("eval_dataset", "evaluation_strategy")
        carrier.config[f"{trainer}.train_dataset"] = "${rows}"
        carrier.put("eval_strategy", "steps")
    else:
        return None
    return ("evaluation-without-set",)


def best_model_without_evaluation(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if not carrier.has_trainer:
        return None
    carrier.drop("eval_strategy", "evaluation_strategy")
    carrier.put("load_best_model_at_end", True)
    carrier.put("eval_strategy", "no")
    return ("best-model-strategy",)


def packed_preferences(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.objective not in ("dpo", "kto", "orpo") or carrier.framework in ("ms-swift", "torchtune"):
        return None
    names = {"axolotl": "sample_packing", "oumi": "data.train.pack"}
    name = names.get(carrier.framework, "packing")
    carrier.config[name if carrier.framework in names else carrier.trainer + name] = True
    return ("packing-unsupported",)


def group_of_one(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("num_generations")
    if carrier.objective != "grpo" or key is None:
        return None
    carrier.config[key] = 1
    return ("group-size",)


def one_row_of_kto(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("micro_batch")
    if carrier.objective != "kto" or key is None:
        return None
    carrier.config[key] = 1
    return ("odd-kto-batch",)


def stream_without_end(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.framework not in ("llamafactory", "ms-swift", "axolotl"):
        return None
    carrier.drop("max_steps", "train_iters")
    carrier.config["streaming"] = True
    return ("endless-stream",)


KINDS: tuple[Kind, ...] = (
    bf16_and_fp16,
    four_and_eight_bits,
    quantised_weights_without_adapter,
    adapter_switched_off,
    rank_forgotten,
    scaling_of_an_order_too_much,
    steps_beside_epochs,
    warm_up_twice,
    warm_up_of_a_constant_rate,
    warm_up_beyond_the_end,
    deepspeed_and_fsdp,
    evaluation_of_nothing,
    best_model_without_evaluation,
    packed_preferences,
    group_of_one,
    one_row_of_kto,
    stream_without_end,
)
