#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the field tables of schemas/README.md from the documentation in schemas/record.xsd, between the two markers.

usage: schema-readme.py SOURCE-ROOT [--check]
--check writes nothing and ends 1 when the file is not what would be written.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

XS = '{http://www.w3.org/2001/XMLSchema}'
BEGIN, END = '<!-- fields: begin (tools/schema-readme.py) -->', '<!-- fields: end -->'
EVERYWHERE = ('provenance', 'confidence', 'original', 'originalSystem')


def documentation(node):
    """Text and source of a definition; every one must name its source in brackets at the end."""
    text = node.findtext(f'{XS}annotation/{XS}documentation') or ''
    match = re.fullmatch(r'(.*\S)\s*\[([^\]]+)\]', text, re.S)
    if not match:
        raise SystemExit(f'schema-readme: {node.get("name")}: documentation without [source]')
    return match.group(1).replace('|', '\\|'), match.group(2).replace('|', '\\|')


def kebab(name):
    return re.sub(r'(?<!^)([A-Z])', r'-\1', name).lower()


class Schema:
    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.complex = {t.get('name'): t for t in root.findall(XS + 'complexType')}
        self.simple = {t.get('name'): t for t in root.findall(XS + 'simpleType')}
        self.globals = root.findall(XS + 'element')

    def structures(self):
        return [t for t in self.complex.values() if t.find(XS + 'sequence') is not None]

    def kind(self, name):
        """How a type is shown: a link to its table, a code list, or the simple type's name."""
        if name in self.complex and self.complex[name].find(XS + 'sequence') is not None:
            return f'[{name}](#{name.lower()})'
        base = name
        if name in self.complex:
            base = self.complex[name].find(f'{XS}simpleContent/{XS}extension').get('base')
        if base.endswith('Code') and self.simple[base].find(f'{XS}restriction/{XS}enumeration') is not None \
                and name in self.complex:
            listed = kebab(base[:-4])
            return f'code [{listed}](codes/{listed}.xml)'
        return f'[{base}](#simple-types)'

    def rows(self, structure):
        sequence = structure.find(XS + 'sequence')
        for child in sequence:
            if child.tag == XS + 'choice':
                optional = child.get('minOccurs', '1') == '0'
                for element in child:
                    yield element, '0..1, one of these' if optional else '1, one of these'
            else:
                low, high = child.get('minOccurs', '1'), child.get('maxOccurs', '1')
                yield child, low if low == high else f'{low}..{"n" if high == "unbounded" else high}'


def tables(schema):
    out = []
    for structure in schema.structures():
        text, source = documentation(structure)
        out += [f'#### {structure.get("name")}', '', f'{text} Source: {source}.', '',
                '| field | type | times | meaning | source |', '| --- | --- | --- | --- | --- |']
        for element, times in schema.rows(structure):
            meaning, origin = documentation(element)
            out.append(f'| `{element.get("name")}` | {schema.kind(element.get("type"))} | {times} | {meaning} | {origin} |')
        for attribute in structure.findall(XS + 'attribute'):
            meaning, origin = documentation(attribute)
            if attribute.get('name') not in EVERYWHERE:
                times = '1' if attribute.get('use') == 'required' else '0..1'
                out.append(f'| `@{attribute.get("name")}` | {schema.kind(attribute.get("type"))} | {times} | {meaning} | {origin} |')
        out.append('')
    return out + simple_types(schema)


def simple_types(schema):
    out = ['#### Simple types', '', '| type | meaning | rule | source |', '| --- | --- | --- | --- |']
    for name, simple in schema.simple.items():
        facets = simple.find(XS + 'restriction')
        values = [f.get('value') for f in facets.findall(XS + 'enumeration')]
        text, source = documentation(simple)
        if values and name.endswith('Code') and name != 'ConfidenceCode':
            continue
        rules = [' '.join(f'`{v}`' for v in values)] if values else []
        rules += [f'at least {f.get("value")} characters' for f in facets.findall(XS + 'minLength')]
        rules += [f'at most {f.get("value")} characters' for f in facets.findall(XS + 'maxLength')]
        rules += [f'`{f.get("value")}`'.replace('|', '\\|') for f in facets.findall(XS + 'pattern')]
        out.append(f'| `{name}` | {text} | {", ".join(rules)} | {source} |')
    out += ['', '#### Codes', '', '| list | values | source |', '| --- | --- | --- |']
    for name, simple in schema.simple.items():
        values = [f.get('value') for f in simple.iter(XS + 'enumeration')]
        if values and name.endswith('Code') and name != 'ConfidenceCode':
            listed = kebab(name[:-4])
            out.append(f'| [{listed}](codes/{listed}.xml) | {" ".join(f"`{v}`" for v in values)} | {documentation(simple)[1]} |')
    return out + ['']


def main(root, check):
    readme = pathlib.Path(root) / 'schemas/README.md'
    text = readme.read_text(encoding='utf-8')
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit('schema-readme: README.md lacks its two markers')
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    schema = Schema(pathlib.Path(root) / 'schemas/record.xsd')
    for element in schema.globals:
        documentation(element)
    wanted = f'{head}{BEGIN}\n\n' + '\n'.join(tables(schema)) + f'\n{END}{tail}'
    if check:
        same = wanted == text
        print(f'1..1\n{"ok" if same else "not ok"} 1 - schemas/README.md agrees with schemas/record.xsd')
        return 0 if same else 1
    readme.write_text(wanted, encoding='utf-8')
    return 0


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ['--check']):
        raise SystemExit(__doc__)
    sys.exit(main(sys.argv[1], len(sys.argv) == 3))
