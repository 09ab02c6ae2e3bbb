#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the connectors' stylesheets make of every value of real payloads.

A value (leaf) is mapped when the output of kinward normalize changes with it; it counts as kept when only an original text
changes. Every other one must be named by connectors/NAME/dropped.txt, which gives the reason, and every line there must still cover
something. Payloads are those of shared/data/interop and of connectors/NAME/samples.
"""

import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mapped import PROGRAM, check, report  # noqa: E402

SOURCE = pathlib.Path(os.environ['KINWARD_SOURCE'])
DATA = pathlib.Path(os.environ['KINWARD_SHARED']) / 'data/interop'
CONNECTORS = {'csv': [], 'dci': ['dci/examples-crvs/*.json', 'opencrvs/dci-bridge/*.json'],
              'fhir': ['fhir-bfdr/*.json', 'fhir-bfdr/*.xml', 'fhir-vrdr/*.json', 'fhir-vrdr/*.xml'],
              'opencrvs': ['opencrvs/classic-fhir/*.json', 'opencrvs/postman/*.json'], 'osia': []}
HASH = re.compile('[0-9a-f]{32}$')  # an id or version made of the content changes with every value
# Members whose value decides about others: each of them is tried alone.
STEERING = {'url', 'resourceType', 'reference', 'fullUrl', 'code', 'type', 'eventUri', 'profile', 'name', 'topic', 'event', '@type',
            'identifier_type', 'unit', 'status', 'use', 'id'}
FHIR = '{http://hl7.org/fhir}'
RECORD = '{urn:kinward:record:1}'
BATCH = 400


# ---- documents and their leaves ----

class Leaf:
    """One value of a document: path, value, and how to put another one in its place (None: take it away)."""

    def __init__(self, path, value, put):
        self.path, self.value, self.put, self.state = path, value, put, None
        self.name = path.rpartition('/')[2]

    def changed(self, token):
        if isinstance(self.value, bool):
            return not self.value
        if isinstance(self.value, (int, float)):
            return self.value + 1
        return self.value + token


def putter(holder, key):
    value = holder[key]

    def put(new):
        if new is not None:
            holder[key] = new
        elif isinstance(holder, dict):
            del holder[key]
        else:
            holder[key] = ''

    def restore():
        holder[key] = value
    put.restore = restore
    return put


def tail(url):
    return url.rpartition('/')[2]


def practitioner(role, profile):
    return f'Practitioner[{role or tail(profile)}]'


def first_code(node):
    """The code that tells what a FHIR resource or component is about."""
    for name in ('code', 'category', 'type'):
        concept = node.get(name)
        for item in concept if isinstance(concept, list) else [concept]:
            if isinstance(item, dict) and item.get('coding'):
                code = item['coding'][0].get('code', '')
                if name != 'type' or node.get('resourceType') == 'Location':
                    return code
    return ''


def label(path, name, node):
    if isinstance(node, dict):
        if node.get('resourceType') == 'Practitioner':
            return practitioner(next((e['valueCode'] for e in node.get('extension', []) if 'valueCode' in e), ''),
                                node.get('meta', {}).get('profile', [''])[0])
        if 'resourceType' in node:
            code = first_code(node) if node['resourceType'] in ('Observation', 'Procedure', 'Condition', 'Location') else ''
            return node['resourceType'] + (f'[{code}]' if code else '')
        if name in ('extension', 'modifierExtension') and isinstance(node.get('url'), str):
            return f'{path}/{name}[{tail(node["url"])}]'
        if name == 'parameter' and isinstance(node.get('name'), str):
            return f'{path}/{name}[{node["name"]}]'
        if name == 'component' and first_code(node):
            return f'{path}/{name}[{first_code(node)}]'
    return f'{path}/{name}' if path else name


def json_leaves(node, path, found):
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        value = node[key]
        name = key.lstrip('_') if isinstance(node, dict) else path.rpartition('/')[2] if '[' not in path.rpartition('/')[2] else ''
        if isinstance(node, dict) and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, (dict, list)):
                    json_leaves(item, label(path, name, item), found)
                elif item not in ('', None):
                    found.append(Leaf(label(path, name, item), item, putter(value, index)))
        elif isinstance(value, (dict, list)):
            json_leaves(value, label(path, name, value) if isinstance(node, dict) else label('', '', value).strip('/'), found)
        elif value not in ('', None):
            found.append(Leaf(label(path, name, value), value, putter(node, key)))


class Json:
    def __init__(self, raw):
        self.tree = json.loads(raw)
        self.leaves, self.inside = [], []
        root = self.tree.get('resourceType', '') if isinstance(self.tree, dict) else ''
        json_leaves(self.tree, root, self.leaves)
        for leaf in [leaf for leaf in self.leaves if leaf.name == 'message' and isinstance(leaf.value, str) and leaf.value.startswith('{')]:
            self.unfold(leaf)

    def unfold(self, leaf):
        """A text that holds JSON itself is read through; its own leaves write the whole of it."""
        self.leaves.remove(leaf)
        tree, found = json.loads(leaf.value), []
        json_leaves(tree, leaf.path, found)
        self.leaves.extend(found)
        self.inside.append((leaf, tree))

    def text(self):
        for leaf, tree in self.inside:
            leaf.put(json.dumps(tree))
        return json.dumps(self.tree, ensure_ascii=False)


class Csv:
    def __init__(self, raw):
        self.rows = list(csv.reader(io.StringIO(raw)))
        self.leaves = [Leaf(self.rows[0][column], row[column], putter(row, column))
                       for row in self.rows[1:] for column in range(len(row)) if row[column].strip()]

    def text(self):
        out = io.StringIO()
        csv.writer(out).writerows([['' if cell is None else cell for cell in row] for row in self.rows])
        return out.getvalue()


class Xml:
    """FHIR's XML form, with the paths of its JSON form."""

    def __init__(self, raw):
        self.root = ElementTree.fromstring(raw)
        self.leaves = []
        self.walk(self.root, self.tag(self.root))

    @staticmethod
    def tag(element):
        return element.tag.replace(FHIR, '')

    def code_of(self, element):
        for name in ('code', 'category', 'type'):
            code = element.find(f'{FHIR}{name}/{FHIR}coding/{FHIR}code')
            if code is not None and (name != 'type' or self.tag(element) == 'Location'):
                return code.get('value')
        return ''

    def walk(self, element, path):
        for attribute in ('value', 'url'):
            if element.get(attribute):
                self.leaves.append(Leaf(path if attribute == 'value' else path + '/url', element.get(attribute),
                                        putter(element.attrib, attribute)))
        for child in element:
            name = self.tag(child)
            if name == 'Practitioner':
                values = [child.find(f'{FHIR}extension/{FHIR}valueCode'), child.find(f'{FHIR}meta/{FHIR}profile')]
                self.walk(child, practitioner(*('' if value is None else value.get('value') for value in values)))
            elif self.tag(element) == 'resource':
                code = self.code_of(child) if name in ('Observation', 'Procedure', 'Condition', 'Location') else ''
                self.walk(child, name + (f'[{code}]' if code else ''))
            elif name == 'extension':
                self.walk(child, f'{path}/{name}[{tail(child.get("url"))}]')
            elif name == 'parameter':
                self.walk(child, f'{path}/{name}[{child.find(FHIR + "name").get("value")}]')
            elif name == 'component' and self.code_of(child):
                self.walk(child, f'{path}/{name}[{self.code_of(child)}]')
            else:
                self.walk(child, f'{path}/{name}')

    def text(self):
        return ElementTree.tostring(self.root, encoding='unicode')


