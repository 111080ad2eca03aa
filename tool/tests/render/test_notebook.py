"""Rendering: valid nbformat 4.5, canonical bytes, code that compiles, and nothing from a name that becomes code."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nbformat import validate

from tool.errors import BadRequest
from tool.load import open_repo
from tool.render import notebook, template_for
from tool.render.templates import template_names
from tool.tests.render import samples

COMBINATIONS = [
    ("instruction_following", {}),
    ("chat", {}),
    ("code", {}),
    ("reasoning", {}),
    ("reasoning", {"objective": "grpo"}),
    ("preference", {}),
    ("preference", {"objective": "orpo"}),
    ("preference", {"objective": "kto"}),
    ("preference", {"objective": "simpo"}),
    ("continued_pretraining", {}),
    ("reinforcement", {}),
    ("classification", {"model_kind": "sequence_classification"}),
    ("classification", {"model_kind": "causal_lm"}),
    ("summarization", {"model_kind": "causal_lm"}),
    ("summarization", {"model_kind": "seq2seq"}),
    ("question_answering", {"model_kind": "causal_lm"}),
    ("question_answering", {"model_kind": "seq2seq"}),
]
ADAPTERS = ["full", "lora", "qlora", "dora"]
EVERY = [(task, fields, adapter, gpus) for task, fields in COMBINATIONS for adapter in ADAPTERS for gpus in (1, 2)]


def document(data: bytes) -> dict[str, Any]:
    """The notebook as plain data."""
    loaded: dict[str, Any] = json.loads(data)
    return loaded


def code(data: bytes) -> str:
    """All code cells as one script, with IPython's own lines made comments."""
    cells = ["".join(cell["source"]) for cell in document(data)["cells"] if cell["cell_type"] == "code"]
    lines = "\n\n".join(cells).split("\n")
    return "\n".join(plain(line) for line in lines) + "\n"


def plain(line: str) -> str:
    """A magic or shell line as a statement of the same indentation."""
    bare = line.lstrip()
    return line[: len(line) - len(bare)] + "pass" if bare[:1] in "%!" and bare else line


@cache
def rendered() -> dict[str, bytes]:
    """Every template with every adapter, for one GPU and two."""
    result = {}
    for task, fields, adapter, gpus in EVERY:
        sharding = "fsdp" if gpus > 1 and adapter == "full" else "none"
        answer = samples.recommendation(adapter, sharding=sharding)
        name = "-".join([task, *map(str, fields.values()), adapter, str(gpus)])
        result[name] = notebook(answer, samples.context(task, gpus=gpus, **fields))
    return result


def test_every_notebook_is_valid_nbformat_4_5() -> None:
    """The published schema of nbformat 4.5 accepts every combination, and cell ids are unique."""
    for name, data in rendered().items():
        loaded = document(data)
        validate(loaded)
        ids = [cell["id"] for cell in loaded["cells"]]
        assert (loaded["nbformat"], loaded["nbformat_minor"]) == (4, 5), name
        assert len(set(ids)) == len(ids), name


