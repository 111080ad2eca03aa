"""Released packages → the key lists of `tool/lint/keys`, read from their sources without importing them.

`python -m tool.lint.extract FOLDER` reads the wheels and source archives in FOLDER (see tool/lint/keys/README.md) and
writes the lists. It is run when a framework has a new release; linting itself reads only the lists.
"""

from __future__ import annotations
