"""Changes that need two deploys: expand -> backfill -> verify -> contract, and their phase."""
