#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""selftest.py - plants one fault at a time in a small tree and sees that the lint meant for it, and no other, complains."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* a.c - a file. */\n"
LINTS = ["layers", "budgets", "layout", "text", "messages"]
OPEN_MARK = "TO" + "DO"
HOST = ".".join(["pypi", "org"])


def function(lines):
    return "int long_one(void)\n{\n" + "    call();\n" * lines + "}\n"


GOOD = {
    "hub/base/base.h": HEAD,
    "hub/base/base.c": HEAD + '#include "base/base.h"\n\n#include <string.h>\n#include <sys/wait.h>\n',
    "hub/crypto/crypto.h": HEAD + '#include "base/base.h"\n',
    "hub/crypto/crypto.c": HEAD + '#include "crypto/crypto.h"\n#include "crypto/private.h"\n#include <sodium.h>\n',
    "hub/crypto/private.h": HEAD,
    "hub/journal/journal.h": HEAD + '#include "base/limits.h"\n#include "crypto/crypto.h"\n#include "kinward/codes.h"\n',
    "hub/include/kinward/plugin.h": HEAD + "#include <stdint.h>\n",
    "plugins/rules/one.c": HEAD + '#include "kinward/plugin.h"\n#include "one.h"\n',
    "plugins/rules/one.h": HEAD,
    "tests/unit/crypto/test_crypto.c": HEAD + '#include "crypto/private.h"\n\n#include <cmocka.h>\n',
    "hub/base/full.c": HEAD + function(50) + "\n" * (500 - 2 - 53),
    "hub/base/wide.c": HEAD + "/* clang-format off */\nint wide; /* " + "w" * 140 + " */\n/* clang-format on */\n",
    "meson.build": "# SPDX-License-Identifier: Apache-2.0\n",
    "schemas/a.xsd": '<?xml version="1.0"?>\n<!-- SPDX-License-Identifier: Apache-2.0 -->\n',
}
# (name, lint, file, content, words of the complaint)
FAULTS = [
    ("third-party header outside its room", "layers", "hub/journal/a.c", HEAD + "#include <sodium.h>\n", "belongs to the room crypto"),
    ("third-party header in a plugin", "layers", "plugins/x/a.c", HEAD + "#include <curl/curl.h>\n", "belongs to the room http"),
    ("unknown header", "layers", "hub/journal/a.c", HEAD + "#include <glib.h>\n", "not known"),
    ("arrow backwards", "layers", "hub/crypto/a.c", HEAD + '#include "journal/journal.h"\n', "points backwards"),
    ("arrow inside a group", "layers", "hub/xml/a.c", HEAD + '#include "json/json.h"\n', "points backwards"),
    ("another room's private header", "layers", "hub/journal/a.c", HEAD + '#include "crypto/private.h"\n', "private to the room"),
    ("room without a rank", "layers", "hub/attic/a.c", HEAD + "#include <string.h>\n", "not a room"),
    ("inside header in a plugin", "layers", "plugins/x/a.c", HEAD + '#include "base/base.h"\n', "kinward/*.h only"),
    ("header of another connector", "layers", "connectors/x/a.c", HEAD + '#include "common/b.h"\n', "kinward/*.h only"),
    ("inside header in a connector", "layers", "connectors/x/a.c", HEAD + '#include "json/json.h"\n', "kinward/*.h only"),
    ("libc header in the ABI", "layers", "hub/include/kinward/a.h", HEAD + "#include <stdio.h>\n", "only stddef.h"),
    ("test in another room's private header", "layers", "tests/unit/base/a.c", HEAD + '#include "crypto/private.h"\n', "private"),
    ("long file", "budgets", "hub/base/a.c", HEAD + "\n" * 499, "501 lines"),
    ("long header", "budgets", "hub/base/a.h", HEAD + "\n" * 149, "151 lines"),
    ("long function", "budgets", "hub/base/a.c", HEAD + function(51), "long_one has 51 lines"),
    ("wide line", "budgets", "hub/base/a.c", HEAD + "/*" + "w" * 129 + "*/\n", "133 columns"),
    ("exception without reason", "budgets", "tests/lint/budgets.allow", "hub/base/a.c 600\n", "wanted"),
    ("exception without need", "budgets", "tests/lint/budgets.allow", "hub/base/a.c 600 old\n", "remove its line"),
    ("layout", "layout", "hub/base/a.c", HEAD + "int a (void) ;\n", "clang-format"),
    ("code without words", "messages", "plugins/rules-child-protection/a.c", HEAD, "no catalogue"),
    ("no licence line", "text", "hub/base/a.c", "/* a.c - a file. */\n", "SPDX"),
    ("no licence line in a script", "text", "tests/run", "#!/bin/bash\nset -eu\n", "SPDX"),
    ("no purpose", "text", "hub/base/a.c", HEAD.splitlines()[0] + "\nint a;\n", "what the file is for"),
    ("open end", "text", "docs/a.md", f"{OPEN_MARK}: later\n", "finish it"),
    ("registry", "text", "docs/a.md", f"see files.{HOST}/x\n", "package registry"),
    ("blanks", "text", "hub/base/a.c", HEAD + "int a; \n", "blanks"),
]


