"""Every rule speaks where it should and is silent where it should not."""

from __future__ import annotations

from typing import Any

import pytest

from tool.lint.catalog import RULES
from tool.tests.lint.conftest import Linter

AXOLOTL = """\
base_model: meta-llama/Llama-3.1-8B-Instruct
adapter: lora
lora_r: 16
lora_alpha: 32
sequence_len: 2048
micro_batch_size: 2
gradient_accumulation_steps: 8
num_epochs: 1
learning_rate: 0.0002
lr_scheduler: cosine
optimizer: adamw_torch
bf16: true
gradient_checkpointing: true
datasets:
  - path: tatsu-lab/alpaca
    type: alpaca
"""
TRL = """\
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
dataset_name: trl-lib/Capybara
learning_rate: 2.0e-4
per_device_train_batch_size: 2
gradient_accumulation_steps: 8
num_train_epochs: 1
max_length: 2048
lr_scheduler_type: cosine
use_peft: true
lora_r: 16
lora_alpha: 32
bf16: true
"""
LLAMAFACTORY = """\
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 16
lora_alpha: 32
lora_target: all
dataset: alpaca
template: qwen
cutoff_len: 2048
output_dir: out
per_device_train_batch_size: 2
gradient_accumulation_steps: 8
learning_rate: 2.0e-4
num_train_epochs: 1.0
lr_scheduler_type: cosine
bf16: true
"""
DPO = TRL.replace("2.0e-4", "5.0e-6") + "beta: 0.1\nprecompute_ref_log_probs: false\n"
KTO = DPO.replace("precompute_ref_log_probs: false", "desirable_weight: 1.0")
GRPO = TRL.replace("2.0e-4", "1.0e-5") + "num_generations: 8\nmax_completion_length: 512\n"
UNSLOTH = """\
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Llama-3.1-8B-Instruct", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=32, target_modules=["q_proj", "v_proj"])
trainer = SFTTrainer(model=model, train_dataset=rows, args=SFTConfig(
    per_device_train_batch_size=2, gradient_accumulation_steps=8, learning_rate=2e-4, num_train_epochs=1, bf16=True))
"""
OUMI = """\
model: {model_name: Qwen/Qwen2.5-7B-Instruct, model_max_length: 2048, torch_dtype_str: bfloat16}
data: {train: {datasets: [{dataset_name: text_sft_jsonl}]}}
training:
  trainer_type: TRL_SFT
  use_peft: true
  learning_rate: 2.0e-4
  per_device_train_batch_size: 2
  gradient_accumulation_steps: 8
  num_train_epochs: 1
peft: {lora_r: 16, lora_alpha: 32}
"""
SOUND = {"axolotl": AXOLOTL, "trl": TRL, "llamafactory": LLAMAFACTORY, "oumi": OUMI, "unsloth": UNSLOTH}
SOUND |= {"trl dpo": DPO, "trl kto": KTO, "trl grpo": GRPO}

