"""The rules, one module each. A new module here is a new rule: the registry finds it."""
