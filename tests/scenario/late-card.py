#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent that was there before the hub's operator added its card."""
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


main([late])
