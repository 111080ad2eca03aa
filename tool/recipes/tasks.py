"""The task_type of a recipe, inferred from objective, data sets, templates and path; `unknown` rather than a guess."""

from __future__ import annotations

import re
from functools import lru_cache

from tool.schema.recipe import RecipeTask

_BY_OBJECTIVE: dict[str, RecipeTask] = {
    "dpo": "preference",
    "orpo": "preference",
    "kto": "preference",
    "simpo": "preference",
    "cpt": "continued_pretraining",
    "grpo": "reinforcement",
}
# First match wins: the narrow tasks before the wide ones.
_PATTERNS: tuple[tuple[RecipeTask, str], ...] = (
    (
        "summarization",
        r"samsum|summar|tldr|tl;dr|cnn[-_]?daily|xsum|billsum|dialogsum|gentitle",
    ),
    (
        "reasoning",
        r"math|gsm8?k|reason|thought|openthink|limo(?:[/_\- ]|$)|sky-t1|sudoku|s1k|"
        r"r1[-_]distill|distill-data|open-?r1|stratos|numina|"
        r"chain[-_]of|(?:^|[/_\-])cot(?:[/_\-]|$)|thinking",
    ),
    (
        "code",
        r"(?:^|[/_\-:. ])code(?:[/_\-:. ]|$)|codealpaca|codefuse|coder|magicoder|leetcode|sql|humaneval|mbpp|"
        r"python(?!_config)|hf-stack|"
        r"codeforces|tiny-codes|the-stack|glaive-?code|evol[-_]?code|codefeedback|code_",
    ),
    (
        "classification",
        r"sst-?2|(?:^|[/_\-])cola(?:[/_\-]|$)|imdb|sentiment|emotion|classif|seq_cls|super_glue|(?:^|[/_\-])glue(?:[/_\-]|$)|"
        r"(?:^|[/_\-])mrpc|hc3|jd-sentiment|cmnli|financial_phrasebank|twitter_complaints|ner(?:[/_\-]|$)|fineinst_cls",
    ),
    (
        "question_answering",
        r"squad|(?:^|[/_\-])qa(?:[/_\-]|$)|dureader|natural_questions|triviaqa|narrativeqa|pubmed|medical|medqa|webglm|"
        r"rag_|webqa|drop(?:[/_\-]|$)|law_reference|tigerbot-law|lawyer|jeopardy|chatqa|lawyer_llama|crime_kg",
    ),
    (
        "chat",
        r"ultrachat|oasst|openassistant|guanaco|sharegpt|share_gpt|moss|conversation|chat_data|capybara|slim_?orca|everyday|"
        r"finetome|lmsys|puffin|wildchat|dialog|(?:^|[/_\-])chat(?:[/_\-]|$)|tiny_codes_chat|roleplay|smoltalk|pirate|multi_turn|"
        r"messages_2k|ms-?agent|toolbench|damo-agent|agent|msagent|multilingual-thinking|no_robots-chat",
    ),
    (
        "instruction_following",
        r"alpaca|dolly|instruct|tulu|no_robots|orca|platypus|self-cognition|identity|flan|evol|open_?hermes|openhermes|"
        r"blossom|grammar|orcamini|hermes|lima|cabrita|coig|firefly|belle|advertise|aya_dataset|magpie|longwriter",
    ),
)
_COMPILED = tuple((task, re.compile(pattern)) for task, pattern in _PATTERNS)
_HUB_ID = re.compile(r"^[\w\-]+/[\w.\-]+(?<!\.json)(?<!\.jsonl)(?<!\.csv)$")
_NAMED = {"llm", "text", "json", "train", "data"}


def infer_task(
    objective: str, datasets: tuple[str, ...], hints: tuple[str, ...], path: str, model: str | None
) -> RecipeTask:
    """The task of a recipe. Data sets speak first, then templates, then the file's own name."""
    told = next((hint[5:] for hint in hints if hint.startswith("task:")), None)
    if told:
        return _told(told)
    if objective in _BY_OBJECTIVE:
        return _BY_OBJECTIVE[objective]
    return _inferred(datasets, hints, path, model)


@lru_cache(maxsize=4096)
def _inferred(datasets: tuple[str, ...], hints: tuple[str, ...], path: str, model: str | None) -> RecipeTask:
    by_data = {task for task in (_match(name.lower()) for name in datasets) if task != "unknown"}
    if len(by_data) == 1:
        return by_data.pop()
    if len(by_data) > 1:
        # A mixture of special data is general instruction data.
        return "chat" if by_data == {"chat", "instruction_following"} else "instruction_following"
    by_hint = next((task for task in (_match(hint.lower()) for hint in hints) if task != "unknown"), None)
    if by_hint:
        return by_hint
    if any(_HUB_ID.match(name) for name in datasets):
        return "unknown"  # a data set is named, and we do not know it: the file's name would be a guess
    return _by_path(path, model)


def _by_path(path: str, model: str | None) -> RecipeTask:
    """From folder and file name; the parts of the model's own name in them say nothing of the task."""
    tail = "/".join(path.lower().split("/")[-2:])
    for part in re.split(r"[/\-_ .]", (model or "").lower()):
        if len(part) > 2:
            tail = tail.replace(part, " ")
    return _match(tail.replace("instruct", " "))


@lru_cache(maxsize=8192)
def _match(text: str) -> RecipeTask:
    if text in _NAMED:
        return "unknown"
    return next((task for task, pattern in _COMPILED if pattern.search(text)), "unknown")


def _told(task: str) -> RecipeTask:
    known = {name for name, _ in _PATTERNS} | set(_BY_OBJECTIVE.values())
    return task if task in known else "unknown"
