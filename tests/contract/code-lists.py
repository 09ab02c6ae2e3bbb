#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks schemas/codes: the lists hold exactly the codes of record.xsd, and no spelling leads to two codes."""

import os
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(os.environ['KINWARD_SOURCE']) / 'schemas'
XS = '{http://www.w3.org/2001/XMLSchema}'


def problems(path, types):
    root = ElementTree.parse(path).getroot()
    if root.tag != 'codes' or root.get('list') != path.stem:
        yield 'list attribute is not the file name'
    if not root.get('source'):
        yield 'no source'
    simple = types.get(root.get('type'))
    if simple is None:
        yield f'type {root.get("type")} is not in record.xsd'
        return
    values = [code.get('value') for code in root.iter('code')]
    enumeration = [e.get('value') for e in simple.iter(XS + 'enumeration')]
    if enumeration and values != enumeration:
        yield f'codes differ from {root.get("type")}: {sorted(set(values) ^ set(enumeration))}'
    pattern = simple.find(f'{XS}restriction/{XS}pattern')
    if not enumeration:
        yield from (f'{v} does not match {root.get("type")}' for v in values if not re.fullmatch(pattern.get('value'), v))
    seen = {}
    for code in root.iter('code'):
        if not code.get('label'):
            yield f'{code.get("value")} has no label'
        for spelling in [code.get('value')] + [s.text for s in code.iter('synonym')]:
            if not spelling or spelling != spelling.strip():
                yield f'{code.get("value")} has an empty or padded synonym'
                continue
            folded = re.sub('[A-Z]', lambda m: m.group().lower(), spelling)
            if folded in seen:
                yield f'{spelling} leads to {seen[folded]} and {code.get("value")}'
            seen[folded] = code.get('value')


def main():
    types = {t.get('name'): t for t in ElementTree.parse(ROOT / 'record.xsd').getroot().findall(XS + 'simpleType')}
    results = [(f'codes/{path.name}', list(problems(path, types))) for path in sorted((ROOT / 'codes').glob('*.xml'))]
    listed = {ElementTree.parse(path).getroot().get('type') for path in (ROOT / 'codes').glob('*.xml')}
    wanted = {name for name in types if name.endswith('Code') and name not in ('JurisdictionCode', 'LanguageCode', 'SubdivisionCode')}
    results.append(('every code type has a list', sorted(listed ^ wanted)))
    country = {c.get('value') for c in ElementTree.parse(ROOT / 'codes/country.xml').getroot().iter('code')}
    short = [c for c in country if len(c) == 2]
    results.append(('249 countries of ISO 3166-1 and XK, 31 of ISO 3166-3, unknown',
                    [] if (len(short), len(country)) == (250, 282) else [f'{len(short)} short, {len(country)} in all']))
    print(f'1..{len(results)}')
    for number, (name, found) in enumerate(results, 1):
        print(f'{"not ok" if found else "ok"} {number} - {name}')
        for problem in found:
            print(f'# {problem}')
    return 1 if any(found for _, found in results) else 0


sys.exit(main())
