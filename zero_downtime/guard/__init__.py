"""Running `migrate`: plan, lock timeouts, retries, journal."""
