# SPDX-License-Identifier: Apache-2.0
# account.py - the demo's account: what was sent, signed for, journalled, answered, delivered and proved, and whether it agrees.


class Account:
    def __init__(self):
        self.sent_by = {}
        self.receipts = {}  # outcomes by sender, as its own agent counts the hub's signed receipts
        self.journalled = 0
        self.waiting = 0  # documents in spools that nobody signed for
        self.checks_asked = self.checks_answered = 0
        self.alerts_expected = self.alerts_delivered = 0
        self.proofs_expected = self.proofs_verified = 0
        self.hub, self.desk = None, None

    def sent(self, sender, count):
        self.sent_by[sender] = self.sent_by.get(sender, 0) + count

    def total_sent(self):
        return sum(self.sent_by.values())

    def take_receipts(self, parties):
        self.receipts, self.waiting = {}, 0
        for sender in self.sent_by:
            state = parties.agent_status(sender)
            # "known" are documents that came a second time, by webhook and by search: never sent
            self.receipts[sender] = {name: count for name, count in state["outcomes"].items() if name != "known"}
            self.waiting += state["documents"] + state["records"] + state["quarantined"]

    def take_hub(self, parties):
        """The hub's own counts, before it is stopped."""
        self.take_receipts(parties)
        self.hub = parties.world.status()

    @property
    def accepted(self):
        return sum(outcomes.get("accepted", 0) for outcomes in self.receipts.values())

    def lost(self):
        """Records without a receipt, checks without an answer, alerts that did not reach the desk."""
        records = sum(max(0, sent - sum(self.receipts.get(sender, {}).values())) for sender, sent in self.sent_by.items())
        return records + (self.checks_asked - self.checks_answered) + (self.alerts_expected - self.alerts_delivered)

    def agreements(self):
        """What has to agree: (what, one count, the other)."""
        found = [("records sent by %s, and its receipts \"accepted\"" % sender, sent, self.receipts.get(sender, {}).get("accepted", 0))
                 for sender, sent in self.sent_by.items()]
        taken = self.hub["intake"]["outcomes"].get("accepted", 0)
        found.append(("records and checks accepted by the hub's own count", self.accepted + self.checks_answered, taken))
        found.append(("checks asked and answered", self.checks_asked, self.checks_answered))
        found.append(("alerts that the answers call for, and delivered", self.alerts_expected, self.alerts_delivered))
        found.append(("alerts in the desk's stream, and confirmed by the desk", self.desk["hub_last"], self.desk["confirmed"]))
        found.append(("alerts delivered, and in the desk's inbox", self.alerts_delivered, self.desk["last"]))
        found.append(("proofs asked for and verified", self.proofs_expected, self.proofs_verified))
        found.append(("documents left in the spools", 0, self.waiting))
        return found

    def lines(self):
        for what, one, other in self.agreements():
            yield "%-56s %7d %7d  %s" % (what, one, other, "agree" if one == other else "DIFFER")

    def held(self):
        return self.lost() == 0 and all(one == other for _, one, other in self.agreements())

    def summary(self):
        return "demo: %d records accepted, %d checks answered, %d alerts delivered, %d proofs verified, %d lost" % (
            self.accepted, self.checks_answered, self.alerts_delivered, self.proofs_verified, self.lost())
