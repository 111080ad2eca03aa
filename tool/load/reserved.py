"""evaluation/reserved.yaml → `Reserved`: the one list of what priors, learning and calibration may not read."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from tool.errors import Fault, InputFaults
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import YamlFile
from tool.schema.reserved import Reserved

RESERVED_PATH = "evaluation/reserved.yaml"


def load_reserved(root: Path) -> Reserved:
    """The reserved sources of a repository.

    A missing file is a fault and not an empty list: forgetting it would let learning read the golden set.
    Raises InputFaults with every fault of the file.
    """
    file = YamlFile.read(root, RESERVED_PATH)
    if file.faults:
        raise InputFaults(file.faults)
    if not isinstance(file.data, dict):
        raise InputFaults([Fault(file.path, 1, "", "is not a mapping", "write key: value lines")])
    try:
        return Reserved.model_validate(file.data)
    except ValidationError as error:
        raise InputFaults(faults_of(error, file, field_names(Reserved))) from None
