"""Templates and padding, as far as the file shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tool.lint.finding import Finding
from tool.lint.names import NAMES
from tool.lint.view import View

BASE = re.compile(
    r"llama-?[23](?:\.\d)?-\d+b$|llama-2-\d+b-hf$|mi[sx]tral-(?:8x)?\d+b-v0\.\d$|gemma-?\d?-\d+b$|pythia|gpt-?neox|gpt-?j"
    r"|falcon-\d+b$|phi-[12]|olmo-\d+b|tinyllama.*(?:intermediate|_v1)|smollm2?-\d+m?b?$|gpt-?2|mpt-\d+b$|stablelm-\d-\d+b$",
    re.IGNORECASE,
)
"""Names of models whose tokenizers come without a chat template. Newer base models (Qwen, GLM, …) have one."""


def template_missing(view: View) -> Iterator[Finding]:
    """Axolotl and LLaMA-Factory take the tokenizer's template where the file names none; these models have none."""
    model_key, model = view.get(*NAMES["model"])
    if not isinstance(model, str) or not BASE.search(model.rstrip("/")):
        return
    if view.framework == "axolotl" and not view.has("chat_template", "chat_template_jinja"):
        turns = [
            key for key, value in view.document.config.items() if key.endswith(".type") and value == "chat_template"
        ]
        own = [key for key in view.document.config if key.startswith("datasets.") and key.endswith(".chat_template")]
        if turns and not own:
            message = f"{turns[0]}: chat_template, but {model} has no template and the file names none"
            yield view.find("template-missing", turns[0], message, "add chat_template: chatml", "warning")
    elif view.framework == "llamafactory" and view.objective != "cpt" and not view.has("template", "train_dataset"):
        message = f"no template, and the tokenizer of {model} has none"
        yield view.find("template-missing", model_key, message, "add template, e.g. llama3 or qwen", "warning")


def pad_is_eos(view: View) -> Iterator[Finding]:
    """A causal collator masks padding; with the end token as padding it masks every end too."""
    for name, (line, value) in sorted(view.document.assigned.items()):
        if name.endswith("tokenizer.pad_token") and value.endswith(".eos_token") and _masks_padding(view):
            message = f"{name} = {value}: ends are masked with the padding, and the model does not learn to stop"
            yield Finding(line, name, "pad-is-eos", "warning", message, "use a token of its own, e.g. <|pad|>")
    key, pad = view.get("special_tokens.pad_token")
    end = view.get("special_tokens.eos_token")[1]
    if pad and end and pad == end and view.framework == "axolotl":
        yield view.find("pad-is-eos", key, f"{key} is the end token as well", "use a token of its own", "note")


def _masks_padding(view: View) -> bool:
    return any(key.startswith("DataCollatorForLanguageModeling.") for key in view.document.lines)


RULES = (template_missing, pad_is_eos)
