#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The FHIR, DCI and OSIA stylesheets: important fields of representative payloads by value, and what they refuse."""

import json
import os
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mapped  # noqa: E402
from mapped import check, equal, report  # noqa: E402

CONNECTORS = pathlib.Path(os.environ['KINWARD_SOURCE']) / 'connectors'
DATA = pathlib.Path(os.environ['KINWARD_SHARED']) / 'data/interop'
SPACE = {'r': 'urn:kinward:record:1'}


def normalize(connector, source):
    """source is a path, or a document as Python has it."""
    text = source.read_text(encoding='utf-8') if isinstance(source, pathlib.Path) else json.dumps(source)
    return mapped.normalize(connector, text, '--jurisdiction', 'KE', '--profile', 'none')


def at(element, *paths):
    """The texts at these paths, None where there is nothing."""
    found = [None if element is None else element.findtext('/'.join('r:' + part for part in path.split('/')), None, SPACE) for path in paths]
    return found[0] if len(found) == 1 else found


def party(record, role):
    return next((p for p in record.findall('r:party', SPACE) if role in [r.text for r in p.findall('r:role', SPACE)]), None)


def names(element):
    return [(n.get('use'), [c.text for c in n if c.tag.endswith('}givenName')], at(n, 'familyName')) for n in element.findall('r:name', SPACE)]


def identifiers(element):
    return [(at(i, 'type'), at(i, 'value')) for i in element.findall('r:identifier', SPACE)]


def original(record, path):
    element = record.find('/'.join('r:' + part for part in path.split('/')), SPACE)
    return None if element is None else (element.text, element.get('original'))


# ---- FHIR ----

def check_partial_dates():
    code, records, _ = normalize('fhir', CONNECTORS / 'fhir/samples/partial-dates.json')
    equal('partial dates: one record', (code, len(records)), (0, 1))
    birth = records[0]
    equal('partial dates: month not known', at(birth, 'event/date/value', 'event/date/original', 'event/date/precision'),
          ['2025', '2025-XX-14', 'year'])
    equal('partial dates: day not known', at(birth, 'registration/date/value', 'registration/date/precision'), ['2025-02', 'month'])
    equal('partial dates: refused', at(party(birth, 'mother'), 'dateOfBirth/absentReason', 'dateOfBirth/value'), ['declined', None])
    equal('partial dates: absent', at(party(birth, 'father'), 'dateOfBirth/absentReason', 'dateOfBirth/value'), ['unknown', None])
    equal('partial dates: in parts, yet whole', at(birth, 'liveBirth/lastMenstrualPeriod/value'), '2024-06-03')
    equal('partial dates: counts', at(birth, *('liveBirth/' + n for n in ('plurality', 'birthOrderInDelivery', 'weightGrams',
          'gestationalAgeWeeks', 'childrenStillLiving', 'prenatalVisits'))), ['2', '2', '2450', '36', '1', '7'])
    document = json.loads((CONNECTORS / 'fhir/samples/partial-dates.json').read_text(encoding='utf-8'))
    child = document['entry'][1]['resource']
    parts = child['_birthDate']['extension'][0]['extension']
    parts[0] = {'url': 'year', '_valueUnsignedInt': parts[1]['_valueUnsignedInt']}
    birth = normalize('fhir', document)[1][0]
    equal('partial dates: only the day known', at(birth, 'event/date/value', 'event/date/absentReason', 'event/date/original'),
          [None, 'unknown', 'XXXX-XX-14'])
    del child['_birthDate']
    birth = normalize('fhir', document)[1][0]
    equal('partial dates: none at all', at(birth, 'event/date/value', 'event/date/absentReason'), [None, 'not_recorded'])
    document['entry'].append({'resource': {'resourceType': 'Observation', 'code': {'coding': [{'code': '12345-6'}]}}})
    equal('an Observation that is not known is warned of', 'warning: not-mapped' in normalize('fhir', document)[2], True)
    document['entry'][0]['resource']['status'] = 'preliminary'
    equal('a preliminary report proves nothing', at(normalize('fhir', document)[1][0], 'status'), 'declared')


