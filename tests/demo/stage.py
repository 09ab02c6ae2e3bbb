# SPDX-License-Identifier: Apache-2.0
# stage.py - how the demo speaks: acts, steps with the time since the start, a progress bar, quoted text; colours on a terminal only.
import sys
import time


class Stage:
    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.terminal = self.out.isatty()
        self.start = time.monotonic()
        self.act_name = "the beginning"
        self.bar_shown, self.bar_told = False, None

    def seconds(self):
        return time.monotonic() - self.start

    def paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.terminal else text

    def write(self, text):
        self.out.write(text + "\n")
        self.out.flush()

    def act(self, number, name):
        self.act_name = "act %d (%s)" % (number, name)
        self.write("\n" + self.paint("1;34", "%d  %s" % (number, name)))

    def say(self, text, good=None):
        """One step; good: True or False marks what was checked."""
        mark = {None: " ", True: self.paint("32", "+"), False: self.paint("31", "!")}[good]
        self.write("%7.2f s %s %s" % (self.seconds(), mark, text))

    def more(self, text):
        self.write(" " * 12 + text)

    def quote(self, text, title=None):
        """Text of the programs themselves, apart from the demo's own."""
        line = self.paint("2", "|")
        if title:
            self.write(" " * 10 + self.paint("2", "$ " + title))
        for one in text.rstrip("\n").split("\n"):
            self.write((" " * 10 + line + " " + one).rstrip())

    def bar(self, done, total, what):
        """A bar that grows in place on a terminal, and a line at each quarter elsewhere."""
        done = min(done, total)
        if self.terminal:
            full = 40 * done // max(total, 1)
            self.out.write("\r%7.2f s   [%s%s] %d of %d %s" % (self.seconds(), "#" * full, "." * (40 - full), done, total, what))
            self.out.flush()
            self.bar_shown = True
            return
        quarter = (what, 4 * done // max(total, 1))
        if quarter != self.bar_told and quarter[1] > 0:
            self.say("%d of %d %s" % (done, total, what))
        self.bar_told = quarter

    def bar_end(self):
        if self.bar_shown:
            self.out.write("\n")
        self.bar_shown = False
