#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays a border service that copies a CSV file into a watched folder: half of it first, the rest later, the manifest last."""
import argparse
import hashlib
import json
import os
import pathlib
import time


def manifest(name, sequence, data, rows, **more):
    return json.dumps({"file": name + ".csv", "sequence": sequence, "rows": rows, "sha256": hashlib.sha256(data).hexdigest(), **more})


def put(folder, name, sequence, data, rows, pause=0.0, pieces=2, whole=True, **more):
    """Writes NAME.csv in pieces and, when whole, NAME.manifest; more: members of the manifest that differ."""
    folder = pathlib.Path(folder)
    step = max(1, -(-len(data) // pieces))
    with open(folder / (name + ".csv"), "wb") as file:
        for start in range(0, len(data), step):
            file.write(data[start:start + step])
            file.flush()
            if not whole and start + step >= step * (pieces - 1):
                return
            time.sleep(pause)
    part = folder / (name + ".manifest.part")
    part.write_text(manifest(name, sequence, data, rows, **more))
    os.rename(part, folder / (name + ".manifest"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--name", required=True)
    parser.add_argument("--sequence", type=int, required=True)
    parser.add_argument("--rows", required=True, help="a CSV file with a header; its rows have no line breaks inside")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between the pieces")
    options = parser.parse_args()
    data = pathlib.Path(options.rows).read_bytes()
    put(options.folder, options.name, options.sequence, data, len(data.splitlines()) - 1, options.pause)


if __name__ == "__main__":
    main()
