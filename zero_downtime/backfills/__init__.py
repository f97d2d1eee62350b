"""Moving rows: key ranges, the batch loop, pace, progress, verification. No migrations here."""
