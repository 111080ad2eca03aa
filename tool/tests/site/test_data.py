"""The page's data: every entry of the catalogue, with the numbers that the command gives."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tool.errors import InputFaults
from tool.export.files import SCRIPTS, names
from tool.generate import plan
from tool.load import open_repo
from tool.memory import fit
from tool.recommend import recommend
from tool.recommend.knowledge import current_knowledge
from tool.recommend.question import ask
from tool.recommend.sizing import first_setup, request_for
from tool.schema.recommendation import RecommendRequest
from tool.site.build import PAGE
from tool.site.changes import moved_fields, steps
from tool.site.core import cards_of, place_of
from tool.site.governance import scores
from tool.site.links import pieces
from tool.site.needs import LENGTHS, MICRO_BATCHES, needs_of
from tool.site.texts import texts_file
from tool.tests.conftest import ROOT, SMALL_CATALOG, copy_inputs

SITE = "generated/site/"
SFT = ("instruction_following", "lora")
HALF_A_DIGIT = 5.1e-4
"""Outputs have 4 significant digits."""
Ftc = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A repository with a small catalogue, and its plan."""
    root = copy_inputs(tmp_path_factory.mktemp("site"))
    (root / "profiles/catalog.yaml").write_text(SMALL_CATALOG)
    return root, plan(open_repo(root))


def data(files: dict[str, bytes], name: str) -> Any:
    """The data of one file, as a browser receives it."""
    text = files[f"{SITE}data/{name}.js"].decode()
    match = re.fullmatch(r'ftc\.receive\("([^"]+)",(.*)\);\n', text)
    assert match is not None and match[1] == name
    return json.loads(match[2])


def test_every_entry_has_its_answer_and_the_command_gives_the_same(
    made: tuple[Path, dict[str, bytes]], ftc: Ftc
) -> None:
    """Configuration, memory, confidence, reasons and warnings of each entry equal those of `ftc recommend`."""
    root, files = made
    core = data(files, "core")
    index = json.loads(files["generated/index.json"])["entries"]
    assert len(core["rows"]) == sum(row["fits"] for row in index) > 0
    assert len(core["rows"]) + len(core["misfits"]) == len(index)
    for values in core["rows"]:
        row = dict(zip(core["columns"], values, strict=True))
        model = core["models"][row["model"]][0]
        chunk = data(files, f"answers/{model}/{row['task']}")
        entry = chunk["entries"][row["tail"]]
        platform, place, *card = row["place"].split("/")
        asked = ["--model", model, "--task", row["task"], "--adapter", row["adapter"], "--platform", platform]
        asked += ["--plan", place, *(["--gpu", card[0]] if card else []), "--output", "json", "--root", root]
        answer = json.loads(ftc("recommend", *asked)[1])
        for name in ("config", "confidence", "warnings", "effective_batch_size", "strategy", "engine", "slot"):
            assert entry[name] == answer[name]
        assert entry["vram"].items() <= answer["vram"].items()
        assert row["learning_rate"] == answer["config"]["learning_rate"]
        assert row["upper_gib"] == answer["vram"]["upper_gib"]
        why = [chunk["reasons"][number] for number in entry["reasons"]]
        told = [(field, rule, "".join(t for t, _ in chunk["sources"][source]), n) for field, rule, source, n in why]
        assert told == [(r["field"], r["rule"], r["source"], r["n"]) for r in answer["reasons"]]


def stretches(runs: list[int], rows: list[Any]) -> list[Any]:
    """The rows that first, how many, first, how many … name."""
    found = []
    for first, count in zip(runs[::2], runs[1::2], strict=True):
        assert 0 <= first < first + count <= len(rows)
        found += rows[first : first + count]
    return found


def text_of(files: dict[str, bytes], group: str, tail: str, name: str) -> str:
    """What the page offers to copy, put together as the page does it."""
    if name not in SCRIPTS:
        exports = data(files, f"exports/{group}")
        return "\n".join(stretches(exports["entries"][tail][name], exports["items"]))
    scripts, shared = data(files, f"scripts/{group}"), data(files, "scripts")["lines"]
    lines: list[str] = []
    for item in stretches(scripts["entries"][tail][name], scripts["items"]):
        lines += [item] if isinstance(item, str) else stretches(item, shared)
    return "\n".join(lines)


