"""How a report is written down: one module per format, each with `render(report) -> str`."""