# rule, framework, sound text, what is put in its place (old → new), options of the run, key that is told
CASES: list[tuple[str, str, str, tuple[str, str], dict[str, Any], str]] = [
    ("unknown-key", "axolotl", AXOLOTL, ("micro_batch_size", "micro_batchsize"), {}, "micro_batchsize"),
    ("renamed-key", "trl", TRL, ("max_length", "max_seq_length"), {}, "max_seq_length"),
    ("duplicate-key", "axolotl", AXOLOTL, ("lora_r: 16", "lora_r: 16\nlora_r: 8"), {}, "lora_r"),
    ("wrong-type", "trl", TRL, ("2.0e-4", "fast"), {}, "learning_rate"),
    ("unknown-choice", "trl", TRL, ("cosine", "cosin"), {}, "lr_scheduler_type"),
    ("out-of-range", "llamafactory", LLAMAFACTORY, ("2.0e-4", "2"), {}, "learning_rate"),
    ("out-of-range", "trl", TRL, ("batch_size: 2", "batch_size: 0"), {}, "per_device_train_batch_size"),
    ("two-precisions", "trl", TRL, ("bf16: true", "bf16: true\nfp16: true"), {}, "fp16"),
    (
        "two-quantisations",
        "axolotl",
        AXOLOTL,
        ("bf16", "load_in_4bit: true\nload_in_8bit: true\nbf16"),
        {},
        "load_in_8bit",
    ),
    ("quantised-full", "trl", TRL, ("use_peft: true", "load_in_4bit: true"), {}, "load_in_4bit"),
    ("quantised-full", "llamafactory", LLAMAFACTORY, (": lora", ": full\nquantization_bit: 4"), {}, "quantization_bit"),
    (
        "quantised-full",
        "unsloth",
        UNSLOTH,
        ("load_in_4bit=True", "load_in_4bit=True, full_finetuning=True"),
        {},
        "FastLanguageModel.from_pretrained.load_in_4bit",
    ),
    ("adapter-without-rank", "axolotl", AXOLOTL, ("lora_r: 16\n", ""), {}, "adapter"),
    ("adapter-unused", "trl", TRL, ("use_peft: true\n", ""), {}, "lora_r"),
    ("adapter-unused", "oumi", OUMI, ("use_peft: true", "use_peft: false"), {}, "peft.lora_r"),
    ("adapter-unused", "axolotl", AXOLOTL, ("adapter: lora\n", ""), {}, "lora_r"),
    ("target-missing", "trl", TRL, ("lora_r", "lora_target_modules: [c_attn]\nlora_r"), {}, "lora_target_modules"),
    ("scaling-odd", "axolotl", AXOLOTL, ("lora_alpha: 32", "lora_alpha: 512"), {}, "lora_alpha"),
    ("scaling-odd", "axolotl", AXOLOTL, ("lora_alpha: 32", "lora_alpha: 0"), {}, "lora_alpha"),
    ("steps-and-epochs", "trl", TRL, ("max_length", "max_steps: 100\nmax_length"), {}, "num_train_epochs"),
    ("two-warmups", "axolotl", AXOLOTL, ("bf16", "warmup_steps: 10\nwarmup_ratio: 0.1\nbf16"), {}, "warmup_ratio"),
    ("warmup-ignored", "llamafactory", LLAMAFACTORY, ("cosine", "constant\nwarmup_ratio: 0.1"), {}, "warmup_ratio"),
    ("warmup-too-long", "trl", TRL, ("max_length", "max_steps: 50\nwarmup_steps: 60\nmax_length"), {}, "warmup_steps"),
    ("warmup-too-long", "trl", TRL, ("max_length", "warmup_steps: 60\nmax_length"), {"rows": 160}, "warmup_steps"),
    ("endless-stream", "llamafactory", LLAMAFACTORY, ("do_train", "streaming: true\ndo_train"), {}, "streaming"),
    ("two-shardings", "axolotl", AXOLOTL, ("bf16", "deepspeed: zero2.json\nfsdp: [full_shard]\nbf16"), {}, "fsdp"),
    ("fsdp-quantised", "trl", TRL, ("bf16", "load_in_4bit: true\nfsdp: full_shard\nbf16"), {}, "load_in_4bit"),
    (
        "cache-with-checkpointing",
        "trl",
        TRL,
        ("bf16", "gradient_checkpointing: true\nuse_cache: true\nbf16"),
        {},
        "use_cache",
    ),
    ("evaluation-without-set", "axolotl", AXOLOTL, ("bf16", "val_set_size: 0\neval_steps: 50\nbf16"), {}, "eval_steps"),
    (
        "evaluation-without-set",
        "oumi",
        OUMI,
        ("  use_peft", "  eval_strategy: steps\n  use_peft"),
        {},
        "training.eval_strategy",
    ),
    (
        "evaluation-without-set",
        "unsloth",
        UNSLOTH,
        ("bf16", 'eval_strategy="steps", bf16'),
        {},
        "SFTConfig.eval_strategy",
    ),
    ("best-model-strategy", "trl", TRL, ("bf16", "load_best_model_at_end: true\nbf16"), {}, "load_best_model_at_end"),
    (
        "best-model-strategy",
        "trl",
        TRL,
        ("bf16", "load_best_model_at_end: true\neval_strategy: steps\neval_steps: 100\nsave_steps: 150\nbf16"),
        {},
        "load_best_model_at_end",
    ),
    ("packing-unsupported", "trl", DPO, ("bf16", "packing: true\nbf16"), {"name": "dpo.yaml"}, "packing"),
    ("packing-attention", "trl", TRL, ("bf16", "packing: true\nattn_implementation: eager\nbf16"), {}, "packing"),
    ("packing-grouping", "trl", TRL, ("bf16", "packing: true\ngroup_by_length: true\nbf16"), {}, "group_by_length"),
    ("beta-missing", "trl", DPO, ("beta: 0.1\n", ""), {}, "beta"),
    ("group-size", "trl", GRPO, ("num_generations: 8", "num_generations: 1"), {}, "num_generations"),
    ("group-size", "trl", GRPO, ("num_generations: 8", "num_generations: 7"), {"gpus": 1}, "num_generations"),
    ("odd-kto-batch", "trl", KTO, ("batch_size: 2", "batch_size: 1"), {}, "per_device_train_batch_size"),
    ("loss-type", "trl", DPO, ("beta", "loss_type: simpo\nbeta"), {}, "loss_type"),
    (
        "template-missing",
        "axolotl",
        AXOLOTL,
        ("8B-Instruct", "8B"),
        {"also": ("type: alpaca", "type: chat_template")},
        "datasets.0.type",
    ),
    (
        "pad-is-eos",
        "unsloth",
        UNSLOTH,
        (
            "trainer =",
            "tokenizer.pad_token = tokenizer.eos_token\nc = DataCollatorForLanguageModeling(mlm=False)\ntrainer =",
        ),
        {},
        "tokenizer.pad_token",
    ),
    ("card-lacks-bf16", "trl", TRL, ("", ""), {"gpu": "T4"}, "bf16"),
    (
        "card-lacks-flash",
        "trl",
        TRL,
        ("bf16", "attn_implementation: flash_attention_2\nbf16"),
        {"gpu": "T4"},
        "attn_implementation",
    ),
    ("card-lacks-tf32", "trl", TRL, ("bf16: true", "fp16: true\ntf32: true"), {"gpu": "T4"}, "tf32"),
    ("too-long-for-model", "axolotl", AXOLOTL, ("2048", "200000"), {}, "sequence_len"),
    ("memory", "trl", TRL, ("batch_size: 2", "batch_size: 64"), {"gpu": "RTX-3060"}, "per_device_train_batch_size"),
    ("rate-for-adapter", "trl", TRL, ("use_peft: true\nlora_r: 16\nlora_alpha: 32\n", ""), {}, "learning_rate"),
    ("rate-for-adapter", "axolotl", AXOLOTL, ("0.0002", "0.000002"), {}, "learning_rate"),
    ("unusual-value", "axolotl", AXOLOTL, ("0.0002", "0.02"), {}, "learning_rate"),
    ("unusual-value", "trl", DPO, ("5.0e-6", "2.0e-4"), {}, "learning_rate"),
    ("unusual-value", "trl", TRL, ("bf16", "weight_decay: 0.9\nbf16"), {}, "weight_decay"),
    ("many-passes", "axolotl", AXOLOTL, ("num_epochs: 1", "num_epochs: 60"), {}, "num_epochs"),
    ("many-passes", "trl", TRL, ("num_train_epochs: 1", "max_steps: 5000"), {"rows": 1000}, "max_steps"),
    ("batch-above-rows", "trl", TRL, ("", ""), {"rows": 10}, "per_device_train_batch_size"),
]
UNTESTED_HERE = {"card-lacks-nf4"}
"""No card of the registry lacks the 4-bit kernels and has a name that could be written here."""


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_configuration_is_clean(name: str, linted: Linter) -> None:
    """No error and no warning, on a card that it fits."""
    file = "run.py" if name == "unsloth" else f"{name.split()[-1]}.yaml"
    report = linted(SOUND[name], name.split()[0], file, gpu="A100-80GB")
    assert [finding.text for finding in report.findings if finding.level != "note"] == []
    assert report.memory is not None and report.memory.verdict == "fits"


