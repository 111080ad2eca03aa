"""The pictures of the README: `python -m tool.site.pictures` draws them into .github/docs from the data in git."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tool.load import Repo
from tool.load.yaml_file import YamlFile
from tool.recommend import Knowledge, recommend
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.site.core import cards_of, place_of
from tool.site.drawing import Drawing
from tool.site.needs import LENGTHS, MICRO_BATCHES, Kinds, Need, kind_of, needs_of

FOLDER = ".github/docs/"
WIDTH = 960
TASK, LENGTH = "instruction_following", 2048
"""Of the heat map; the length in tokens."""
EXAMPLE = "meta-llama/Llama-3.1-8B-Instruct"
BARS = (
    *(("qlora", "colab", "free"), ("lora", "colab", "pro"), ("lora", "local", "rtx-4090")),
    *(("qlora", "local", "rtx-4090"), ("lora", "colab", "pro_plus"), ("full", "lambda", "8x-a100-80")),
)
"""Adapters and places of the memory bars."""
SHOWN_TERMS = 7
STEPS = "policies/rollout/canary-steps.yaml"


def pictures(repo: Repo, knowledge: Knowledge) -> dict[str, bytes]:
    """Path → bytes of every picture. Pure."""
    drawn = {
        "pipeline": pipeline(),
        "fits": heat_map(repo, knowledge),
        "memory": memory_bars(repo, knowledge),
        "lifecycle": life_cycle(canary_steps(repo)),
    }
    return {f"{FOLDER}{name}.svg": drawing.svg() for name, drawing in drawn.items()}


def pipeline() -> Drawing:
    """How data flows, and the one way back: a reviewed pull request."""
    drawing = Drawing(
        WIDTH,
        300,
        "Facts, choices and rules in git become outputs in git; a pull request is the only way to change them",
    )
    inputs = (("registry/", "facts, with sources"), ("profiles/", "choices"), ("policies/", "rules, with tests"))
    for number, words in enumerate(inputs):
        drawing.box(24, 24 + 64 * number, 170, 52, words)
        drawing.path(f"M194 {50 + 64 * number}C222 {50 + 64 * number} 214 114 238 114")
    steps = (
        ("load", "typed, all faults"),
        ("learn", "priors, engine"),
        ("recommend", "reasons, sources"),
        ("check", "memory bound"),
    )
    for number, words in enumerate(steps):
        drawing.box(240 + 134 * number, 84, 118, 60, words)
        if number:
            drawing.path(f"M{224 + 134 * number} 114H{238 + 134 * number}")
    outputs = (("generated/", "answers, notebooks"), ("evaluation/", "golden set, gates"))
    for number, words in enumerate(outputs):
        y = 52 + 76 * number
        drawing.box(776, y, 164, 56, words, "accent" if not number else "box")
        drawing.path(f"M760 114C772 114 762 {y + 28} 774 {y + 28}")
    drawing.path("M858 184V248H110V208", "line back")
    drawing.box(330, 226, 300, 44, ("a reviewed pull request", "the only write"))
    return drawing


def heat_map(repo: Repo, knowledge: Knowledge) -> Drawing:
    """The most capable adapter that fits: models of the catalogue by its cards, one card, checkpointing."""
    models, cards = _models(repo), _cards(repo)
    kinds = Kinds.read(repo)
    needs = {(need.model, need.adapter): need for need in needs_of(repo, knowledge, models) if need.task == TASK}
    left, top, wide, high = 250, 196, 50, 27
    drawing = Drawing(
        left + wide * len(cards) + 60, top + high * len(models) + 66, "What fits where, by model and card"
    )
    drawing.text(24, 36, "What fits where", "title")
    drawing.text(
        24,
        58,
        f"The most capable adapter whose memory bound fits one card, at {LENGTH} tokens with checkpointing",
        "small quiet",
    )
    for column, card in enumerate(cards):
        x = left + wide * column + wide / 2
        drawing.text(x + 4, top - 28, card["id"], "small", "start", -48)
        drawing.text(x, top - 8, f"{card['usable']:.0f}", "small quiet", "middle")
    drawing.text(left - 12, top - 8, "GiB usable", "small quiet", "end")
    for line, model in enumerate(models):
        y = top + high * line
        drawing.text(left - 12, y + 18, model.split("/")[-1], "", "end")
        for column, card in enumerate(cards):
            best = best_adapter(needs, model, card, kinds.of[card["id"]])
            drawing.rectangle(left + wide * column + 1, y + 1, wide - 2, high - 2, best or "none", 4)
            words = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}.get(best or "", "–")
            ink = "small deep" if best == "full" else "small quiet" if best is None else "small"
            drawing.text(left + wide * column + wide / 2, y + 18, words, ink, "middle")
    drawing.text(
        24, top + high * len(models) + 34, "Source: the memory model over the registry, `make pictures`", "small quiet"
    )
    return drawing


def best_adapter(needs: dict[tuple[str, str], Need], model: str, card: dict[str, Any], kind: int) -> str | None:
    """full, lora or qlora, the first whose bound for one sequence is within the card; None where none is."""
    place = LENGTHS.index(LENGTH) * len(MICRO_BATCHES)
    for adapter in ("full", "lora", "qlora"):
        need = needs.get((model, adapter))
        if need is None or (adapter == "qlora" and not card["nf4"]):
            continue
        if need.memory[kind][place] + card["context"] <= card["usable"]:
            return adapter
    return None


def _models(repo: Repo) -> list[str]:
    """Language models of the catalogue, one of each size (to a tenth of a billion), the smallest first."""
    found: dict[int, str] = {}
    names = sorted({name for group in repo.catalog.groups for name in group.models})
    for model in sorted((repo.models[name] for name in names), key=lambda model: (model.kind != "instruct", model.id)):
        if kind_of(model) == "causal_lm":
            found.setdefault(round(model.parameters / 5e8), model.id)
    return [found[size] for size in sorted(found)]


def _cards(repo: Repo) -> list[dict[str, Any]]:
    """The cards of the catalogue's places, by usable memory."""
    named = {place_of(repo, place)["card"] for group in repo.catalog.groups for place in group.platforms}
    return [card for card in cards_of(repo) if card["id"] in named]


