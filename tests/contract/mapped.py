# SPDX-License-Identifier: Apache-2.0
# mapped.py - records that kinward normalize makes of a document, and the results of a test of mappings.
import os
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

PROGRAM = pathlib.Path(os.environ['KINWARD_BUILD']) / 'kinward'
results = []


def check(name, problem=''):
    results.append((name, problem))


def equal(name, got, wanted):
    check(name, '' if got == wanted else f'{got!r} instead of {wanted!r}')


def normalize(connector, text, *options):
    """(exit code, records, errors) of a document; what comes out is valid."""
    run = subprocess.run([PROGRAM, 'normalize', '--connector', connector, *options, '/dev/stdin'], input=text, capture_output=True,
                         text=True, check=False)
    if not run.stdout.strip():
        return run.returncode, [], run.stderr
    valid = subprocess.run([PROGRAM, 'validate', '/dev/stdin'], input=run.stdout, capture_output=True, text=True, check=False)
    equal('validate accepts', (valid.returncode, valid.stderr), (0, ''))
    root = ElementTree.fromstring(run.stdout)
    return run.returncode, [root] if root.tag.endswith('}record') else list(root), run.stderr


def report():
    """Prints the results as TAP; the exit code."""
    print(f'1..{len(results)}')
    for number, (name, problem) in enumerate(results, 1):
        print(f'{"not ok" if problem else "ok"} {number} - {name}' + (f': {problem}' if problem else ''))
    return 1 if any(problem for _, problem in results) else 0
