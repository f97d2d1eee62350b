"""What a visitor tells the demo: one `Report` a line, as JSON."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field


@dataclass
class Report:
    """What happened since the last report.

    `made_at` is a time of `time.monotonic()`, which all processes of a machine share.
    `latencies` has the seconds that each request took, failed ones included. `ledger` comes with
    the last report only (see `Visitor`).
    """

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unfilled_reads: int = 0
    ledger: dict[int, str | None] = field(default_factory=dict)
    made_at: float = field(default_factory=time.monotonic)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Report:
        report = cls(**json.loads(line))
        # The keys of a JSON object are strings.
        report.ledger = {int(customer): name for customer, name in report.ledger.items()}
        return report
