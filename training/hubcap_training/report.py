"""The training log as a small table, one line per so many steps.

    python -m hubcap_training.report --log WORK/runs/default/log.jsonl > report.tsv
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean

COLUMNS = ("ctc", "held_out", "clips")
FIRST = "step\thours heard\thours passed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--every", type=int, default=50)
    args = parser.parse_args()
    records = [json.loads(line) for line in args.log.read_text().splitlines()]
    print(FIRST, *COLUMNS, sep="\t")
    heard = 0.0
    for start in range(0, len(records), args.every):
        group = records[start : start + args.every]
        heard += sum(record["audio"] for record in group) / 3600
        passed = (group[-1]["time"] - records[0]["time"]) / 3600
        cells = []
        for column in COLUMNS:
            values = [record[column] for record in group if column in record]
            cells.append(f"{fmean(values):.3f}" if values else "")
        print(group[-1]["step"], f"{heard:.2f}", f"{passed:.2f}", *cells, sep="\t")


if __name__ == "__main__":
    main()
