#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""validate.py - `kinward validate`: exit codes, one line for each refused file, JSON, no values shown."""
import json
import os
import subprocess
import sys
import tempfile

EXAMPLES = os.path.join(os.environ['KINWARD_SOURCE'], 'schemas/examples')
KINWARD = os.path.join(os.environ['KINWARD_BUILD'], 'kinward')


def kinward(*arguments):
    return subprocess.run([KINWARD, 'validate', *arguments], capture_output=True, text=True, check=False)


def checks(folder):
    birth = os.path.join(EXAMPLES, 'valid/live-birth.xml')
    bad = os.path.join(folder, 'bad.xml')
    with open(birth, encoding='utf-8') as file:
        text = file.read()
    with open(bad, 'w', encoding='utf-8') as file:
        file.write(text.replace('<sex>female', '<sex>Kimberley', 1))
    line = text[:text.index('<sex>')].count('\n') + 1
    run = kinward(birth, os.path.join(EXAMPLES, 'valid/records.xml'))
    yield 'valid files end with 0', run.returncode == 0 and run.stderr == '' and '0 files refused' in run.stdout
    run = kinward(bad, birth)
    wanted = f'kinward: {bad}:{line}:5: <sex>: value not in the list: female, male, other, unknown (schema)\n'
    yield 'a refused file ends with 3 and one line', run.returncode == 3 and run.stderr == wanted
    yield 'the value is not shown', 'Kimberley' not in run.stdout + run.stderr
    run = kinward('--json', birth, bad)
    rows = [json.loads(row) for row in run.stdout.splitlines()]
    yield 'JSON has a row for each file', run.returncode == 3 and [row['valid'] for row in rows] == [True, False]
    yield 'JSON names place and rule', rows[1]['line'] == line and rows[1]['element'] == 'sex' and rows[1]['code'] == 'schema'
    yield 'a file that is not there ends with 1', kinward(os.path.join(folder, 'none.xml')).returncode == 1
    yield 'no file ends with 2', kinward().returncode == 2
    yield 'an unknown option ends with 2', kinward('--nonsense', birth).returncode == 2
    yield 'help has an example', 'example:' in kinward('--help').stdout


def main():
    failures = number = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, good) in enumerate(checks(folder), 1):
            failures += not good
            print(f'{"ok" if good else "not ok"} {number} - {name}')
    print(f'1..{number}')
    return failures > 0


if __name__ == '__main__':
    sys.exit(main())
