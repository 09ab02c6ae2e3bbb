#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The OpenCRVS stylesheets against real bundles: fields by value, and no path of a bundle lost without a stated reason."""

import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

SOURCE = pathlib.Path(os.environ['KINWARD_SOURCE'])
PROGRAM = pathlib.Path(os.environ['KINWARD_BUILD']) / 'kinward'
BUNDLES = pathlib.Path(os.environ['KINWARD_SHARED']) / 'data/interop/opencrvs/classic-fhir'
SAMPLES = SOURCE / 'connectors/opencrvs/samples'
SPACE = {'r': 'urn:kinward:record:1'}
FORMS = {'bare': lambda b: b, 'payload': lambda b: {'payload': b},
         'event': lambda b: {'timestamp': '2026-01-01T00:00:00.000Z', 'id': 'w1', 'event': {'hub': {'topic': 'X'}, 'context': [b]}}}

# What becomes of each path. A word: the value stands in the record. A sentence: why it does not.
STRUCTURE = 'structure of the bundle, followed by the stylesheet'
CONSTANT = 'the same in every bundle, or a label of a code that is taken'
VERSION = "versions of OpenCRVS's own rows; a record's version is the Task's lastModified"
DERIVED = 'derived by OpenCRVS from other fields'
PAST = 'an earlier state, a record of its own when it was current'
PLACES = 'statistics and drawings of a place, nothing of the event'
PATHS = [
    (r'.*/(_request|_transforms)/.*', DERIVED), (r'.*/meta/.*', VERSION), (r'.*/resourceType', STRUCTURE), (r'.*/system', 'maybe'),
    (r'Composition/(class|type)/.*|Composition/(status|title)', CONSTANT), (r'Composition/section\[\]/.*', STRUCTURE),
    (r'Composition/id', 'taken'), (r'Composition/identifier/value', 'taken'), (r'Composition/date', 'maybe'),
    (r'Encounter/location\[\]/location/reference', 'reference'), (r'Encounter/(id|status)', STRUCTURE),
    (r'Location/(alias\[\]|description|extension\[\]/.*|mode|status|physicalType/.*)', PLACES), (r'Location/(id|name)', 'taken'),
    (r'Location/identifier\[\]/value', 'location'), (r'Location/partOf/reference', STRUCTURE), (r'Location/type/coding\[\]/code', 'maybe'),
    (r'Observation/(category\[\]/.*|code/.*|context/.*|id|status)', STRUCTURE),
    (r'Observation/valueCodeableConcept/coding\[\]/code', 'taken'),
    (r'Patient/active', 'its false becomes detailsNotAvailable'), (r'Patient/id', STRUCTURE),
    (r'Patient/address\[\]/extension\[\]/url', STRUCTURE), (r'Patient/address\[\]/extension\[\]/valueReference/reference', 'reference'),
    (r'Patient/address\[\]/(country|district|state|type)', 'taken'), (r'Patient/(birthDate|deceasedDateTime|gender)', 'taken'),
    (r'Patient/deceasedBoolean', 'taken'), (r'Patient/extension\[\](/extension\[\])?/url', STRUCTURE),
    (r'Patient/extension\[\]/extension\[\]/valueCodeableConcept/coding\[\]/code', 'taken'),
    (r'Patient/extension\[\]/valueString', 'taken'), (r'Patient/identifier\[\]/(type/coding\[\]/code|value)', 'taken'),
    (r'Patient/name\[\]/(family|given\[\]|use)', 'taken'),
    (r'Practitioner/(id|name\[\]/.*|telecom\[\]/.*)', 'taken'),
    (r'PractitionerRole/code\[\]/coding\[\]/code', 'taken'), (r'PractitionerRole/.*', STRUCTURE), (r'PractitionerRoleHistory/.*', PAST),
    (r'QuestionnaireResponse/item\[\]/(text|answer\[\]/valueString)', 'taken'), (r'QuestionnaireResponse/(id|status|subject/.*)', STRUCTURE),
    (r'RelatedPerson/id|RelatedPerson/patient/reference', STRUCTURE), (r'RelatedPerson/relationship/coding\[\]/code', 'role'),
    (r'Task/businessStatus/coding\[\]/code|Task/lastModified', 'taken'), (r'Task/code/coding\[\]/code', 'event'),
    (r'Task/extension\[\]/(url|valueInteger)', 'which extension; milliseconds that the form was open'),
    (r'Task/extension\[\]/valueReference/reference', 'reference'), (r'Task/extension\[\]/valueString', 'taken'),
    (r'Task/identifier\[\]/value', 'taken'), (r'Task/(focus/reference|id|intent|status)', STRUCTURE),
    (r'Task/requester/agent/reference', 'reference'), (r'TaskHistory/statusReason/text', 'taken'), (r'TaskHistory/.*', PAST),
]
results = []


