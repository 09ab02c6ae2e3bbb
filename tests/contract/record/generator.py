#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""generator.py - what tools/genvalidator.py does not understand ends the build with its line, never a validator that checks less."""
import os
import subprocess
import sys
import tempfile

ROOT = os.environ['KINWARD_SOURCE']
HEAD = ('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t"'
        ' elementFormDefault="qualified">\n<xs:element name="t" type="T"/>\n')
SEQUENCE = '<xs:complexType name="T"><xs:sequence>\n{}\n</xs:sequence></xs:complexType>'
SIMPLE = '<xs:complexType name="T"><xs:simpleContent><xs:extension base="S"/></xs:simpleContent></xs:complexType>\n' \
         '<xs:simpleType name="S"><xs:restriction base="{}">\n{}</xs:restriction></xs:simpleType>'
A = '<xs:element name="a" type="xs:string"/>'

CASES = [  # (name, body, line of the refusal; None: it is understood)
    ('a sequence', SEQUENCE.format(A), None),
    ('bounded occurrence', SEQUENCE.format('<xs:element name="a" type="xs:string" maxOccurs="5"/>'), 4),
    ('a wildcard', SEQUENCE.format('<xs:any/>'), 4),
    ('xs:all', '<xs:complexType name="T"><xs:all>' + A + '</xs:all></xs:complexType>', 3),
    ('mixed content', '<xs:complexType name="T" mixed="true"><xs:sequence>' + A + '</xs:sequence></xs:complexType>', 3),
    ('a default', SEQUENCE.format('<xs:element name="a" type="xs:string" default="x"/>'), 4),
    ('nillable', SEQUENCE.format('<xs:element name="a" type="xs:string" nillable="true"/>'), 4),
    ('an identity constraint', '<xs:complexType name="T"/>\n<xs:key name="k"/>', 4),
    ('a type that is missing', SEQUENCE.format('<xs:element name="a" type="Missing"/>'), 4),
    ('a built-in type outside the subset', SEQUENCE.format('<xs:element name="a" type="xs:dateTime"/>'), 4),
    ('a model that is not deterministic', SEQUENCE.format(A.replace('/>', ' minOccurs="0"/>') + '\n' + A), 5),
    ('two types of one name', SEQUENCE.format(A + '\n<xs:element name="b" type="xs:string"/>\n' + A.replace('string', 'integer')), 6),
    ('a union', '<xs:complexType name="T"><xs:simpleContent><xs:extension base="S"/></xs:simpleContent></xs:complexType>\n'
                '<xs:simpleType name="S">\n<xs:union memberTypes="xs:string"/></xs:simpleType>', 5),
    ('an exclusive bound', SIMPLE.format('xs:integer', '<xs:minExclusive value="1"/>'), 5),
    ('a length of a number', SIMPLE.format('xs:integer', '<xs:maxLength value="3"/>'), 5),
    ('a pattern by Unicode property', SIMPLE.format('xs:string', '<xs:pattern value="\\p{Lu}+"/>'), 5),
    ('a pattern with \\d', SIMPLE.format('xs:string', '<xs:pattern value="\\d+"/>'), 5),
    ('a class subtraction', SIMPLE.format('xs:string', '<xs:pattern value="[a-z-[aeiou]]"/>'), 5),
    ('an anchor', SIMPLE.format('xs:string', '<xs:pattern value="^a$"/>'), 5),
    ('a pattern that is not closed', SIMPLE.format('xs:string', '<xs:pattern value="(a"/>'), 5),
    ('a pattern of ranges', SIMPLE.format('xs:string', '<xs:pattern value="[0-9]{2,3}|x?"/>'), None),
]


def generate(folder, body):
    path = os.path.join(folder, 't.xsd')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(HEAD + body + '\n</xs:schema>\n')
    return subprocess.run(
        [sys.executable, os.path.join(ROOT, 'tools/genvalidator.py'), '--schema', path, '--prefix', 't', '--constant', 'T_', '--enum', 't',
         '--names', os.path.join(folder, 'n.h'), '--tables', os.path.join(folder, 't.c')], capture_output=True, text=True, check=False)


def main():
    print(f'1..{len(CASES)}')
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, body, line) in enumerate(CASES, 1):
            run = generate(folder, body)
            good = run.returncode == 0 if line is None else run.returncode == 1 and f't.xsd:{line}: ' in run.stderr
            failures += not good
            print(f'{"ok" if good else "not ok"} {number} - {name}')
            if not good:
                print('# ' + (run.stderr.strip() or 'accepted').replace('\n', '\n# '))
    return failures > 0


if __name__ == '__main__':
    sys.exit(main())
