"""Write tiny random models with a tokenizer trained in place: encoder, encoder-decoder, mixture of experts."""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

SPECIAL = ["<pad>", "</s>", "<unk>", "[CLS]", "[SEP]"]


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """A byte-level BPE of 800 tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=800, special_tokens=SPECIAL))
    return tokenizer


def save(model, tokenizer: Tokenizer, folder: Path, **tokens: str) -> None:
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", **tokens)
    fast.save_pretrained(folder)


def main(rows: Path, out: Path) -> None:
    values = [value for line in rows.read_text().splitlines() for value in json.loads(line).values()]
    texts = [value for value in values if isinstance(value, str)]
    torch.manual_seed(0)
    shape = {"vocab_size": 800, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}

    tokenizer = train_tokenizer(texts)
    ending = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.post_processor = ending
    t5 = T5Config(vocab_size=800, d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, eos_token_id=1)
    t5.decoder_start_token_id = 0
    save(T5ForConditionalGeneration(t5), tokenizer, out / "t5", eos_token="</s>")

    tokenizer = train_tokenizer(texts)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    bert = BertConfig(**shape, intermediate_size=128, max_position_embeddings=256, pad_token_id=0)
    save(BertForSequenceClassification(bert), tokenizer, out / "bert", cls_token="[CLS]", sep_token="[SEP]")

    experts = Qwen3MoeConfig(
        **shape,
        intermediate_size=128,
        moe_intermediate_size=32,
        num_experts=4,
        num_experts_per_tok=2,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        eos_token_id=1,
        pad_token_id=0,
    )
    save(Qwen3MoeForCausalLM(experts), train_tokenizer(texts), out / "moe", eos_token="</s>")


main(Path(sys.argv[1]), Path(sys.argv[2]))
