"""Crashes on demand: each durable write, each private file and each message is a place where a node can die."""

import threading
from contextlib import contextmanager

from postprocess.keystore import session_ledger
from postprocess.keystore.database import Database
from postprocess.session import bob


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


class CrashPoints:
    """Counts the places a node passes and kills it at one of them.

    A place is (what, how often before); each durable write is two places, just before and just after it takes hold.
    """

    def __init__(self):
        self.passed = {"alice": [], "bob": []}
        self.deadly = {"alice": None, "bob": None}
        self.dead = set()
        self._lock = threading.Lock()

    def arm(self, **deadly):
        """Start counting anew; alice=("send X", 0) kills Alice at her first X, alice=3 wherever she comes fourth."""
        self.passed = {"alice": [], "bob": []}
        self.dead = set()
        self.deadly = {node: deadly.get(node) for node in self.passed}

    def place(self, node, what):
        with self._lock:
            passed = self.passed[node]
            place, number = (what, sum(earlier == what for earlier, _ in passed)), len(passed)
            passed.append(place)
            if node in self.dead or self.deadly[node] in (place, number):
                self.dead.add(node)
                raise Crash(f"{node} dies at {place}")

    def tamper(self, sender, kind, payload):
        """Fault hook of memory_pair."""
        self.place(sender, f"send {kind}")
        return payload


def install(monkeypatch, points=None):
    """Put crash points under the ledger and the private record."""
    points = points or CrashPoints()
    commit, write = Database.transaction, bob.write_private

    @contextmanager
    def transaction(self, what):
        node = self.path.parent.name
        with commit(self, what) as execute:
            yield execute
            points.place(node, f"before {what}")
        points.place(node, f"after {what}")

    def write_private(path, content):
        points.place("bob", "before private record")
        write(path, content)
        points.place("bob", "after private record")

    monkeypatch.setattr(Database, "transaction", transaction)
    monkeypatch.setattr(bob, "write_private", write_private)
    return points


class PadWitness:
    """Remembers every message for which a tag was computed under each pad, across crashes and restarts."""

    def __init__(self, monkeypatch):
        self.tagged = {}
        self.sent = {}
        tag = session_ledger.SessionLedger.tag

        def witnessed(page, pad, message):
            result = tag(page, pad, message)
            self.tagged.setdefault((page.pad_label, str(pad)), set()).add(bytes(message))
            return result

        monkeypatch.setattr(session_ledger.SessionLedger, "tag", witnessed)

    def see(self, sender, kind, payload):
        """Fault hook of memory_pair: what goes over the line."""
        if kind != "status":
            self.sent.setdefault((sender, kind), set()).add(bytes(payload))
        return payload

    def check(self):
        assert all(len(messages) == 1 for messages in self.tagged.values()), sorted(self.tagged)
        assert all(len(versions) == 1 for versions in self.sent.values()), sorted(self.sent)
