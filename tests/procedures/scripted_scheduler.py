"""A scheduler as a master's worker sees it, for tests: what is submitted is prepared after some looks, then runs."""

from artiq.language.core import TerminationRequested

EXPID = {"repo_rev": "abc", "log_level": 20, "file": "generate_key.py", "class_name": "GenerateKey",
         "arguments": {"session": "s1"}}  # fmt: skip


class ScriptedScheduler:
    """Pipeline "main", priority 5; `ran` has (name of the file, arguments) in order.

    Args:
        does: called with each expid that runs.
        looks: how often `check_pause` says no before something submitted is prepared.
    """

    def __init__(self, does=lambda expid: None, looks=0):
        self.rid, self.pipeline_name, self.priority, self.expid = 7, "main", 5, EXPID
        self.does, self.looks, self.left, self.end = does, looks, looks, False
        self.schedule = {7: self.entry(EXPID, 5, "running")}
        self.ran, self.submitted, self.pauses = [], [], 0

    @staticmethod
    def entry(expid, priority, status="pending", pipeline="main", due_date=None):
        return {"pipeline": pipeline, "expid": expid, "priority": priority, "status": status, "due_date": due_date}

    def get_status(self):
        return dict(self.schedule)

    def submit(self, pipeline, expid, priority, due_date, flush):
        assert (pipeline, due_date, flush) == ("main", None, False)
        rid = max(self.schedule) + 1
        self.schedule[rid] = self.entry(expid, priority)
        self.submitted.append(expid)
        return rid

    def delete(self, rid):
        del self.schedule[rid]

    def _next(self):
        ready = [rid for rid, run in self.schedule.items() if run["priority"] > 5 and run["status"] == "pending"]
        return min(ready, default=None)

    def check_pause(self):
        if self._next() is not None and self.left > 0:
            self.left -= 1
            return False
        return self.end or self._next() is not None

    def pause(self):
        self.pauses += 1
        if self.end:
            raise TerminationRequested
        rid = self._next()
        if rid is not None:
            expid = self.schedule[rid]["expid"]
            self.ran.append((expid["file"], expid["arguments"]))
            self.does(expid)
            self.schedule[rid]["status"] = "analyzing"
            self.left = self.looks
