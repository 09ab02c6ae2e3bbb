#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""messages.py - every code that a rule or a statement can carry has its words in each message catalogue."""
import os
import re
import xml.etree.ElementTree as ElementTree

import tree

RULES = "plugins/rules-child-protection/"
MESSAGES = "schemas/messages/"
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CODE = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)+$")
SPACE = "{urn:kinward:messages:1}"


def calls(text, name):
    """Literals of each call name(…);"""
    for match in re.finditer(r"\b" + name + r"\(([^;]*);", text):
        yield LITERAL.findall(match.group(1))


def rule_codes(text):
    """group.code of all that one source file of the pack can put into a hit."""
    wanted = set()
    for literals in calls(text, "draft_fact"):
        for literal in literals:
            wanted.add(("fact." if CODE.match(literal) else "role.") + literal)
    for literals in calls(text, "draft_cause"):
        wanted.update(group + literal for literal in literals[:1] for group in ("cause.", "excluded."))
    for literals in calls(text, "draft_threshold"):
        wanted.update("threshold." + literal for literal in literals)
    for literals in calls(text, "draft_subject"):
        wanted.update("role." + literal for literal in literals)
    for literals in calls(text, "draft_emit"):
        wanted.update("what." + literal for literal in literals)
    for reason, fact, role in re.findall(r'\[FLAW_\w+\] = \{"([^"]+)", (NULL|"[^"]+"), (NULL|"[^"]+")', text):
        wanted.add("what." + reason)
        wanted |= {"fact." + fact.strip('"')} if fact != "NULL" else set()
        wanted |= {"role." + role.strip('"')} if role != "NULL" else set()
    for rule in re.findall(r'\.id = "([^"]+)"', text):
        wanted.update(["rule." + rule, "why." + rule])
    return wanted


def statement_codes(statement, schema):
    wanted = set()
    for name in ("instruction", "prohibited", "handling"):
        wanted.update(name + "." + code for code in re.findall("<%s>([^<]+)</%s>" % (name, name), statement))
    groups = {"Status": "status", "Type": "type", "Tier": "tier", "Severity": "severity", "Urgency": "urgency", "Certainty": "certainty"}
    groups.update({"AgeBand": "age", "Reliability": "reliability", "Credibility": "credibility", "AssertedBy": "asserted"})
    for simple in re.findall(r'<xs:simpleType name="(\w+)">(.*?)</xs:simpleType>', schema, re.S):
        if simple[0] in groups:
            wanted.update(groups[simple[0]] + "." + value for value in re.findall(r'enumeration value="([^"]+)"', simple[1]))
    return wanted


def renderer_codes(text):
    wanted = {group + "." + code for group, code in re.findall(r'\bmessage\(page, "(\w+)", "(\w+)"', text)}
    wanted |= {"heading." + head for head in re.findall(r'\b(?:heading|put_list|put_message)\(page, "(\w+)"', text)}
    return wanted | {group + "." + code for group, code in re.findall(r'\bput_message\(page, "\w+", "(\w+)", "(\w+)"', text)}


def read(root, path):
    return "\n".join(tree.lines_of(root, path) or []) if os.path.isfile(os.path.join(root, path)) else ""


def catalogue(root, path):
    known, problems = {}, []
    for text in ElementTree.parse(os.path.join(root, path)).getroot().findall(SPACE + "text"):
        if text.get("code") in known:
            problems.append("%s: %s stands twice" % (path, text.get("code")))
        known[text.get("code")] = text.text or ""
    return known, problems


def check(root):
    paths = tree.tracked(root)
    sources = [read(root, path) for path in paths if path.startswith(RULES) and path.endswith(".c")]
    catalogues = [path for path in paths if path.startswith(MESSAGES) and path.endswith(".xml")]
    if not sources and not catalogues:
        return []
    wanted = set().union(*map(rule_codes, sources)) if sources else set()
    wanted |= statement_codes(read(root, "hub/alert/statement.c"), read(root, "schemas/alert.xsd"))
    wanted |= renderer_codes(read(root, "hub/alert/render.c"))
    params = set(re.findall(r'draft_param(?:_days)?\(&?\w+, "(\w+)"', "\n".join(sources)))
    loose = {literal for text in sources for literal in LITERAL.findall(text) if CODE.match(literal) and literal not in RULES}
    problems = []
    for path in catalogues:
        known, found = catalogue(root, path)
        problems += found
        problems += ["%s: no text for %s" % (path, code) for code in sorted(wanted - known.keys())]
        bare = {code.split(".", 1)[1] for code in known}
        problems += ["%s: no text for the code %s" % (path, code) for code in sorted(loose - bare)]
        for code, text in known.items():
            for name in re.findall(r"\{([^}]*)\}", text):
                if not code.startswith("fact.") or name not in params:
                    problems.append("%s: %s names {%s}, which no rule gives" % (path, code, name))
    if not catalogues:
        problems.append(MESSAGES + ": there is no catalogue")
    return problems


if __name__ == "__main__":
    tree.main(check, __doc__)