def check_birth_messages():
    folder = DATA / 'fhir-bfdr'
    first = normalize('fhir', folder / 'BirthRecordSubmissionMessage.json')[1][0]
    update = normalize('fhir', folder / 'BirthRecordUpdateMessage.json')[1][0]
    equal('submission: source', at(first, 'sourceRecord/id', 'sourceRecord/version', 'sourceRecord/exchangeId'),
          ['2019UT048858', '2024-01-09T17:36:45.264648-05:00', 'c36cfa0d-f3d4-4b1a-9df4-410f640b50c3'])
    equal('submission: event', at(first, 'eventType', 'status', 'supersedes/id'), ['live_birth', 'registered', None])
    equal('update: same record, new version', at(update, 'sourceRecord/id', 'sourceRecord/version', 'status', 'supersedes/id'),
          ['2019UT048858', '2024-01-09T17:37:18.32426-05:00', 'amended', '2019UT048858'])
    equal('update: birth', at(update, 'event/date/value', 'event/date/time', 'event/date/offset', 'event/place/address/postName'),
          ['2019-02-25', '13:00:00', '-07:00', 'Salt Lake City'])
    equal('update: no day of registration is made up', at(update, 'registration/number', 'registration/date/value'), ['2019UT48858', None])
    mother = party(update, 'mother')
    equal('update: names', (names(party(update, 'child')), names(mother), names(party(update, 'father'))),
          ([('registered', ['Baby', 'G'], 'Quinn')], [('registered', ['Jada', 'Ann'], 'Quinn'), ('birth', ['Jada', 'Ann'], 'King')],
           [('registered', ['James', 'Brandon'], 'Quinn')]))
    equal('update: mother', (at(mother, 'dateOfBirth/value', 'usualResidence/postCode', 'usualResidence/subdivision', 'address/type'),
                             identifiers(mother)),
          (['1985-01-15', '84116', 'US-UT', 'mailing'], [('social_security', '132225986'), ('medical_record', '1032702')]))
    equal('update: father', at(party(update, 'father'), 'relationship/type', 'relationship/basis'), ['father', 'biological'])
    equal('update: no US statistics', 'White' in ElementTree.tostring(update, encoding='unicode'), False)


def check_voids():
    code, records, _ = normalize('fhir', DATA / 'fhir-bfdr/BirthRecordVoidMessage.json')
    equal('void: a run of ten', (code, [at(r, 'voids/id') for r in records]), (0, [f'2019UT0488{n}' for n in range(58, 68)]))
    equal('void: each of them', {(at(r, 'eventType'), at(r, 'voiding/voidedEventType'), at(r, 'event/date/value')) for r in records},
          {('registration_voided', 'live_birth', '2023-12-13')})
    equal('void: ids of their own', len({at(r, 'sourceRecord/id') for r in records}), 10)
    equal('void: the auxiliary number is that of the first', [identifiers(r.find('r:registration', SPACE)) for r in records[:2]],
          [[('other', '000000000042')], []])
    records = normalize('fhir', DATA / 'fhir-vrdr/DeathRecordVoidMessage.json')[1]
    equal('void: deaths', [at(r, 'voids/id', 'voiding/voidedEventType') for r in (records[0], records[9])],
          [['2018NY123456', 'death'], ['2018NY123465', 'death']])
    message = json.loads((DATA / 'fhir-bfdr/BirthRecordVoidMessage.json').read_text(encoding='utf-8'))
    message['entry'][1]['resource']['parameter'][4]['valueUnsignedInt'] = 4000000000
    equal('void: a count without measure is refused', normalize('fhir', message)[:2], (3, []))
    del message['entry'][1]['resource']['parameter'][4]
    equal('void: one without a count', len(normalize('fhir', message)[1]), 1)
    message['entry'][0]['resource']['eventUri'] = 'http://nchs.cdc.gov/birth_surprise'
    equal('a message that is not known is refused', normalize('fhir', message)[:2], (3, []))
    equal('an acknowledgement holds no record', normalize('fhir', DATA / 'fhir-vrdr/AcknowledgementMessage.xml')[:2], (0, []))


