"""TRL: the parser of `trl <script> --config FILE`, then the LoRA and quantisation objects that its script builds."""

import importlib

from accelerate.commands.launch import launch_command_parser
from common import serve, trainer_values
from trl import TrlParser, get_peft_config, get_quantization_config
from trl.cli.accelerate_config import resolve_accelerate_config_argument


def parser_of(command):
    """The parser of the script that the command starts."""
    script = command.split()[-1].rsplit("/", 1)[-1].removesuffix(".py")
    if script in ("orpo", "cpo"):  # experimental: their example scripts build just this parser
        from trl import ModelConfig, ScriptArguments

        module = importlib.import_module(f"trl.experimental.{script}")
        return TrlParser((ScriptArguments, getattr(module, f"{script.upper()}Config"), ModelConfig)), script
    return importlib.import_module(f"trl.scripts.{script}").make_parser(), script


def launched(start):
    """What accelerate is started with, as `trl` makes it of what its own script does not know."""
    words = start.split()
    by_trl, direct = words[4:], words[2 : words.index("--config") - 1]  # behind or before `SCRIPT --config FILE`
    words = resolve_accelerate_config_argument(by_trl) if words[0] == "trl" else direct
    return launch_command_parser().parse_args([*map(str, words), "script.py"])


def quantization(found):
    if found is None:
        return "none"
    if found.load_in_8bit:
        return "int8"
    return "nf4-dq" if found.bnb_4bit_use_double_quant else found.bnb_4bit_quant_type


def read(path, request):
    parser, script = parser_of(request["command"])
    extra = ["--use_cpu", "true"]  # this machine has no card; the file is read as it stands
    scripts, arguments, model, *_ = parser.parse_args_and_config(
        ["--config", path, *extra], fail_with_unknown_args=True
    )
    processes = launched(request["start"]).num_processes
    if (processes or 1) != request["gpus"]:
        raise ValueError(f"started with {processes} processes for {request['gpus']} cards")
    values = trainer_values(arguments)
    peft = get_peft_config(model)
    values |= {
        "model": model.model_name_or_path,
        "dataset": scripts.dataset_name,
        "attn_implementation": model.attn_implementation,
        "objective": script if getattr(arguments, "loss_type", None) != "simpo" else "simpo",
        "quantization": quantization(get_quantization_config(model)),
        "max_length": getattr(arguments, "max_length", None),
        "packing": getattr(arguments, "packing", False),
        "beta": getattr(arguments, "beta", None),
        "num_generations": getattr(arguments, "num_generations", None),
        "max_completion_length": getattr(arguments, "max_completion_length", None),
        "reward_funcs": getattr(scripts, "reward_funcs", None),
        "adapter": "full" if peft is None else "dora" if peft.use_dora else "lora",
    }
    if script == "grpo":
        values["generation_batch_size"] = arguments.generation_batch_size
    if peft is not None:
        targets = peft.target_modules
        values |= {
            "lora_r": peft.r,
            "lora_alpha": peft.lora_alpha,
            "lora_dropout": peft.lora_dropout,
            "use_rslora": peft.use_rslora,
            "target_modules": targets if isinstance(targets, str) else sorted(targets),
        }
    return values


serve(read)
