"""Who writes which of the customers that were loaded before the visitors came."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Everybody writes the customers with these ids, to have old and new code meet in one row.
HOT = 100


@dataclass(frozen=True)
class Share:
    """The part of customers 1 to `customers` that visitor `index` of `visitors` writes alone."""

    index: int
    visitors: int
    customers: int

    def pick_own(self, source: random.Random) -> int:
        """Return the id of a customer whom only this visitor writes."""
        return source.randrange(HOT + 1 + self.index, self.customers + 1, self.visitors)

    def pick_hot(self, source: random.Random) -> int:
        """Return the id of a customer whom every visitor writes."""
        return source.randint(1, HOT)

    def pick_any(self, source: random.Random) -> int:
        """Return the id of any customer who was loaded."""
        return source.randint(1, self.customers)
