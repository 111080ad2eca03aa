"""The verdict of telemetry on a running canary: anytime-valid, so that it may be asked every day."""