def check(name, problem=''):
    results.append((name, problem))


def equal(name, got, wanted):
    check(name, '' if got == wanted else f'{got!r} instead of {wanted!r}')


def normalize(text, *options):
    """(exit code, records, errors) of a document."""
    run = subprocess.run([PROGRAM, 'normalize', '--connector', 'opencrvs', *options, '/dev/stdin'], input=text, capture_output=True,
                         text=True, check=False)
    if not run.stdout.strip():
        return run.returncode, [], run.stderr
    valid = subprocess.run([PROGRAM, 'validate', '/dev/stdin'], input=run.stdout, capture_output=True, text=True, check=False)
    check('validate accepts', '' if valid.returncode == 0 else valid.stderr)
    root = ElementTree.fromstring(run.stdout)
    return run.returncode, [root] if root.tag.endswith('}record') else list(root), run.stderr


def values_of(record):
    found = set()
    for element in record.iter():
        found.update(filter(None, [(element.text or '').strip(), *element.attrib.values()]))
    return found


def leaves(path, value):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(f'{path}/{name}', item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(path + '[]', item)
    elif value not in ('', None):
        yield path, 'true' if value is True else 'false' if value is False else str(value)


def last_id(reference):
    return re.sub(r'/_history/.*', '', reference).rpartition('/')[2].replace('urn:uuid:', '')


def check_paths(name, bundle, record):
    found = values_of(record)
    whole = ' '.join(found)
    for entry in bundle['entry']:
        for path, value in leaves(entry['resource']['resourceType'], entry['resource']):
            rule = next((what for pattern, what in PATHS if re.fullmatch(pattern, path)), None)
            if rule is None:
                check(f'{name} {path}', 'is in no line of the table of paths')
            elif rule == 'taken' and value not in whole and not (re.match(r'\d{4}-\d\d-\d\dT', value) and value[:10] in found):
                check(f'{name} {path}', 'is not in the record')
            elif rule == 'reference' and last_id(value) not in found:
                check(f'{name} {path}', 'the id that is referred to is not in the record')
            elif rule == 'location' and re.match('[A-Z_]+_[A-Za-z0-9]+$', value) and not value.startswith('CRVS_') and value not in found:
                check(f'{name} {path}', 'the code of the place is not in the record')
            elif rule == 'role' and value.lower() not in found:
                check(f'{name} {path}', 'the relationship is not in the record')
    check(f'{name}: every path is taken or has a reason')


def text(record, path):
    element = record.find('/'.join('r:' + part if part.isalpha() else part for part in path.split('/')), SPACE)
    return None if element is None else element.text


def party(record, role):
    for element in record.findall('r:party', SPACE):
        if role in [e.text for e in element.findall('r:role', SPACE)]:
            return element
    return None


def patient_of(resources, composition, code):
    for section in composition['section']:
        if section['code']['coding'][0]['code'] == code:
            resource = resources[last_id(section['entry'][0]['reference'])]
            return resources[last_id(resource['patient']['reference'])] if resource['resourceType'] == 'RelatedPerson' else resource
    return None


def check_person(name, element, patient):
    if element is None:
        check(name, 'has no party')
        return
    names = [n for n in patient.get('name', []) if n.get('family') or any(n.get('given', []))]
    got = [([g.text for g in n.findall('r:givenName', SPACE)], [f.text for f in n.findall('r:familyName', SPACE)], n.get('language'))
           for n in element.findall('r:name', SPACE)]
    equal(f'{name} names', got, [([g for g in n['given'] if g], [n['family']], n['use']) for n in names])
    equal(f'{name} date of birth', text(element, 'dateOfBirth/value'), patient.get('birthDate'))
    equal(f'{name} sex', text(element, 'sex'), patient.get('gender'))
    equal(f'{name} identifiers', [(i.find('r:type', SPACE).get('original'), text(i, 'value')) for i in element.findall('r:identifier', SPACE)],
          [(i['type']['coding'][0]['code'], i['value']) for i in patient.get('identifier', [])])
    country = element.find('r:usualResidence/r:country', SPACE)
    if patient.get('address'):
        equal(f'{name} country', (country.text, country.get('original')), ('unknown', patient['address'][0]['country']))
        equal(f'{name} district', patient['address'][0]['district'] in
              [c.text for c in element.findall('r:usualResidence/r:localCode', SPACE)], True)


def check_bundle(path):
    name = path.stem
    bundle = json.loads(path.read_text())
    resources = {e['resource'].get('id'): e['resource'] for e in bundle['entry']}
    composition = next(r for r in resources.values() if r['resourceType'] == 'Composition')
    task = next(r for r in resources.values() if r['resourceType'] == 'Task')
    code, records, _ = normalize(path.read_text(), '--profile', 'none')
    equal(f'{name} exit and count', (code, len(records)), (0, 1))
    if not records:
        return
    record = records[0]
    equal(f'{name} source', (text(record, 'sourceRecord/id'), text(record, 'sourceRecord/version')), (composition['id'], task['lastModified']))
    equal(f'{name} status', text(record, 'status'), 'declared')
    equal(f'{name} tracking number', text(record, 'registration/trackingNumber'), composition['identifier']['value'])
    equal(f'{name} not registered', (text(record, 'registration/date'), text(record, 'registration/number')), (None, None))
    birth = task['code']['coding'][0]['code'] == 'BIRTH'
    subject = patient_of(resources, composition, 'child-details' if birth else 'deceased-details')
    equal(f'{name} event', (text(record, 'eventType'), text(record, 'event/date/value')),
          ('live_birth', subject['birthDate']) if birth else ('death', subject['deceasedDateTime']))
    for role in ('child', 'mother', 'father') if birth else ('deceased', 'spouse'):
        check_person(f'{name} {role}', party(record, role), patient_of(resources, composition, role + '-details'))
    check_person(f'{name} informant', party(record, 'informant'), patient_of(resources, composition, 'informant-details'))
    encounter = next(r for r in resources.values() if r['resourceType'] == 'Encounter')
    place = resources[last_id(encounter['location'][0]['location']['reference'])]
    equal(f'{name} place', (text(record, 'event/place/facilityId'), text(record, 'event/place/facilityName')), (place['id'], place['name']))
    check_paths(name, bundle, record)
    for form, wrap in FORMS.items():
        wrapped = normalize(json.dumps(wrap(bundle)), '--profile', 'none')[1]
        same = [text(r, 'sourceRecord/id') for r in wrapped] == [composition['id']] and values_of(wrapped[0]) - values_of(record)
        check(f'{name} as {form}', '' if same is not False and len(same) <= 1 else 'gives another record')
    quiet = normalize(path.read_text())[1][0]
    check(f'{name}: the default profile keeps contacts and notes at home',
          '' if quiet.find('.//r:contact', SPACE) is None and quiet.find('r:note', SPACE) is None and
          text(quiet, 'handling/redactionProfile') == 'default' else 'they are there')
    registered = json.dumps(bundle).replace('WAITING_VALIDATION', 'REGISTERED')
    equal(f'{name} registered', text(normalize(registered)[1][0], 'status'), 'registered')


OBSERVED = {'57722-1': {'valueQuantity': {'value': 'TWIN'}}, '3141-9': {'valueQuantity': {'value': 2.75, 'unit': 'kg'}},
            '73764-3': {'valueString': 'NURSE_MIDWIFE'}, 'num-born-alive': {'valueInteger': 2}, '68499-3': {'valueDateTime': '2020-05'}}


def check_fuller(path):
    """What the real bundles lack: registered with a number, an age for a birth date, two scripts, observations, another informant."""
    bundle = json.loads(path.read_text())
    for resource in [e['resource'] for e in bundle['entry']]:
        if resource['resourceType'] == 'Task':
            resource['businessStatus']['coding'][0]['code'] = 'REGISTERED'
            resource['identifier'].append({'system': 'http://opencrvs.org/specs/id/birth-registration-number', 'value': '2024BTEST01'})
        if resource.get('birthDate') == '1990-01-01':
            del resource['birthDate']
            resource['extension'].append({'url': 'http://opencrvs.org/specs/extension/age-of-individual-in-years', 'valueString': 34})
            resource['name'].append({'use': 'bn', 'given': ['মা'], 'family': ['সামি']})
            resource['address'][0].update(line=['', 'Plot 4', '', 'North'], country='ZMB')
    bundle['entry'] += [{'resource': dict(value, resourceType='Observation', code={'coding': [{'code': code}]})} for code, value in OBSERVED.items()]
    record = normalize(json.dumps(bundle), '--profile', 'none', '--jurisdiction', 'ZM')[1][0]
    mother = party(record, 'mother')
    equal('fuller entry', [text(record, 'registration/' + p) for p in ('number', 'date/value', 'delayDays')], ['2024BTEST01', '2024-10-31', '304'])
    equal('fuller child number', [text(party(record, 'child'), 'identifier/' + p) for p in ('type', 'value', 'issuingCountry')],
          ['birth_registration', '2024BTEST01', 'ZM'])
    equal('fuller mother born', [text(mother, 'dateOfBirth/' + p) for p in ('value', 'earliest', 'latest', 'qualifier', 'statedAge/value')],
          [None, '1989-01-02', '1990-01-01', 'estimated_from_age', '34'])
    equal('fuller scripts', [(n.get('language'), n.get('script')) for n in mother.findall('r:name', SPACE)], [('en', 'Latn'), ('bn', 'Beng')])
    equal('fuller address', (text(mother, 'usualResidence/fullAddress'), text(mother, 'usualResidence/country')), ('Plot 4, North', 'ZM'))
    equal('fuller birth', [text(record, 'liveBirth/' + p) for p in ('birthType', 'attendant', 'weightGrams', 'childrenBornAlive', 'previousLiveBirth/value')],
          ['twin', 'nurse_midwife', '2750', '2', '2020-05'])


def check_refusals(path):
    bundle = json.loads(path.read_text())
    for name, change in {'no Composition': 'Composition', 'no Task': 'Task'}.items():
        less = dict(bundle, entry=[e for e in bundle['entry'] if e['resource']['resourceType'] != change])
        equal(f'refused: {name}', normalize(json.dumps(less))[:2], (3, []))
    equal('refused: cut body', normalize(path.read_text()[:-40])[:2], (3, []))
    equal('refused: other JSON', normalize('{"a":1}')[:2], (3, []))


def main():
    bundles = sorted(BUNDLES.glob('*.json'))
    if not bundles:
        print(f'1..0 # SKIP {BUNDLES} is absent')
        return 0
    for path in bundles:
        check_bundle(path)
    check_fuller(BUNDLES / 'incoming-birth-bundle.json')
    check_refusals(bundles[0])
    print(f'1..{len(results)}')
    for number, (name, problem) in enumerate(results, 1):
        print(f'{"not ok" if problem else "ok"} {number} - {name}' + (f': {problem}' if problem else ''))
    return 1 if any(problem for _, problem in results) else 0


if __name__ == '__main__':
    sys.exit(main())
