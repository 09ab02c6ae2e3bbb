#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kinward normalize --explain and --unmapped: what they say of real documents is tried out by hand, value by value."""

import copy
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mapped import PROGRAM, check, report  # noqa: E402

SOURCE = pathlib.Path(os.environ['KINWARD_SOURCE'])
SAMPLES = sorted((SOURCE / 'connectors/opencrvs/samples').glob('*.json'))
BUNDLES = sorted((pathlib.Path(os.environ['KINWARD_SHARED']) / 'data/interop/opencrvs/classic-fhir').glob('*.json'))
FUNCTION = {'kw:' + name for name in ('age', 'code', 'coded', 'date', 'days', 'id', 'instant', 'lower', 'name', 'script', 'split', 'text', 'upper')}
SEED, TRIED = 7, 4


def kinward(text, *options):
    return subprocess.run([PROGRAM, 'normalize', '--connector', 'opencrvs', '--profile', 'none', *options, '/dev/stdin'], input=text,
                          capture_output=True, text=True, check=False)


def records(value):
    """The records of a document without the hash of its bytes; None where it is refused."""
    run = kinward(json.dumps(value))
    return re.sub('<rawHash>.*?</rawHash>', '', run.stdout) if run.returncode == 0 else None


def leaves(value, path=''):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f'{path}/{name}')
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f'{path}/{number}')
    elif value not in ('', None):
        yield path, value


def altered(value, path, change):
    """The document with the value at path taken away (change None) or another one."""
    value = copy.deepcopy(value)
    *above, last = path.strip('/').split('/')
    place = value
    for name in above:
        place = place[int(name)] if isinstance(place, list) else place[name]
    key = int(last) if isinstance(place, list) else last
    if change is None:
        del place[key]
    else:
        place[key] = change(place[key])
    return value


def another(value):
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, (int, float)) else value[:-1] + ('b' if value[-1] == 'a' else 'a')


def raised(value):
    return value if isinstance(value, bool) else value + 1 if isinstance(value, (int, float)) else chr(ord(value[0]) + 1) + value[1:]


def values_of(text):
    return sorted(v for e in ElementTree.fromstring(text).iter() for v in [*e.attrib.values(), *([e.text] if len(e) == 0 else [])] if v)


def explained(path):
    run = kinward(path.read_text(), '--explain', '--unmapped', '--json')
    check(f'{path.stem} is explained', '' if run.returncode == 0 and run.stderr == '' else run.stderr or 'refused')
    return json.loads(run.stdout)


def check_fields(path, document, answer):
    fields = answer['fields']
    text = kinward(path.read_text()).stdout
    check(f'{path.stem}: all fields and no others', '' if sorted(f['value'] for f in fields) == values_of(text) else 'others')
    known = dict(leaves(document))
    texts = {p: str(v).lower() if isinstance(v, bool) else str(v) for p, v in known.items()}
    for field in fields:
        for source in field['from']:
            if texts.get(source['path']) != source['value']:
                check(f'{path.stem} {field["path"]}', f'{source["path"]} has another value')
        if set('kw:' + f for f in field['functions']) - FUNCTION:
            check(f'{path.stem} {field["path"]}', f'no host function: {field["functions"]}')
        lines = (SOURCE / 'connectors/opencrvs' / field['file']).read_text().splitlines()
        around = '\n'.join(lines[max(field['line'] - 3, 0):field['line'] + 3])
        name = field['path'].rpartition('/')[2].partition('[')[0].lstrip('@')
        if not re.search(rf'\b{name}\b|kw:|copy-of|value-of|attribute|call-template', around):
            check(f'{path.stem} {field["path"]}', f'{field["file"]}:{field["line"]} makes nothing')
    check(f'{path.stem}: sources, functions and lines exist')
    check(f'{path.stem}: the number of values', '' if answer['values'] == len(known) else f'{answer["values"]} instead of {len(known)}')


def check_measured(path, document, answer):
    """Values said to be unused change nothing; sources change their fields. Both tried with the whole program."""
    chance = random.Random(SEED)
    before = records(document)
    unused = [u['path'] for u in answer['unmapped']]
    for place in chance.sample(unused, min(TRIED, len(unused))):
        for change in (None, another):
            if records(altered(document, place, change)) != before:
                check(f'{path.stem} {place}', 'is said to be unused and is used')
    check(f'{path.stem}: {len(unused)} of {answer["values"]} values are unused')
    used = sorted(set(p for p, _ in leaves(document)) - set(unused))
    for place in chance.sample(used, min(TRIED, len(used))):
        if all(records(altered(document, place, change)) == before for change in (None, another, raised, lambda v: '')):
            check(f'{path.stem} {place}', 'is said to be used and is not')
    check(f'{path.stem}: {len(used)} values are used')


def field_of(answer, end):
    return next((f for f in answer['fields'] if f['path'].endswith(end)), None)


def check_known(path, answer):
    """What somebody who knows the bundle would say of it."""
    field = next(f for f in answer['fields'] if f['path'].endswith('dateOfBirth/value'))
    line = (SOURCE / 'connectors/opencrvs' / field['file']).read_text().splitlines()[field['line'] - 1]
    check(f'{path.stem}: a date of birth', '' if field['from'][0]['path'].endswith('/resource/birthDate') and 'date' in field['functions'] and
          'kw:date' in line and field['template'] == 'name="date-of-birth"' else f'{field} {line}')
    check(f'{path.stem}: the registry is a parameter', '' if field_of(answer, 'sourceRecord/registry')['from'] == [] else 'from the document')
    check(f'{path.stem}: a label is not used', '' if any(u['path'].endswith('/section/0/title') for u in answer['unmapped']) else 'used')
    check(f'{path.stem}: what must be there', '' if any(p.endswith('/code/coding/0/code') for p in answer['required']) else answer['required'])


def check_warnings(path):
    text = path.read_text()
    born = re.search(r'"birthDate": "([^"]*)"', text).group(1)
    answer = json.loads(kinward(text.replace(born, born[:8] + '45'), '--explain', '--json').stdout)
    fields = [f for f in answer['fields'] if 'date-not-read date' in f['warnings']]
    check('a date that is none', '' if fields and all('date' in f['functions'] for f in fields) and
          any(f['value'] == born[:8] + '45' for f in fields) and 'unmapped' not in answer else f'{fields}')


def check_readable(path):
    run = kinward(path.read_text(), '--explain', '--unmapped')
    check('readable', '' if re.search(r'\n    from     /entry/\d+/resource/birthDate = .*\n    through  kw:', run.stdout) and
          re.search(r'\n\d+ of \d+ values of the document are not used:\n    /', run.stdout) else run.stdout[:500])
    run = kinward(path.read_text(), '--json')
    check('--json alone is a mistake', '' if run.returncode == 2 else run.returncode)
    run = kinward('{"a":1}', '--explain')
    check('a document that is refused', '' if run.returncode == 3 and run.stdout == '' and 'opencrvs' in run.stderr else run.stderr)


def main():
    for path in SAMPLES + BUNDLES:
        document = json.loads(path.read_text())
        answer = explained(path)
        check_fields(path, document, answer)
        check_measured(path, document, answer)
        if path in BUNDLES:
            check_known(path, answer)
    if BUNDLES:
        check_warnings(BUNDLES[0])
        check_readable(BUNDLES[0])
    else:
        check('bundles # SKIP classic-fhir is absent')
    return report()


if __name__ == '__main__':
    sys.exit(main())
