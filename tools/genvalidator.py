#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""genvalidator.py - the tables of the one-pass validator from an XML schema.

  genvalidator.py --schema record.xsd --prefix kw_record --constant KW_N_ --enum kw_name --names record-names.h --tables record-tables.c

The subset of XML Schema 1.0 that is understood: one namespace; global elements; complex types of sequence and choice
(occurrence 0, 1, unbounded), groups and attribute groups, simple content, attributes; simple types by restriction of string,
token, integer, decimal, boolean and their near kin, with enumeration, pattern, lengths and inclusive bounds. Anything else
ends the build with its line: what is not understood here would not be checked there.
"""
import argparse
import hashlib
import os
import random
import sys
import xml.parsers.expat

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from genpattern import PatternError, compile_patterns  # noqa: E402

XS = 'http://www.w3.org/2001/XMLSchema'
NO_LIMIT = 0xFFFFFFFF
# name: (kind of value, white space, smallest, largest)
BUILTIN = {
    'string': ('STRING', 'PRESERVE', None, None), 'normalizedString': ('STRING', 'REPLACE', None, None),
    'token': ('STRING', 'COLLAPSE', None, None), 'integer': ('INTEGER', 'COLLAPSE', None, None),
    'nonNegativeInteger': ('INTEGER', 'COLLAPSE', '0', None), 'positiveInteger': ('INTEGER', 'COLLAPSE', '1', None),
    'decimal': ('DECIMAL', 'COLLAPSE', None, None), 'boolean': ('BOOLEAN', 'COLLAPSE', None, None),
}
ALLOWED = {  # the attributes understood of each element of the schema language
    'schema': {'targetNamespace', 'elementFormDefault', 'attributeFormDefault', 'version'},
    'element': {'name', 'type', 'ref', 'minOccurs', 'maxOccurs'}, 'complexType': {'name'}, 'simpleType': {'name'},
    'sequence': {'minOccurs', 'maxOccurs'}, 'choice': {'minOccurs', 'maxOccurs'}, 'simpleContent': set(),
    'complexContent': set(), 'extension': {'base'}, 'restriction': {'base'}, 'attribute': {'name', 'type', 'use'},
    'group': {'name', 'ref', 'minOccurs', 'maxOccurs'}, 'attributeGroup': {'name', 'ref'},
    **{f: {'value'} for f in ('enumeration', 'pattern', 'length', 'minLength', 'maxLength', 'minInclusive', 'maxInclusive',
                              'whiteSpace')},
}


class Node:
    def __init__(self, tag, attributes, line):
        self.tag, self.attributes, self.line, self.children = tag, attributes, line, []

    def get(self, name):
        return self.attributes.get(name)


class Schema:
    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as file:
            self.bytes = file.read()
        self.prefixes, self.stack, self.skip = {}, [], 0
        parser = xml.parsers.expat.ParserCreate()
        self.parser = parser
        parser.StartElementHandler, parser.EndElementHandler = self.open, self.close
        parser.Parse(self.bytes, True)
        self.space = self.root.get('targetNamespace')
        if self.root.get('elementFormDefault') != 'qualified' or not self.space:
            self.fail(self.root, 'a targetNamespace and elementFormDefault="qualified" are needed')
        self.globals = {}
        for child in self.root.children:
            if child.tag not in ('element', 'complexType', 'simpleType', 'group', 'attributeGroup'):
                self.fail(child, f'<{child.tag}> is not understood here')
            kind = 'type' if child.tag.endswith('Type') else child.tag
            if (kind, child.get('name')) in self.globals:
                self.fail(child, f"'{child.get('name')}' is declared twice")
            self.globals[kind, child.get('name')] = child
        self.names, self.types, self.simples, self.known = set(), [], [], {}

    def fail(self, node, why):
        line = node.line if isinstance(node, Node) else node
        sys.exit(f'{self.path}:{line}: {why}')

    # ---- reading --------------------------------------------------------------

    def open(self, name, attributes):
        line = self.parser.CurrentLineNumber
        for key in [k for k in attributes if k == 'xmlns' or k.startswith('xmlns:')]:
            self.prefixes[key[6:]] = attributes.pop(key)
        attributes = {k: v for k, v in attributes.items() if k not in ('id', 'xml:lang')}
        prefix, _, tag = name.rpartition(':')
        if self.skip or (self.prefixes.get(prefix) == XS and tag == 'annotation'):
            self.skip += 1
            return
        if self.prefixes.get(prefix) != XS or tag not in ALLOWED:
            self.fail(line, f'<{name}> is not understood')
        extra = set(attributes) - ALLOWED[tag]
        if extra:
            self.fail(line, f"<{name}>: attribute '{sorted(extra)[0]}' is not understood")
        node = Node(tag, attributes, line)
        if self.stack:
            self.stack[-1].children.append(node)
        else:
            self.root = node
        self.stack.append(node)

    def close(self, name):
        if self.skip:
            self.skip -= 1
        else:
            self.stack.pop()

    def local(self, node, name):
        """('xs' or 'own', local name) of a qualified name."""
        prefix, _, local = name.rpartition(':')
        space = self.prefixes.get(prefix)
        if space not in (XS, self.space):
            self.fail(node, f"'{name}' is in no known namespace")
        return 'xs' if space == XS else 'own', local

    def resolve(self, node, kind, name):
        found = self.globals.get((kind, self.local(node, name)[1]))
        if found is None:
            self.fail(node, f"{kind} '{name}' is not declared")
        return found

    # ---- types ----------------------------------------------------------------

    def simple(self, node, name, inline=None):
        """Number of a simple type, by name or inline."""
        where, local = ('own', None) if inline else self.local(node, name)
        key = ('simple', where, local) if local else ('inline', id(inline))
        if key in self.known:
            return self.known[key]
        if where == 'xs':
            if local not in BUILTIN:
                self.fail(node, f"type '{name}' is not understood")
            kind, space, low, high = BUILTIN[local]
            made = {'kind': kind, 'space': space, 'low': low, 'high': high, 'least': 0, 'most': NO_LIMIT, 'values': None,
                    'patterns': [], 'name': local}
        else:
            made = self.restrict(inline or self.resolve(node, 'type', name))
        self.simples.append(made)
        self.known[key] = len(self.simples) - 1
        return self.known[key]

    def restrict(self, node):
        if node.tag != 'simpleType' or len(node.children) != 1 or node.children[0].tag != 'restriction':
            self.fail(node, 'a simple type by restriction is wanted')
        rule = node.children[0]
        made = dict(self.simples[self.simple(rule, rule.get('base') or self.fail(rule, 'a base is needed'))])
        made['name'] = node.get('name') or made['name']
        made['patterns'] = list(made['patterns'])
        own, values = [], []
        for facet in rule.children:
            value = facet.get('value')
            if facet.tag == 'enumeration':
                values.append(value)
            elif facet.tag == 'pattern':
                own.append(value)
                try:
                    compile_patterns([value])
                except PatternError as error:
                    self.fail(facet, f"pattern '{value}': {error}")
            elif facet.tag in ('length', 'minLength', 'maxLength') and made['kind'] == 'STRING':
                if facet.tag != 'maxLength':
                    made['least'] = int(value)
                if facet.tag != 'minLength':
                    made['most'] = int(value)
            elif facet.tag in ('minInclusive', 'maxInclusive') and made['kind'] in ('INTEGER', 'DECIMAL'):
                made['low' if facet.tag == 'minInclusive' else 'high'] = value
            elif facet.tag == 'whiteSpace' and made['kind'] == 'STRING':
                made['space'] = value.upper()
            else:
                self.fail(facet, f'<{facet.tag}> is not understood on this base')
        if own:
            made['patterns'].append(tuple(own))
        if values:
            if made['kind'] != 'STRING':
                self.fail(rule, 'an enumeration is understood on strings only')
            made['values'] = sorted(set(values), key=lambda v: (len(v.encode()), v.encode()))
        return made

    def type_of(self, node):
        """Number in self.types of the type of an element declaration."""
        inline = [c for c in node.children if c.tag in ('complexType', 'simpleType')]
        name = node.get('type')
        if (len(inline) == 1) == (name is not None) or len(inline) != len(node.children):
            self.fail(node, 'an element has a type, by name or inline')
        if name is not None:
            where, local = self.local(node, name)
            key, found = ('element', where, local), None if where == 'xs' else self.resolve(node, 'type', name)
        else:
            key, found = ('element', id(inline[0])), inline[0]
        if key in self.known:
            return self.known[key]
        made = {'name': name or node.get('name'), 'content': 'EMPTY', 'simple': 0, 'attributes': {}, 'model': None}
        self.known[key] = len(self.types)
        self.types.append(made)
        if found is None or found.tag == 'simpleType':
            made['content'] = 'SIMPLE'
            made['simple'] = self.simple(node, name, inline[0] if name is None else None)
        else:
            self.fill(made, found)
        return self.known[key]

    def fill(self, made, node):
        """Reads the body of a complex type, or of an extension in it."""
        for child in node.children:
            if child.tag == 'simpleContent':
                rule = child.children[0] if len(child.children) == 1 else child
                if rule.tag != 'extension':
                    self.fail(child, 'simple content by extension is wanted')
                made['content'] = 'SIMPLE'
                base = self.local(rule, rule.get('base'))
                found = self.globals.get(('type', base[1])) if base[0] == 'own' else None
                if found is not None and found.tag == 'complexType':
                    self.fill(made, found)
                else:
                    made['simple'] = self.simple(rule, rule.get('base'))
                self.fill(made, rule)
            elif child.tag == 'complexContent':
                rule = child.children[0] if len(child.children) == 1 else child
                if rule.tag != 'extension':
                    self.fail(child, 'complex content by extension is wanted')
                self.fill(made, self.resolve(rule, 'type', rule.get('base')))
                self.fill(made, rule)
            elif child.tag in ('sequence', 'choice', 'group'):
                if made['content'] == 'SIMPLE':
                    self.fail(child, 'elements in simple content')
                model = self.particle(child, made)
                made['model'] = ('seq', [made['model'], model]) if made['model'] else model
                made['content'] = 'ELEMENTS'
            else:
                self.attribute(made, child)

    def attribute(self, made, node):
        if node.tag == 'attributeGroup' and node.get('ref'):
            for child in self.resolve(node, 'attributeGroup', node.get('ref')).children:
                self.attribute(made, child)
            return
        if node.tag != 'attribute' or not node.get('name') or (node.get('use') or 'optional') not in ('optional', 'required'):
            self.fail(node, f'<{node.tag}> is not understood here')
        inline = node.children[0] if node.children else None
        if (inline is None) == (node.get('type') is None) or node.get('name') in made['attributes']:
            self.fail(node, 'an attribute has one declaration and one type')
        self.names.add(node.get('name'))
        made['attributes'][node.get('name')] = (self.simple(node, node.get('type'), inline), node.get('use') == 'required')

    # ---- content models ---------------------------------------------------------

    def particle(self, node, made):
        low, high = node.get('minOccurs') or '1', node.get('maxOccurs') or '1'
        if low not in ('0', '1') or high not in ('1', 'unbounded'):
            self.fail(node, 'occurrence is 0 or 1 to 1 or unbounded')
        if node.tag == 'element':
            declared = self.resolve(node, 'element', node.get('ref')) if node.get('ref') else node
            name = declared.get('name')
            self.names.add(name)
            tree = ('leaf', name, self.type_of(declared), node.line)
        elif node.tag == 'group':
            body = self.resolve(node, 'group', node.get('ref') or self.fail(node, 'a ref is needed')).children
            if len(body) != 1:
                self.fail(node, 'a group holds one sequence or choice')
            tree = self.particle(body[0], made)
        elif node.tag in ('sequence', 'choice'):
            tree = (node.tag[:3], [self.particle(child, made) for child in node.children])
            if not node.children:
                self.fail(node, f'an empty <{node.tag}>')
        else:
            self.fail(node, f'<{node.tag}> is not understood here')
        return tree if (low, high) == ('1', '1') else ('rep', tree, low == '0', high == 'unbounded')

    def automaton(self, made):
        """Glushkov's construction; deterministic because the schema must be (XML Schema 1.0 §3.8.6, checked here)."""
        leaves, follow = [], []

        def visit(tree):  # (may be empty, first, last)
            if tree[0] == 'leaf':
                leaves.append(tree)
                follow.append(set())
                return False, {len(leaves) - 1}, {len(leaves) - 1}
            if tree[0] == 'rep':
                empty, first, last = visit(tree[1])
                if tree[3]:
                    for p in last:
                        follow[p] |= first
                return empty or tree[2], first, last
            parts = [visit(item) for item in tree[1]]
            if tree[0] == 'cho':
                return any(p[0] for p in parts), set().union(*(p[1] for p in parts)), set().union(*(p[2] for p in parts))
            empty, first, last = True, set(), set()
            for part in parts:
                for p in last:
                    follow[p] |= part[1]
                if empty:
                    first = first | part[1]
                last = last | part[2] if part[0] else part[2]
                empty = empty and part[0]
            return empty, first, last

        empty, first, last = visit(made['model'])
        rows, accept, children = [], [], {}
        for leaf in leaves:
            if children.setdefault(leaf[1], leaf[2]) != leaf[2]:
                self.fail(leaf[3], f"'{leaf[1]}' has two types in one content model")
        for successors in [first] + follow:
            row = {}
            for p in sorted(successors):
                if leaves[p][1] in row:
                    self.fail(leaves[p][3], f"'{leaves[p][1]}': the content model is not deterministic")
                row[leaves[p][1]] = p + 1
            rows.append(row)
        accept = [empty] + [p in last for p in range(len(leaves))]
        return reduce_rows(rows, accept), children


