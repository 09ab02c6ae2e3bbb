# SPDX-License-Identifier: Apache-2.0
"""genwrite.py - writes what genvalidator.py read as C: the names' header and the tables (shape: hub/record/tables.h)."""
from genpattern import compile_patterns

MIX = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
LIST_MOST = 150  # characters of enumerated values that still fit a message
NONE = 0xFFFF


def quote(text):
    """A C string literal of the UTF-8 bytes."""
    out = ''
    for byte in text.encode():
        c = chr(byte)
        out += '\\' + c if c in '"\\' else c if 32 <= byte < 127 and c != '?' else f'\\{byte:03o}'
    return f'"{out}"'


def rows(values, width=24):
    values = [str(int(v)) for v in values]
    return '{\n    ' + ',\n    '.join(', '.join(values[i:i + width]) for i in range(0, len(values), width)) + '}'


class Arrays:
    """Constant arrays; equal ones are written once."""

    def __init__(self):
        self.text, self.known = [], {}

    def add(self, c_type, body):
        key = (c_type, body)
        if key not in self.known:
            self.known[key] = f'a{len(self.known)}'
            self.text.append(f'static const {c_type} {self.known[key]}[] = {body};')
        return self.known[key]


def sorted_names(schema):
    return sorted(schema.names, key=lambda name: name.encode())


def write_names(schema, options):
    names = sorted_names(schema)
    lines = ['/* Generated from the schema: one name for each element and attribute, sorted by bytes. */', '#pragma once', '',
             f'enum {options.enum} {{']
    for number, name in enumerate(names):
        if not name.isidentifier():
            schema.fail(schema.root, f"'{name}' does not make a C identifier")
        lines.append(f'    {options.constant}{name} = {number},')
    lines += [f'    {options.constant}COUNT = {len(names)}' if '_count' not in names else '', '};', '']
    with open(options.names, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines))


def name_hash(name, multiplier, shift):
    """The same as kw_tables_name in hub/record/names.c."""
    data = name.encode()
    size = len(data)
    if size >= 8:
        head, tail = int.from_bytes(data[:8], 'little'), int.from_bytes(data[-8:], 'little')
    elif size >= 4:
        head, tail = int.from_bytes(data[:4], 'little'), int.from_bytes(data[-4:], 'little')
    else:
        head, tail = data[0] | data[size >> 1] << 8 | data[-1] << 16, 0
    return ((head ^ (tail * MIX & MASK) ^ size) * multiplier & MASK) >> shift


def hash_slots(names, source):
    bits = max(4, (len(names) * 4 - 1).bit_length())
    best = None
    for _ in range(300):
        multiplier = source.getrandbits(64) | 1
        slots, cost = [NONE] * (1 << bits), 0
        for number, name in enumerate(names):
            at = name_hash(name, multiplier, 64 - bits)
            while slots[at] != NONE:
                at, cost = (at + 1) & ((1 << bits) - 1), cost + 1
            slots[at] = number
        if best is None or cost < best[0]:
            best = (cost, multiplier, slots)
    return best[1], 64 - bits, best[2]


def simple_row(simple, arrays):
    patterns = []
    for texts in simple['patterns']:
        starts, classes, next_rows, accept = compile_patterns(texts)
        ascii_classes = [classes[max(i for i, low in enumerate(starts) if low <= c)] for c in range(128)]
        width = len(next_rows[0])
        if len(next_rows) * width > NONE:
            raise SystemExit(f"pattern {texts}: too many states")
        patterns.append(f'&(const struct kw_table_pattern){{{quote(" or ".join(texts))}, '
                        f'{arrays.add("uint8_t", rows(ascii_classes))}, {arrays.add("uint32_t", rows(starts))}, '
                        f'{arrays.add("uint8_t", rows(classes))}, '
                        f'{arrays.add("uint16_t", rows([t * width for row in next_rows for t in row]))}, '
                        f'{arrays.add("uint8_t", rows(accept))}, {len(starts)}, {width}}}')
    values = simple['values'] or []
    value_array, listed = 'NULL', 'NULL'
    if simple['values'] is not None:
        value_array = arrays.add('struct kw_table_value', '{' + ', '.join(f'{{{quote(v)}, {len(v.encode())}}}' for v in values) + '}')
        joined = ', '.join(sorted(values))
        listed = quote(joined) if len(joined) <= LIST_MOST else 'NULL'
    pattern_array = arrays.add('struct kw_table_pattern *const', '{' + ', '.join(patterns) + '}') if patterns else 'NULL'
    bound = [quote(simple[side]) if simple[side] is not None else 'NULL' for side in ('low', 'high')]
    return (f'{{{quote(simple["name"])}, KW_KIND_{simple["kind"]}, KW_SPACE_{simple["space"]}, {len(values)}, {len(patterns)}, {simple["least"]}u, '
            f'{simple["most"]}u, {value_array}, {pattern_array}, {bound[0]}, {bound[1]}, {listed}}}')


