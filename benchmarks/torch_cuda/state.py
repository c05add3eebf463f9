# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""results.json: what was measured, and what is being measured, which outlives a process."""

import json
import os
import signal
import time

AGAIN = 75  # A worker's exit status: go on in a new process.


def _plain(value):
    return value if isinstance(value, (int, float, bool, str, type(None))) else str(value)


class State:
    """The results of a run. Every change is on disk when a method returns.

    data: "options", "machine", "ceilings", "ceilings_after", "notes", "steps" (name ->
        "done" or why not), "attention" (case -> record), "layers" (likewise), "host".
    """

    def __init__(self, path, data):
        self.path, self.data = path, data

    @classmethod
    def create(cls, path, options):
        options = {name: _plain(value) for name, value in options.items() if name not in ("worker", "deadline")}
        empty = {"options": options, "began": time.time(), "running": None, "notes": [], "steps": {}}
        state = cls(path, {**empty, "attention": {}, "layers": {}, "host": []})
        state.save()
        return state

    @classmethod
    def load(cls, path):
        return cls(path, json.loads(path.read_text()))

    def save(self):
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.data, indent=1, default=_plain) + "\n")
        os.replace(temporary, self.path)

    def beat(self):
        """Shows that there is progress."""
        os.utime(self.path)

    def note(self, text):
        self.data["notes"].append(text)
        self.save()

    def enter(self, step, contestant=None, phase=None):
        """What a process that ends from now on has ended at."""
        self.data["running"] = {"step": step, "contestant": contestant, "phase": phase}
        self.save()

    def done(self, step, text="done"):
        self.data["steps"][step] = text
        self.data["running"] = None
        self.save()

    def record(self, kind, fields):
        """The record of a case or of a layer."""
        return self.data[kind].setdefault(fields["name"], {**fields, "contestants": {}})

    def blame(self, status):
        """Marks what was running when a process ended; whether there was anything."""
        running = self.data["running"]
        if running is None:
            return False
        step, contestant, phase = running["step"], running["contestant"], running["phase"]
        text = "made no progress" if status is None else f"ended the process: {_status(status)}"
        text += f" ({phase})" if phase else ""
        record = self.data["attention"].get(step) or self.data["layers"].get(step)
        if record and contestant:
            record["contestants"][contestant] = {"status": "failed", "reason": text}
            self.data["running"] = None
            self.save()
        else:
            self.done(step, text)
        return True

    def finish(self):
        self.data["seconds"] = time.time() - self.data["began"]
        self.save()

    def measured(self):
        """Whether there is any time of an attention."""
        contestants = [c for record in self.data["attention"].values() for c in record["contestants"].values()]
        return any("median" in c.get("forward", ()) for c in contestants)


def _status(status):
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
