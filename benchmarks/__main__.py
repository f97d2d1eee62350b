"""The command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import set_up_django

RESULTS = Path(__file__).with_name("results")


def main(arguments: list[str]) -> int:
    set_up_django()
    # Not above: models can be defined only now.
    from benchmarks.benchmark import Options
    from benchmarks.catalogue import BENCHMARKS
    from benchmarks.report import run

    if not arguments:
        for name, benchmark in BENCHMARKS.items():
            print(f"{name}: {benchmark.description}")
            for part, measure in benchmark.parts.items():
                print(f"    {part:<12} {(measure.__doc__ or '').splitlines()[0]}")
        return 0

    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="name", required=True)
    for name, benchmark in BENCHMARKS.items():
        command = commands.add_parser(name, help=benchmark.description)
        command.add_argument(
            f"--{benchmark.counted}",
            type=int,
            default=benchmark.size,
            dest="size",
            help="default: %(default)s",
        )
        command.add_argument("--runs", type=int, default=5, help="default: %(default)s")
        command.add_argument("--output", type=Path, default=RESULTS / f"{name}.json")
        command.add_argument(
            "--only",
            nargs="+",
            metavar="PART",
            choices=benchmark.parts,
            default=None,
            help=f"some of: {', '.join(benchmark.parts)}",
        )
    chosen = parser.parse_args(arguments)
    options = Options(chosen.size, chosen.runs)
    run(BENCHMARKS[chosen.name], options, chosen.only, chosen.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
