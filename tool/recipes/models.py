"""What the text of a model's name says: its size, its family, and whether its weights are already quantised."""

from __future__ import annotations

import re
from functools import lru_cache

# Total parameters in billions, where the name does not say them or says only one expert's; from the model cards.
_KNOWN = (
    (r"mixtral-?8x7b", 46.7),
    (r"mixtral-?8x22b|8x22b-v0", 140.6),
    (r"phi-?3(?:\.5)?-mini|phi-4-mini", 3.8),
    (r"phi-?3-small", 7.4),
    (r"phi-?3-medium", 14.0),
    (r"phi-?3\.5-moe", 41.9),
    (r"phi-?3(?:\.5)?-vision", 4.2),
    (r"phi-?2(?![\d.])", 2.78),
    (r"phi-?1(?:[._]5)?(?!\d)", 1.42),
    (r"phi-?4(?!-mini|-multi)", 14.7),
    (r"mistral-nemo|nemo-(?:base|instruct)-2407", 12.2),
    (r"mistral-small-(?:3|24)", 23.6),
    (r"mistral-large", 122.6),
    (r"llama-?4-scout|llama-4-scout", 108.6),
    (r"llama-?4-maverick", 400.7),
    (r"deepseek-?v?2(?:\.5)?-lite|deepseek-v2-lite", 15.7),
    (r"deepseek-?(?:v3|r1)(?!.*distill)(?!.*qwen3-8b)", 671.0),
    (r"deepseek-?v2(?:\.5)?(?!-lite)", 235.7),
    (r"deepseek-v4-flash", 284.0),
    (r"kimi-k2", 1026.0),
    (r"dbrx", 131.6),
    (r"gpt-?2-?xl", 1.56),
    (r"gpt-?2-?large", 0.774),
    (r"gpt-?2-?medium", 0.355),
    (r"distilgpt2", 0.082),
    (r"(?:^|/)gpt-?2$", 0.124),
    (r"gpt-neox-20b", 20.6),
    (r"gpt-j", 6.05),
    (r"zephyr(?!.*\d+b(?!it))", 7.24),
    (r"chatglm[23]?-?(?:6b)?|codegeex2", 6.24),
    (r"flan-t5-xxl|t5-11b", 11.1),
    (r"flan-t5-xl|t5-3b", 2.85),
    (r"flan-t5-large|t5-large", 0.783),
    (r"flan-t5-base|t5-base", 0.248),
    (r"roberta-large", 0.355),
    (r"roberta-base", 0.125),
    (r"bert-large", 0.335),
    (r"bert-base", 0.11),
    (r"minimax-m2", 229.0),
    (r"moe-a2\.7b", 14.3),
    (r"tinyllama", 1.1),
    (r"(?:^|/)starcoder$", 15.5),
    (r"magistral-small|devstral-small", 23.6),
    (r"(?:^|/)t5-small$", 0.0605),
    (r"glm-5", 744.0),
    (r"glm-4\.7-flash", 30.0),
    (r"ling-mini", 16.3),
    (r"ling-flash", 103.0),
    (r"ling-1t", 1000.0),
    (r"grok-1", 314.0),
    (r"jamba-v0\.1", 51.6),
    (r"jamba-1\.5-large", 398.0),
    (r"deepseek-v4-pro", 1600.0),
    (r"command-r-plus", 103.8),
    (r"granite-4\.0-h-micro", 3.19),
    (r"granite-4\.0-tiny", 6.9),
    (r"(?:^|/)6-9b$", 6.9),
    (r"glm-4\.[56]-air", 106.0),
    (r"glm-4\.[567](?!-air|v|-flash)", 355.0),
    (r"step-3\.5-flash", 196.0),
    (r"bloomz?$", 176.0),
    (r"ministral-?8b", 8.02),
    (r"gemma-?3n?-e2b|gemma-4-e2b", 5.1),
    (r"gemma-?3n?-e4b|gemma-4-e4b", 7.85),
)
_KNOWN_RE = tuple((re.compile(pattern), size) for pattern, size in _KNOWN)
_DECIMAL = re.compile(r"(?<=\d)_(?=\d+b(?![a-z]))")
_EXPERTS = re.compile(r"(?<![\d.])(\d+)x(\d+(?:\.\d+)?)b(?![a-z])")
_POINT = re.compile(r"(?<!\d)(\d+)p(\d+)b")
_BILLIONS = re.compile(r"(?<![\d.a-z])(?<!-a)(\d+(?:[._]\d+)?)b(?![a-z])")
_LOOSE = re.compile(r"(?<![\d.])(?<![_\-]a)(\d+(?:\.\d+)?)b(?![a-z])")
_MILLIONS = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)m(?:illion)?(?![a-z])")

