"""What people write for types, quantisers and optimizers → numbers, with the source of each figure."""

from __future__ import annotations

from tool.memory.setup import Optimizer, Packing

WIDTHS = {"bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2, "half": 2, "fp32": 4, "float32": 4, "tf32": 4, "fp8": 1}

PACKINGS = {
    # bitsandbytes: 4-bit codes; one fp32 scale per 64 weights
    "nf4": Packing(0.5, 4 / 64),
    "fp4": Packing(0.5, 4 / 64),
    # double quantisation: 8-bit scales per 64, one fp32 per 256 of them (QLoRA paper, section 3)
    "nf4-dq": Packing(0.5, 1 / 64 + 4 / (64 * 256)),
    "int8": Packing(1.0, 4 / 4096),
    # groups of 128: fp16 scale, packed zero point (GPTQ and AWQ checkpoints as published)
    "gptq-int4": Packing(0.5, 2.5 / 128),
    "gptq-int8": Packing(1.0, 3.0 / 128),
    "awq-int4": Packing(0.5, 2.5 / 128),
    "hqq4": Packing(0.5, 4 / 64),
    "mxfp4": Packing(0.5, 1 / 32),
    "fp8": Packing(1.0, 4 / (128 * 128)),
    "eetq": Packing(1.0, 2 / 4096),
    "2bit": Packing(0.25, 4 / 64),
    "3bit": Packing(0.375, 4 / 64),
}
BITSANDBYTES = ("nf4", "fp4", "nf4-dq", "int8")
"""Packed while the model is loaded, linear module by linear module."""
UPCAST_BY_PREPARATION = BITSANDBYTES
"""prepare_model_for_kbit_training widens the rest of the model only for bitsandbytes quantisers (peft 0.21)."""

_EIGHT_BIT = 2 * (1 + 4 / 256)
_OPTIMIZERS = {
    "adamw": Optimizer("adamw", relative=2.0, temporary=1.0),
    "adamw_fused": Optimizer("adamw_fused", relative=2.0),
    "adamw_loop": Optimizer("adamw_loop", relative=2.0, largest=2.0),
    # bitsandbytes: one byte each for both moments, one fp32 scale per block of 256
    "adamw_8bit": Optimizer("adamw_8bit", fixed=_EIGHT_BIT),
    "adamw_4bit": Optimizer("adamw_4bit", fixed=2 * (0.5 + 4 / 128)),
    "sgd": Optimizer("sgd"),
    "sgd_momentum": Optimizer("sgd_momentum", relative=1.0),
    "lion": Optimizer("lion", relative=1.0, largest=1.0),
    "lion_8bit": Optimizer("lion_8bit", fixed=_EIGHT_BIT / 2),
    "adagrad": Optimizer("adagrad", relative=1.0, largest=1.0),
    "adafactor": Optimizer("adafactor", factored=True, largest_fixed=16.0),
    "muon": Optimizer("muon", relative=1.0, largest=4.0),
    "galore": Optimizer("galore", relative=0.25, largest=2.0),
    "galore_8bit": Optimizer("galore_8bit", fixed=0.25, largest=2.0),
}


def width_of(text: str | None) -> int | None:
    """Bytes of the type that a text begins with or names; None when it names none."""
    if text is None:
        return None
    lowered = text.casefold()
    found = [(lowered.find(name), -len(name), width) for name, width in WIDTHS.items() if name in lowered]
    return min(found)[2] if found else None


def quantiser_of(text: str | None) -> str | None:
    """Our name of a quantiser; "none" when nothing is quantised, None when the word is unknown."""
    if text is None:
        return None
    lowered = text.casefold().replace("_", "-")
    if lowered in PACKINGS:
        return lowered
    if lowered in ("none", "no", "false", "") or "float8" in lowered:
        return "none"
    rules = (
        (("dq", "double"), "nf4-dq"),
        (("nf4", "bnb-4bit", "bnb4", "4bit", "4-bit", "int4-bnb"), "nf4"),
        (("gptq-int8", "gptq8"), "gptq-int8"),
        (("gptq",), "gptq-int4"),
        (("awq",), "awq-int4"),
        (("hqq",), "hqq4"),
        (("mxfp4",), "mxfp4"),
        (("8bit", "8-bit", "int8", "llm.int8"), "int8"),
        (("fp8",), "fp8"),
        (("int4",), "nf4"),
    )
    return next((name for words, name in rules if any(word in lowered for word in words)), None)


def optimizer_of(text: str, adamw: str) -> Optimizer | None:
    """What a named optimizer keeps. `adamw`: which implementation plain AdamW means here. None: unknown word."""
    lowered = text.casefold().replace("-", "_")
    eight = "8bit" in lowered or "8_bit" in lowered
    paged = "paged" in lowered
    name = _optimizer_name(lowered, eight, adamw)
    if name is None:
        return None
    optimizer = _OPTIMIZERS[name]
    if not paged:
        return optimizer
    return Optimizer(f"paged_{name}", fixed=optimizer.fixed, relative=optimizer.relative, paged=True)


def _optimizer_name(lowered: str, eight: bool, adamw: str) -> str | None:
    if "galore" in lowered or "apollo" in lowered:
        return "galore_8bit" if eight else "galore"
    if "adafactor" in lowered:
        return "adafactor"
    if "lion" in lowered:
        return "lion_8bit" if eight else "lion"
    if "muon" in lowered:
        return "muon"
    if "adagrad" in lowered:
        return "adagrad"
    if "sgd" in lowered:
        return "sgd_momentum" if "momentum" in lowered else "sgd"
    if "adam" in lowered:
        if eight or "bnb" in lowered:
            return "adamw_8bit"
        if "4bit" in lowered:
            return "adamw_4bit"
        kind = next((word for word in ("fused", "foreach", "loop") if word in lowered.replace("=false", "")), adamw)
        if "foreach=false" in lowered:
            kind = "loop"
        return {"foreach": "adamw", "fused": "adamw_fused", "loop": "adamw_loop"}[kind]
    return None