@pytest.mark.parametrize(("rule", "framework", "text", "change", "options", "key"), CASES)
def test_a_rule_speaks(
    rule: str, framework: str, text: str, change: tuple[str, str], options: dict[str, Any], key: str, linted: Linter
) -> None:
    """One change to a sound file brings one finding of the rule, at the line of the key, with a mend."""
    options = dict(options)
    name = options.pop("name", "run.py" if framework == "unsloth" else "run.yaml")
    for old, new in (change, options.pop("also", ("", ""))):
        assert old in text
        text = text.replace(old, new, 1) if old else text
    found = [finding for finding in linted(text, framework, name, **options).findings if finding.rule == rule]
    assert [finding.key for finding in found] == [key]
    if found[0].line and framework != "unsloth":
        assert key.rsplit(".", 1)[-1] in text.split("\n")[found[0].line - 1]
    assert found[0].message and (found[0].mend or rule == "card-lacks-bf16")


def test_every_rule_has_a_purpose_and_a_case() -> None:
    """The catalogue and these cases name the same rules."""
    assert {case[0] for case in CASES} | UNTESTED_HERE == set(RULES)
    assert all(purpose.endswith(".") for purpose in RULES.values())


def test_a_card_without_four_bit_kernels_is_told(linted: Linter, knowledge: tuple[Any, Any]) -> None:
    """Where the registry says that bitsandbytes has none, loading in four bits is an error."""
    lacking = [gpu.id for gpu in knowledge[0].gpus if not gpu.bitsandbytes_nf4]
    text = AXOLOTL.replace("adapter: lora", "adapter: qlora\nload_in_4bit: true")
    for gpu in lacking:
        report = linted(text, "axolotl", gpu=gpu)
        assert "card-lacks-nf4" in {finding.rule for finding in report.findings}
    assert "card-lacks-nf4" not in {finding.rule for finding in linted(text, "axolotl", gpu="A100-80GB").findings}


