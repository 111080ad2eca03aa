"""Oumi: the configuration of `oumi train -c FILE`, finalised and validated, and the TRL arguments it is turned into."""

import torch
from common import serve, trainer_values, value_of
from oumi.core.configs import TrainingConfig

PRECISIONS = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}
OBJECTIVES = {"trl_sft": "sft", "trl_dpo": "dpo", "trl_kto": "kto", "trl_grpo": "grpo"}


def quantization(peft):
    if not peft.q_lora:
        return "none"
    found = peft.to_bits_and_bytes()
    if found.load_in_8bit:
        return "int8"
    return "nf4-dq" if found.bnb_4bit_use_double_quant else "nf4"


def read(path, request):
    config = TrainingConfig.from_yaml(path)
    config.finalize_and_validate()
    arguments = config.training.to_hf(config)
    values = trainer_values(arguments)
    data = config.data.train
    values |= {
        "model": config.model.model_name,
        "dataset": data.datasets[0].dataset_name,
        "objective": OBJECTIVES[value_of(config.training.trainer_type).lower()],
        "max_length": config.model.model_max_length,
        "packing": bool(data.pack or getattr(arguments, "packing", False)),
        "attn_implementation": config.model.attn_implementation,
        "gradient_checkpointing": config.training.enable_gradient_checkpointing,
        "precision": values["precision"] if arguments.fp16 or arguments.bf16 else PRECISIONS[config.model.torch_dtype],
        "quantization": quantization(config.peft),
        "adapter": "lora" if config.training.use_peft else "full",
        "beta": getattr(arguments, "beta", None),
        "num_generations": getattr(arguments, "num_generations", None),
        "max_completion_length": getattr(arguments, "max_completion_length", None),
        "fsdp": config.fsdp.enable_fsdp,
    }
    if config.training.use_peft:
        lora = config.peft.to_lora()
        targets = lora.target_modules
        values |= {
            "lora_r": lora.r,
            "lora_alpha": lora.lora_alpha,
            "lora_dropout": lora.lora_dropout,
            "target_modules": targets if isinstance(targets, str) else sorted(targets),
        }
    return values


serve(read)