def memory_bars(repo: Repo, knowledge: Knowledge) -> Drawing:
    """One model on several cards: what takes the memory, the bound, and the card."""
    answers = [(place, _answer(repo, knowledge, *place)) for place in BARS]
    terms = _largest_terms([answer for _, answer in answers])
    drawing = Drawing(WIDTH, 118 + 56 * len(answers), f"Memory of {EXAMPLE} by term, against the card")
    drawing.text(24, 36, f"{EXAMPLE.split('/')[-1]}, instruction following: memory at the peak", "title")
    x = 24.0
    for number, name in enumerate([*terms, "other"]):
        words = name.replace("_", " ")
        drawing.rectangle(x, 52, 12, 12, f"c{number}", 3)
        drawing.text(x + 18, 63, words, "small")
        x += 40 + 6.4 * len(words)
    for line, ((adapter, platform, plan), answer) in enumerate(answers):
        _memory_bar(drawing, 82 + 56 * line, adapter, place_of(repo, f"{platform}/{plan}"), answer, terms)
    drawing.text(
        24,
        104 + 56 * len(answers),
        "A bar is the whole card, the line across it the bound. Source: `ftc recommend` for each, `make pictures`",
        "small quiet",
    )
    return drawing


def _answer(repo: Repo, knowledge: Knowledge, adapter: str, platform: str, plan: str) -> Recommendation:
    request = {
        "model": EXAMPLE,
        "task": "instruction_following",
        "adapter": adapter,
        "platform": platform,
        "plan": plan,
    }
    return recommend(repo, RecommendRequest.model_validate(request), knowledge)


