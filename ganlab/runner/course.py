"""The whole course, two chapters at a time: only what is missing or changed is executed.

What it makes:

    build/course/<profile>/
        index.html              the way in
        NN_name.ipynb, .html    the executed chapters
        runs/NN_name/<key>/     their run folders
"""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from joblib import cpu_count

from ganlab.errors import GanlabError
from ganlab.files import locked, write_atomically
from ganlab.runner.chapters import Chapter, chapters
from ganlab.runner.kernels import Interrupted, Kernels, results_stoppably
from ganlab.runner.page import chapter_page, index_page
from ganlab.runner.run import Outcome, Plan, execute_run, finished_run, plan_run

Started = Callable[[Chapter], None]
Moved = Callable[[Chapter, int, int], None]
Ended = Callable[[Outcome], None]


def plan_course(notebooks: Path, profile: str, *, solutions: bool = False) -> list[Plan]:
    """A checked plan for every chapter, in order.

    Raises:
        GanlabError: there are no chapters, or a chapter, a profile or a parameter is not right.
    """
    plans = [plan_run(chapter, profile=profile, solutions=solutions) for chapter in chapters(notebooks)]
    if not plans:
        raise GanlabError(f"There are no chapters in {notebooks} yet.")
    return plans


def only_one(folder: Path) -> AbstractContextManager[None]:
    """Hold `folder` for this process; the lock goes with the process, however it ends.

    Raises:
        GanlabError: another process holds it.
    """
    busy = f"The course is being executed in {folder} by another process: wait for it to end, or stop it first."
    return locked(folder / ".lock", busy)


def run_course(
    plans: list[Plan],
    folder: Path,
    *,
    workers: int = 2,
    started: Started = lambda chapter: None,
    moved: Moved = lambda chapter, done, total: None,
    ended: Ended = lambda outcome: None,
) -> list[Outcome]:
    """Execute what is not done yet, export every chapter and write the index; outcomes come in the plans' order.

    A chapter that fails does not stop the others. `started` and `moved` are called from worker threads,
    `ended` from the calling one.

    Raises:
        GanlabError: another process works in `folder`, or it cannot be written.
    """
    with only_one(folder):
        kernels = Kernels(processes=max(1, cpu_count() // workers))
        outcomes: dict[str, Outcome] = {}
        with ThreadPoolExecutor(max_workers=workers) as pool:
            futures = [pool.submit(_one, plan, folder, kernels, started, moved) for plan in plans]
            for future in results_stoppably(futures, kernels):
                outcome = future.result()
                outcomes[outcome.chapter.name] = outcome
                ended(outcome)
        ordered = [outcomes[plan.chapter.name] for plan in plans]
        write_atomically(folder / "index.html", index_page(ordered, folder, profile=plans[0].profile))
        return ordered


def _one(plan: Plan, folder: Path, kernels: Kernels, started: Started, moved: Moved) -> Outcome:
    chapter, run_folder = plan.chapter, folder / "runs" / plan.chapter.name / plan.key
    kept = finished_run(run_folder, plan)
    if kept and _is_published(chapter, kept.folder, folder):
        return kept
    started(chapter)
    try:
        outcome = kept or execute_run(plan, run_folder, kernels, lambda done, total: moved(chapter, done, total))
        _publish(outcome, plan, folder)
    except Interrupted:
        raise
    except GanlabError as error:
        return Outcome(chapter, run_folder, "failed", 0.0, str(error))
    except Exception as error:  # whatever it is, it concerns this chapter only
        return Outcome(chapter, run_folder, "failed", 0.0, f"{type(error).__name__}: {error}")
    return outcome


def _is_published(chapter: Chapter, run_folder: Path, folder: Path) -> bool:
    page, notebook = folder / f"{chapter.name}.html", folder / f"{chapter.name}.ipynb"
    return page.is_file() and notebook.is_file() and notebook.read_bytes() == (run_folder / "run.ipynb").read_bytes()


def _publish(outcome: Outcome, plan: Plan, folder: Path) -> None:
    name = plan.chapter.name
    executed = (outcome.folder / "run.ipynb").read_bytes()
    write_atomically(folder / f"{name}.html", chapter_page(executed.decode("utf-8")))
    write_atomically(folder / f"{name}.ipynb", executed)
    if outcome.status == "failed":
        return
    for older in (folder / "runs" / name).iterdir():
        if older.is_dir() and older.name != plan.key:
            shutil.rmtree(older, ignore_errors=True)
