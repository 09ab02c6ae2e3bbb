#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The connector for CSV files of a watched folder, against the mock of a border service's folder."""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "mocks"))
from driver import BUILD, SOURCE, Connector, check, main  # noqa: E402
import folder as mock  # noqa: E402

HEADER = b"record_id,event,note\r\n"


def rows(first, count):
    return HEADER + b"".join(b'R%d,document_check,"a ""quoted"" note\r\nof two lines %d"\r\n' % (n, n) for n in range(first, first + count))


class Folder:
    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix="kinward-csv-")
        self.path = self.home.name + "/in"
        os.mkdir(self.path)
        self.rejects = self.home.name + "/rejects.csv"

    def connector(self, **more):
        options = {"folder": self.path, "rejects": self.rejects, "poll": "50ms", "settle": "0s", **more.pop("options", {})}
        return Connector("csv", options, **more)

    def rejected(self):
        return pathlib.Path(self.rejects).read_text().splitlines()


def idents(connector):
    return [one["document"].splitlines()[1].split(b",")[0].decode() for one in connector.documents]


def wanted(first, count):
    return ["R%d" % n for n in range(first, first + count)]


def in_order():
    """files by their sequence, rows in order, each with its header; a gap is waited for; what comes again is dropped"""
    folder = Folder()
    mock.put(folder.path, "b", 2, b"\xef\xbb\xbf" + rows(11, 10), 10)
    connector = folder.connector()
    connector.wait(lambda: connector.logged("sequence.missing"), what="warning")
    check(not connector.documents, "sent before its turn")
    mock.put(folder.path, "zz", 1, rows(1, 10), 10)
    connector.wait_documents(20)
    mock.put(folder.path, "c", 3, rows(15, 7), 7)
    connector.wait_documents(21)
    check(idents(connector) == wanted(1, 21), idents(connector))
    first = connector.documents[0]
    check(first["document"] == HEADER + b'R1,document_check,"a ""quoted"" note\r\nof two lines 1"\r\n', first["document"])
    check(first["format"] == "border" and not first["delivered"], first)
    check(connector.stop() == 0, "exit")


def half_written():
    """a file is read when its manifest is there and it is whole, and not before; a corrected manifest is looked at again"""
    folder = Folder()
    data = rows(1, 5)
    connector = folder.connector()
    mock.put(folder.path, "a", 1, data, 5, whole=False)
    time.sleep(0.3)
    pathlib.Path(folder.path, "a.manifest").write_text(mock.manifest("a", 1, data, 5))
    connector.wait(lambda: connector.logged("file.incomplete"), what="warning")
    check(not connector.documents, "half a file was read")
    pathlib.Path(folder.path, "a.csv").write_bytes(data)
    connector.wait_documents(5)
    pathlib.Path(folder.path, "b.csv").write_bytes(rows(6, 2))
    pathlib.Path(folder.path, "b.manifest").write_text("{")
    time.sleep(0.2)
    pathlib.Path(folder.path, "b.manifest").write_text(mock.manifest("b", 2, data, 2))
    time.sleep(0.2)
    check(len(connector.documents) == 5, "another file than the manifest's")
    pathlib.Path(folder.path, "b.manifest").write_text(mock.manifest("b", 2, rows(6, 2), 2))
    connector.wait_documents(7)
    check(connector.stop() == 0, "exit")


def wrong_count():
    """a file with fewer rows than its manifest says sends nothing and is not passed over"""
    folder = Folder()
    mock.put(folder.path, "a", 1, rows(1, 3), 4)
    mock.put(folder.path, "b", 2, rows(4, 3), 3)
    connector = folder.connector()
    connector.wait(lambda: connector.logged("wanted 4 rows, found 3"), what="reason")
    check(not connector.documents, "sent")
    mock.put(folder.path, "a", 1, rows(1, 4), 4)
    connector.wait_documents(6)
    check(connector.stop() == 0, "exit")


