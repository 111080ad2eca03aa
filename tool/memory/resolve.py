"""A request → a setup. Whatever is null or unknown is filled from the framework's profile, and said."""

from __future__ import annotations

from dataclasses import dataclass

from tool.load import Repo
from tool.memory.choices import PAIRED, Choices
from tool.memory.layers import Numbers
from tool.memory.setup import Setup
from tool.memory.subject import Notes, subject_of
from tool.memory.vocabulary import PACKINGS, UPCAST_BY_PREPARATION
from tool.schema.fit import FitRequest

__all__ = ["Notes", "setup_of"]


def setup_of(repo: Repo, request: FitRequest, notes: Notes) -> Setup | None:
    """Everything that decides memory but micro-batch and length. None when the network is unknown."""
    subject = subject_of(repo, request, notes)
    if subject is None:
        return None
    return _Resolver(repo.root, request, subject, notes).setup()


EAGER_ONLY = ("gemma2", "bloom", "mpt", "gptj", "gpt_oss", "deberta-v2")
"""Model types that SDPA cannot serve (bent scores, ALiBi, sinks): transformers 5.23 refuses it where it is named
(`_supports_sdpa` is False), and takes its eager path else."""
WIDE_NORMS = ("gemma", "olmo2", "olmo3", "gpt_oss", "qwen3_5", "qwen3_next")
"""Model types whose RMSNorm multiplies by the weight in fp32, before it narrows (transformers 5.23)."""


@dataclass(frozen=True)
class _Widths:
    """Bytes per number: weights as stored, what a quantiser leaves, matrix products, the residual stream."""

    base: int
    kept: int
    compute: int
    hidden: int
    autocast: bool


class _Resolver(Choices):
    """Puts the resolved fields together."""

    def setup(self) -> Setup:
        """Every field once, in the order in which they depend on each other."""
        request, profile, architecture = self.request, self.profile, self.subject.architecture
        method = self.method()
        quant = self.quant(method)
        sharding, gpus, ddp = self.sharding()
        widths = self.widths(method, quant, sharding)
        fused = self.fused_kernels()
        numbers = self.numbers(method, quant, widths, fused)
        targets = () if method == "full" else self.targets()
        objective = (request.objective or request.task or "sft").casefold()
        kernel = self.kernel(widths.hidden if quant != "none" else widths.compute, widths.autocast)
        checkpointing = self.checkpointing()
        zero = sharding in ("zero1", "zero2", "zero3")
        return Setup(
            architecture=architecture,
            counted=self.subject.counted,
            method=method,
            numbers=numbers,
            packing=None if quant == "none" else PACKINGS[quant],
            base_width=float(widths.base),
            kept_width=float(widths.kept),
            targets=targets,
            expert_adapters=profile.expert_adapters,
            packed_experts=self.packed_experts(quant),
            full_copies=self.full_copies(targets),
            head_adapted=method != "full" and bool({"lm_head", "output"} & set(targets)),
            optimizer=self.optimizer(),
            checkpointing=checkpointing,
            offload=self.offload(checkpointing),
            kernel=kernel,
            expanded=self.expanded(kernel),
            loss=self.loss(fused),
            sharding=sharding,
            gpus=gpus,
            ddp=ddp,
            sequences=2 if any(word in objective for word in PAIRED) else 1,
            reference_model=method == "full" and any(word in objective for word in ("dpo", "kto")),
            generates=any(word in objective for word in ("grpo", "ppo", "rloo")),
            in_backward=bool(request.optimizer_in_backward),
            master_width=4.0 if method == "full" and zero else 0.0,
            cpu_offload=bool(request.cpu_offload) and request.cpu_offload not in ("none", "false", "no"),
            root_apart=profile.fsdp_root == "apart",
            context_parallel=self.context_parallel(gpus),
            keeps_inputs=sharding == "fsdp" and method != "full" and profile.fsdp_keeps_inputs,
            reentrant=profile.reentrant_checkpoints,
            expert_loop=profile.expert_loop,
            expandable=profile.expandable_segments,
            mixed_shapes=profile.mixed_shapes,
            constant_lengths=profile.constant_lengths,
            profile_known=self.profile_known,
        )

    def widths(self, method: str, quant: str, sharding: str) -> _Widths:
        """Types of weights and activations. Sharded fp32 masters are gathered in 16 bits, so activations are narrow."""
        width = self.width()
        masters = method == "full" and self.masters(width, sharding)
        autocast = self.autocast(method, masters, width)
        compute = 2 if autocast or masters else width
        base = 4 if masters and not sharding.startswith("zero") else width
        # under FSDP the rest of a quantised model keeps its type: flat parameters must be of one type
        upcast = quant in UPCAST_BY_PREPARATION and sharding != "fsdp" and self.kbit(method)
        gathered = masters and sharding == "fsdp"
        hidden = 4 if upcast or (base == 4 and not gathered) else compute
        return _Widths(base, 4 if upcast else base, compute, hidden, autocast and not gathered)

    def numbers(self, method: str, quant: str, widths: _Widths, fused: set[str]) -> Numbers:
        """What one block needs to know."""
        architecture, full = self.subject.architecture, method == "full"
        return Numbers(
            hidden=widths.hidden,
            compute=widths.compute,
            weight=widths.base,
            adapter=self.adapter_width(method, widths.base),
            gradient=widths.base,
            autocast=widths.autocast,
            frozen=not full,
            quantized=quant != "none",
            rank=0 if full else self.rank(),
            dropout=self.profile.lora_dropout,
            dora=method == "dora",
            layer_norm="layernorm" in architecture.norm.casefold(),
            wide_norm=architecture.model_type.startswith(WIDE_NORMS),
            wide_layer_norm=architecture.model_type == "olmo",
            fused_norm=bool(fused & {"rmsnorm", "layernorm", "compile"}),
            fused_rope=bool(fused & {"rope", "compile"}),
            fused_mlp=bool(fused & {"mlp", "swiglu", "geglu", "compile"}),
        )

    def kernel(self, width: int, autocast: bool) -> str:
        """The attention that really runs."""
        kernel = self.attention()
        if kernel == "sdpa" and self.subject.architecture.model_type in EAGER_ONLY:
            return "eager"
        return "math" if kernel == "sdpa" and self.falls_back(width, autocast) else kernel

    def expanded(self, kernel: str) -> bool:
        """Whether keys and values are repeated for every head before the kernel."""
        profile = self.profile
        repeats = profile.repeats_keys or (profile.grouped_sdpa and self.masked())
        by_type = self.subject.architecture.model_type in profile.repeats_keys_in
        return kernel in ("eager", "math") or (kernel == "sdpa" and repeats) or by_type
