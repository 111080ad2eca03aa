"""The output head and the loss on the tape: often the largest tensors of a whole step."""

from __future__ import annotations

from dataclasses import dataclass

from tool.memory.layers import Layers, Numbers, narrow_copy
from tool.memory.setup import Loss, Setup
from tool.memory.shapes import SOFTCAPPED, head_widths
from tool.memory.tape import Tape, Tensor, Vector, constant, per_token
from tool.schema.model import Architecture

TERM = "logits_and_loss"


@dataclass(frozen=True)
class Head:
    """The part of a setup that decides what output head and loss take. `kept_width`: bytes of an unpacked weight."""

    architecture: Architecture
    numbers: Numbers
    loss: Loss
    kept_width: float

    @classmethod
    def of(cls, setup: Setup) -> Head:
        return cls(setup.architecture, setup.numbers, setup.loss, setup.kept_width)


def play_loss(setup: Head) -> tuple[Tape, Tensor]:
    """Final norm, output head and loss. Returns the tape and the hidden state that enters it."""
    tape = Tape()
    numbers = setup.numbers
    width, vocabulary = head_widths(setup.architecture)
    hidden = tape.tensor(per_token(setup.architecture.hidden_size * numbers.hidden))
    normed = Layers(tape, numbers).norm(hidden, setup.architecture.hidden_size)
    head_width = numbers.compute if numbers.autocast else int(max(setup.kept_width, numbers.compute))
    trained = not numbers.frozen
    grad = width * vocabulary * numbers.gradient if trained else 0
    head = _Kernels(setup, tape, normed, vocabulary, head_width, constant(grad))
    kernels = {
        "softmax": head.softmax,
        "in_place": head.in_place,
        "chunked": head.chunked,
        "chunked_linear": head.chunked_linear,
        "fused_linear": head.fused_linear,
        "cut": head.cut,
        "rowwise": head.rowwise,
        "tiled": head.tiled,
        "none": head.none,
    }
    kernels[setup.loss.kernel]()
    return tape, hidden