_FAMILIES = (
    ("falcon", r"falcon"),
    ("granite", r"granite"),
    ("smollm", r"smollm|smolvlm|cosmo"),
    ("gpt_oss", r"gpt[-_]?oss"),
    ("nemotron", r"nemotron|minitron|nemo-canonical"),
    ("qwen", r"qwen|qwq|open-?reasoner|cogito.*qwen|polylm-qwen"),
    ("codellama", r"code-?llama"),
    ("llama", r"llama|vicuna|alpaca|guanaco|tulu|hermes-[23]|wizard|atom-7b|tigerbot|saiga"),
    ("mixtral", r"mixtral|8x7b|8x22b"),
    ("mistral", r"mistral|zephyr|ministral|magistral|devstral|voxtral|pixtral|neural-?chat"),
    ("gemma", r"gemma|medgemma|t5gemma"),
    ("phi", r"(?:^|[/_\-])phi[-_]?\d|phi-"),
    ("internlm", r"internlm|internvl|intern-?s1"),
    ("baichuan", r"baichuan"),
    ("glm", r"glm|codegeex"),
    ("yi", r"(?:^|[/_\-])yi[-_]"),
    ("deepseek", r"deepseek"),
    ("olmo", r"olmo"),
    ("pythia", r"pythia|gpt-?neox"),
    ("mpt", r"mpt-|dbrx"),
    ("bloom", r"bloom"),
    ("opt", r"(?:^|[/_\-])opt-"),
    ("gpt2", r"gpt-?2"),
    ("t5", r"(?:^|[/_\-])(?:flan-)?(?:m|l|u)?t5"),
    ("starcoder", r"starcoder|santacoder"),
    ("stablelm", r"stablelm|stable-code"),
    ("minicpm", r"minicpm"),
    ("cohere", r"command-r|aya|c4ai"),
    ("mamba", r"mamba|jamba|zamba"),
    ("lfm", r"(?:^|[/_\-])lfm"),
    ("bert", r"bert|electra"),
)
_FAMILIES_RE = tuple((family, re.compile(pattern)) for family, pattern in _FAMILIES)
_STORED = (
    ("nf4", re.compile(r"bnb-?4bit|-4bit$|nf4|-qat-int4")),
    ("4bit", re.compile(r"gptq-?int4|gptq(?!-?int8|-?8bit)|-int4|awq|aqlm|hqq|4bit|nvfp4")),
    ("int8", re.compile(r"int8|gptq-?8bit|bnb-?8bit|-8bit")),
    ("fp8", re.compile(r"fp8")),
)


@lru_cache(maxsize=4096)
def parameters_of(name: str) -> float | None:
    """Total parameters in billions from a model's name; None when the name does not tell."""
    text = _DECIMAL.sub(".", name.lower()).replace("_", "-")
    for pattern, size in _KNOWN_RE:
        if pattern.search(text):
            return size
    experts = _EXPERTS.search(text)
    if experts:
        return round(int(experts.group(1)) * float(experts.group(2)) * 0.83, 1)
    point = _POINT.search(text)
    if point:
        return float(f"{point.group(1)}.{point.group(2)}")
    for pattern in (_BILLIONS, _LOOSE):
        found = pattern.search(text)
        if found:
            return float(found.group(1).replace("_", "."))
    millions = _MILLIONS.search(text)
    return float(millions.group(1)) / 1000 if millions else None


@lru_cache(maxsize=4096)
def family_of(name: str) -> str | None:
    """Family from a model's name; a distilled model belongs to the family of its weights."""
    text = name.lower()
    if "distill" in text:
        text = text[text.index("distill") :]
    return next((family for family, pattern in _FAMILIES_RE if pattern.search(text)), None)


@lru_cache(maxsize=4096)
def stored_quantization(name: str) -> str:
    """How the published weights are quantised, from the name: nf4, 4bit, int8, fp8 or none."""
    text = name.lower()
    return next((kind for kind, pattern in _STORED if pattern.search(text)), "none")


def canonical_name(name: str | None) -> str | None:
    """The published id without local folders; None for placeholders such as `<your path>` and `$MODEL`."""
    if not name:
        return None
    text = name.strip().strip("\"'").rstrip("/")
    if not text or any(mark in text for mark in "$<>{}") or text.upper().startswith("PATH"):
        return None
    parts = [part for part in text.split("/") if part not in ("", ".", "..", "~")]
    local = text.startswith(("/", "~", "./", "../")) or len(parts) > 2
    if local and parts[0].lower() in ("checkpoints", "local", "tmp", "content", "models", "data") and len(parts) > 1:
        parts = parts[1:]
    return "/".join(parts[-2:]) if len(parts) > 1 else parts[0] if parts else None
