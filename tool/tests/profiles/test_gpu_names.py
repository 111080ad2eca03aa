"""What people write for a card is understood, and what nobody could mean is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.errors import BadRequest
from tool.load import Repo, open_repo
from tool.load.gpu_names import alias_faults, card_names, find_gpu, known_gpus, resolve_gpu
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)
NAMES = [(card.id, name) for card in REPO.gpus for name in card_names(card)]


def resolved(name: str) -> str | None:
    found = resolve_gpu(REPO, name)
    return found[0].id if found else None


def test_every_name_resolves_to_its_own_card() -> None:
    """Each id, alias and device name leads back to the card that declares it, with that card's usable memory."""
    for id, name in NAMES:
        found = resolve_gpu(REPO, name)
        assert found is not None, name
        assert (found[0].id, found[1]) == (id, REPO.gpus[id].usable_gib), name


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(["upper", "lower", "title"]), st.sampled_from([" ", "-", "_"]))
def test_case_and_separators_do_not_count(pair: tuple[str, str], case: str, separator: str) -> None:
    """Letter case and the choice of space, dash or underscore never change the card."""
    id, name = pair
    written = getattr(name, case)().replace("-", separator).replace(" ", separator)
    assert resolved(written) == id


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(["2x {}", "8x{}", "{} x8", "NVIDIA {}", " {} ", "nvidia-{}"]))
def test_counts_and_vendor_words_do_not_count(pair: tuple[str, str], form: str) -> None:
    """A count or a vendor's name around a card's name never changes the card."""
    id, name = pair
    assert resolved(form.format(name)) == id


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    """Any text gives a card with positive memory or None, never an exception."""
    found = resolve_gpu(REPO, text)
    assert found is None or found[1] > 0


@pytest.mark.parametrize(
    ("written", "card", "usable"),
    [
        ("T4-15GB", "T4", 14.563),
        ("Tesla T4 (14.748 GiB)", "T4", 14.748),
        ("NVIDIA L4 (22.161 GiB)", "L4", 22.161),
        ("A100-80GB", "A100-SXM4-80GB", 79.251),
        ("NVIDIA A100-SXM4-40GB (39.557 GiB)", "A100-SXM4-40GB", 39.557),
        ("A100 (79.25 GiB)", "A100-SXM4-80GB", 79.25),
        ("A100 (40 GB)", "A100-SXM4-40GB", 39.494),
        ("A100 80GB SXM", "A100-SXM4-80GB", 79.251),
        ("H100-80GB", "H100-SXM5-80GB", 79.179),
        ("H100-96GB", "H100-SXM5-96GB", 94.05),
        ("RTX-4090-24GB", "RTX-4090", 23.635),
        ("A6000-48GB", "RTX-A6000", 44.427),
        ("RTX 3060", "RTX-3060-12GB", 11.755),
    ],
)
def test_names_from_published_measurements(written: str, card: str, usable: float) -> None:
    """Names as published runs write them mean the right card and memory; a seen figure overrides the card's own."""
    found = resolve_gpu(REPO, written)
    assert found is not None
    assert (found[0].id, found[1]) == (card, usable)


def test_of_alternatives_the_smaller_counts() -> None:
    """ "RTX-3090/4090-24GB" is judged by the card with less usable memory, and one unknown alternative spoils it."""
    found = resolve_gpu(REPO, "RTX-3090/4090-24GB")
    assert found is not None
    assert found[1] == min(REPO.gpus["RTX-3090"].usable_gib, REPO.gpus["RTX-4090"].usable_gib)
    assert resolve_gpu(REPO, "RTX-4090/K80") is None


def test_a_family_name_means_its_smaller_size() -> None:
    """ "A100" and "V100" alone, which come in two sizes, mean the one that a configuration fits in either way."""
    for family in ("A100", "V100"):
        found = resolve_gpu(REPO, family)
        assert found is not None
        siblings = [card.nominal_gb for card in REPO.gpus if card.id.startswith(f"{family}-")]
        assert found[0].nominal_gb == min(siblings)


@pytest.mark.parametrize("written", ["", "   ", "K80", "T4-48GB", "80GB", "GPU", "x" * 500])
def test_what_no_card_could_be_is_unknown(written: str) -> None:
    """Unknown cards, sizes that no variant has and empty text are None, not a guess."""
    assert resolve_gpu(REPO, written) is None


def test_a_typo_is_told_with_the_nearest_name() -> None:
    """An unknown card is one clear error that suggests what was meant."""
    with pytest.raises(BadRequest, match="did you mean 'RTX-4090'"):
        find_gpu(REPO, "RTX 4900")
    assert "RTX-4090" in known_gpus(REPO)


def test_an_exact_id_reads_one_file_only(tmp_path: Path) -> None:
    """The id of a card is answered from its own file: another broken file does not matter."""
    folder = tmp_path / "profiles/gpus"
    folder.mkdir(parents=True)
    (folder / "T4.yaml").write_bytes((ROOT / "profiles/gpus/T4.yaml").read_bytes())
    (folder / "broken.yaml").write_text("vendor: [")
    found = resolve_gpu(Repo(tmp_path), "T4")
    assert found is not None
    assert found[0].id == "T4"


def test_a_name_on_two_cards_is_a_fault_with_its_line(profiles_copy: Path) -> None:
    """An alias that two cards claim is reported with file, line, field and mend; the real cards share none."""
    assert alias_faults(REPO) == []
    path = profiles_copy / "profiles/gpus/L4.yaml"
    path.write_text(path.read_text().replace("aliases: [", "aliases: [tesla T4, "))
    faults = alias_faults(Repo(profiles_copy))
    assert [fault.path for fault in faults] == ["profiles/gpus/T4.yaml"]
    assert "L4" in faults[0].message
    assert faults[0].mend