def test_the_text_for_a_framework_is_that_of_the_command(made: tuple[Path, dict[str, bytes]], ftc: Ftc) -> None:
    """Copying a configuration or script from the page and `--export` give the same file, byte for byte."""
    root, files = made
    core, seen = data(files, "core"), set()
    for values in core["rows"]:
        row = dict(zip(core["columns"], values, strict=True))
        model = core["models"][row["model"]][0]
        platform, plan_name, *card = row["place"].split("/")
        asked = ["--model", model, "--task", row["task"], "--adapter", row["adapter"], "--platform", platform]
        asked += ["--plan", plan_name, *(["--gpu", card[0]] if card else []), "--root", root]
        offered = offered_for(files, f"{model}/{row['task']}", row["tail"])
        seen |= offered
        for name in names():
            code, out, _ = ftc("recommend", *asked, "--export", name)
            assert (code != 2) == (name in offered)
            if code != 2:
                assert text_of(files, f"{model}/{row['task']}", row["tail"], name) == out
    assert seen == set(names())


def offered_for(files: dict[str, bytes], group: str, tail: str) -> set[str]:
    """Names of the exports that the page offers for an entry."""
    exports = data(files, f"exports/{group}")
    return {*exports["entries"].get(tail, {}), *exports["scripts"].get(tail, ())}


def test_texts_that_repeat_each_other_come_back_whole() -> None:
    """Stretches of shared rows give each text again, whatever repeats, and a repeated text takes one stretch."""
    texts = {
        "a": {"x": ["1", "", "2", "", "3"], "y": ["1", "2", "2", ""]},
        "b": {"x": ["1", "", "2", "", "3"], "y": ["2", "", "9", "2", "2"]},
    }
    file = texts_file("t", texts)
    made = data(file, "t")
    for tail, those in texts.items():
        for name, items in those.items():
            assert stretches(made["entries"][tail][name], made["items"]) == items
    assert made["entries"]["b"]["x"] == [0, 5]


@pytest.mark.parametrize("card", ["T4", "RTX-4090", "H100-SXM5-80GB", "MI300X"])
@pytest.mark.parametrize(
    ("objective", "model", "adapter"),
    [
        ("sft", "Qwen/Qwen2.5-7B", "lora"),
        ("sft", "google/gemma-2-9b-it", "full"),
        ("sft", "google/flan-t5-base", "full"),
        ("dpo", "Qwen/Qwen3-8B", "lora"),
        ("grpo", "Qwen/Qwen2.5-7B", "qlora"),
    ],
)
def test_needs_beyond_the_catalogue_are_what_fit_says(
    made: tuple[Path, dict[str, bytes]], objective: str, model: str, adapter: str, card: str
) -> None:
    """Table plus the card's context is the upper bound of `ftc fit` for that setup, to the digits shown."""
    root, files = made
    repo, needs, core = open_repo(root), data(files, f"needs/{objective}"), data(files, "core")
    settings, _, table, *_ = needs["models"][model][adapter]
    config = needs["settings"][settings]
    facts = next(each for each in core["cards"] if each["id"] == card)
    question = ask(repo, RecommendRequest(model=model, task=config["task_type"], adapter=adapter, gpu=card))
    setup = first_setup(question, adapter, config["optim"], config["lora_r"])
    for place, shown in enumerate(needs["tables"][table][facts["kind"]]):
        length, batch = divmod(place, len(needs["batches"]))
        sizes = {"seq_len": needs["lengths"][length], "micro_batch": needs["batches"][batch]}
        priced = request_for(question, setup).model_copy(update={**sizes, "grad_checkpointing": True})
        assert shown + facts["context"] == pytest.approx(fit(repo, priced).upper_gib, rel=HALF_A_DIGIT)


def test_what_runs_told_of_a_card_is_in_its_figures(tmp_path: Path) -> None:
    """A planted term of a card multiplies its bounds and lowers its memory on the page just as in `ftc fit`."""
    root = copy_inputs(tmp_path)
    calibration = root / "registry/measurements/calibration.yaml"
    known = yaml.safe_load(calibration.read_text())
    known["cards"] = {"RTX-4090": {"need": 1.25, "usable_gib": 20.0, "rows": 90, "sources": 5}}
    calibration.write_text(yaml.safe_dump(known))
    repo = open_repo(root)
    cards = {card["id"]: card for card in cards_of(repo)}
    card = cards["RTX-4090"]
    assert (card["need"], card["usable"]) == (1.25, 20.0)
    assert all("need" not in other for name, other in cards.items() if name != "RTX-4090")
    assert place_of(repo, "local/rtx-4090")["usable"] == 20.0
    (need,) = [n for n in needs_of(repo, current_knowledge(repo), ["Qwen/Qwen2.5-7B"]) if (n.task, n.adapter) == SFT]
    question = ask(repo, RecommendRequest(model=need.model, task=need.task, adapter="lora", gpu="RTX-4090"))
    config = json.loads(need.settings)
    setup = first_setup(question, "lora", config["optim"], config["lora_r"])
    sizes = {"seq_len": LENGTHS[0], "micro_batch": MICRO_BATCHES[0], "grad_checkpointing": True}
    answer = fit(repo, request_for(question, setup).model_copy(update=sizes))
    shown = card["need"] * need.memory[card["kind"]][0] + card["context"]
    assert shown == pytest.approx(answer.upper_gib, rel=HALF_A_DIGIT)
    assert answer.usable_gib == 20.0