def test_bytes_are_canonical() -> None:
    """Sorted keys, a trailing newline, no outputs; the same input gives the same bytes in another process."""
    data = notebook(samples.recommendation("lora"), samples.context("chat"))
    assert data == (json.dumps(document(data), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    again = (
        "import sys; from tool.render import notebook; from tool.tests.render import samples; "
        "sys.stdout.buffer.write(notebook(samples.recommendation('lora'), samples.context('chat')))"
    )
    root = Path(__file__).resolve().parents[3]
    other = subprocess.run(
        [sys.executable, "-c", again], capture_output=True, check=True, cwd=root, env={"PYTHONHASHSEED": "7"}
    )
    assert other.stdout == data


def test_code_compiles_and_is_clean() -> None:
    """Every combination compiles, and ruff finds no undefined or unused name and no bad import."""
    for name, data in rendered().items():
        ast.parse(code(data), name)
    for name in ("instruction_following-qlora-1", "classification-causal_lm-lora-2", "reinforcement-full-1"):
        check = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9", "--stdin-filename", "n.py", "-"],
            input=code(rendered()[name]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert check.returncode == 0, f"{name}\n{check.stdout}"


def test_every_task_of_the_repository_renders() -> None:
    """Each task in profiles/tasks, with each objective and model kind that it allows, gives code that compiles."""
    repo = open_repo(Path(__file__).resolve().parents[3])
    count = 0
    for id in repo.tasks.ids():
        task = repo.tasks[id]
        for kind in task.model_kinds:
            objectives = task.objectives if kind == "causal_lm" else (task.objective,)
            for objective in objectives:
                surroundings = samples.context(task=task, model_kind=kind, objective=objective)
                ast.parse(code(notebook(samples.recommendation("lora"), surroundings)), f"{id} {kind} {objective}")
                count += 1
    assert count >= 25


def test_every_template_is_reached() -> None:
    """No template is dead: the ten tasks with their objectives and model kinds use all of them."""
    used = {document(data)["metadata"]["open_finetune_config"]["template"] for data in rendered().values()}
    assert used == set(template_names())


def test_notebooks_are_short() -> None:
    """A notebook is read in one sitting: few cells, small on disk, and no endless line."""
    for name, data in rendered().items():
        cells = document(data)["cells"]
        assert len(cells) <= 26, name
        assert len(data) < 45_000, name
        long = [line for line in code(data).splitlines() if len(line) > 130]
        assert not long, f"{name}: {long}"


@pytest.mark.parametrize(
    "name",
    [
        'x"; import os; os.system("echo owned") #',
        "x\n# %%\nimport os",
        "x'''\"\"\"\\",
        "{{ 7 * 7 }}{% raw %}",
        "x`]](javascript:alert)|<script>",
        "x\u2028import os\x00",
    ],
)
def test_a_name_cannot_become_code(name: str) -> None:
    """A hostile model name, warning or digest stays a string: the code is the same but for that literal."""
    harmless = notebook(samples.recommendation(), samples.context(model_id="org/name", provenance={"tool": "1"}))
    answer = samples.recommendation().model_copy(
        update={"warnings": (name,), "engine": name, "request": {"model": name}}
    )
    hostile = notebook(answer, samples.context(model_id=name, provenance={name: name}, card_title=name))
    shapes = [[type(node).__name__ for node in ast.walk(ast.parse(code(data)))] for data in (harmless, hostile)]
    assert len(document(harmless)["cells"]) == len(document(hostile)["cells"])
    difference = [kind for kind in shapes[1] if kind not in shapes[0]]
    assert difference == []
    assignment = next(node for node in ast.parse(code(hostile)).body if isinstance(node, ast.Assign))
    assert ast.literal_eval(assignment.value) == name
    head = "".join(document(hostile)["cells"][0]["source"])
    assert "<script>" not in head.replace("\\<script", "")


def test_pins_are_requirements_only() -> None:
    """A pin that smuggles a shell command or an option is refused."""
    dependencies = samples.recommendation().dependencies
    assert dependencies is not None
    for pins in ({"torch": "1; rm -rf /"}, {"--index-url": "1"}, {"torch && x": "1"}):
        answer = samples.recommendation().model_copy(
            update={"dependencies": dependencies.model_copy(update={"pins": pins})}
        )
        with pytest.raises(ValueError, match="no requirement"):
            notebook(answer, samples.context())


def test_pins_of_answer_are_installed_and_image_packages_are_not() -> None:
    """The install cell holds exactly the answer's pins; what the image brings is named but left alone."""
    dependencies = samples.recommendation().dependencies
    assert dependencies is not None
    update = {"pins": {"trl": "1.16.0"}, "from_image": {"torch": "2.11.0+cu128"}}
    answer = samples.recommendation().model_copy(update={"dependencies": dependencies.model_copy(update=update)})
    text = notebook(answer, samples.context()).decode()
    assert "%pip install --quiet trl==1.16.0\\n" in text
    assert "The image brings torch 2.11.0+cu128" in text
    assert "torch==" not in text


def test_parameters_are_those_of_the_answer() -> None:
    """Each value of the configuration is assigned once, in the one parameters cell."""
    answer = samples.recommendation("lora", learning_rate=3e-4, lora_r=64, max_length=512, precision="bf16", seed=7)
    body = ast.parse(code(notebook(answer, samples.context()))).body
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert values["LEARNING_RATE"] == 3e-4
    assert (values["LORA_R"], values["MAX_LENGTH"], values["SEED"]) == (64, 512, 7)
    assert (values["PRECISION"], values["WEIGHTS"]) == ("bf16", "bfloat16")


def test_fp16_trains_fp32_weights_in_full_fine_tuning() -> None:
    """The fp16 gradient scaler refuses fp16 gradients, so trained weights stay fp32 and only frozen ones are fp16."""
    full = notebook(samples.recommendation("full", precision="fp16"), samples.context()).decode()
    lora = notebook(samples.recommendation("lora", precision="fp16"), samples.context()).decode()
    assert 'WEIGHTS = \\"float32\\"' in full
    assert 'WEIGHTS = \\"float16\\"' in lora


def test_old_cards_get_their_own_build_and_no_triton() -> None:
    """A stack with a torch build of its own (Pascal) is installed by uv, and TRL's Triton kernels are left out."""
    stack = samples.stack().model_copy(update={"torch_backend": "cu126"})
    text = notebook(samples.recommendation(), samples.context(stack=stack)).decode()
    assert "uv pip install --system --quiet --torch-backend cu126" in text
    assert "_TRITON_AVAILABLE = False" in text
    assert "_TRITON_AVAILABLE" not in notebook(samples.recommendation(), samples.context()).decode()


def test_kto_never_gets_a_batch_of_one() -> None:
    """KTO has no KL estimate with one row per batch: two rows are taken, accumulated half as long."""
    answer = samples.recommendation("lora", per_device_train_batch_size=1, gradient_accumulation_steps=8)
    text = code(notebook(answer, samples.context("preference", objective="kto")))
    assert "MICRO_BATCH = 2 " in text
    assert "ACCUMULATION = 4\n" in text


def test_a_model_of_the_wrong_kind_is_refused() -> None:
    """An encoder-decoder cannot follow the chat template, and an objective needs a template: one clear error each."""
    with pytest.raises(BadRequest, match="seq2seq"):
        notebook(samples.recommendation(), samples.context("chat", model_kind="seq2seq"))
    with pytest.raises(BadRequest, match="ppo"):
        template_for(samples.recommendation(), samples.context("preference", objective="ppo"))


def test_a_configuration_without_learning_rate_is_refused() -> None:
    """What a notebook cannot run without is named, not guessed."""
    with pytest.raises(BadRequest, match="learning_rate"):
        notebook(samples.recommendation(learning_rate=None), samples.context())


def test_rendering_is_quick() -> None:
    """A catalogue of 500 notebooks renders in seconds: at most 20 ms each, once templates are compiled."""
    import time

    answer, surroundings = samples.recommendation(), samples.context()
    notebook(answer, surroundings)
    begin = time.process_time()
    for _ in range(20):
        notebook(answer, surroundings)
    assert (time.process_time() - begin) / 20 < 0.5  # a guard, no benchmark


def test_a_place_that_ends_sessions_is_told_with_the_way_on() -> None:
    """Where a session ends before the rows do, the data cell says how many rows fit, and how to go on."""
    limited = samples.context(hours_per_thousand_rows=1.0, runtime_limit_hours=12.0)
    source = code(notebook(samples.recommendation(), limited))
    assert "if hours > 12.0:" in source
    assert "RESUME = True" in source
    assert "A session here ends" not in code(
        notebook(samples.recommendation(), samples.context(hours_per_thousand_rows=1.0))
    )


def test_an_unreadable_answer_is_not_rewarded() -> None:
    """Two texts without a number are not equal numbers."""
    source = code(rendered()["reasoning-grpo-qlora-2"])
    body = source[source.index("def last_number") : source.index("def ends_with_number")]
    names: dict[str, Any] = {"re": re}
    exec(body, names)
    texts = [[{"content": text}] for text in ("I give up", "it is 4", "it is 5")]
    assert names["correct_answer"](texts, ["none", "4", "4"]) == [0.0, 1.0, 0.0]