def write(root, files):
    for path, content in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(content)


def run(lint, root):
    command = ["/usr/bin/python3", os.path.join(HERE, lint + ".py"), root]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return ended.returncode, ended.stdout.decode()


def try_tree(files, lint):
    with tempfile.TemporaryDirectory() as root:
        write(root, {**GOOD, **files})
        shutil.copy(os.path.join(TOP, ".clang-format"), root)
        if lint == "layout":  # only that lint needs the good files laid out
            subprocess.run(["clang-format", "-i"] + [os.path.join(root, path) for path in GOOD if path.endswith((".c", ".h"))], check=True)
        return run(lint, root)


def counted(entries, broken=0):
    """The last line and exit status of tests/count.py over a log with these entries."""
    with tempfile.TemporaryDirectory() as root:
        write(root, {"meson-logs/testlog.json": "".join(json.dumps(entry) + "\n" for entry in entries)})
        command = ["/usr/bin/python3", os.path.join(TOP, "tests", "count.py"), "--broken", str(broken), root]
        ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        return ended.stdout.decode().splitlines()[-1], ended.returncode


def entry(result, stdout=""):
    return {"name": "x", "result": result, "stdout": stdout}


# (what, entries, builds broken, last line, exit status)
COUNTS = [
    ("nothing ran", [], 0, "0 passed, 0 failed, 0 skipped", 1),
    ("a broken build", [entry("OK")], 1, "1 passed, 1 failed, 0 skipped", 1),
    ("programs", [entry("OK"), entry("SKIP"), entry("OK")], 0, "2 passed, 0 failed, 1 skipped", 0),
    ("a time-out", [entry("OK"), entry("TIMEOUT")], 0, "1 passed, 1 failed, 0 skipped", 1),
    ("subtests", [entry("OK", "1..3\nok 1 - a\nok 2 # SKIP b\nok 3 - c #1\n# ok - x\n")], 0, "2 passed, 0 failed, 1 skipped", 0),
    ("a failed subtest", [entry("FAIL", "1..2\nok 1 - a\nnot ok 2 - b\n")], 0, "1 passed, 1 failed, 0 skipped", 1),
    ("a crash between subtests", [entry("ERROR", "1..3\nok 1 - a\n")], 0, "1 passed, 2 failed, 0 skipped", 1),
    ("a crash at the end", [entry("FAIL", "1..1\nok 1 - a\n")], 0, "1 passed, 1 failed, 0 skipped", 1),
]


def main():
    results = []
    for lint in LINTS:
        status, output = try_tree({}, lint)
        results.append((f"{lint} accepts a good tree", status == 0 and output == "", output))
    for name, lint, path, content, words in FAULTS:
        status, output = try_tree({path: content}, lint)
        results.append((f"{lint} finds: {name}", status == 1 and words in output and output.count("\n") == 1, output))
    for name, entries, broken, line, status in COUNTS:
        got = counted(entries, broken)
        results.append((f"count: {name}", got == (line, status), str(got)))
    print(f"1..{len(results)}")
    for number, (name, good, output) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print("# " + output.replace("\n", "\n# "))
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
