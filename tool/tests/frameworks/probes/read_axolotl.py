"""Axolotl: the configuration that `axolotl train FILE` validates, and the arguments that its builders make of it.

The card is described, not asked: one that computes in bf16, as many as the file is for.
"""

import contextlib
import importlib
from unittest import mock

import yaml
from axolotl.core import training_args
from axolotl.core.builders import HFCausalTrainerBuilder, HFRLTrainerBuilder
from axolotl.utils.config import prepare_plugins, validate_config
from axolotl.utils.dict import DictDefault
from common import serve, trainer_values

STRATEGIES = {"dpo": "dpo", "simpo": "dpo", "kto": "kto", "orpo": "orpo"}
STEPS = 1000


def data_strategy(config):
    """The function that reads the rows; raises AttributeError or ImportError for a type that there is none for."""
    kind, rl = config.datasets[0]["type"], config.rl
    if rl == "grpo" or not isinstance(kind, str):
        return
    package = f"axolotl.prompt_strategies.{STRATEGIES[rl]}" if rl else "axolotl.prompt_strategies"
    module, _, function = kind.partition(".")
    getattr(importlib.import_module(f"{package}.{module}"), function or "load")


def arguments_of(config):
    """The trainer's arguments, as Axolotl's builder makes them for a run of 1,000 steps."""
    model, tokenizer = mock.MagicMock(), mock.MagicMock()
    if config.rl:
        return HFRLTrainerBuilder(config, model, tokenizer, None)._build_training_arguments(STEPS)[0]
    captured = {}

    def stop(**arguments):
        captured.update(arguments)
        raise StopIteration

    plain = training_args.AxolotlTrainingArguments
    with mock.patch.object(training_args, "AxolotlTrainingArguments", stop), contextlib.suppress(StopIteration):
        HFCausalTrainerBuilder(config, model, tokenizer, None).build(STEPS)
    return plain(**captured)


def quantization(config):
    if config.load_in_8bit:
        return "int8"
    if not config.load_in_4bit:
        return "none"
    double = (config.bnb_config_kwargs or {}).get("bnb_4bit_use_double_quant", True)
    return "nf4-dq" if double else "nf4"


def read(path, request):
    with open(path) as file:
        config = DictDefault(yaml.safe_load(file))
    prepare_plugins(config)
    bf16 = not config.fp16
    card = {
        "bf16": bf16,
        "fp8": False,
        "n_gpu": request["gpus"],
        "n_node": 1,
        "compute_capability": "sm_80" if bf16 else "sm_75",
    }
    config = validate_config(config, card, {"torch_version": "2.13.0"})
    data_strategy(config)
    with mock.patch("transformers.training_args.is_torch_bf16_gpu_available", return_value=True):
        arguments = arguments_of(config)
    values = trainer_values(arguments)
    targets = config.lora_target_modules
    values |= {
        "model": config.base_model,
        "dataset": config.datasets[0]["path"],
        "objective": config.rl or ("cpt" if config.datasets[0]["type"] == "completion" else "sft"),
        "warmup_ratio": config.warmup_ratio,
        **({"warmup_steps": config.warmup_steps} if config.rl == "simpo" else {}),
        "max_length": config.sequence_len,
        "packing": bool(config.sample_packing),
        "attn_implementation": config.attn_implementation,
        "quantization": quantization(config),
        "adapter": "full" if not config.adapter else "dora" if config.peft_use_dora else "lora",
        "max_steps": config.max_steps or -1,
        "beta": getattr(arguments, "beta", None),
        "num_generations": getattr(arguments, "num_generations", None),
        "max_completion_length": getattr(arguments, "max_completion_length", None),
        "fsdp": bool(config.fsdp_config),
    }
    if config.adapter:
        values |= {
            "lora_r": config.lora_r,
            "lora_alpha": config.lora_alpha,
            "lora_dropout": config.lora_dropout,
            "use_rslora": bool(config.peft_use_rslora),
            "target_modules": "all-linear" if config.lora_target_linear else targets,
        }
    return values


serve(read)