FORMS = {'.json': Json, '.csv': Csv, '.xml': Xml}


# ---- outputs ----

def without(record, names):
    for element in record.iter():
        for child in [child for child in element if child.tag in names]:
            element.remove(child)


def outcome(records):
    """(everything that a value can change, the same without original texts)."""
    for record in records:
        source = record.find(RECORD + 'sourceRecord')
        without(source, {RECORD + 'rawHash'})
        for name in ('id', 'version'):
            source.find(RECORD + name).text = HASH.sub('', source.find(RECORD + name).text)
    whole = ''.join(ElementTree.tostring(record, encoding='unicode') for record in records)
    for record in records:
        for element in record.iter():
            element.attrib.pop('original', None)
            element.attrib.pop('originalSystem', None)
        without(record, {RECORD + 'original'})
    return whole, ''.join(ElementTree.tostring(record, encoding='unicode') for record in records)


MARKERS = {
    'csv': ('.csv', 'record_id,event,at\ncoverage-marker,document_check,2026-01-01\n'),
    'dci': ('.json', {'message': {'notify_event': [{'data': {'reg_records': [
        {'identifier': [{'identifier_type': 'UIN', 'identifier_value': 'coverage-marker'}]}]}}]}}),
    'fhir': ('.json', {'resourceType': 'Bundle', 'type': 'document', 'identifier': {'value': 'coverage-marker'}, 'id': 'm', 'entry': [
        {'resource': {'resourceType': 'Composition', 'type': {'coding': [{'code': '92011-6'}]}, 'status': 'final'}}]}),
    'opencrvs': ('.json', {'resourceType': 'Bundle', 'entry': [{'resource': {'resourceType': 'Composition', 'id': 'coverage-marker'}}, {
        'resource': {'resourceType': 'Task', 'lastModified': '2026-01-01T00:00:00Z', 'code': {'coding': [{'code': 'BIRTH'}]}}}]}),
    'osia': ('.json', {'type': 'Notification', 'topic': 'liveBirth', 'message': '{"uin": "coverage-marker"}'}),
}


