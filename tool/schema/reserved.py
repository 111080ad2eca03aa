"""What is kept for the golden set: evaluation/reserved.yaml."""

from __future__ import annotations

from pydantic import field_validator

from tool.schema.base import Record


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}")
    return values


class ReservedRecipes(Record):
    """Source repositories (`owner/name`) whose recipes are reserved."""

    repositories: tuple[str, ...] = ()

    _repositories = field_validator("repositories")(_distinct)


class ReservedMeasurements(Record):
    """Ids of measurement rows that are reserved."""

    rows: tuple[str, ...] = ()


class Reserved(Record):
    """Sources that nothing in priors, learning or memory calibration may read."""

    recipes: ReservedRecipes = ReservedRecipes()
    model_families: tuple[str, ...] = ()
    measurements: ReservedMeasurements = ReservedMeasurements()
    sweeps: tuple[str, ...] = ()

    _families = field_validator("model_families", "sweeps")(_distinct)

    def has_recipe(self, repository: str, family: str | None) -> bool:
        """True when a recipe of this source repository or model family is reserved."""
        return repository in self.recipes.repositories or (family is not None and family in self.model_families)

    def has_measurement(self, row: str) -> bool:
        """True when this measurement row is reserved."""
        return row in self.measurements.rows

    def has_sweep(self, task: str, method: str) -> bool:
        """True when the runs of this task with this method of registry/measurements/sweeps are reserved."""
        return f"{task}/{method}" in self.sweeps
