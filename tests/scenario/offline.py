#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a hub hands out is enough for an auditor who has files only: a record, its proof, the policy, the sender's card."""
import pathlib
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import SOURCE, World, check, main, until  # noqa: E402

VALID = SOURCE / "schemas/examples/valid"


def whom_to_ask():
    """a hub's contact stands on its card and in its alerts, whatever its letters are; its log's key is shown"""
    with World() as world:
        contact = 'Duty desk "A" & B, <24 h>'
        world.init("hub.ke", "hub", "KE", "--contact", contact)
        shown = world.run("card", "show", world.path("hub.ke/card")).stdout
        card = world.card("hub.ke")
        check("contact: %s\n" % contact in shown and "log: %s\nwitness: %s\n" % (card["log"], card["witness"]) in shown, shown)
        tree = xml.etree.ElementTree.parse(world.path("hub.ke/hub.xml"))
        check(tree.find("{urn:kinward:config:1}detect").get("contact") == contact, "contact in hub.xml")


def files_only():
    """record get and ledger proof, then verify with the hub stopped; a changed record is refused"""
    with World() as world:
        world.make_hub(witnesses=2)
        world.start_hub()
        civil = world.agent("ke-civil", "KE")
        position = world.submit(civil, VALID / "live-birth.xml")[0]["position"]
        record, proof, card = world.path("birth.xml"), world.path("proof"), world.path("ke-civil/card")
        world.run("record", "get", position, "--purpose", "audit", "--case", "1", "--out", record, "--config", world.hub_config)
        until(lambda: world.run("ledger", "proof", position, "--config", world.hub_config, "--out", proof, check=False).returncode == 0)
        check(world.hub.stop() == 0, "the hub's end")
        rest = ["--policy", world.path("hub.ke/policy"), "--card", card]
        done = world.run("verify", proof, "--record", record, *rest, check=False)
        check(done.returncode == 0 and "origin signature verified" in done.stdout, done.stderr)
        record.write_text(record.read_text() + "\n")  # as it stands on a screen
        check(world.run("verify", proof, "--record", record, *rest, check=False).returncode == 0, "a line end more")
        for change in [lambda text: text + "\n", lambda text: text.replace("<", " <", 1), lambda text: text.replace("KE", "UG", 1)]:
            other = world.file("other.xml", change(record.read_text()))
            check(world.run("verify", proof, "--record", other, *rest, check=False).returncode == 4, "another record was verified")


main([whom_to_ask, files_only])