def _largest_terms(answers: list[Recommendation]) -> list[str]:
    """The terms that take the largest share of some card, weights first; the rest is "other"."""
    most: dict[str, float] = {"weights": 1.0}
    for answer in answers:
        assert answer.vram is not None and answer.vram.usable_gib is not None
        for name, size in answer.vram.terms.items():
            most[name] = max(most.get(name, 0.0), size / answer.vram.usable_gib)
    return sorted(most, key=lambda name: (-most[name], name))[:SHOWN_TERMS]


def _memory_bar(
    drawing: Drawing, y: float, adapter: str, place: dict[str, Any], answer: Recommendation, terms: list[str]
) -> None:
    """One bar; the card is the whole width, so that bars of cards of different size compare by share."""
    vram = answer.vram
    assert vram is not None and vram.upper_gib is not None and vram.usable_gib is not None
    left, width = 250.0, 500.0
    scale = width / vram.usable_gib
    gpus = f"{place['gpus']} × " if place["gpus"] > 1 else ""
    title = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}[adapter]
    drawing.text(left - 12, y + 16, f"{title}, {gpus}{place['card']}", "strong", "end")
    drawing.text(left - 12, y + 34, place["title"], "small quiet", "end")
    sizes = [vram.terms.get(name, 0.0) for name in terms]
    sizes.append(sum(vram.terms.values()) - sum(sizes))
    x = left
    drawing.rectangle(left, y, width, 34, "none", 3)
    for number, size in enumerate(sizes):
        drawing.rectangle(x, y, size * scale, 34, f"c{number}")
        x += size * scale
    drawing.path(f"M{left + vram.upper_gib * scale:.4g} {y - 3:g}V{y + 37:g}", "edge", arrow=False)
    drawing.text(left + width + 14, y + 16, f"{vram.upper_gib:.1f} of {vram.usable_gib:.1f} GiB", "strong")
    batch = answer.config["per_device_train_batch_size"]
    drawing.text(left + width + 14, y + 34, f"micro-batch {batch}, {answer.config['max_length']} tokens", "small quiet")


def canary_steps(repo: Repo) -> list[float]:
    """Fractions that a canary goes through, from the rollout policy."""
    data = YamlFile.read(repo.root, STEPS).data
    return [float(step) for step in data["params"]["steps"]]


def life_cycle(steps: list[float]) -> Drawing:
    """The stages of an engine and the ways between them."""
    drawing = Drawing(
        WIDTH, 270, "The life of an engine: candidate, staging, canary, production, deprecated, and the ways back"
    )
    fractions = " → ".join(f"{100 * step:g} %" for step in steps)
    boxes = (
        *(("candidate", "trained"), ("staging", "gates pass"), ("canary", fractions)),
        *(("production", "answers by default"), ("deprecated", "kept for rollback")),
    )
    for number, words in enumerate(boxes):
        drawing.box(24 + 187 * number, 96, 160, 60, words, "accent" if words[0] == "production" else "box")
        if number:
            drawing.path(f"M{-3 + 187 * number} 126H{22 + 187 * number}")
    drawing.box(118, 206, 160, 42, ("rejected",))
    drawing.path("M104 156C104 190 150 176 168 204")
    drawing.path("M291 156C291 190 240 176 226 204")
    drawing.path("M478 94C478 44 291 44 291 92", "line back")
    drawing.text(384, 46, "abort, always allowed", "small quiet", "middle")
    drawing.path("M852 94C852 44 665 44 665 92", "line back")
    drawing.text(758, 46, "rollback to the version last live", "small quiet", "middle")
    drawing.text(620, 200, "one step a pull request, on evidence about that very engine,", "small quiet", "middle")
    drawing.text(620, 220, "judged by the base branch's rules; every step is hash-chained", "small quiet", "middle")
    return drawing


def main(root: Path) -> None:
    """Draw what differs."""
    from tool.load import open_repo
    from tool.recommend.knowledge import current_knowledge

    repo = open_repo(root)
    for path, content in pictures(repo, current_knowledge(repo)).items():
        target = root / path
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            print(f"drawn: {path}")


if __name__ == "__main__":
    main(Path.cwd())
