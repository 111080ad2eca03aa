"""LLaMA-Factory: `get_train_args`, which is what `llamafactory-cli train FILE` calls.

It refuses to run outside of its launcher, which sets the variables of torch.distributed; so they are set here.
"""

import importlib.machinery
import os
import sys
from unittest import mock

import yaml
from common import serve, trainer_values, value_of

os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT="29555")
# Imported for sound, which no export has.
sys.modules["torchaudio"] = mock.MagicMock(__spec__=importlib.machinery.ModuleSpec("torchaudio", None))

from llamafactory.data.parser import get_dataset_list  # noqa: E402
from llamafactory.data.template import TEMPLATES  # noqa: E402
from llamafactory.hparams import parser  # noqa: E402

STAGES = {"pt": "cpt", "sft": "sft", "kto": "kto", "dpo": "dpo"}


def read(path, request):
    with open(path) as file:
        config = yaml.safe_load(file)
    with mock.patch.object(parser, "is_torch_bf16_gpu_available", return_value=True):  # not asked
        parsed = parser.get_train_args({**config, "use_cpu": True, "ddp_backend": "gloo"})
    model, data, arguments, tuning, _ = parsed
    if data.template is not None and data.template not in TEMPLATES:
        raise ValueError(f"no such template: {data.template}")
    rows = get_dataset_list(data.dataset, data.dataset_dir)[0]
    values = trainer_values(arguments)
    objective = STAGES[tuning.stage]
    if objective == "dpo" and tuning.pref_loss != "sigmoid":
        objective = tuning.pref_loss
    bits = model.quantization_bit
    values |= {
        "model": model.model_name_or_path,
        "precision": "bf16" if tuning.pure_bf16 else values["precision"],
        "dataset": rows.dataset_name,
        "objective": objective,
        "max_length": data.cutoff_len,
        "packing": bool(data.packing),
        "attn_implementation": {"disabled": "eager", "fa2": "flash_attention_2"}.get(
            value_of(model.flash_attn), value_of(model.flash_attn)
        ),
        "gradient_checkpointing": not model.disable_gradient_checkpointing,
        "quantization": {None: "none", 8: "int8", 4: "nf4-dq" if model.double_quantization else "nf4"}[bits],
        "adapter": "full" if tuning.finetuning_type == "full" else "dora" if tuning.use_dora else "lora",
        "beta": tuning.pref_beta if objective in ("dpo", "orpo", "simpo", "kto") else None,
        "template": data.template,
    }
    if tuning.finetuning_type == "lora":
        values |= {
            "lora_r": tuning.lora_rank,
            "lora_alpha": tuning.lora_alpha,
            "lora_dropout": tuning.lora_dropout,
            "use_rslora": tuning.use_rslora,
            "target_modules": "all-linear" if tuning.lora_target == ["all"] else sorted(tuning.lora_target),
        }
    return values


serve(read)
