"""The process that judges one submission: confined first, then the student's code, then one line for each verdict.

    python -m ganlab.classroom.worker RESULTS_FD WORK SECONDS MEGABYTES < task.json

The judge lives in the same process as what it judges. That keeps a submission from harming the machine or another
submission, not a skilled forger from writing good marks for himself; read the code of whom you suspect.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from ganlab.classroom.sandbox import confine


def main(results: int, work: Path, seconds: int, megabytes: int) -> None:
    task = json.load(sys.stdin)

    def say(**line) -> None:
        os.write(results, (json.dumps(line) + "\n").encode())

    # First of all: what confines a process confines the threads that it starts later, not those that it has.
    os.chdir(work)
    say(holds=confine(work, seconds, megabytes))
    from ganlab.learn.bounded import TooLong, isolated, time_limit
    from ganlab.learn.chapters import find
    from ganlab.learn.judge import judge

    namespace = {"__name__": "submission"}
    for helper in task["helpers"]:
        with isolated():
            try:
                with time_limit(10):
                    exec(compile(helper, "<submission>", "exec"), namespace)
            except (Exception, SystemExit, TooLong):
                pass  # what needs it will say so
    for attempt in task["attempts"]:
        known = find(attempt["name"])
        with isolated():
            try:
                exec(compile(attempt["source"], "<submission>", "exec"), namespace)
                answer = namespace[attempt["defines"]]
            except (Exception, SystemExit) as error:
                say(name=attempt["name"], outcome="not yet", sentence=f"it cannot be defined: {error!r}."[:300])
                continue
        verdict = asdict(judge(known, answer))
        say(name=attempt["name"], outcome=verdict["outcome"], sentence=verdict["sentence"][:2000])
        if verdict["outcome"] != "right":
            namespace[attempt["defines"]] = known.reference


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