def test_needs_cover_the_registry(made: tuple[Path, dict[str, bytes]]) -> None:
    """Every model of the registry has settings and memory, and every number in the file points somewhere."""
    root, files = made
    needs = data(files, "needs/sft")
    assert needs["models"].keys() == {model.id for model in open_repo(root).models}
    cells = len(needs["lengths"]) * len(needs["batches"])
    for rows in needs["models"].values():
        for settings, why, table, confidence, _ in rows.values():
            assert needs["settings"][settings] and needs["why"][why]
            assert all(len(kind) == cells for kind in needs["tables"][table])
            assert 0 < confidence <= 1


def test_governance_is_the_state_and_its_events(made: tuple[Path, dict[str, bytes]]) -> None:
    """Production, canary and every event stand in the page as in registry/engines."""
    live = data(made[1], "governance")
    assert list(live["state"]["stages"].values()).count("production") == 1
    assert len(live["events"]) == live["state"]["generation"] + 1
    assert live["engines"].keys() == live["state"]["stages"].keys()


def test_a_canary_comes_first_in_the_change_log(tmp_path: Path) -> None:
    """While a canary runs the log compares it with production, above the releases."""
    root = copy_inputs(tmp_path)
    state = root / "registry/engines/state.yaml"
    live = re.search(r"^  (\S+): production$", state.read_text(), re.MULTILINE)
    assert live is not None
    canary = "{version: 2099.1.0, fraction: 0.05, salt: s1, since: 2099-01-01T00:00:00Z}"
    stages = f"stages: {{{live[1]}: production, 2099.1.0: canary}}\n"
    state.write_text(f"generation: 1\n{stages}canary: {canary}\nholds: []\n")
    first = steps(open_repo(root))[0]
    assert (first["kind"], first["from"], first["to"], first["fraction"]) == ("canary", live[1], "2099.1.0", 0.05)


def test_an_engine_that_waits_comes_first_in_the_change_log(made: tuple[Path, dict[str, bytes]]) -> None:
    """Each engine in staging is set beside production: settings, intervals, learned strategies as the command gives."""
    root, files = made
    repo, log, live = open_repo(root), data(files, "changes"), data(files, "governance")
    waiting = [step for step in log["steps"] if step["kind"] == "waiting"]
    assert log["steps"][: len(waiting)] == waiting
    assert [step["to"] for step in waiting] == [name for name, e in live["engines"].items() if e["stage"] == "staging"]
    for step in log["steps"]:
        for strategy, moves in step["learned"].items():
            for model, task, objective, adapter, fields in moves:
                asked = {"model": model, "task": task, "objective": objective, "adapter": adapter, "strategy": strategy}
                known = current_knowledge(repo, step["to"], None)
                answer = recommend(repo, RecommendRequest.model_validate(asked), known)
                usual = recommend(repo, RecommendRequest.model_validate({**asked, "strategy": "auto"}), known)
                assert fields == moved_fields(usual, answer) != {}


def test_intervals_that_differ_are_in_the_change_log(made: tuple[Path, dict[str, bytes]]) -> None:
    """Each differing interval of an engine that waits is counted once for every subject that it differs for."""
    root, files = made
    repo, log = open_repo(root), data(files, "changes")
    rows = json.loads(files["generated/index.json"])["entries"]
    asked = {tuple(row[name] for name in ("model", "task", "objective", "adapter")) for row in rows}
    for step in (step for step in log["steps"] if step["kind"] == "waiting"):
        expected: Counter[str] = Counter()
        for model, task, objective, adapter in asked:
            request = RecommendRequest(model=model, task=task, objective=objective, adapter=adapter)
            sides = []
            for version in (step["from"], step["to"]):
                engine = current_knowledge(repo, version, None).engine
                assert engine is not None
                sides.append(engine.peers(ask(repo, request), adapter)[0])
            expected.update(name for name in sides[0].keys() & sides[1].keys() if sides[0][name] != sides[1][name])
        told: Counter[str] = Counter()
        for name, before, after, count in step["spread"]:
            assert before != after
            told[name] += count
        assert told == expected


