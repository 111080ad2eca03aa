"""A few dozen local rows for each dataset format, made by rule: short, learnable, nobody's property."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FRUIT = ("apples", "pears", "plums", "cherries", "figs", "grapes", "limes", "melons")
MOODS = (("lovely", "good"), ("awful", "bad"), ("splendid", "good"), ("dreadful", "bad"))


def instruction(number: int) -> dict[str, Any]:
    fruit = FRUIT[number % len(FRUIT)]
    return {
        "instruction": f"How many {fruit} are in {number} baskets of three?",
        "input": "Answer in one line." if number % 2 else "",
        "output": f"Dear customer, there are exactly {3 * number} {fruit} in the baskets.",
    }


def code(number: int) -> dict[str, Any]:
    return {"prompt": f"Write a function that adds {number}.", "completion": f"def add(x):\n    return x + {number}\n"}


def prompt_answer(number: int) -> dict[str, Any]:
    row = instruction(number)
    return {"question": row["instruction"], "answer": f"Each basket holds 3, so 3 * {number}.\n#### {3 * number}"}


def messages(number: int) -> dict[str, Any]:
    row = instruction(number)
    turns = [("user", row["instruction"]), ("assistant", row["output"])]
    turns += [("user", "Thank you."), ("assistant", "You are welcome, dear customer.")]
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def preference(number: int) -> dict[str, Any]:
    row = instruction(number)
    question = {"role": "user", "content": row["instruction"]}
    return {
        "chosen": [question, {"role": "assistant", "content": row["output"]}],
        "rejected": [question, {"role": "assistant", "content": "no idea, ask somebody else"}],
    }


def text(number: int) -> dict[str, Any]:
    row = instruction(number)
    return {"text": f"{row['instruction']}\n{row['output']}\n" * 3}


def text_label(number: int) -> dict[str, Any]:
    mood, label = MOODS[number % len(MOODS)]
    return {"text": f"The {FRUIT[number % len(FRUIT)]} were {mood}, the whole visit was {mood}.", "label": label}


def document_summary(number: int) -> dict[str, Any]:
    row = instruction(number)
    return {
        "dialogue": f"Ann: {row['instruction']}\nBob: {row['output']}",
        "summary": f"Ann asks Bob for {3 * number}.",
    }


def question_context(number: int) -> dict[str, Any]:
    fruit = FRUIT[number % len(FRUIT)]
    return {
        "context": f"In the market there were {number} baskets of {fruit}.",
        "question": "What was in the baskets?",
        "answers": {"text": [fruit], "answer_start": [0]},
    }


def write(folder: Path, make: Any, count: int = 48) -> str:
    """Write `count` rows to folder/rows.jsonl; returns the file's name."""
    lines = [json.dumps(make(number)) for number in range(1, count + 1)]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n")
    return "rows.jsonl"
