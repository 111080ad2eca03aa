"""How good the linter is: faults planted into valid configurations, and what it says of published ones.

python -m evaluation.lint_report           print the page
python -m evaluation.lint_report --write   write evaluation/reports/lint.md
"""

from __future__ import annotations
