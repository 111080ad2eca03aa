"""Runs two training steps of a pretended model and notes the fullest moment of every stretch."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Protocol
from unittest import mock

import peft
import torch
import transformers
from torch._subclasses.fake_tensor import FakeTensorMode

from tool.oracle import models, quantized
from tool.oracle.cuda_like import SCRATCH, cuda_like
from tool.oracle.extrapolate import Trace
from tool.oracle.ledger import Ledger
from tool.oracle.optimizers import make_optimizer
from tool.oracle.request import TraceRequest
from tool.schema.model import Architecture

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
TARGETS = {
    "q": ("q_proj", "query", "q", "query_proj", "q_lin"),
    "k": ("k_proj", "key", "k", "key_proj", "k_lin"),
    "v": ("v_proj", "value", "v", "value_proj", "v_lin"),
    "o": ("o_proj", "dense", "out_proj", "o"),
    "gate": ("gate_proj", "w1"),
    "up": ("up_proj", "w3"),
    "down": ("down_proj", "w2"),
}
World = Callable[[TraceRequest], AbstractContextManager[None]]
FUSED_ATTENTION = ("qkv_proj", "query_key_value", "c_attn", "Wqkv")


def _nothing(*args: Any, **kwargs: Any) -> None:
    """A stand-in that keeps no reference to its arguments, which a mock would."""


@contextmanager
def unpacked_batches() -> Iterator[None]:
    """transformers asks position ids whether the batch is packed; it is not, and pretended ids have no values."""
    with mock.patch.object(transformers.masking_utils, "find_packed_sequence_indices", _nothing):
        yield


@contextmanager
def pretended_world(request: TraceRequest) -> Iterator[None]:
    """The mode and the replacements under which transformers and peft can be traced without data."""
    with ExitStack() as stack:
        stack.enter_context(cuda_like(request.compute_capability))
        stack.enter_context(quantized.bitsandbytes_pretended())
        stack.enter_context(unpacked_batches())
        for name, skip in _skips(request.seq_len_kind == "padded").items():
            stack.enter_context(mock.patch.object(transformers.masking_utils, name, skip))
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        yield


def _skips(padded: bool) -> dict[str, Callable[..., bool]]:
    """transformers' two questions whether a mask can be left out, answered as it does with values at hand.

    It can unless tokens are padded or lie beyond the attention window.
    """

    def bidirectional(mask: Any, kv_length: int, window: int | None = None) -> bool:
        return not padded and not (window is not None and kv_length >= window)

    def causal(mask: Any, q_length: int, kv_length: int, q_offset: Any, kv_offset: Any, window: Any = None) -> bool:
        return bidirectional(mask, kv_length, window)

    return {"_ignore_causal_mask_sdpa": causal, "_ignore_bidirectional_mask_sdpa": bidirectional}


def target_modules(model: Any, wanted: str | None) -> Any:
    """The brief names of a request (`q,v`) → module names of this model, fused ones where it has those."""
    if wanted is None or wanted == "all-linear":
        return "all-linear"
    if wanted.upper().startswith("DEFAULT"):
        return None
    names = {path.rpartition(".")[2] for path, _ in model.named_modules()}
    chosen: set[str] = set()
    for part in re.split(r"[,\s]+", wanted):
        found = {name for name in TARGETS.get(part, (part,)) if name in names}
        if not found and part in "qkv":
            found = {name for name in FUSED_ATTENTION if name in names}
        chosen |= found
    return sorted(chosen) or "all-linear"


def wrap(model: Any, request: TraceRequest) -> Any:
    """The model with adapters as peft puts them, frozen and upcast as asked."""
    if request.kbit_preparation:
        arguments = {"use_reentrant": request.use_reentrant}
        model = peft.prepare_model_for_kbit_training(model, request.grad_checkpointing, arguments)
    if request.method == "full":
        return model
    kind = {"classification": "SEQ_CLS"}.get(request.objective, "CAUSAL_LM")
    if model.config.is_encoder_decoder:
        kind = "SEQ_2_SEQ_LM"
    config = peft.LoraConfig(
        r=request.lora_r,
        lora_alpha=2 * (request.lora_r or 1),
        lora_dropout=request.lora_dropout,
        target_modules=target_modules(model, request.lora_targets),
        use_dora=request.method == "dora",
        task_type=kind,
    )
    layer = peft.tuners.tuners_utils.BaseTunerLayer
    with (
        mock.patch.object(layer, "_move_adapter_to_device_of_base_layer", _nothing),
        mock.patch.object(torch.nn.Module, "to", lambda self, *a, **k: self),
    ):
        return peft.get_peft_model(model, config, autocast_adapter_dtype=request.adapter_dtype == "fp32")


def prepare(model: Any, request: TraceRequest) -> Any:
    """Quantise, wrap, and switch gradient checkpointing on, in the order of a training script."""
    if request.quant != "none":
        quantized.quantise(
            model, request.quant == "nf4-dq", DTYPES[request.dtype if request.amp == "none" else request.amp]
        )
    if request.chunked_or_fused_loss:
        from trl.trainer.utils import add_fused_lm_head

        add_fused_lm_head(model)
    model = wrap(model, request)
    if request.grad_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": request.use_reentrant})
        if request.method != "full":
            model.enable_input_require_grads()
    model.train()
    return model


def tag_residents(ledger: Ledger, model: Any) -> None:
    """Name what lives before the first step: weights, scales, adapters."""
    for parameter in model.parameters():
        ledger.tag(parameter, "weights")
    for buffer in model.buffers():
        ledger.tag(buffer, "weights")
    for scale in quantized.scales_of(model):
        ledger.tag(scale, "quantization_scales")
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            ledger.tag(parameter, "adapters")
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(lambda held: ledger.tag(held.grad, "gradients"))


def watch_layers(ledger: Ledger, model: Any, phase: list[str]) -> None:
    """Begin a new segment whenever the run enters another layer, forward or backward.

    A layer's backward begins when the gradient of its output is there, or, under checkpointing, when it is run again.
    """
    for path, stack in models.layer_lists(model).items():
        for index, layer in enumerate(stack):

            def enter(*_: Any, name: str = f"{path}/{index}") -> None:
                ledger.enter(f"{phase[0]}/{name}")

            def leave(_: Any, __: Any, output: Any, enter: Callable[..., None] = enter, path: str = path) -> None:
                hidden = output[0] if isinstance(output, tuple) else output
                if phase[0].endswith("forward"):
                    ledger.enter(f"{phase[0]}/after {path}")
                    if hidden.requires_grad:
                        hidden.register_hook(enter)

            layer.register_forward_pre_hook(enter)
            layer.register_forward_hook(leave)


def batch(request: TraceRequest, model: Any) -> dict[str, Any]:
    """Token ids, labels and, where padding must be honoured, a mask."""
    sequences = request.micro_batch * (2 if request.objective == "dpo" else 1)
    shape = (sequences, request.seq_len)
    inputs = {"input_ids": torch.zeros(shape, dtype=torch.long)}
    if request.seq_len_kind == "padded":
        inputs["attention_mask"] = torch.ones(shape, dtype=torch.long)
    if request.objective == "classification":
        inputs["labels"] = torch.zeros(sequences, dtype=torch.long)
    else:
        inputs["labels"] = torch.zeros(shape, dtype=torch.long)
    if request.chunked_or_fused_loss:
        inputs["fused_lm_head"] = True
    return inputs


def loss_of(model: Any, request: TraceRequest, inputs: dict[str, Any]) -> tuple[Any, Any]:
    """The loss as the training script computes it, and what the script holds on to besides."""
    if request.objective == "dpo":
        return preference_loss(model, inputs), None
    outputs = model(**inputs)
    return outputs.loss, outputs if request.keeps_outputs else None


def preference_loss(model: Any, inputs: dict[str, Any]) -> Any:
    """DPO: chosen and rejected in one batch through the policy, then through the same weights without adapters."""
    from trl.trainer.utils import selective_log_softmax

    labels = inputs.pop("labels")

    def scores() -> Any:
        logits = model(**inputs).logits[:, :-1]
        return selective_log_softmax(logits, labels[:, 1:]).sum(-1)

    policy = scores()
    with torch.no_grad(), model.disable_adapter():
        reference = scores()
    chosen, rejected = (policy - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()


def autocast(request: TraceRequest, model: Any) -> AbstractContextManager[Any]:
    """Mixed precision, where asked for, on the device where the model is."""
    if request.amp == "none":
        return nullcontext()
    mixed: AbstractContextManager[Any] = torch.autocast(next(model.parameters()).device.type, DTYPES[request.amp])
    return mixed


class Meter(Protocol):
    """What a step reports to: the oracle's ledger, or the counters of a real card."""

    def enter(self, name: str) -> None:
        """A stretch of the run begins."""

    def creating(self, category: str) -> AbstractContextManager[None]:
        """What is allocated inside belongs to `category`."""

    def tag(self, tensor: Any, category: str) -> None:
        """`tensor` belongs to `category`."""