def rejects():
    """each ill-formed row gets a line with file, line, cell and code, and costs no other row"""
    folder = Folder()
    data = HEADER + b'R1,a,b\r\nR2,"bad"quote,b\r\nR3,a\r\nR4,\xff,b\r\n\r\nR5,a,"b\r\nc"\r\nR6,a,b,c\r\nR7,a\x01,b\n' + \
        b"R8," + b"x" * 300000 + b",b\r\nR9,a,b\r\nR10,\"open,b\r\n"
    mock.put(folder.path, "a", 1, data, 10)
    mock.put(folder.path, "b", 2, rows(20, 1), 1)
    connector = folder.connector()
    connector.wait_documents(4)
    check(idents(connector) == ["R1", "R5", "R9", "R20"], idents(connector))
    check(folder.rejected() == ["a.csv,3,2,quote", "a.csv,4,2,cells", "a.csv,5,2,text", "a.csv,9,4,cells", "a.csv,10,2,text",
                                "a.csv,11,2,size", "a.csv,13,2,quote"], folder.rejected())
    check(connector.stop() == 0, "exit")


def resumed():
    """killed again and again it goes on at the saved file and row: every row once, in order"""
    seed = random.randrange(1 << 30)
    choose, folder, known, cursor, seen = random.Random(seed), Folder(), set(), b"", []
    for sequence in range(1, 6):
        mock.put(folder.path, "f%d" % sequence, sequence, rows(100 * sequence, 100), 100)
    kills = 0
    while len(seen) < 500 and kills < 60:
        connector = folder.connector(cursor=cursor, known=known, credit=choose.randrange(5, 60))
        least = min(choose.randrange(0, 40), connector.credit)
        try:
            connector.wait(lambda: len(connector.documents) >= least, 2)
        except AssertionError:
            pass
        connector.kill()
        time.sleep(0.05)
        cursor, kills = connector.cursor, kills + 1
        seen += idents(connector)
    check(seen == sum((wanted(100 * n, 100) for n in range(1, 6)), []), "seed %d: %d rows after %d kills" % (seed, len(seen), kills))
    print("# %d kills" % kills)


def not_kept():
    """a row that the agent could not keep ends the process; from the saved cursor it comes again"""
    folder, refused = Folder(), []

    def keep(header):
        if len(connector.documents) < 3:
            return True
        refused.append(header["key"])
        return False
    mock.put(folder.path, "a", 1, rows(1, 8), 8)
    connector = folder.connector(credit=0, keep=keep)
    connector.add_credit(8)
    check(connector.process.wait(5) == 1 and refused, "exit")
    again = folder.connector(cursor=connector.cursor)
    again.wait_documents(5)
    check(idents(again) == wanted(4, 5), idents(again))


def samples():
    """the samples of every kind of row, split into rows, become valid records"""
    folder = Folder()
    names = ["checks", "consents", "documents", "notices"]
    for sequence, name in enumerate(names, 1):
        data = (SOURCE / "connectors/csv/samples" / (name + ".csv")).read_bytes()
        mock.put(folder.path, name, sequence, data, len(data.splitlines()) - 1)
    count = sum(len((SOURCE / "connectors/csv/samples" / (name + ".csv")).read_bytes().splitlines()) - 1 for name in names)
    connector = folder.connector()
    connector.wait_documents(count)
    out = pathlib.Path(folder.home.name)
    for number, one in enumerate(connector.documents):
        (out / ("%03d.csv" % number)).write_bytes(one["document"])
    command = [str(BUILD / "kinward"), "normalize", "--connector", "csv", "--jurisdiction", "KE", "--registry", "ke.border"]
    made = subprocess.run(command + sorted(str(path) for path in out.glob("*.csv") if path.name[0].isdigit()), capture_output=True)
    (out / "records.xml").write_bytes(made.stdout)
    valid = subprocess.run([str(BUILD / "kinward"), "validate", str(out / "records.xml")], capture_output=True, text=True)
    check(made.returncode == 0 and valid.returncode == 0 and valid.stdout.startswith("%d record" % count), (made.stderr[-300:], valid))


main([in_order, half_written, wrong_count, rejects, resumed, not_kept, samples])
