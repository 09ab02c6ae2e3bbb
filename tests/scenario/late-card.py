#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Agents and agencies that were there before the hub's operator added their card."""
import pathlib
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import SOURCE, World, check, main, until  # noqa: E402


class Passage:
    """Passes connections on to a port and counts those that ended."""

    def __init__(self, endpoint):
        self.to = endpoint.rsplit("/", 1)[1].rsplit(":", 1)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.ended = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one = self.listener.accept()[0]
            except OSError:
                return
            other = socket.create_connection(self.to)
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.ended += 1


def late():
    """what an agent has to send is accepted once its card is added, though its key was refused before"""
    with World() as world:
        world.make_hub()
        world.start_hub()
        passage = Passage(world.intake)
        world.init("ke-civil", "agent", "KE", "--hub", passage.endpoint, "--hub-card", world.path(world.hub_name, "card"))
        submit = world.start("submit", "--config", world.path("ke-civil/agent.xml"), "--json", "--wait", 60,
                             SOURCE / "schemas/examples/valid/live-birth.xml")
        until(lambda: passage.ended, 20, "the refusal")
        check(submit.alive(), "\n".join(submit.err))
        world.add("ke-civil", "registry")
        check(submit.wait(60) == 0 and '"accepted"' in "".join(submit.out), "\n".join(submit.out + submit.err))
        passage.listener.close()


def desk():
    """an alert reaches an agency once its card is added, though its key was refused before"""
    with World({"KINWARD_FEED_SILENCE_MS": "1000"}) as world:
        world.make_hub()
        world.start_hub()
        passage = Passage(world.feed)
        world.init("desk-ke", "agency", "KE", "--hub", passage.endpoint, "--hub-card", world.path(world.hub_name, "card"))
        follow = world.start("feed", "follow", "--config", world.path("desk-ke/agency.xml"), "--json")
        until(lambda: passage.ended, 20, "the refusal")
        check(follow.alive(), "\n".join(follow.err))
        world.add("desk-ke", "agency")
        border = world.agent("ke-border", "KE", "registry", "border")
        world.submit(border, SOURCE / "schemas/examples/valid/missing-child-opened.xml")
        check(world.ask(border, SOURCE / "schemas/examples/valid/document-check.xml")["answer"] == "refer")
        until(lambda: follow.out, 30, "the alert")
        check(follow.stop() == 0, "\n".join(follow.err))
        passage.listener.close()


main([late, desk])
