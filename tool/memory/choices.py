"""One question at a time: what a request says about a field, or what its framework does when it says nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tool.memory.frameworks import framework_of
from tool.memory.setup import Loss, Optimizer
from tool.memory.shapes import split_targets
from tool.memory.subject import Notes, Subject
from tool.memory.vocabulary import BITSANDBYTES, optimizer_of, quantiser_of, width_of
from tool.schema.fit import FitRequest

PAIRED = ("dpo", "orpo", "simpo", "cpo", "preference", "reward")
ENCODERS = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "deberta-v2", "modernbert")
_TRANSFORMERS = re.compile(r"transformers\W{0,2}([45])\b")
KNOWN_METHODS = ("full", "lora", "qlora", "dora")


class Choices:
    """The fields of one request, resolved. Whatever is filled or replaced is noted."""

    def __init__(self, root: Path, request: FitRequest, subject: Subject, notes: Notes) -> None:
        self.request, self.subject, self.notes = request, subject, notes
        self.profile, known = framework_of(root, request.framework)
        self.profile_known = request.framework is None or (known and self.profile.measured)
        if not known:
            why = "not named" if request.framework is None else f"{request.framework!r} is not known"
            notes.fill("framework", self.profile.title, why)

    def default(self, name: str, value: object) -> None:
        self.notes.fill(name, value, f"default of {self.profile.title}")

    def method(self) -> str:
        request = self.request
        text = (request.method or "").casefold()
        if text in KNOWN_METHODS:
            return text
        if request.method is None:
            packed = quantiser_of(request.quant) not in (None, "none")
            method = "qlora" if packed else "lora" if request.lora_r or request.lora_targets else "full"
            self.notes.fill("method", method, "not given")
            return method
        method = "lora" if any(word in text for word in ("lora", "adapter", "bone", "ia3", "oft", "vera")) else "full"
        self.notes.fill("method", method, f"{request.method!r} is priced as the nearest known method")
        return method

    def quant(self, method: str) -> str:
        quant = quantiser_of(self.request.quant)
        if quant is None:
            quant = self.profile.quant if method == "qlora" else "none"
            if self.request.quant is not None:
                self.notes.fill("quant", quant, f"{self.request.quant!r} is not known")
            elif method == "qlora":
                self.default("quant", quant)
        if quant == "none" and method == "qlora":
            quant = self.profile.quant
            self.notes.fill("quant", quant, "the method is qlora")
        if method == "full" and quant != "none":
            self.notes.fill("quant", "none", f"full fine-tuning trains whole weights, not {self.request.quant!r}")
            return "none"
        return quant

    def packed_experts(self, quant: str) -> bool:
        """Whether the quantiser packs the experts. bitsandbytes packs linear modules, which experts were up to
        transformers 4; from 5 on they are one parameter of three dimensions, and stay as they are.
        """
        experts = any(linear.role == "expert" for linear in self.subject.counted.linears)
        if quant not in BITSANDBYTES or not experts:
            return True
        generation = _TRANSFORMERS.search((self.request.framework or "").casefold())
        packed = self.profile.packed_experts if generation is None else generation[1] == "4"
        if self.request.framework is None:
            packed = False  # what one installs today
        if not packed:
            self.default("experts", "not quantised")
        return packed

    def width(self) -> int:
        width = width_of(self.request.dtype)
        if width is None or width == 1:
            self.default("dtype", "bf16")
            return 2
        return width

    def sharding(self) -> tuple[str, int, bool]:
        gpus = self.request.gpus or 1
        text = (self.request.sharding or "").casefold().replace("-", "").replace("_", "")
        if gpus == 1:
            return "none", 1, False
        if self.request.sharding is None:
            self.default("sharding", "ddp")
            return "none", gpus, True
        if text == "ddp" or "data" in text:
            return "none", gpus, True
        for name in ("zero1", "zero2", "zero3"):
            if name in text:
                return name, gpus, False
        if "fsdp" in text or "fullshard" in text or "deepspeed" in text:
            return "fsdp", gpus, False
        if text != "none":
            self.notes.fill("sharding", "ddp", f"{self.request.sharding!r} is not known")
            return "none", gpus, True
        return "split", gpus, False

    def context_parallel(self, gpus: int) -> int:
        """Ranks that share one sequence, where the framework splits long ones."""
        most, length = self.profile.tokens_per_rank, self.request.seq_len or 0
        ranks = 1
        while most and length > most * ranks and 2 * ranks <= gpus:
            ranks *= 2
        if ranks > 1:
            self.default("context parallelism", f"{ranks} GPUs share a sequence")
        return ranks

    def masters(self, width: int, sharding: str) -> bool:
        """Whether full fine-tuning keeps fp32 weights and computes in 16 bits."""
        request = self.request
        given = request.master_weights
        if given not in (None, False, "none", ""):
            return True
        if request.amp is not None and request.amp.casefold() in ("none", "no", "false"):
            return False
        if width == 4:
            return bool(request.amp) or "compute" in (request.dtype or "")
        if given is None and request.amp is None:
            wide = self.profile.full_weights == "masters" and sharding in ("none", "fsdp")
            self.default("full weights", "fp32 masters" if wide else "pure 16 bit")
            return wide
        return False

    def autocast(self, method: str, masters: bool, width: int) -> bool:
        amp = self.request.amp
        if amp is not None:
            return amp.casefold() not in ("none", "no", "false")
        if method == "full":
            return masters
        self.default("amp", self.profile.autocast)
        return self.profile.autocast and width != 4

    def kbit(self, method: str) -> bool:
        if method == "full":
            return False
        given = self.request.kbit_preparation
        if given is None:
            self.default("kbit_preparation", self.profile.kbit_preparation)
            return self.profile.kbit_preparation
        return given

    def adapter_width(self, method: str, width: int) -> int:
        if method == "full":
            return width
        given = width_of(self.request.adapter_dtype)
        if given is None:
            given = 4 if self.profile.adapter_dtype == "fp32" else width
            self.default("adapter_dtype", "fp32" if given == 4 else "that of the model")
        return given

    def rank(self) -> int:
        if self.request.lora_r is None:
            self.default("lora_r", self.profile.lora_r)
            return self.profile.lora_r
        return self.request.lora_r

    def targets(self) -> tuple[str, ...]:
        targets = split_targets(self.request.lora_targets)
        if not targets:
            self.default("lora_targets", self.profile.lora_targets)
            targets = split_targets(self.profile.lora_targets)
        return targets

    def full_copies(self, targets: tuple[str, ...]) -> int:
        """Parameters of embeddings and heads that are trained whole beside the adapters."""
        saved = self.request.modules_to_save
        names = [saved] if isinstance(saved, str) else list(saved or ())
        words = " ".join([*names, *targets])
        counted = self.subject.counted
        copies = counted.embedding if "embed" in words else 0
        if "lm_" in words:
            copies += counted.lm_head or (0 if copies else counted.embedding)
        return copies

    def optimizer(self) -> Optimizer:
        name = self.request.optimizer
        if name is None:
            name = self.profile.optimizer
            self.default("optimizer", name)
        found = optimizer_of(name, self.profile.adamw)
        if found is None:
            self.notes.fill("optimizer", "adamw", f"{name!r} is not known")
            found = optimizer_of("adamw", self.profile.adamw)
        assert found is not None
        return found

    def checkpointing(self) -> str:
        given = self.request.grad_checkpointing
        if given is None:
            given = self.profile.grad_checkpointing
            self.default("grad_checkpointing", given)
        if isinstance(given, str):
            text = given.casefold()
            if text in ("true", "full", "unsloth"):
                return "full"
            if "selective" not in text and text not in ("false", "none", "no", "off", ""):
                self.notes.fill("grad_checkpointing", False, f"{given!r} is not known")
            return "selective" if "selective" in text else "none"
        return "full" if given else "none"

    def offload(self, checkpointing: str) -> bool:
        if self.request.activation_offload is None:
            return self.profile.offloads_checkpoints and checkpointing == "full"
        return self.request.activation_offload

    def attention(self) -> str:
        text = (self.request.attention or "unknown").casefold()
        if "flash" in text or "xformers" in text:
            return "flash"
        if "sdpa" in text or "efficient" in text or "flex" in text:
            return "sdpa"
        if "eager" in text or "math" in text:
            return "eager"
        self.default("attention", self.profile.attention)
        return self.profile.attention

    def falls_back(self, width: int, autocast: bool) -> bool:
        """Whether SDPA has no fused kernel for these operands, and writes the scores out.

        Keys and values that are not repeated for every head need flash attention, which takes 16 bits only; with a
        padding mask transformers repeats them (integrations/sdpa_attention.py, `use_gqa_in_sdpa`). Falcon broadcasts
        its one key head, which no fused kernel takes.
        """
        architecture = self.subject.architecture
        grouped = architecture.num_attention_heads != architecture.num_key_value_heads
        if not grouped or architecture.latent_attention is not None:
            return False
        if architecture.model_type == "falcon":
            return True
        return self.profile.grouped_sdpa and width == 4 and not autocast and not self.masked()

    def masked(self) -> bool:
        """Whether attention gets a padding mask; a batch padded to its own longest row, alone in it, gets none."""
        return (self.request.seq_len_kind or "").casefold() == "padded"

    def fused_kernels(self) -> set[str]:
        names = {name.casefold() for name in (self.request.fused_kernels or ())}
        if self.request.fused_kernels is None and self.profile.fused_kernels:
            names = set(self.profile.fused_kernels)
            self.default("fused_kernels", ", ".join(sorted(names)))
        if "liger" in names and self.profile.liger_fuses_layers:
            names |= {"rmsnorm", "rope", "mlp"}
        compiled = self.request.compile if self.request.compile is not None else self.profile.compile
        return names | ({"compile"} if compiled else set())

    def classifies(self) -> bool:
        """Whether a head of a few classes stands in for the vocabulary: encoders, and classification by name."""
        objective = (self.request.objective or self.request.task or "").casefold()
        return "classif" in objective or self.subject.architecture.model_type in ENCODERS

    def loss(self, fused: set[str]) -> Loss:
        if self.classifies():
            return Loss("none")
        profile = self.profile
        chunked = self.request.chunked_or_fused_loss
        habit = profile.loss_when_chunked if chunked else profile.loss
        loss = Loss(**habit.model_dump())
        if "cut-cross-entropy" in fused:
            return replace(loss, kernel="cut")
        if "liger" in fused and chunked is not False and loss.kernel == "softmax":
            return replace(loss, kernel="fused_linear")
        paired = any(word in (self.request.objective or self.request.task or "").casefold() for word in PAIRED)
        if paired and loss.kernel == "softmax":
            loss = replace(loss, kernel="rowwise")
        if "ce" in fused and loss.kernel == "softmax":
            return replace(loss, kernel="in_place")
        if loss.kernel == "chunked" and "compile" in fused:
            return replace(loss, upcast=False)
        return loss