def is_marker(record):
    return 'coverage-marker' in record.find(f'{RECORD}sourceRecord/{RECORD}id').text


class Runner:
    """kinward normalize over many variants at once; a marker of one known record stands between them."""

    def __init__(self, connector, folder):
        self.connector, self.folder = connector, folder
        self.mapped = set()  # paths that were mapped in an earlier payload: likely to be so again
        suffix, marker = MARKERS[connector]
        self.marker = self.write('marker' + suffix, marker if isinstance(marker, str) else json.dumps(marker))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def normalize(self, paths):
        command = ['nice', '-n', '19', PROGRAM, 'normalize', '--connector', self.connector, '--profile', 'none', '--jurisdiction', 'KE', *paths]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def outcomes(self, texts, suffix):
        """For each text what its records are: see outcome()."""
        answers = []
        for start in range(0, len(texts), BATCH):
            paths = []
            for index, text in enumerate(texts[start:start + BATCH]):
                paths += [self.marker, self.write(f'{index}{suffix}', text)]
            groups = []
            for record in ElementTree.fromstring(self.normalize([*paths, self.marker]).stdout):
                if is_marker(record):
                    groups.append([])
                else:
                    groups[-1].append(record)
            answers += [outcome(group) for group in groups[:-1]]
        return answers


# ---- which leaves are mapped ----

