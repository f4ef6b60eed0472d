"""The process that judges one submission: confined first, then the student's code, then one line for each verdict.

    python -m ganlab.classroom.worker VERDICTS SECONDS MEGABYTES < task.json

It works in the folder of the file VERDICTS, the only one in which it may write.

The judge lives in the same process as what it judges. That keeps a submission from harming the machine or another
submission, not a skilled forger from writing good marks for himself; read the code of whom you suspect.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ganlab.classroom.sandbox import confine


def main(verdicts: Path, seconds: int, megabytes: int) -> None:
    task = json.load(sys.stdin)
    file = open(verdicts, "a", encoding="utf-8", buffering=1)  # line by line: what was judged is kept

    def say(**line) -> None:
        file.write(json.dumps(line) + "\n")

    # First of all: what confines a process confines the threads that it starts later, not those that it has.
    say(holds=confine(verdicts.parent, seconds, megabytes))
    from ganlab.learn.bounded import TooLong, isolated, time_limit
    from ganlab.learn.chapters import find
    from ganlab.learn.judge import NOT_YET, RIGHT, judge

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
                with time_limit(5):  # what is defined is not computed yet
                    exec(compile(attempt["source"], "<submission>", "exec"), namespace)
                answer = namespace[attempt["defines"]]
            except (Exception, SystemExit, TooLong) as error:
                say(name=attempt["name"], outcome=NOT_YET, sentence=f"it cannot be defined: {error!r}."[:300])
                continue
        verdict = judge(known, answer)
        say(name=attempt["name"], outcome=verdict.outcome, sentence=verdict.sentence[:2000])
        if verdict.outcome != RIGHT:
            namespace[attempt["defines"]] = known.reference


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
