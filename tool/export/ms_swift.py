"""ms-swift's YAML (`swift sft FILE`), keys of 4.6."""

from __future__ import annotations

from tool.export.engine import DTYPES, Framework, Key, Native, Plan, group, sixteen_bit
from tool.recommend.lengths import answer_tokens

_ATTENTION = {"sdpa": "sdpa", "flash_attention_2": "flash_attn", "eager": "eager"}
KEYS = (
    Key("max_length", "max_length", "tokens"),
    Key("packing", "packing"),
    Key("learning_rate", "learning_rate"),
    Key("per_device_train_batch_size", "per_device_train_batch_size", "sequences"),
    Key("gradient_accumulation_steps", "gradient_accumulation_steps"),
    Key("num_train_epochs", "num_train_epochs", "epochs"),
    Key("max_steps", "max_steps", "steps"),
    Key("lr_scheduler_type", "lr_scheduler_type"),
    Key("warmup_ratio", "warmup_ratio", "share of all steps"),
    Key("weight_decay", "weight_decay"),
    Key("max_grad_norm", "max_grad_norm"),
    Key("optim", "optim"),
    Key("gradient_checkpointing", "gradient_checkpointing"),
    Key("attn_implementation", "attn_impl", write=lambda value: _ATTENTION.get(value, value)),
    Key("seed", "seed"),
    Key("lora_r", "lora_rank"),
    Key("lora_alpha", "lora_alpha", write=int),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "use_rslora"),
)
_COLUMNS = {
    "prompt_answer": {"prompt": "query", "answer": "response"},
    "document_summary": {"document": "query", "summary": "response"},
    "text": {"text": "response"},
}
"""Data format → our role → the column that ms-swift looks for; Alpaca's columns and messages it knows by itself."""
_BY_OLDER_NAMES = ("llama-3.1-",)
"""Models that ms-swift 4.6 knows as Meta-Llama-… only; by their architecture it would take Llama 2's chat template."""
_COMMANDS = {"sft": "swift sft", "cpt": "swift pt"}


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    config |= {"model": plan.model, "use_hf": True, "output_dir": "outputs"}
    if plan.model.split("/")[-1].lower().startswith(_BY_OLDER_NAMES):
        config |= {"model_type": "llama", "template": "llama3_2"}
    config["tuner_type"] = "full" if plan.adapter == "full" else "lora"
    native.command = _COMMANDS.get(plan.objective, "swift rlhf")
    native.start = f"NPROC_PER_NODE={plan.gpus} {native.command} FILE"
    native.launch = {"env.NPROC_PER_NODE": plan.gpus}
    _data(plan, native)
    if config.get("packing") and plan.values.get("attn_implementation") != "flash_attention_2":
        config["packing"] = False
        native.lost["packing"] = "ms-swift packs with FlashAttention only (attn_impl: flash_attn), and this is without"
    sixteen_bit(plan, native, "torch_dtype", DTYPES)
    if plan.objective not in _COMMANDS:
        config["rlhf_type"] = plan.objective
        if "beta" in values:
            config["beta"] = values["beta"]
    if plan.objective == "grpo":
        group(plan, native)
        config["max_length"] = int(values["max_length"]) - answer_tokens(values)  # of the prompt, in reinforcement
        config["reward_funcs"] = ["accuracy"]
        native.lost["reward"] = "accuracy compares with a column `solution`: name a reward of your own"
    if plan.adapter != "full":
        _adapter(plan, native)
    if plan.sharding in ("fsdp", "zero2"):
        config["fsdp"] = "fsdp2"
        if not plan.values.get("gradient_checkpointing", True):
            native.lost["gradient_checkpointing"] = "fsdp2 recomputes activations in any case"
    if plan.sharding == "zero2":
        native.lost["sharding"] = "fsdp2 shares out the weights too: less memory than ours, and more traffic"


def _data(plan: Plan, native: Native) -> None:
    data, config = plan.data, native.config
    config["dataset"] = [f"{data.name}:{data.config}" if data.config else data.name]
    roles = _COLUMNS.get(data.format, {})
    columns = {data.column(role): name for role, name in roles.items() if data.column(role) != name}
    config |= {f"columns.{ours}": theirs for ours, theirs in columns.items()}
    if data.split != "train":
        native.lost["data"] = f"ms-swift reads the split train; this data set's is {data.split}: register it"
    if data.format == "preference":
        native.lost["data"] = "ms-swift reads messages (the chosen conversation) and rejected_response"
        if plan.objective == "kto":
            native.lost["data"] = "ms-swift's KTO reads columns messages and label (true or false): split pairs first"


def _adapter(plan: Plan, native: Native) -> None:
    config = native.config
    targets = plan.values.get("target_modules", "all-linear")
    config["target_modules"] = [targets] if isinstance(targets, str) else list(targets)
    if plan.adapter == "dora":
        config["use_dora"] = True
    if plan.quantization in ("nf4", "nf4-dq"):
        config |= {"quant_method": "bnb", "quant_bits": 4, "bnb_4bit_quant_type": "nf4"}
        config["bnb_4bit_use_double_quant"] = plan.quantization == "nf4-dq"
    elif plan.quantization == "int8":
        config |= {"quant_method": "bnb", "quant_bits": 8}


FRAMEWORK = Framework(
    "ms-swift",
    "ms-swift",
    "4.6.0",
    "ms_swift",
    frozenset({"sft", "cpt", "dpo", "kto", "orpo", "simpo", "grpo"}),
    KEYS,
    shape,
    frozenset({"precision", "quantization", "target_modules", "beta", "num_generations"}),
)