def one_step(ledger: Meter, model: Any, optimizer: Any, request: TraceRequest, phase: list[str], prefix: str) -> None:
    """Forward, backward, optimizer; gradients are dropped at the end as Trainer does."""
    phase[0] = f"{prefix}forward"
    ledger.enter(phase[0])
    inputs = batch(request, model)
    with autocast(request, model):
        loss, held = loss_of(model, request, inputs)
    phase[0] = f"{prefix}backward"
    ledger.enter(phase[0])
    loss.backward()
    del loss, inputs
    phase[0] = f"{prefix}optimizer"
    ledger.enter(phase[0])
    with ledger.creating("optimizer_temporary"):
        optimizer.step()
    del held
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, torch.Tensor):
                ledger.tag(value, "optimizer_states")


def trace_layers(request: TraceRequest, shape: Architecture, layers: int, watch: str = "") -> Trace:
    """Two steps of the model's first `layers` layers: segment → fullest moment.

    The first step has no optimizer states until its end; the second is the steady state. `watch` names a segment
    whose live storages shall be printed by the caller (kept in the moment under their origin).
    """
    ledger = run(request, shape, layers, watch)
    return {
        name: {**segment.categories, "total": segment.total}
        for name, segment in ledger.segments.items()
        if segment.total >= 0
    }


def run(
    request: TraceRequest, shape: Architecture, layers: int, watch: str = "", world: World = pretended_world
) -> Ledger:
    """Trace, and return the ledger with everything it noted. `world`: the surroundings of the run."""
    gc.collect()
    with world(request):
        ledger = Ledger(SCRATCH | quantized.kernels() if world is pretended_world else {}, watch)
        with ledger:
            ledger.enter("build")
            model = prepare(models.build(shape, layers, request, DTYPES[request.dtype]), request)
            tag_residents(ledger, model)
            gc.collect()
            ledger.enter("load")
            phase = ["load"]
            watch_layers(ledger, model, phase)
            optimizer = make_optimizer(model, request.optimizer)
            one_step(ledger, model, optimizer, request, phase, "first ")
            if not request.grad_accumulation:
                optimizer.zero_grad(set_to_none=True)
            one_step(ledger, model, optimizer, request, phase, "")
            del optimizer, model
    return ledger