def type_row(made, names, arrays, fail):
    number = {name: i for i, name in enumerate(names)}
    attributes = ', '.join(f'{{{number[name]}, {simple}, {"true" if required else "false"}}}'
                           for name, (simple, required) in sorted(made['attributes'].items(), key=lambda a: a[0].encode()))
    attribute_array = arrays.add('struct kw_table_attribute', f'{{{attributes}}}') if attributes else 'NULL'
    if len(attributes.split('}')) > 64:
        fail(made)
    wants = 'true' if any(required for _, required in made['attributes'].values()) else 'false'
    head = f'KW_CONTENT_{made["content"]}, {len(made["attributes"])}, {wants}, {made["simple"]}'
    if made['content'] != 'ELEMENTS':
        return f'{{{head}, 0, 0, {attribute_array}, NULL, NULL, NULL, NULL, NULL}}'
    (states, accept), children = made['automaton']
    order = sorted(children, key=lambda name: number[name])
    if len(states) > 254 or len(order) > 254:
        fail(made)
    columns = [0] * len(names)
    for column, name in enumerate(order):
        columns[number[name]] = column + 1
    following = [row[name] + 1 if name in row else 0 for row in states for name in order]
    return (f'{{{head}, {len(order)}, {len(states)}, {attribute_array}, {arrays.add("uint8_t", rows(columns))}, '
            f'{arrays.add("uint16_t", rows(number[name] for name in order))}, '
            f'{arrays.add("uint16_t", rows(children[name] for name in order))}, '
            f'{arrays.add("uint8_t", rows(following))}, {arrays.add("uint8_t", rows(accept))}}}')


def write_tables(schema, options, roots, digest, source):
    names, arrays = sorted_names(schema), Arrays()

    def too_large(made):
        schema.fail(schema.root, f"type '{made['name']}' has too many states or children")

    simples = [simple_row(simple, arrays) for simple in schema.simples]
    types = [type_row(made, names, arrays, too_large) for made in schema.types]
    multiplier, shift, slots = hash_slots(names, source)
    table = [
        '/* Generated from the schema. */', '#include "record/tables.h"', '', *arrays.text,
        'static const struct kw_table_value names[] = {', *(f'    {{{quote(n)}, {len(n.encode())}}},' for n in names), '};',
        f'static const uint16_t slots[] = {rows(slots)};',
        f'static const uint16_t roots[] = {rows(roots.get(n, NONE) for n in names)};',
        'static const struct kw_table_simple simples[] = {', *(f'    {s},' for s in simples), '};',
        'static const struct kw_table_type types[] = {', *(f'    {t},' for t in types), '};',
        f'const struct kw_tables {options.prefix}_tables = {{',
        f'    .space = {quote(schema.space)},', f'    .digest = {rows(digest)},',
        f'    .names = names, .name_count = {len(names)}, .slot_mask = {len(slots) - 1},',
        f'    .multiplier = {multiplier}u, .shift = {shift}, .slots = slots, .roots = roots, .types = types, .simples = simples}};', '']
    with open(options.tables, 'w', encoding='utf-8') as file:
        file.write('\n'.join(table))