def reduce_rows(rows, accept):
    """Merges states that accept the same; the start stays 0."""
    block = [int(a) for a in accept]
    while True:
        numbers = {}
        keys = [(block[s], tuple(sorted((n, block[t]) for n, t in rows[s].items()))) for s in range(len(rows))]
        fresh = [numbers.setdefault(key, len(numbers)) for key in keys]
        if len(numbers) == len(set(block)):
            break
        block = fresh
    block = fresh
    result, final = {}, {}
    for s, row in enumerate(rows):
        result[block[s]] = {n: block[t] for n, t in row.items()}
        final[block[s]] = accept[s]
    return [result[i] for i in range(len(result))], [final[i] for i in range(len(final))]


def main():
    parser = argparse.ArgumentParser()
    for name in ('schema', 'prefix', 'constant', 'enum', 'names', 'tables'):
        parser.add_argument('--' + name, required=True)
    options = parser.parse_args()
    schema = Schema(options.schema)
    roots = {}
    for (kind, name), node in schema.globals.items():
        if kind == 'element':
            schema.names.add(name)
            roots[name] = schema.type_of(node)
    for made in schema.types:
        made['automaton'] = schema.automaton(made) if made['content'] == 'ELEMENTS' else None
    from genwrite import write_names, write_tables
    write_names(schema, options)
    write_tables(schema, options, roots, hashlib.sha256(schema.bytes).digest(), random.Random(1))


if __name__ == '__main__':
    main()