class Payload:
    """One file: its leaves sorted into mapped, kept (as original text only), and neither."""

    def __init__(self, path, runner, patterns):
        self.document = FORMS[path.suffix](path.read_text(encoding='utf-8'))
        self.runner, self.suffix = runner, path.suffix
        self.base = self.outcome_of([], None)
        if self.base[0]:
            self.find_tokens([leaf for leaf in self.document.leaves if isinstance(leaf.value, str) and leaf.name not in STEERING])
            likely = [leaf for leaf in self.open() if leaf.path in runner.mapped or not reason_for(leaf.path, patterns)]
            self.one_by_one(likely, 'change')
            self.one_by_one([leaf for leaf in likely if not leaf.state], 'remove')
            self.split([leaf for leaf in self.open() if leaf not in likely], 'change')
            self.split([leaf for leaf in self.open() if leaf not in likely], 'remove')
            runner.mapped.update(leaf.path for leaf in self.document.leaves if leaf.state)

    def open(self):
        return [leaf for leaf in self.document.leaves if not leaf.state]

    def text_of(self, leaves, how):
        for number, leaf in enumerate(leaves):
            leaf.put(None if how == 'remove' else leaf.changed(f'q{number}z' if how == 'token' else 'Q'))
        text = self.document.text()
        for leaf in leaves:
            leaf.put.restore()
        return text

    def outcome_of(self, leaves, how):
        return self.runner.outcomes([self.text_of(leaves, how)], self.suffix)[0]

    def mark(self, leaf, answer):
        if answer != self.base:
            leaf.state = 'kept' if answer[1] == self.base[1] else 'mapped'

    def find_tokens(self, leaves):
        """Texts that stand in the record show the token that was put into them, all at once."""
        whole, rest = self.outcome_of(leaves, 'token')
        for number, leaf in enumerate(leaves):
            if f'q{number}z' in whole:
                leaf.state = 'mapped' if f'q{number}z' in rest else 'kept'

    def split(self, leaves, how):
        """Changes all of them at once, and halves while anything changes with them."""
        groups = [leaves] if leaves else []
        while groups:
            answers = self.runner.outcomes([self.text_of(group, how) for group in groups], self.suffix)
            halves = []
            for group, answer in zip(groups, answers):
                if answer != self.base and len(group) == 1:
                    self.mark(group[0], answer)
                elif answer != self.base:
                    halves += [group[:len(group) // 2], group[len(group) // 2:]]
            groups = halves

    def one_by_one(self, leaves, how):
        answers = self.runner.outcomes([self.text_of([leaf], how) for leaf in leaves], self.suffix) if leaves else []
        for leaf, answer in zip(leaves, answers):
            self.mark(leaf, answer)


# ---- the connectors' own lists ----

def read_dropped(connector):
    """Lines of dropped.txt: [PATTERN, reason, used]. "*" stands for any part of a path; "file PATTERN" names payloads without records."""
    path = SOURCE / 'connectors' / connector / 'dropped.txt'
    lines = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines() if path.exists() else [], 1):
        if line.strip() and not line.startswith('#'):
            pattern, _, reason = line.partition(' | ')
            check(f'{connector}/dropped.txt:{number} has a reason', '' if reason.strip() else 'PATTERN | REASON wanted')
            lines.append({'pattern': pattern.strip(), 'reason': reason, 'used': False, 'line': number,
                          'match': re.compile(re.escape(pattern.strip()).replace(r'\*', '.*'))})
    return lines


def reason_for(path, lines):
    return next((line for line in lines if line['match'].fullmatch(path)), None)


def judge(connector, name, payload, lines):
    """One row of the table; what is neither mapped nor named fails."""
    leaves = payload.document.leaves
    lost, dropped = {}, 0
    for leaf in payload.open():
        line = reason_for(leaf.path, lines)
        if line:
            line['used'] = True
            dropped += 1
        else:
            lost[leaf.path] = lost.get(leaf.path, 0) + 1
    mapped = sum(leaf.state == 'mapped' for leaf in leaves)
    kept = sum(leaf.state == 'kept' for leaf in leaves)
    print(f'# {connector:9} {name:62} {len(leaves):6} {mapped:7} {kept:5} {dropped:8} {sum(lost.values()):5}')
    check(f'{connector} {name}: every value is mapped or named with a reason',
          '; '.join(f'{path} ({count})' for path, count in sorted(lost.items())))


def cover(connector, folder):
    lines = read_dropped(connector)
    runner = Runner(connector, folder)
    samples = sorted((SOURCE / 'connectors' / connector / 'samples').glob('*'))
    real = [path for pattern in CONNECTORS[connector] for path in sorted(DATA.glob(pattern))]
    for path in samples + real:
        name = str(path.relative_to(DATA) if path in real else path.relative_to(SOURCE / 'connectors'))
        run = runner.normalize([path])
        line = reason_for(f'file {name}', lines)
        if line:
            line['used'] = True
            print(f'# {connector:9} {name:62} no record: {line["reason"].strip()}')
            check(f'{connector} {name} gives no record, as dropped.txt says', 'it gives some' if run.stdout.strip() else '')
        elif not run.stdout.strip():
            check(f'{connector} {name} gives records', f'it gives none, and no line of dropped.txt says why: {run.stderr.strip()}')
        else:
            valid = subprocess.run([PROGRAM, 'validate', '/dev/stdin'], input=run.stdout, capture_output=True, text=True, check=False)
            check(f'{connector} {name}: its records are valid', '' if valid.returncode == 0 else valid.stderr.strip())
            judge(connector, name, Payload(path, runner, lines), lines)
    if CONNECTORS[connector] and not real:
        print(f'# {connector}: no real payloads in {DATA}; lines that cover nothing are not looked for')
        return
    stale = [f'line {line["line"]}: {line["pattern"]}' for line in lines if not line['used']]
    check(f'{connector}: every line of dropped.txt covers something', '; '.join(stale))


def main():
    if not DATA.is_dir():
        print(f'# {DATA} is not there: only the connectors\' own samples are looked at')
    print(f'# {"connector":9} {"payload":62} {"values":>6} {"mapped":>7} {"kept":>5} {"reasoned":>8} {"lost":>5}')
    for connector in sys.argv[1:] or CONNECTORS:
        with tempfile.TemporaryDirectory(prefix='kinward-coverage-') as folder:
            cover(connector, folder)
    return report()


if __name__ == '__main__':
    sys.exit(main())