SWIFT_GRPO = """NNODES=$WORLD_SIZE NPROC_PER_NODE=8 swift rlhf --rlhf_type grpo --model Qwen/Qwen2.5-7B-Instruct \\
  --tuner_type full --torch_dtype bfloat16 --learning_rate 1e-6 \\
  --per_device_train_batch_size 4 --gradient_accumulation_steps 1 --num_generations 48
"""


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        (("", ""), {}, False),
        (("NNODES=$WORLD_SIZE ", ""), {}, True),
        (("$WORLD_SIZE", "1"), {}, True),
        (("", ""), {"gpus": 8}, True),
        (("--num_generations 48", "--num_generations 1 --teacher_model Qwen/Qwen2.5-32B-Instruct"), {}, False),
        (("--num_generations 48", "--num_generations 1"), {}, True),
    ],
)
def test_groups_are_judged_where_they_can_be(
    change: tuple[str, str], options: dict[str, Any], told: bool, linted: Linter
) -> None:
    """A cluster that is sized elsewhere and distillation from a teacher are published practice, not errors."""
    report = linted(SWIFT_GRPO.replace(*change), "ms-swift", "grpo.sh", **options)
    assert ("group-size" in {finding.rule for finding in report.findings}) == told


def test_practice_states_its_evidence(linted: Linter) -> None:
    """The finding says how many publishers choose what, so that a reader can weigh it."""
    (found,) = [f for f in linted(AXOLOTL.replace("0.0002", "0.02")).findings if f.rule == "unusual-value"]
    assert "choices of" in found.message and "publishers" in found.message


def test_what_is_offered_does_fit(linted: Linter) -> None:
    """The first change that is offered, made in the file, makes the run fit."""
    heavy = TRL.replace("batch_size: 2", "batch_size: 32")
    (found,) = [item for item in linted(heavy, "trl", gpu="RTX-4090").findings if item.rule == "memory"]
    assert "micro-batch" in found.mend or "together" in found.mend
    report = linted(heavy.replace("batch_size: 32", "batch_size: 1"), "trl", gpu="RTX-4090")
    assert report.memory is not None and report.memory.verdict == "fits"


def test_memory_is_what_fit_says(linted: Linter, knowledge: tuple[Any, Any]) -> None:
    """The same configuration asked of `ftc fit` has the same forecast."""
    from tool.memory import fit
    from tool.schema.fit import FitRequest

    asked = {"model": "Qwen/Qwen2.5-7B-Instruct", "method": "lora", "framework": "trl-1.16.0", "gpu": "RTX-4090"}
    asked |= {"micro_batch": 2, "seq_len": 2048, "lora_r": 16, "dtype": "bf16", "seq_len_kind": "padded-max"}
    answer = fit(knowledge[0], FitRequest.model_validate(asked))
    report = linted(TRL, "trl", gpu="RTX-4090")
    assert report.memory is not None
    assert (report.memory.upper_gib, report.memory.verdict) == (answer.upper_gib, answer.verdict)
