#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""border.xsl and search.xsl against their samples, field by field, and against what must be refused."""

import csv
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mapped  # noqa: E402
from mapped import equal, report  # noqa: E402

SOURCE = pathlib.Path(os.environ['KINWARD_SOURCE'])
SPACE = '{urn:kinward:record:1}'
PERSONS = ('child', 'escort', 'companion1', 'holder', 'applicant', 'giver1', 'giver2')
# Cells whose text does not stand in the record as it is.
ROLES = {'child': 'child', 'holder': 'document_holder', 'applicant': 'document_applicant', 'giver1': 'consent_giver',
         'giver2': 'consent_giver', 'escort': 'escort', 'companion1': 'companion'}
CHANGED = {'event': None, 'child_age': None, 'companion1_age': None, 'blank': {'yes': 'true'}}


def normalize(connector, text):
    return mapped.normalize(connector, text, '--jurisdiction', 'KE', '--profile', 'none')


def texts(record):
    found = set()
    for element in record.iter():
        found.update(filter(None, [(element.text or '').strip(), *element.attrib.values()]))
    return found


def get(record, path):
    element = record.find('/'.join(SPACE + part for part in path.split('/')))
    return None if element is None else element.text


def party(record, name):
    return next((p for p in record.findall(SPACE + 'party') if p.get('id') == name), None)


def check_row(name, row, record):
    equal(f'{name} event and id', (get(record, 'eventType'), get(record, 'sourceRecord/id')), (row['event'], row['record_id']))
    found = texts(record)
    words = {word for text in found for word in text.split()}
    for column, value in row.items():
        if not value or column in CHANGED and not CHANGED[column]:
            continue
        for part in value.split(';') if column in ('destinations', 'suspected_destinations') else [value]:
            part = CHANGED.get(column, {}).get(part, part)
            flag = {'yes': 'true', 'no': 'false'}.get(part, part)
            there = part in found or flag in found or part[:10] in found or all(word in words for word in part.split())
            if not there:
                equal(f'{name} {column}', 'not in the record', part)
    for person in PERSONS:
        cells = {c[len(person) + 1:]: v for c, v in row.items() if c.startswith(person + '_') and v}
        element = party(record, person)
        equal(f'{name} {person}', element is not None, bool(cells))
        if element is None:
            continue
        notice = row['event'].startswith(('missing_child', 'at_risk'))
        role = 'suspected_companion' if notice and person == 'companion1' else ROLES[person]
        equal(f'{name} {person} role', role in [r.text for r in element.findall(SPACE + 'role')], True)
        given = [e.text for e in element.findall(f'{SPACE}name/{SPACE}givenName')]
        equal(f'{name} {person} name', (given, get(element, 'name/familyName'), get(element, 'name/fullName')),
              (cells.get('given', '').split(), cells.get('family'), cells.get('full_name')))
        if 'document_number' in cells:
            numbers = [(get(i, 'type'), get(i, 'value'), get(i, 'issuingCountry')) for i in element.findall(SPACE + 'identifier')]
            equal(f'{name} {person} passport', ('passport', cells['document_number'], 'KE') in numbers, True)


def check_samples():
    for path in sorted((SOURCE / 'connectors/csv/samples').glob('*.csv')):
        rows = list(csv.DictReader(path.open(newline='')))
        code, records, errors = normalize('csv', path.read_text())
        equal(f'{path.name}: exit, count, warnings', (code, len(records), errors), (0, len(rows), ''))
        for row, record in zip(rows, records):
            check_row(f'{path.name} {row["record_id"]}', row, record)


def check_rows():
    head = 'record_id,event,at,direction,outcome,child_given\n'
    code, records, errors = normalize('csv', head + 'x,document_check,05/07/2019,out,attempted,A\n')
    equal('ambiguous day', (code, get(records[0], 'event/date/value'), 'date-ambiguous' in errors), (0, '2019', True))
    first = get(normalize('csv', head.replace('record_id,', '') + 'document_check,2019-01-01,out,attempted,A\n')[1][0], 'sourceRecord/id')
    other = get(normalize('csv', head.replace('record_id,', '') + 'document_check,2019-01-01,out,attempted,B\n')[1][0], 'sourceRecord/id')
    equal('a row without an id has one from its content', first != other and first.startswith('row-'), True)
    refused = {'unknown column': (head.replace('child_given', 'child_gven') + 'x,document_check,2019,out,attempted,A\n', 'child_gven'),
               'unknown event': (head + 'x,teleport,2019,out,attempted,A\n', 'row 1'),
               'short row': (head + 'x,document_check\n', '2:3'),
               'bad flag': ('record_id,event,at,any_companion,child_given\nx,travel_consent_granted,2019,perhaps,A\n', 'anyCompanion'),
               'no time at all': (head + 'x,document_check\n', 'fewer')}
    for name, (text, word) in refused.items():
        code, records, errors = normalize('csv', text)
        equal(f'refused: {name}', (code, records, word in errors), (3, [], True))


def check_search():
    folder = SOURCE / 'connectors/opencrvs/samples'
    for kind, query in (('birth', 'fetchBirthRegistration'), ('death', 'fetchDeathRegistration'), ('marriage', 'fetchMarriageRegistration')):
        document = json.loads((folder / f'search-{kind}.json').read_text())
        answer = document['data'][query]
        for form, text in (('whole', document), ('object', answer)):
            code, records, _ = normalize('opencrvs', json.dumps(text))
            equal(f'search {kind} {form}', (code, len(records)), (0, 1))
            record = records[0]
            equal(f'search {kind} {form} source', (get(record, 'sourceRecord/id'), get(record, 'sourceRecord/version')),
                  (answer['id'], answer['registration']['status'][0]['timestamp']))
            equal(f'search {kind} {form} entry', (get(record, 'status'), get(record, 'registration/number'), get(record, 'registration/date/value')),
                  ('registered', answer['registration']['registrationNumber'], '2026-03-04'))
    birth = normalize('opencrvs', (folder / 'search-birth.json').read_text())[1][0]
    equal('search birth informant', (get(party(birth, 'informant'), 'relationship/type'), get(party(birth, 'informant'), 'dateOfBirth/value'),
                                     get(party(birth, 'informant'), 'dateOfBirth/latest')), ('grandmother', None, '1960-02-20'))
    equal('search birth father', get(party(birth, 'father'), 'detailsNotAvailable/text'), 'Father unknown')
    marriage = normalize('opencrvs', (folder / 'search-marriage.json').read_text())[1][0]
    equal('search marriage', (get(marriage, 'event/date/value'), [p.get('id') for p in marriage.findall(SPACE + 'party')]),
          ('2026-02-14', ['bride', 'groom', 'witness-one', 'witness-two', 'officer']))
    code, records, errors = normalize('opencrvs', '{"errors":[{"message":"x"}],"data":null}')
    equal('search: GraphQL error', (code, records, 'GraphQL error' in errors), (3, [], True))


def main():
    check_samples()
    check_rows()
    check_search()
    return report()


if __name__ == '__main__':
    sys.exit(main())