def test_scores_are_those_of_the_evaluation_report(made: tuple[Path, dict[str, bytes]]) -> None:
    """What the page says was measured of an engine stands in its evaluation report, number by number."""
    for version, engine in data(made[1], "governance")["engines"].items():
        metrics = json.loads((ROOT / f"evaluation/reports/{version}/evaluation.json").read_text())["metrics"]
        assert engine["scores"].items() <= metrics.items()
        assert {"within_two_fold", "cases"} <= engine["scores"].keys()


def test_a_broken_evaluation_report_is_one_clear_error(tmp_path: Path) -> None:
    """A report that holds no metrics names itself, instead of a traceback or a page without scores."""
    report = tmp_path / "evaluation.json"
    report.write_text('{"metrics": [1]}')
    with pytest.raises(InputFaults, match=r"evaluation\.json"):
        scores(report)


def test_the_change_log_tells_old_and_new_value_of_settings_only(root: Path) -> None:
    """A learning rate that differs is told; confidence and engine are no settings."""
    repo = open_repo(root)
    request = RecommendRequest(model="Qwen/Qwen2.5-7B", task="chat", adapter="lora")
    old = recommend(repo, request, current_knowledge(repo))
    new = old.model_copy(update={"config": {**old.config, "learning_rate": 1e-3}, "confidence": 0.1, "engine": "x"})
    assert moved_fields(old, new) == {"learning_rate": [old.config["learning_rate"], 1e-3]}
    assert moved_fields(old, old) == {}


def test_each_release_is_in_the_change_log(made: tuple[Path, dict[str, bytes]]) -> None:
    """Newest first, each beside the one before, with every subject of the catalogue decided by some strategy."""
    log, live = data(made[1], "changes"), data(made[1], "governance")
    released = [event["version"] for event in live["events"] if event["to"] == "production"]
    steps = [step for step in log["steps"] if step["kind"] == "release"]
    assert [step["to"] for step in steps] == released[::-1]
    assert all(sum(step["strategies"].values()) == log["subjects"] > 0 for step in log["steps"])


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("Dettmers et al. 2023, arXiv 2305.14314, appendix B", "https://arxiv.org/abs/2305.14314"),
        ("huggingface/trl, docs/source (DPO pages)", "https://github.com/huggingface/trl"),
        ("profiles/tasks/chat.yaml", "repo:profiles/tasks/chat.yaml"),
        ("memory bound (tool/memory)", "repo:tool/memory"),
    ],
)
def test_sources_become_links_and_keep_their_text(source: str, address: str) -> None:
    """A paper, a code base and a file of ours are links; the words stay as they were."""
    found = pieces(source)
    assert "".join(text for text, _ in found) == source
    assert address in [link for _, link in found]


def test_plain_words_are_no_links() -> None:
    """A slash alone makes no link."""
    assert pieces("rule of thumb of practice: below 100 rows 3-5 epochs, and/or above") == [
        ("rule of thumb of practice: below 100 rows 3-5 epochs, and/or above", "")
    ]


def test_links_into_the_repository_lead_somewhere(made: tuple[Path, dict[str, bytes]]) -> None:
    """Every file that a reason names exists."""
    for name in [path for path in made[1] if path.startswith(f"{SITE}data/")]:
        found = re.findall(r'"repo:([^"]+)"', made[1][name].decode())
        assert [path for path in found if not (ROOT / path).exists()] == []


def test_the_page_asks_nobody_else() -> None:
    """No script, style, picture or request from another host, and nothing that a page from a disk may not do."""
    for file in PAGE.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="(https?:)?//', text)
        assert not re.search(r"\bfetch\(|XMLHttpRequest|\bimport\b|@import|url\(", text)
    markup = (PAGE / "index.html").read_text()
    assert "default-src 'none'" in markup
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", markup)


def test_the_first_view_is_small(made: tuple[Path, dict[str, bytes]]) -> None:
    """Markup, style, scripts and the core data are at most 300 KB, uncompressed, with the whole catalogue as well."""
    files = made[1]
    fixed = sum(len(content) for path, content in files.items() if path.startswith(SITE) and "/data/" not in path)
    core = ROOT / SITE / "data/core.js"
    assert fixed + max(len(files[f"{SITE}data/core.js"]), core.stat().st_size if core.exists() else 0) <= 300_000


def test_every_script_of_the_markup_is_there(made: tuple[Path, dict[str, bytes]]) -> None:
    """The markup names each script once, and each script is named."""
    named = re.findall(r'<script src="([^"]+)">', (PAGE / "index.html").read_text())
    assert len(named) == len(set(named))
    assert set(named) == {"data/core.js", *(file.name for file in PAGE.glob("*.js"))}
    assert all(f"{SITE}{name}" in made[1] for name in named)
