"""Judging migrations: what each operation would do to a busy database and to old code.

The judgement is made from the project state before and after every operation, which a single
pass over the migration graph provides. No database is asked and no model is rendered.

`linter` is what commands, checks and tests call. `walk` makes the pass, `rules` know the hazards,
`judge` brings both together, `rewrite` uses the rules' remedies on migrations that are not written
yet.
"""