class _Kernels:
    def __init__(
        self, setup: Head, tape: Tape, hidden: Tensor, vocabulary: int, width: int, parameter_grad: Vector
    ) -> None:
        self.setup, self.tape, self.hidden = setup, tape, hidden
        self.vocabulary, self.width, self.parameter_grad = vocabulary, width, parameter_grad
        numbers = setup.numbers
        self.narrow = hidden
        if numbers.hidden != width:
            self.narrow = tape.op((hidden,), per_token(setup.architecture.hidden_size * width))

    def _logits(self, counts_gradient: bool = True) -> Tensor:
        numbers = self.setup.numbers
        saves = () if numbers.frozen else (self.narrow,)
        if numbers.autocast and numbers.weight > numbers.compute:
            saves = (*saves, narrow_copy(head_widths(self.setup.architecture)[0] * self.vocabulary * numbers.compute))
        size = per_token(self.vocabulary * self.width)
        logits = self.tape.op(
            (self.narrow,),
            size,
            saves=saves,
            term=TERM,
            parameter_grad=self.parameter_grad if counts_gradient else constant(0.0),
        )
        if self.setup.architecture.model_type not in SOFTCAPPED:
            return logits
        divided = self.tape.op((logits,), size, term=TERM)
        bent = self.tape.op((divided,), size, saves_output=True, term=TERM)
        return self.tape.op((bent,), size, term=TERM)

    def _wide(self) -> tuple[Tensor, int]:
        """Logits, copied to fp32 and shifted as the framework does."""
        logits = self._logits()
        loss = self.setup.loss
        width = self.width
        if not loss.rebinds:
            self.tape.bind(logits)
        if loss.holds and not loss.rebinds:
            self.tape.hold(logits)
        if loss.upcast and width != 4 and not self.setup.architecture.is_encoder_decoder:
            temporary = per_token(0.0)
            logits = self.tape.op((logits,), per_token(self.vocabulary * 4), term=TERM, forward_temporary=temporary)
            width = 4
        if loss.holds and loss.rebinds:
            self.tape.hold(logits)
        if loss.shift_copy:
            shifted = self.tape.op((logits,), per_token(self.vocabulary * width), term=TERM)
            self.tape.bind(logits)
            return shifted, width
        return logits, width

    def softmax(self) -> None:
        logits, width = self._wide()
        if not self.setup.architecture.is_encoder_decoder:
            width = 4
        soft = self.tape.op((logits,), per_token(self.vocabulary * width), saves_output=True, term=TERM)
        self.tape.op((soft,), constant(0.0), term=TERM)

    def in_place(self) -> None:
        logits, width = self._wide()
        logsum = self.tape.tensor(per_token(4.0), TERM, requires_grad=False)
        given = self.tape.tensor(constant(0.0), TERM)
        # the kernel overwrites its input with the gradient: no second buffer
        self.tape.op((given,), constant(0.0), saves=(logits, logsum), term=TERM)
        del width

    def rowwise(self) -> None:
        """Log-probabilities of the labels, one sequence at a time in the narrow type (TRL `selective_log_softmax`)."""
        logits = self._logits()
        size = per_token(self.vocabulary * self.width)
        soft = self.tape.tensor(size, TERM, requires_grad=False)
        self.tape.op(
            (logits,),
            constant(0.0),
            saves=(soft,),
            term=TERM,
            forward_temporary=0.5 * size,  # the reference's logits, while the policy's log-probabilities wait
            temporary_term=TERM,
        )

    def none(self) -> None:
        """A classifier: logits of a few classes for each sequence."""
        self.tape.op((self.hidden,), constant(0.0), saves=(self.hidden,), term=TERM)

    def tiled(self) -> None:
        """TRL 1.16: tiles of 4,096 tokens by 32,768 words, made again in backward; gradients gather in fp32."""
        features = self.setup.architecture.hidden_size
        numbers = self.setup.numbers
        tile = constant(4096 * 32768 * numbers.compute)
        copy = self.tape.op((self.narrow,), per_token(features * self.width), term=TERM)
        wide = per_token(features * 4)
        head = 0.0 if numbers.frozen else head_widths(self.setup.architecture)[0] * self.vocabulary * 4.0
        self.tape.op(
            (copy,),
            constant(0.0),
            saves=(copy,),
            term=TERM,
            forward_temporary=tile,
            backward_temporary=tile + wide + constant(head),
            temporary_term=TERM,
            parameter_grad=self.parameter_grad,
        )

    def chunked(self) -> None:
        """Whole logits in the narrow type; each chunk is widened, and its softmax kept, in turn (torchtune)."""
        loss = self.setup.loss
        logits = self._logits(counts_gradient=False)  # the first chunk that goes back makes it
        # uncompiled: an fp32 copy and its gradient for each chunk; compiled: a gradient in the narrow type
        width = 8.0 if loss.upcast else float(self.width)
        piece = per_token(self.vocabulary * width / loss.chunks)
        kept = logits
        if loss.upcast:
            kept = self.tape.op(
                (logits,), per_token(self.vocabulary * 4), saves_output=True, term=TERM, forward_temporary=piece
            )
            kept.requires_grad = False
        released = self.tape.tensor(constant(0.0), TERM)
        self.tape.op(
            (released,),
            constant(0.0),
            saves=(logits,) if kept is logits else (kept, logits),
            term=TERM,
            forward_temporary=piece,
            backward_temporary=piece,
            temporary_term=TERM,
            parameter_grad=self.parameter_grad,
        )

    def chunked_linear(self) -> None:
        """Logits of one chunk of tokens at a time, recomputed in backward."""
        chunks = self.setup.loss.chunks
        piece = per_token(self.vocabulary * (self.width + 12.0) / chunks)
        self.tape.op(
            (self.narrow,),
            constant(0.0),
            saves=(self.narrow,),
            term=TERM,
            forward_temporary=piece,
            backward_temporary=piece,
            temporary_term=TERM,
            parameter_grad=self.parameter_grad,
        )

    def fused_linear(self) -> None:
        """Liger: chunks of about T·hidden/vocabulary tokens, gradient of the input (and head) made in forward."""
        features = self.setup.architecture.hidden_size
        grad_input = self.tape.tensor(per_token(features * self.width), TERM, requires_grad=False)
        grad_head = self.tape.tensor(self.parameter_grad, TERM, requires_grad=False)
        piece = per_token(features * (self.width + 4.0))
        self.tape.op(
            (self.narrow,),
            constant(0.0),
            saves=(grad_input, grad_head),
            term=TERM,
            forward_temporary=piece,
            temporary_term=TERM,
        )

    def cut(self) -> None:
        """Cut cross entropy: neither logits nor their gradient are stored."""
        self.tape.op((self.narrow,), constant(0.0), saves=(self.narrow,), term=TERM, parameter_grad=self.parameter_grad)
