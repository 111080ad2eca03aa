"""What all probes share. A probe runs in a framework's own environment: it knows nothing of this repository.

It reads one JSON object a line, {"id", "text", "command", "start", "gpus"}, and writes one, {"id", "accepted", "error",
"read"}: whether the framework's own parser takes the file, and what its parsed objects then hold, by this project's
names. Packages are imported once, since that takes most of the time.
"""

import contextlib
import importlib.util
import json
import os
import sys
import tempfile
import traceback
from unittest import mock

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", WANDB_DISABLED="true")

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # frameworks print what they like


def serve(read):
    """Answer every line with `read(path, request)`; any exception of the framework is a refusal."""
    requests = [json.loads(line) for line in sys.stdin]
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for request in requests:
            with open("config.yaml", "w") as file:
                file.write(request["text"])
            answer = {"id": request["id"], "accepted": True, "error": None, "read": {}}
            try:
                with described(request["gpus"]):
                    answer["read"] = read("config.yaml", request)
            except (Exception, SystemExit) as error:
                lines = [f"{type(error).__name__}: {error}", *traceback.format_exc().splitlines()[-6:]]
                answer |= {"accepted": False, "error": "\n".join(lines)[:4000]}
            ANSWERS.write(json.dumps(answer, default=str) + "\n")
            ANSWERS.flush()


@contextlib.contextmanager
def described(gpus):
    """As many cards as the file is for: they are described, not asked, since checks of batches divide by them."""
    if importlib.util.find_spec("transformers") is None:
        yield
        return
    from transformers import TrainingArguments

    with mock.patch.object(TrainingArguments, "world_size", new_callable=mock.PropertyMock(return_value=gpus)):
        yield


def value_of(setting):
    """The plain value of an enumeration, else the thing itself."""
    return getattr(setting, "value", setting)


def precision(arguments):
    """bf16, fp16 or fp32, of the Hugging Face Trainer's flags."""
    return "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "fp32"


def trainer_values(arguments):
    """What transformers.TrainingArguments (and its children) hold."""
    warmup = arguments.warmup_steps
    share = warmup if 0 <= warmup < 1 else None
    old = getattr(arguments, "warmup_ratio", None)
    return {
        "learning_rate": arguments.learning_rate,
        "per_device_train_batch_size": arguments.per_device_train_batch_size,
        "gradient_accumulation_steps": arguments.gradient_accumulation_steps,
        "num_train_epochs": arguments.num_train_epochs,
        "max_steps": arguments.max_steps,
        "lr_scheduler_type": value_of(arguments.lr_scheduler_type),
        "warmup_ratio": old or share,
        "weight_decay": arguments.weight_decay,
        "max_grad_norm": arguments.max_grad_norm,
        "optim": value_of(arguments.optim),
        "gradient_checkpointing": bool(arguments.gradient_checkpointing),
        "seed": arguments.seed,
        "precision": precision(arguments),
        "fsdp": bool(arguments.fsdp) or bool(getattr(arguments, "fsdp_plugin_args", None)),
    }
