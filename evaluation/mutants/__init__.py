"""Proof that the gates bite: sabotaged engines and inputs, each with the gate and exit code that must stop it."""
