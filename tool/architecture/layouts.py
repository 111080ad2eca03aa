"""How each model type names its matrices, and which of them it fuses. Names are module suffixes, as PEFT's
`target_modules` matches them (source: modelling code of transformers 5.23; remote code for qwen, chatglm, baichuan,
internlm2). A model type that is not listed is named like Llama."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layout:
    """Module suffixes of one model type. `qkv` or `gate_up` set: those matrices are one."""

    q: str = "self_attn.q_proj"
    k: str = "self_attn.k_proj"
    v: str = "self_attn.v_proj"
    o: str = "self_attn.o_proj"
    qkv: str | None = None
    attention_gate: str = "self_attn.g_proj"
    gate: str = "mlp.gate_proj"
    up: str = "mlp.up_proj"
    down: str = "mlp.down_proj"
    gate_up: str | None = None
    experts: str = "mlp.experts.*"
    router: str = "mlp.gate"
    shared: str = "mlp.shared_experts"
    shared_fused: tuple[str, str] | None = None
    linear: str = "linear_attn"
    linear_fused: bool = False
    mamba: str = "mamba"
    cross: tuple[str, str, str, str] | None = None

    def within(self, prefix: str) -> Layout:
        """The same matrices below `prefix` (one stack of an encoder-decoder)."""
        return replace(
            self,
            q=f"{prefix}{self.q}",
            k=f"{prefix}{self.k}",
            v=f"{prefix}{self.v}",
            o=f"{prefix}{self.o}",
            gate=f"{prefix}{self.gate}",
            up=f"{prefix}{self.up}",
            down=f"{prefix}{self.down}",
        )


def _attention(prefix: str, q: str = "q_proj", k: str = "k_proj", v: str = "v_proj", o: str = "o_proj") -> Layout:
    return Layout(q=f"{prefix}.{q}", k=f"{prefix}.{k}", v=f"{prefix}.{v}", o=f"{prefix}.{o}")


def _fused(qkv: str, o: str, up: str, down: str) -> Layout:
    return Layout(qkv=qkv, o=o, up=up, down=down)


_LLAMA = Layout()
_BERT = replace(
    _attention("attention.self", "query", "key", "value"),
    o="attention.output.dense",
    up="intermediate.dense",
    down="output.dense",
)
_NEOX = _fused("attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
_BLOOM = _fused("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
_GPT2 = _fused("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
_BART = replace(_attention("self_attn", o="out_proj"), up="fc1", down="fc2")
_GRANITE_MOE = replace(
    _LLAMA,
    experts="block_sparse_moe.experts.*",
    router="block_sparse_moe.router",
    gate_up="shared_mlp.input_linear",
    down="shared_mlp.output_linear",
    shared_fused=("shared_mlp.input_linear", "shared_mlp.output_linear"),
)
_SHARED_EXPERT = replace(_LLAMA, shared="mlp.shared_expert")
_LFM = replace(_LLAMA, gate="feed_forward.w1", up="feed_forward.w3", down="feed_forward.w2")
_T5 = replace(
    _attention("SelfAttention", "q", "k", "v", "o"),
    gate="DenseReluDense.wi_0",
    up="DenseReluDense.wi_1",
    down="DenseReluDense.wo",
)

LAYOUTS: dict[str, Layout] = {
    "phi3": replace(_LLAMA, qkv="self_attn.qkv_proj", gate_up="mlp.gate_up_proj"),
    "glm4": replace(_LLAMA, gate_up="mlp.gate_up_proj"),
    "glm": replace(_LLAMA, gate_up="mlp.gate_up_proj"),
    "phi": replace(_attention("self_attn", o="dense"), up="mlp.fc1", down="mlp.fc2"),
    "phimoe": replace(_LLAMA, router="mlp.router"),
    "gpt_oss": replace(_LLAMA, router="mlp.router"),
    "falcon": _BLOOM,
    "bloom": _BLOOM,
    "chatglm": replace(_BLOOM, gate_up="mlp.dense_h_to_4h"),
    "gpt_neox": _NEOX,
    "gpt2": _GPT2,
    "gpt_bigcode": _GPT2,
    "gptj": replace(_attention("attn", o="out_proj"), up="mlp.fc_in", down="mlp.fc_out"),
    "gpt_neo": replace(_attention("attn.attention", o="out_proj"), up="mlp.c_fc", down="mlp.c_proj"),
    "opt": _BART,
    "mpt": _fused("attn.Wqkv", "attn.out_proj", "ffn.up_proj", "ffn.down_proj"),
    "starcoder2": replace(_LLAMA, up="mlp.c_fc", down="mlp.c_proj"),
    "qwen": replace(_LLAMA, qkv="attn.c_attn", o="attn.c_proj", gate="mlp.w1", up="mlp.w2", down="mlp.c_proj"),
    "baichuan": replace(_LLAMA, qkv="self_attn.W_pack"),
    "internlm2": replace(_LFM, qkv="attention.wqkv", o="attention.wo"),
    "qwen2_moe": _SHARED_EXPERT,
    "qwen3_5_moe_text": _SHARED_EXPERT,
    "qwen3_next": replace(_SHARED_EXPERT, linear_fused=True),
    "llama4_text": replace(
        _LLAMA,
        gate="feed_forward.gate_proj",
        up="feed_forward.up_proj",
        down="feed_forward.down_proj",
        router="feed_forward.router",
        experts="feed_forward.experts.*",
        shared="feed_forward.shared_expert",
    ),
    "gemma4_text": replace(_LLAMA, experts="experts.*", router="router.proj"),
    "granitemoe": _GRANITE_MOE,
    "granitemoeshared": _GRANITE_MOE,
    "granitemoehybrid": _GRANITE_MOE,
    "lfm2": replace(_LFM, o="self_attn.out_proj"),
    "lfm2_moe": replace(_LFM, o="self_attn.out_proj", experts="feed_forward.experts.*", router="feed_forward.gate"),
    "lfm3": _LFM,
    "nemotron_h": replace(
        _attention("mixer"),
        up="mixer.up_proj",
        down="mixer.down_proj",
        experts="mixer.experts.*",
        router="mixer.gate",
        shared="mixer.shared_experts",
        mamba="mixer",
    ),
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "electra": _BERT,
    "deberta-v2": replace(
        _BERT, q="attention.self.query_proj", k="attention.self.key_proj", v="attention.self.value_proj"
    ),
    "distilbert": replace(
        _attention("attention", "q_lin", "k_lin", "v_lin", "out_lin"), up="ffn.lin1", down="ffn.lin2"
    ),
    "modernbert": replace(_LLAMA, qkv="attn.Wqkv", o="attn.Wo", gate_up="mlp.Wi", down="mlp.Wo"),
    "nanochat": replace(_LLAMA, up="mlp.fc1", down="mlp.fc2"),
    "hunyuan_v1_moe": replace(_LLAMA, router="mlp.gate.wg", shared="mlp.shared_mlp"),
    "t5": _T5,
    "bart": replace(
        _BART,
        cross=("encoder_attn.q_proj", "encoder_attn.k_proj", "encoder_attn.v_proj", "encoder_attn.out_proj"),
    ),
}
for _twin, _type in {
    "mt5": "t5",
    "umt5": "t5",
    "mbart": "bart",
    "camembert": "roberta",
    "llada": "llama",
    "pegasus": "bart",
    "qwen2_5_vl_text": "qwen2",
}.items():
    LAYOUTS[_twin] = LAYOUTS.get(_type, _LLAMA)


def layout_of(model_type: str) -> Layout:
    """Names of a model type; Llama's where the type is not listed."""
    return LAYOUTS.get(model_type, _LLAMA)
