"""Results files as ARTIQ writes them, and the CSV that a command made of one."""

import csv
from pathlib import Path

import h5py
import numpy as np

PLAN = '{"apparatus":"emulated","block_rounds":500,"purpose":"characterisation"}'


def write_results(path, datasets, class_name="CharacteriseLink"):
    """The layout of artiq_run and of a master: datasets, archive, and what was submitted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        group, _ = file.create_group("datasets"), file.create_group("archive")
        for name, value in datasets.items():
            group[name] = value
        file["artiq_version"] = "8.1"
        file["rid"] = 12
        file["start_time"] = 1_700_000_000.0
        file["expid"] = f'{{"log_level": 30, "class_name": "{class_name}", "arguments": {{"rounds": 5000}}}}'
    return path


def read_table(path):
    """Columns of a CSV as arrays; its first line is a comment."""
    lines = Path(path).read_text().splitlines()
    assert lines[0].startswith("# ")
    rows = list(csv.DictReader(lines[1:]))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def numbers(path):
    return {name: np.array([float(value or "nan") for value in column]) for name, column in read_table(path).items()}


def outcomes(rounds, seed=1):
    """x, y, a, b, patterns of rounds with S near 2.7 and Q near 2 %."""
    random = np.random.default_rng(seed)
    test = random.random(rounds) < 0.5
    x = np.where(test, random.integers(0, 2, rounds), 0).astype(np.uint8)
    y = np.where(test, random.integers(0, 2, rounds), 2).astype(np.uint8)
    a = random.integers(0, 2, rounds).astype(np.uint8)
    wrong = random.random(rounds) < np.where(test, 0.163, 0.02)
    b = (a ^ wrong ^ (x * (y == 1))).astype(np.uint8)
    return x, y, a, b, random.choice([0b0011, 0b0101, 0b1010, 0b1100], rounds).astype(np.uint8)
