"""How good are the hyperparameters? Experts of unseen repositories, sweeps left out of training, and baselines.

`python -m evaluation.hparams` (or `make bench-hparams`) writes evaluation/reports/hparams.md.
"""
