"""An app with the command that the linter is compared with."""
