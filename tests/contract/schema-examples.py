#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks schemas/examples against schemas/record.xsd with xmllint, and what XSD 1.0 cannot say about the valid ones."""

import os
import pathlib
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(os.environ['KINWARD_SOURCE']) / 'schemas'
SPACE = '{urn:kinward:record:1}'
DETAIL = {
    'live_birth': 'liveBirth', 'foetal_death': 'foetalDeath', 'death': 'death', 'marriage': 'marriage',
    'divorce': 'dissolution', 'annulment': 'dissolution', 'separation': 'dissolution', 'adoption': 'adoption',
    'adoption_revoked': 'adoption', 'legitimation': 'filiation', 'recognition': 'filiation', 'name_change': 'change',
    'sex_change': 'change', 'guardianship_granted': 'guardianship', 'guardianship_ended': 'guardianship',
    'custody_order': 'guardianship', 'foundling': 'foundling', 'travel_consent_granted': 'travelConsent',
    'travel_consent_revoked': 'travelConsent', 'document_issued': 'documentEvent', 'document_renewed': 'documentEvent',
    'document_lost': 'documentEvent', 'document_stolen': 'documentEvent', 'document_revoked': 'documentEvent',
    'document_check': 'check', 'border_crossing': 'check', 'missing_child_opened': 'notice', 'missing_child_closed': 'notice',
    'at_risk_opened': 'notice', 'at_risk_closed': 'notice', 'registration_voided': 'voiding',
}
RULES = [
    ('pattern', "[facet 'pattern']"), ('enumeration', "[facet 'enumeration']"), ('minLength', "[facet 'minLength']"),
    ('maxLength', "[facet 'maxLength']"), ('unexpected', 'This element is not expected'), ('missing', 'Missing child element(s)'),
    ('unexpected-attribute', 'is not allowed.'), ('missing-attribute', 'is required but missing'),
    ('text-not-allowed', 'Character content other than whitespace'), ('root', 'No matching global declaration'),
]
results = []


def check(name, problem):
    results.append((name, problem))


def xmllint(files):
    """Validity errors of each file: {name: [(line, element, rule)]}."""
    command = ['xmllint', '--nonet', '--noout', '--schema', str(ROOT / 'record.xsd')] + [str(f) for f in files]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    errors = {f.name: [] for f in files}
    for line in run.stderr.splitlines():
        match = re.match(r'.*?([^/]+\.xml):(\d+): element (\S+): Schemas validity error : (.*)$', line)
        if match:
            name, number, element, text = match.groups()
            attribute = re.search(r"attribute '(\w+)'", text)
            place = f'{element}/@{attribute.group(1)}' if attribute else element
            rule = next((r for r, sign in RULES if sign in text), '?')
            errors[name].append((int(number), place, rule))
        elif 'parser error' in line or 'failed to compile' in line:
            errors.setdefault('?', []).append((0, line, '?'))
    return errors


def codes(name):
    return {code.get('value') for code in ElementTree.parse(ROOT / 'codes' / f'{name}.xml').getroot().iter('code')}


def references(record):
    """First reference inside the record that leads nowhere, or None."""
    parties = {p.get('id') for p in record.findall(SPACE + 'party')}
    sources = {s.get('id') for s in record.findall(SPACE + 'source')}
    names = {n.get('id') for n in record.iter(SPACE + 'name')}
    for element in record.iter():
        for attribute, known in (('to', parties), ('over', parties), ('by', parties), ('provenance', sources),
                                 ('transliterationOf', names)):
            if element.get(attribute) is not None and element.get(attribute) not in known:
                return f'{element.tag[len(SPACE):]}/@{attribute}'
        if element.tag == SPACE + 'acknowledgedBy' and element.text not in parties:
            return 'acknowledgedBy'
    return None


def valid_example(path, countries, citizenships):
    text = path.read_text(encoding='utf-8')
    if not unicodedata.is_normalized('NFC', text):
        return 'not in normalisation form C'
    root = ElementTree.fromstring(text)
    for record in [root] if root.tag == SPACE + 'record' else list(root):
        event = record.findtext(SPACE + 'eventType')
        blocks = [c.tag[len(SPACE):] for c in record if c.tag[len(SPACE):] in DETAIL.values()]
        if blocks not in ([], [DETAIL[event]]):
            return f'{event} with {blocks}'
        lost = references(record)
        if lost:
            return f'{lost} leads nowhere'
        for element in record.iter():
            known = citizenships if element.tag == SPACE + 'citizenship' else countries
            if element.tag[len(SPACE):] in ('country', 'issuingCountry', 'countryOfBirth', 'jurisdiction', 'destination',
                                            'citizenship') and not len(element) and element.text not in known:
                return f'{element.tag[len(SPACE):]} has no assigned code'
    return None


def main():
    valid = sorted((ROOT / 'examples/valid').glob('*.xml'))
    errors = xmllint(valid)
    check('schema loads', errors.pop('?', None))
    countries, citizenships = codes('country'), codes('citizenship')
    for path in valid:
        check(f'valid/{path.name}', errors[path.name] or valid_example(path, countries, citizenships))
    shown = {t for p in valid for t in re.findall(r'<eventType>(\w+)', p.read_text(encoding='utf-8'))}
    check('every type of event has an example', sorted(set(DETAIL) ^ shown))
    check('every type of event has its detail block', sorted(set(DETAIL) ^ codes('event-type')))

    rows = [line.split('\t') for line in (ROOT / 'examples/invalid/INDEX').read_text(encoding='utf-8').splitlines()
            if line and line[0] != '#']
    invalid = sorted((ROOT / 'examples/invalid').glob('*.xml'))
    check('INDEX lists every invalid example', sorted({r[0] for r in rows} ^ {p.name for p in invalid}))
    check('at least 25 invalid examples', None if len(rows) >= 25 else len(rows))
    errors = xmllint(invalid)
    for name, line, element, rule in rows:
        wanted = [(int(line), element, rule)]
        check(f'invalid/{name}', None if errors.get(name) == wanted else f'found {errors.get(name)}, wanted {wanted}')

    print(f'1..{len(results)}')
    for number, (name, problem) in enumerate(results, 1):
        print(f'{"not ok" if problem else "ok"} {number} - {name}')
        if problem:
            print(f'# {problem}')
    return 1 if any(problem for _, problem in results) else 0


sys.exit(main())
