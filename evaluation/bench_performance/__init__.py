"""How fast the program is and how its time grows: `python -m evaluation.bench_performance` (make bench)."""
