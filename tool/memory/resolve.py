"""A request → a setup. Whatever is null or unknown is filled from the framework's profile, and said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from tool.architecture import architecture_for_size, architecture_from_config, inventory, resolve
from tool.architecture.hugging_face import UnsupportedArchitecture, is_approximate
from tool.architecture.inventory import Inventory
from tool.load import Repo
from tool.memory.frameworks import framework_of
from tool.memory.layers import Numbers
from tool.memory.setup import Loss, Optimizer, Setup
from tool.memory.shapes import HEADS, split_targets
from tool.memory.vocabulary import PACKINGS, UPCAST_BY_PREPARATION, optimizer_of, quantiser_of, width_of
from tool.schema.fit import FitRequest
from tool.schema.framework import Framework
from tool.schema.model import Architecture

PAIRED = ("dpo", "orpo", "simpo", "cpo", "preference", "reward")
KNOWN_METHODS = ("full", "lora", "qlora", "dora")


@dataclass
class Notes:
    """What was assumed, in the order in which it was decided, and why no verdict can be given."""

    assumed: list[str] = field(default_factory=list)
    abstain: str | None = None
    unsure: bool = False

    def fill(self, name: str, value: object, why: str) -> None:
        self.assumed.append(f"{name}: {value} ({why})")


@dataclass(frozen=True)
class Subject:
    """What is trained: its architecture, and whether that is known or a stand-in."""

    architecture: Architecture
    counted: Inventory
    known: bool


def subject_of(repo: Repo, request: FitRequest, notes: Notes) -> Subject | None:
    """The network of a request. None when nothing says how large it is."""
    if request.model is not None:
        model = resolve(repo, request.model)
        if model is not None:
            return _counted(model.architecture, True)
    if request.model_config_ is not None:
        found = _from_config(request, notes)
        if found is not None:
            return found
    if request.params_b is not None:
        notes.fill(
            "architecture", f"a dense decoder of {request.params_b:g} billion parameters", "the model is unknown"
        )
        notes.unsure = True
        notes.abstain = "the architecture is unknown: only a bound from the parameter count"
        return _counted(_for_size(request.params_b * 1e9), False)
    return None


def _from_config(request: FitRequest, notes: Notes) -> Subject | None:
    try:
        architecture, remarks = architecture_from_config(request.model_config_ or {})
    except UnsupportedArchitecture as error:
        notes.abstain = str(error)
        return None
    for remark in remarks:
        notes.fill("architecture", architecture.model_type, remark)
    if is_approximate(remarks):
        notes.unsure = True
        notes.abstain = f"the architecture is not known exactly: {remarks[0]}"
    return _counted(architecture, notes.abstain is None)


@lru_cache(maxsize=512)
def _for_size(parameters: float) -> Architecture:
    return architecture_for_size(parameters=parameters)


@lru_cache(maxsize=512)
def _counted(architecture: Architecture, known: bool) -> Subject:
    return Subject(architecture, inventory(architecture), known)


def setup_of(repo: Repo, request: FitRequest, notes: Notes) -> Setup | None:
    """Everything that decides memory but micro-batch and length. None when the network is unknown."""
    subject = subject_of(repo, request, notes)
    if subject is None:
        return None
    return _Resolver(repo.root, request, subject, notes).setup()


def profile_wide(profile: Framework) -> bool:
    """Whether Liger means all of its kernels, or the fused loss alone."""
    return profile.liger_fuses_layers


class _Resolver:
    def __init__(self, root: Path, request: FitRequest, subject: Subject, notes: Notes) -> None:
        self.request, self.subject, self.notes = request, subject, notes
        self.profile, known = framework_of(root, request.framework)
        self.profile_known = known or request.framework is None
        if not known:
            why = "not named" if request.framework is None else f"{request.framework!r} is not known"
            notes.fill("framework", self.profile.title, why)

    def default(self, name: str, value: object) -> None:
        self.notes.fill(name, value, f"default of {self.profile.title}")

    def setup(self) -> Setup:
        request, profile = self.request, self.profile
        method = self.method()
        quant = self.quant(method)
        width = self.width()
        sharding, gpus, ddp = self.sharding()
        masters = method == "full" and self.masters(width, sharding)
        autocast = self.autocast(method, masters, width)
        compute = 2 if autocast or masters else width
        # under FSDP the rest of the model keeps its type: flat parameters must be of one type
        upcast = quant in UPCAST_BY_PREPARATION and sharding != "fsdp" and self.kbit(method)
        base = 4 if masters and sharding != "zero2" and sharding != "zero3" else width
        sharded_masters = masters and sharding == "fsdp"
        hidden = 4 if upcast or (base == 4 and not sharded_masters) else compute
        zero_master = 4.0 if method == "full" and sharding in ("zero1", "zero2", "zero3") else 0.0
        fused = self.fused_kernels()
        numbers = Numbers(
            hidden=hidden,
            compute=compute,
            adapter=self.adapter_width(method, width),
            gradient=4 if base == 4 and method == "full" else width,
            autocast=autocast and not sharded_masters,
            frozen=method != "full",
            quantized=quant != "none",
            weight=base,
            layer_norm="layernorm" in self.subject.architecture.norm.casefold(),
            wide_norm=self.subject.architecture.model_type.startswith("gemma"),
            rank=0 if method == "full" else self.rank(),
            dropout=profile.lora_dropout,
            dora=method == "dora",
            fused_norm=bool(fused & {"rmsnorm", "layernorm", "compile"}),
            fused_rope=bool(fused & {"rope", "compile"}),
            fused_mlp=bool(fused & {"mlp", "swiglu", "geglu", "compile"}),
        )
        targets = () if method == "full" else self.targets()
        objective = (request.objective or request.task or "sft").casefold()
        kernel = self.attention()
        if kernel == "sdpa" and self.subject.architecture.model_type == "gemma2":
            kernel = "eager"  # SDPA cannot bend the scores, so transformers takes its eager path
        if kernel == "sdpa" and self.falls_back(hidden if quant != "none" else compute, numbers.autocast):
            kernel = "math"
        return Setup(
            architecture=self.subject.architecture,
            counted=self.subject.counted,
            method=method,
            numbers=numbers,
            packing=None if quant == "none" else PACKINGS[quant],
            base_width=float(base),
            kept_width=4.0 if upcast else float(base),
            targets=targets,
            expert_adapters=profile.expert_adapters,
            packed_experts=profile.packed_experts,
            full_copies=self.full_copies(targets),
            optimizer=self.optimizer(),
            checkpointing=self.checkpointing(),
            offload=self.offload(),
            kernel=kernel,
            expanded=kernel in ("eager", "math")
            or (kernel == "sdpa" and (profile.repeats_keys or (profile.grouped_sdpa and self.masked())))
            or self.subject.architecture.model_type in profile.repeats_keys_in,
            loss=self.loss(fused),
            sharding=sharding,
            gpus=gpus,
            sequences=2 if any(word in objective for word in PAIRED) else 1,
            reference_model=method == "full" and any(word in objective for word in ("dpo", "kto")),
            in_backward=bool(request.optimizer_in_backward),
            master_width=zero_master,
            cpu_offload=bool(request.cpu_offload) and request.cpu_offload not in ("none", "false"),
            generates="grpo" in objective or "ppo" in objective,
            ddp=ddp,
            root_apart=profile.fsdp_root == "apart",
            context_parallel=self.context_parallel(gpus),
            keeps_inputs=sharding == "fsdp" and method != "full" and profile.fsdp_keeps_inputs,
            expandable=profile.expandable_segments,
            expert_loop=profile.expert_loop,
            mixed_shapes=profile.mixed_shapes,
            constant_lengths=profile.constant_lengths,
            profile_known=self.profile_known,
            reentrant=profile.reentrant_checkpoints,
            head_adapted=method != "full" and any(name in HEADS[2:4] for name in targets),
        )

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
        return "none" if method == "full" else quant

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
            return "selective" if "selective" in text else "none"
        return "full" if given else "none"

    def offload(self) -> bool:
        if self.request.activation_offload is None:
            return self.profile.offloads_checkpoints
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
        if "liger" in names and profile_wide(self.profile):
            names |= {"rmsnorm", "rope", "mlp"}
        compiled = self.request.compile if self.request.compile is not None else self.profile.compile
        return names | ({"compile"} if compiled else set())

    def loss(self, fused: set[str]) -> Loss:
        profile: Framework = self.profile
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