def check_stillbirth():
    record = normalize('fhir', DATA / 'fhir-bfdr/BasicFetalDeathRecord.json')[1][0]
    equal('stillbirth: event', at(record, 'eventType', 'sourceRecord/id', 'event/date/value', 'event/place/facilityName'),
          ['foetal_death', '2020NY087366', '2020-02-12', 'South Hospital'])
    equal('stillbirth: details', at(record, *('foetalDeath/' + n for n in ('weightGrams', 'cause/code', 'cause/line', 'certification/autopsyUsed'))),
          ['3333', '44223004', 'foetal_main', 'true'])
    equal('stillbirth: sex', at(party(record, 'foetus'), 'sex'), 'male')
    equal('stillbirth: ages of the parents', [at(party(record, r), 'statedAge/value') for r in ('mother', 'father')], ['33', '31'])
    equal('stillbirth: degrees that cannot be', at(record, 'event/place/latitude'), None)


def check_deaths():
    one, other = (normalize('fhir', DATA / f'fhir-vrdr/DeathRecord1.{form}')[1][0] for form in ('json', 'xml'))
    for form, record, number in (('json', one, '2022YC000182'), ('xml', other, '2002YC000182')):
        equal(f'death {form}: entry', at(record, 'sourceRecord/id', 'registration/number', 'registration/date/value', 'event/date/value'),
              [number, number, '2019-02-01', '2019-02-19'])
        deceased = party(record, 'deceased')
        equal(f'death {form}: deceased', (names(deceased), at(deceased, 'dateOfBirth/value', 'statedAge/value', 'statedAge/unit', 'birthRecord/id')),
              ([('registered', ['Mædęlyñ', 'Middle'], 'Pãtêl')], ['1940-02-19', '79', 'years', '1940MA242123']))
        equal(f'death {form}: place', (original(record, 'event/place/type'), at(record, 'event/place/address/thoroughfare')),
              (('home', '440081000124100'), 'W Example Street E'))
        equal(f'death {form}: manner', original(record, 'death/mannerOfDeath'), ('accident', '7878000'))
        equal(f'death {form}: causes', [(at(c, 'line'), at(c, 'text'), at(c, 'interval')) for c in record.findall('r:death/r:cause', SPACE)][:2],
              [('i_a', 'Rupture of myocardium', 'minutes'), ('i_b', 'Acute myocardial infarction', '6 days')])
        equal(f'death {form}: informant', (at(party(record, 'informant'), 'name/fullName'), original(party(record, 'informant'), 'relationship/type')),
              ('Joe Smith', ('unknown', 'Friend of family')))
    record = normalize('fhir', DATA / 'fhir-vrdr/Bundle-DeathCertificateDocument-Example1.json')[1][0]
    equal('death: parts of a date, hour not known', at(record, 'event/date/value', 'event/date/time'), ['2020-11-12', None])
    equal('death: born in parts', at(party(record, 'deceased'), 'dateOfBirth/value'), '2004-11-10')
    record = normalize('fhir', DATA / 'fhir-vrdr/DeathRecordAliasMessage.json')[1][0]
    equal('alias: amends', at(record, 'eventType', 'status', 'amends/id', 'event/date/value', 'event/date/precision'),
          ['death', 'amended', '2018NH123456', '2018', 'year'])
    equal('alias: names', (names(party(record, 'deceased')), names(party(record, 'father'))),
          ([('alias', ['John', 'Jacob'], 'Schmidt')], [('alias', [], 'Jingleheimer')]))
    errors = normalize('fhir', DATA / 'fhir-vrdr/DeathRecordUpdateMessage.json')[2]
    equal('a message about another certificate than its document', 'warning: certificate-differs' in errors, True)


# ---- DCI ----

