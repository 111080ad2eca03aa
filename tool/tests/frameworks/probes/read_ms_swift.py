"""ms-swift: the classes that `swift sft|pt|rlhf FILE` parses. A model's card on this disk stands in for the hub's."""

import json
import os
from unittest import mock

from common import precision, serve, trainer_values
from swift.arguments import PretrainArguments, RLHFArguments, SftArguments
from swift.cli.main import parse_yaml_args
from swift.model import model_meta
from swift.utils import parse_args

CLASSES = {"sft": SftArguments, "pt": PretrainArguments, "rlhf": RLHFArguments}
# An architecture that no family claims, so that a model which ms-swift does not know by name is not asked for its type.
CARD = {"architectures": ["StandInForCausalLM"], "model_type": "qwen2", "hidden_size": 64, "num_hidden_layers": 2}
CARD |= {"intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512}
CARD |= {"max_position_embeddings": 131072, "torch_dtype": "bfloat16"}


def stand_in(*_, **__):
    """A folder with a model's configuration, in place of a download."""
    os.makedirs("model", exist_ok=True)
    with open("model/config.json", "w") as file:
        json.dump(CARD, file)
    return os.path.abspath("model")


def quantization(arguments):
    if arguments.quant_method is None or arguments.quant_bits is None:
        return "none"
    if arguments.quant_bits == 8:
        return "int8"
    return "nf4-dq" if arguments.bnb_4bit_use_double_quant else arguments.bnb_4bit_quant_type


def objective(arguments):
    """SimPO is a loss of its CPO trainer."""
    losses = arguments.loss_type if isinstance(arguments.loss_type, list) else [arguments.loss_type]
    return "simpo" if arguments.rlhf_type == "cpo" and losses == ["simpo"] else arguments.rlhf_type


def read(path, request):
    words = [path]
    parse_yaml_args(words)
    kind = request["command"].split()[-1]
    with mock.patch.object(model_meta, "safe_snapshot_download", stand_in):
        arguments, unknown = parse_args(CLASSES[kind], [*words, "--use_cpu", "true"])
    if unknown:
        raise ValueError(f"remaining arguments: {unknown}")
    found = arguments.training_args
    sharding = arguments.fsdp_config if isinstance(arguments.fsdp_config, dict) else {}
    values = trainer_values(found)
    values |= {
        "model": arguments.model,
        "dataset": arguments.dataset[0],
        "objective": objective(arguments) if kind == "rlhf" else {"pt": "cpt", "sft": "sft"}[kind],
        "max_length": arguments.max_length,
        "packing": bool(arguments.packing),
        "attn_implementation": {"flash_attn": "flash_attention_2"}.get(arguments.attn_impl, arguments.attn_impl),
        "precision": precision(arguments),
        "gradient_checkpointing": bool(arguments.gradient_checkpointing or sharding.get("activation_checkpointing")),
        "quantization": quantization(arguments),
        "adapter": "full" if arguments.tuner_type == "full" else "dora" if arguments.use_dora else "lora",
        "beta": getattr(arguments, "beta", None),
        "num_generations": getattr(arguments, "num_generations", None),
        "max_completion_length": getattr(arguments, "max_completion_length", None),
        "reward_funcs": getattr(arguments, "reward_funcs", None),
    }
    if arguments.tuner_type != "full":
        targets = arguments.target_modules
        values |= {
            "lora_r": arguments.lora_rank,
            "lora_alpha": arguments.lora_alpha,
            "lora_dropout": arguments.lora_dropout,
            "use_rslora": arguments.use_rslora,
            "target_modules": "all-linear" if targets == ["all-linear"] else sorted(targets),
        }
    return values


serve(read)
