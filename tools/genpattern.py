# SPDX-License-Identifier: Apache-2.0
"""genpattern.py - XSD pattern facets compiled to minimal deterministic automata over classes of code points.

Only what means the same to everybody: literals, ranges, negation, \\s, the escapes of single characters, . ( ) | ? * + {n,m}.
\\d, \\w, \\p and class subtraction are refused, because their meaning depends on a version of Unicode or on an implementation.
"""

TOP = 0x110000
SPACES = [(9, 10), (13, 13), (32, 32)]
SINGLE = {'n': 10, 'r': 13, 't': 9}
SINGLE.update({c: ord(c) for c in '\\|.?*+(){}-[]^'})
STATES_MOST = 4000


class PatternError(Exception):
    pass


def complement(ranges):
    result, low = [], 0
    for first, last in sorted(ranges):
        if first > low:
            result.append((low, first - 1))
        low = max(low, last + 1)
    if low < TOP:
        result.append((low, TOP - 1))
    return result


class Parser:
    """Recursive descent to a tree: ('set', ranges), ('cat', items), ('alt', items), ('rep', item, low, high or None)."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        return self.text[self.at] if self.at < len(self.text) else ''

    def take(self):
        c = self.peek()
        if not c:
            raise PatternError('ends too early')
        self.at += 1
        return c

    def parse(self):
        tree = self.alternatives()
        if self.peek():
            raise PatternError(f"unexpected '{self.peek()}'")
        return tree

    def alternatives(self):
        items = [self.branch()]
        while self.peek() == '|':
            self.take()
            items.append(self.branch())
        return items[0] if len(items) == 1 else ('alt', items)

    def branch(self):
        items = []
        while self.peek() and self.peek() not in '|)':
            items.append(self.quantified(self.atom()))
        return ('cat', items)

    def atom(self):
        c = self.take()
        if c == '(':
            tree = self.alternatives()
            if self.take() != ')':
                raise PatternError("')' is missing")
            return tree
        if c == '[':
            return ('set', self.char_class())
        if c == '.':
            return ('set', complement([(10, 10), (13, 13)]))
        if c == '\\':
            return ('set', self.escape())
        if c in '?*+{}]^$':
            raise PatternError(f"unescaped '{c}'")
        return ('set', [(ord(c), ord(c))])

    def escape(self):
        c = self.take()
        if c == 's':
            return SPACES
        if c == 'S':
            return complement(SPACES)
        if c in SINGLE:
            return [(SINGLE[c], SINGLE[c])]
        raise PatternError(f"'\\{c}' is not in the subset; write the characters, as in [0-9]")

    def char_class(self):
        negated = self.peek() == '^'
        if negated:
            self.take()
        ranges, first = [], True
        while True:
            c = self.take()
            if c == ']' and not first:
                break
            if c in '[]' or (c == '-' and self.peek() == '['):
                raise PatternError('class subtraction, or an unescaped bracket in a class')
            low = self.escape() if c == '\\' else [(ord(c), ord(c))]
            first = False
            if self.peek() == '-' and self.text[self.at + 1:self.at + 2] not in (']', '['):
                self.take()
                d = self.take()
                high = self.escape() if d == '\\' else [(ord(d), ord(d))]
                if len(low) != 1 or len(high) != 1 or low[0][0] > high[0][0]:
                    raise PatternError('a range that is not one')
                low = [(low[0][0], high[0][0])]
            ranges += low
        return complement(ranges) if negated else ranges

    def quantified(self, atom):
        c = self.peek()
        if c and c in '?*+':
            self.take()
            tree = ('rep', atom, 1 if c == '+' else 0, 1 if c == '?' else None)
        elif c == '{':
            end = self.text.find('}', self.at)
            parts = self.text[self.at + 1:end].split(',') if end > 0 else ['']
            if len(parts) > 2 or not all(p.isdigit() for p in parts[:1]) or not all(p.isdigit() or not p for p in parts[1:]):
                raise PatternError('a quantifier that is not {n}, {n,} or {n,m}')
            self.at = end + 1
            low = int(parts[0])
            high = low if len(parts) == 1 else int(parts[1]) if parts[1] else None
            tree = ('rep', atom, low, high)
        else:
            return atom
        if self.peek() and self.peek() in '?*+{':
            raise PatternError('a quantifier on a quantifier')
        return tree


class Nfa:
    def __init__(self):
        self.empty, self.moves = [], []  # per state: targets without input; (ranges, target)

    def state(self):
        self.empty.append([])
        self.moves.append([])
        if len(self.empty) > 20000:
            raise PatternError('too large')
        return len(self.empty) - 1

    def build(self, tree, start):
        kind = tree[0]
        if kind == 'set':
            end = self.state()
            self.moves[start].append((tree[1], end))
            return end
        if kind == 'cat':
            for item in tree[1]:
                start = self.build(item, start)
            return start
        if kind == 'alt':
            end = self.state()
            for item in tree[1]:
                begin = self.state()
                self.empty[start].append(begin)
                self.empty[self.build(item, begin)].append(end)
            return end
        _, item, low, high = tree
        for _ in range(low):
            start = self.build(item, start)
        if high is None:
            loop = self.state()
            self.empty[start].append(loop)
            begin = self.state()
            self.empty[loop].append(begin)
            self.empty[self.build(item, begin)].append(loop)
            return loop
        end = self.state()
        self.empty[start].append(end)
        for _ in range(high - low):
            start = self.build(item, start)
            self.empty[start].append(end)
        return end

    def closure(self, states):
        found, todo = set(states), list(states)
        while todo:
            for target in self.empty[todo.pop()]:
                if target not in found:
                    found.add(target)
                    todo.append(target)
        return frozenset(found)


def determinise(nfa, start, end, bounds):
    initial = nfa.closure([start])
    numbers, order, rows = {frozenset(): 0, initial: 1}, [frozenset(), initial], []
    for current in order:
        row = []
        for low in bounds:
            moved = {t for s in current for ranges, t in nfa.moves[s] if any(a <= low <= b for a, b in ranges)}
            target = nfa.closure(moved)
            if target not in numbers:
                numbers[target] = len(order)
                order.append(target)
                if len(order) > STATES_MOST:
                    raise PatternError('too many states')
            row.append(numbers[target])
        rows.append(row)
    return rows, [end in current for current in order]


def minimise(rows, accept):
    """Moore's partition refinement; state 0 stays the dead one, 1 the start."""
    block = [int(a) for a in accept]
    while True:
        keys = [(block[s], tuple(block[t] for t in rows[s])) for s in range(len(rows))]
        numbers = {}
        fresh = [numbers.setdefault(key, len(numbers)) for key in keys]
        if len(numbers) == len(set(block)):
            break
        block = fresh
    # number the blocks so that the dead state is 0 and the start 1
    renamed = {block[0]: 0}
    renamed.setdefault(block[1], 1)
    for b in block:
        renamed.setdefault(b, len(renamed))
    result, final = {}, {}
    for s, row in enumerate(rows):
        result[renamed[block[s]]] = [renamed[block[t]] for t in row]
        final[renamed[block[s]]] = accept[s]
    return [result[i] for i in range(len(result))], [final[i] for i in range(len(final))]


def compile_patterns(texts):
    """One automaton for the alternatives texts. Returns (starts of ranges, class of each range, rows by class, accepting)."""
    trees = [Parser(text).parse() for text in texts]
    nfa = Nfa()
    start = nfa.state()
    end = nfa.build(('alt', trees), start)
    bounds = sorted({0} | {b for state in nfa.moves for ranges, _ in state for r in ranges for b in (r[0], r[1] + 1) if b < TOP})
    rows, accept = minimise(*determinise(nfa, start, end, bounds))
    columns, classes = {}, []
    for i in range(len(bounds)):
        classes.append(columns.setdefault(tuple(row[i] for row in rows), len(columns)))
    by_class = list(columns)
    starts, kept = [], []
    for low, cls in zip(bounds, classes):
        if not kept or kept[-1] != cls:
            starts.append(low)
            kept.append(cls)
    return starts, kept, [[column[s] for column in by_class] for s in range(len(rows))], accept
