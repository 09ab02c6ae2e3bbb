# SPDX-License-Identifier: Apache-2.0
# acts.py - the demo's acts: who is who, registers, border, desk, auditor.
import json
import pathlib
import re
import shutil
import sys
import time

import cast
from account import Account
from world import Failure, check, until
from parties import Parties

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mocks"))
import folder as border_folder  # noqa: E402

CROSSINGS = 150


class Demo:
    def __init__(self, folder, stage, records):
        self.folder, self.stage, self.records = folder, stage, records
        self.parties, self.account, self.summary = Parties(folder), Account(), None
        self.cast = cast.Cast()
        self.checks = cast.checks(self.cast)

    def play(self):
        """0 when everything held; a reason on the way out otherwise."""
        for number, (name, act) in enumerate([("Who is who", self.who_is_who), ("What the registers tell", self.registers),
                                              ("At the border", self.border), ("At the desk", self.desk),
                                              ("The auditor", self.auditor)], 1):
            self.stage.act(number, name)
            act()
        self.stage.act(6, "The account")
        for line in self.account.lines():
            self.stage.more(line)
        self.summary = self.account.summary()
        check(self.account.held(), "the account does not close")
        return 0

    def close(self):
        self.parties.close()

    def write_logs(self):
        self.parties.write_logs()

    # ---- act 1 -------------------------------------------------------------------------------------

    def who_is_who(self):
        stage, parties = self.stage, self.parties
        stage.more("One country, invented. Every party has a folder with its own keys; nobody else ever sees them.")
        stage.more("A card carries its public keys. Whoever takes a card compares its fingerprint by telephone.")
        parties.start_hub()
        stage.say("hub.ke           the hub, run for the ministries; two witnesses of other houses cosign its log", True)
        for name, what in [("ke-civil", "civil registry: OpenCRVS, brought in by the connector opencrvs"),
                           ("ke-border", "border service: CSV files and live checks, by the connector csv"),
                           ("desk-ke", "child-protection desk: alerts of the rules D5, M3 and P5")]:
            told, seen = parties.join(name)
            check(told == seen, "the fingerprints of %s differ" % name)
            stage.say("%-16s %s" % (name, what), True)
            stage.more("    fingerprint %s… told and seen: the same" % seen[:29])

    # ---- act 2 -------------------------------------------------------------------------------------

    def registers(self):
        stage, parties = self.stage, self.parties
        history = self.records // 3
        parties.start_registry()
        if history:
            self.account.sent("ke-civil", len(parties.register(count=history, deliver=False)))
        stage.say("OpenCRVS (a mock, real HTTP) holds %d registrations from before today's start" % history)
        parties.start_agents()
        stage.say("both agents run: each connector and each mapper in a process of its own, without keys", True)
        self.wait_for_all("registrations, caught up by search")
        self.people()
        self.papers()
        live = self.records - history
        if live:
            self.account.sent("ke-civil", len(parties.register(count=live)))
        stage.say("a busy day: OpenCRVS announces %d more registrations by webhook" % live)
        self.wait_for_all("registrations, announced by webhook", lambda: self.ask(self.checks[0], ", in the middle of the load"))
        self.account.take_receipts(parties)
        stage.say("the hub signed a receipt for each of %d records, after they were on stable storage" % self.account.accepted, True)

    def people(self):
        """The persons of the story, by webhook."""
        actors = self.cast
        answers = self.parties.register(**actors.ask) + self.parties.register(events=cast.NEEMA_EVENTS)
        self.account.sent("ke-civil", len(answers))
        actors.registered(answers)
        self.wait_for_all(None)
        self.stage.say("registered in OpenCRVS just now%s:" % (" (the sample persons that OpenCRVS publishes)" if actors.published else ""))
        for event, answer in zip(actors.events + cast.NEEMA_EVENTS, answers):
            if event["kind"] == "birth":
                parents = " and ".join(cast.name(event[role]) for role in ("mother", "father") if role in event)
                text = "birth of %s, child of %s" % (cast.name(event["child"]), parents)
            else:
                text = "death of %s" % cast.name(event["deceased"])
            self.stage.more("%s  %s" % (answer["registrationNumber"], text))

    def papers(self):
        actors, told = self.cast, []
        tables = [("documents", cast.documents(actors), "passports of the three children"),
                  ("consents", cast.consents(actors), "travel consent TC-1: %s may go to Tanzania with aunt %s"
                   % (cast.name(actors.with_parents["child"]), cast.name(cast.AUNT))),
                  ("notices", cast.notices(actors), "missing-child notice: %s" % cast.name(actors.other["child"])),
                  ("crossings", cast.crossings(CROSSINGS), "yesterday's %d crossings" % CROSSINGS)]
        for sequence, (name, rows, text) in enumerate(tables, 1):
            border_folder.put(self.parties.inbox, name, sequence, cast.table(rows), len(rows))
            self.account.sent("ke-border", len(rows))
            told.append("%s.csv  %s" % (name, text))
        self.wait_for_all(None)
        self.stage.say("the border service's folder:")
        for line in told:
            self.stage.more(line)

    def wait_for_all(self, what, at_half=None):
        """Until the journal holds whatever was sent. what: shown as a bar; at_half: done once on the way."""
        stage, account = self.stage, self.account
        before, total = account.journalled, account.total_sent()
        moved, seen, began = time.monotonic(), -1, time.monotonic()
        while seen < total:
            done = self.parties.accepted_by_hub() - account.checks_answered
            if done != seen:
                moved, seen = time.monotonic(), done
            if what and total > before:
                stage.bar(max(0, seen - before), total - before, what)
            if at_half and 2 * (seen - before) >= total - before:
                stage.bar_end()
                at_half()
                at_half = None
            check(time.monotonic() - moved < 30, "the journal stands at %d of %d records" % (seen, total))
            if seen < total:
                time.sleep(0.1)
        account.journalled = total
        if what and total > before:
            stage.bar_end()
            stage.say("%d records in %.1f s, each in the journal" % (total - before, time.monotonic() - began), True)

    # ---- act 3 -------------------------------------------------------------------------------------

    def border(self):
        stage = self.stage
        stage.more("An officer asks about a child; the answer is known, refer or unknown. Never \"refuse\": people decide.")
        for one in self.checks:
            if not one.given:
                self.ask(one)

    def ask(self, one, when=""):
        parties, stage, account = self.parties, self.stage, self.account
        path = parties.record_of(one)
        stage.say(one.seen % cast.who(one) + when)
        started = time.monotonic()
        one.given = parties.ask(path)
        spent = time.monotonic() - started
        account.checks_asked += 1
        account.checks_answered += one.given["complete"] and one.given["answer"] in ("known", "refer", "unknown")
        right = one.given["answer"] == one.answer
        stage.say("%s  after %.2f s, the program's start included: %s" % (stage.paint("1", "%-8s" % one.given["answer"].upper()),
                                                                           spent, one.because), right)
        check(right, "check %s: answered %s" % (one.row["number"], one.given["answer"]))
        if one.rule == "P5":
            stage.quote(json.dumps(one.given), parties.short("kinward check --config %s --json %s" % (parties.border, path)))
        if one.rule:
            account.alerts_expected += 1
            one.alert = parties.alert_arrives(account.alerts_expected)
            account.alerts_delivered += 1
            check(one.alert["rule"] == one.rule, "the alert is of rule %s" % one.alert["rule"])
            stage.say("         the desk has alert %s, rule %s, tier %s: %s"
                      % (one.alert["alert"][:8], one.rule, one.alert["tier"], one.alert["reason"]), True)

    # ---- act 4 -------------------------------------------------------------------------------------

    def desk(self):
        stage, parties = self.stage, self.parties
        parties.desk_off_line()
        stage.quote(parties.feed("list"), "kinward feed list --config desk-ke/agency.xml")
        first = next(one for one in self.checks if one.rule)
        shown = parties.feed("show", first.alert["alert"])
        check(first.given["case"] in shown, "the alert does not carry the case that the border post was told")
        stage.say("the one that came first, as the desk officer reads it:")
        stage.quote(shown, "kinward feed show %s --config desk-ke/agency.xml" % first.alert["alert"][:8])
        for one in self.checks:
            if one.rule:
                text = parties.feed("show", one.alert["alert"])
                check(one.given["case"] in text and "EXERCISE" in text, "an alert without its case")
        stage.say("the border post was told case %s: the alert carries it too" % first.given["case"], True)
        stage.quote(parties.feed("ack", first.alert["alert"], "--by", "D-117", "--role", "duty-officer"),
                    "kinward feed ack %s --by D-117 --role duty-officer --config desk-ke/agency.xml" % first.alert["alert"][:8])
        state = json.loads(parties.feed("status", "--json"))
        self.account.desk = state
        stage.say("a person has taken it; that, too, is in the hub's journal", True)

    # ---- act 5 -------------------------------------------------------------------------------------

    def auditor(self):
        stage, parties, account = self.stage, self.parties, self.account
        proofs = self.fetch_proofs()
        account.take_hub(parties)
        parties.close_all_processes()
        stage.say("hub, witnesses, agents and desk are stopped: what follows needs files only", True)
        for number, (what, arguments) in enumerate(proofs):
            done = parties.world.run("verify", *arguments, check=False)
            account.proofs_verified += done.returncode == 0
            check(done.returncode == 0, "%s: %s" % (what, done.stderr.strip()))
            if number == 0:
                stage.quote(parties.short(done.stdout), parties.short("kinward verify " + " ".join(map(str, arguments))))
            stage.say("verified offline: %s" % what, True)
        self.forge(proofs[0])
        self.audit()

    def fetch_proofs(self):
        """[what it is of, arguments of kinward verify]; waits for the cosignatures that are missing."""
        stage, parties, account = self.stage, self.parties, self.account
        stage.say("proofs are fetched as soon as both witnesses have cosigned")
        policy, found = parties.policy, []
        child = self.cast.with_parents["child"]
        wanted = [("the check of %s, answered %s" % (cast.who(one), one.given["answer"]), one.given["position"], "ke-border", one.path)
                  for one in self.checks]
        wanted.append(("the birth of %s, as the ministry signed it" % cast.name(child), *parties.birth_record(self.cast)))
        for number, (what, position, sender, record) in enumerate(wanted, 1):
            path = parties.proofs / ("record-%d.tlog-proof" % number)
            parties.patient("ledger", "proof", position, "--config", parties.world.hub_config, "--out", path)
            found.append((what, [path, "--record", record, "--policy", policy, "--card", parties.world.path(sender, "card")]))
        for number, one in enumerate([one for one in self.checks if one.rule], 1):
            path, statement = parties.proofs / ("alert-%d.tlog-proof" % number), parties.proofs / ("alert-%d.xml" % number)
            parties.patient("feed", "proof", one.alert["alert"], "--out", path, "--statement", statement, "--config", parties.agency)
            found.append(("alert %s about %s" % (one.alert["alert"][:8], cast.who(one)),
                          [path, "--record", statement, "--policy", policy]))
        account.proofs_expected = len(found)
        return found

    def forge(self, proof):
        """A record that was changed afterwards has no proof."""
        what, arguments = proof
        changed = self.folder / "changed.xml"
        data = arguments[2].read_bytes()
        check(b">out<" in data, "the check has no direction")
        changed.write_bytes(data.replace(b">out<", b">in<", 1))
        done = self.parties.world.run("verify", arguments[0], "--record", changed, *arguments[3:], check=False)
        check(done.returncode == 4, "a changed record was verified")
        self.stage.say("the same record with its direction changed: refused", True)
        self.stage.quote(self.parties.short(done.stderr))

    def audit(self):
        stage, parties = self.stage, self.parties
        log = parties.world.path("hub.ke/data/log")
        done = parties.world.run("ledger", "audit", log, "--policy", parties.policy, check=False)
        check(done.returncode == 0, "the log does not pass its audit: " + done.stderr)
        stage.quote(parties.short(done.stdout), "kinward ledger audit hub.ke/data/log --policy hub.ke/policy")
        stage.say("the whole log recomputed from its files: sound", True)
        copy = self.folder / "copy"
        shutil.copytree(log, copy)
        bundle = max((path for path in (copy / "tile/entries").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
        data = bytearray(bundle.read_bytes())
        at = len(data) // 2
        data[at] ^= 1
        bundle.chmod(0o644)
        bundle.write_bytes(data)
        stage.say("one bit of byte %d of %d in %s, in a copy of the log, is turned" % (at, len(data), bundle.relative_to(self.folder)))
        done = parties.world.run("ledger", "audit", copy, "--policy", parties.policy, check=False)
        check(done.returncode == 4, "the audit did not catch it: exit %d" % done.returncode)
        stage.quote(parties.short(done.stderr), "kinward ledger audit copy --policy hub.ke/policy")
        stage.say("caught", True)