def check_dci():
    path = DATA / 'dci/examples-crvs/processflow1res.json'
    code, records, errors = normalize('dci', path)
    equal('dci: events of a person', (code, [at(r, 'eventType', 'status', 'event/date/value') for r in records]),
          (0, [['live_birth', 'registered', '1995-09-21'], ['marriage', 'unknown', '2019-09-21']]))
    birth = records[0]
    equal('dci: child', (names(party(birth, 'child')), identifiers(party(birth, 'child')), at(birth, 'registration/number', 'registration/date/value')),
          ([('registered', ['Sudarat'], 'Phumchai')], [('uin', '847951632'), ('birth_registration', '947951532')], ['947951532', None]))
    equal('dci: nobody is their own parent', ([identifiers(p) for p in birth.findall('r:party', SPACE)[1:]], 'parent-is-self' in errors),
          ([[('uin', '847941632')]], True))
    message = json.loads(path.read_text(encoding='utf-8'))
    message['header'].update(message_id='another', message_ts='2025-01-01T00:00:00Z', total_count=1)
    same = normalize('dci', message)[1]
    equal('dci: the same person in another message is the same version', [ElementTree.tostring(r) for r in same],
          [ElementTree.tostring(r) for r in records])
    data = message['message']['search_response'][0]['data']
    data['reg_records'][0].update(death_date='2024', marriage_date=[], sex='female', birth_date='')
    data['reg_records'][0]['identifier'] = [{'identifier_type': 'DRN', 'identifier_value': 'D-1'}]
    notify = {'header': {}, 'message': {'transaction_id': '', 'notify_event': [{'reference_id': '', 'data': data}]}}
    records = normalize('dci', notify)[1]
    equal('dci: notification of a death', [at(r, 'eventType', 'status', 'event/date/value', 'registration/number') for r in records],
          [['death', 'registered', '2024', 'D-1']])
    data['reg_records'][0]['@type'] = 'Farm'
    equal('dci: a record that is no person is refused', normalize('dci', notify)[:2], (3, []))


# ---- OSIA ----

def check_osia():
    code, records, errors = normalize('osia', CONNECTORS / 'osia/samples/adoption.json')
    equal('adoption: one record', (code, len(records)), (0, 1))
    record = records[0]
    equal('adoption: event', at(record, 'eventType', 'status', 'sourceRecord/id', 'event/date/absentReason', 'handling/classification'),
          ['adoption', 'notified', 'm-1002', 'not_recorded', 'confidential'])
    equal('adoption: child', (names(party(record, 'child')), identifiers(party(record, 'child')),
                              at(party(record, 'child'), 'dateOfBirth/value', 'citizenship')),
          ([('registered', ['Test', 'Tester'], 'Childperson')], [('uin', '8000000001')], ['2024-02', 'KE']))
    adopter = party(record, 'adoptive_parent')
    equal('adoption: adopter', (identifiers(adopter), at(adopter, 'relationship/type', 'relationship/basis', 'dateOfBirth/value')),
          ([('uin', '8000000011')], ['adoptive_parent', 'adoptive', None]))
    equal('adoption: errors of attributes are warned of', sorted(line.split()[-2] for line in errors.splitlines()),
          ['attribute-error', 'attribute-not-mapped'])
    birth = normalize('osia', CONNECTORS / 'osia/samples/birth.json')[1][0]
    void = normalize('osia', CONNECTORS / 'osia/samples/birth-cancellation.json')[1][0]
    equal('osia birth: parents', [identifiers(p) for p in birth.findall('r:party', SPACE)],
          [[('uin', '8000000001')], [('uin', '8000000002')], [('uin', '8000000003')]])
    equal('osia cancellation finds the birth', (at(void, 'eventType'), at(void, 'voids/id')), ('registration_voided', at(birth, 'sourceRecord/id')))
    message = {'type': 'Notification', 'topic': 'liveBirth', 'message': '{"uin": ', 'messageId': 'm'}
    equal('osia: a message that is no JSON is refused', normalize('osia', message)[:2], (3, []))
    equal('osia: an unknown topic is refused', normalize('osia', dict(message, topic='rainfall', message='{"uin": "1"}'))[:2], (3, []))
    equal('osia: a bare message without topic is refused', normalize('osia', {'uin': '1'})[:2], (3, []))
    marriage = normalize('osia', dict(message, topic='marriage', message='{"source": "a", "uin1": "1", "uin2": "2"}'))[1][0]
    equal('osia marriage', (at(marriage, 'eventType'), [identifiers(p) for p in marriage.findall('r:party', SPACE)]),
          ('marriage', [[('uin', '1')], [('uin', '2')]]))


def main():
    check_partial_dates()
    check_osia()
    if DATA.is_dir():
        for part in (check_birth_messages, check_voids, check_stillbirth, check_deaths, check_dci):
            part()
    else:
        check(f'real payloads # SKIP {DATA} is absent')
    return report()


if __name__ == '__main__':
    sys.exit(main())
