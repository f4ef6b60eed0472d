"""`ganlab submit`, `ganlab grade` and `ganlab class`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ganlab.classroom.sandbox import MEGABYTES, SECONDS

classes = typer.Typer(
    help="A kit for a class.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


def submit(
    student: Annotated[str, typer.Argument(help="Your name, as your teacher knows it.")],
    notebooks: Annotated[list[Path], typer.Argument(help="The notebooks that you worked in.")],
    result: Annotated[list[Path] | None, typer.Option(help="result.json of a run of yours; repeatable.")] = None,
    out: Annotated[Path, typer.Option(help="Where the file goes.")] = Path("."),
) -> None:
    """Put your work into one small file that you can hand in, or add it to that file. Nothing is sent anywhere."""
    from ganlab.classroom.submission import make_submission, read_submission, take_apart
    from ganlab.errors import GanlabError

    for path in notebooks:
        if not path.is_file():
            raise GanlabError(f"There is no notebook {path}.")
    path = make_submission(student, notebooks, result or [], out)
    work = take_apart(read_submission(path).cells)
    print(f"{path}: {len(work.attempts)} exercises, {len(work.answers)} questions. Hand in this file.")


def grade(
    folder: Annotated[Path, typer.Argument(help="The folder with the submissions: .ipynb or .json files.")],
    chapter: Annotated[str, typer.Option(help="Only the exercises of this chapter, such as 01.")] = "",
    due: Annotated[datetime | None, typer.Option(help="Files changed later are marked late.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where grades go, instead of FOLDER-grades.")] = None,
    seconds: Annotated[int, typer.Option(min=1, help="Computing time of one submission.")] = SECONDS,
    megabytes: Annotated[int, typer.Option(min=500, help="Memory of one submission.")] = MEGABYTES,
    workers: Annotated[int, typer.Option(min=1, help="Submissions at a time.")] = 1,
) -> None:
    """Judge every submission in a process with bounds; write grades.csv and feedback for each student."""
    from ganlab.classroom.grade import grade_folder
    from ganlab.runner import chapters as course

    chapter = course.find_chapter(course.find_notebooks(), chapter).number if chapter else ""

    def say(one) -> None:
        total, late = len(one.verdicts), " (late)" if one.late else ""
        print(f"{one.student}{late}: {one.count('right')} of {total} right. {one.note}".rstrip(), flush=True)

    target = out or folder.resolve().with_name(folder.resolve().name + "-grades")
    grades = grade_folder(
        folder, target, due=due, chapter=chapter, seconds=seconds, megabytes=megabytes, workers=workers, graded=say
    )
    judged = [one for one in grades if one.holds]
    for bound in ("time", "memory", "files", "network"):
        if any(bound not in one.holds for one in judged):
            print(f"Not bounded on this system: {bound}. Grade strangers' code in a container.")
    print(f"{target / 'grades.csv'}: {len(grades)} submissions.")


@classes.command()
def new(
    name: Annotated[str, typer.Argument(help="The class, such as 'GANs 2027'.")],
    chapters: Annotated[str, typer.Option(help="Which ones, such as 00,01,02; all when left out.")] = "",
    out: Annotated[Path | None, typer.Option(help="The folder, instead of one named after the class.")] = None,
) -> None:
    """Make a folder for a class: student notebooks, solved ones, the answer key, a code for the students' seeds."""
    from ganlab.classroom.kit import new_class
    from ganlab.runner import chapters as course

    notebooks = course.find_notebooks()
    wanted = [part.strip() for part in chapters.split(",") if part.strip()]
    chosen = [course.find_chapter(notebooks, part) for part in wanted] or course.chapters(notebooks)
    folder = new_class(name, out or Path(name.replace("/", "-")), chosen)
    print(f"{folder}: {len(chosen)} chapters. Give students/ to the class, keep teacher/.")


@classes.command()
def slides(
    chapter: Annotated[str, typer.Argument(help="The chapter's number or name, such as 04.")],
    out: Annotated[Path | None, typer.Option(help="The file, instead of NN_name.html here.")] = None,
) -> None:
    """Make slides of a chapter, in one file that needs no network: figures, formulas, questions, exercises."""
    from ganlab.classroom.slides import slides_page
    from ganlab.files import write_atomically
    from ganlab.runner import chapters as course

    found = course.find_chapter(course.find_notebooks(), chapter)
    path = out or Path(f"{found.name}.html")
    page = slides_page(found.learner.read_text(encoding="utf-8"))
    write_atomically(path, page)
    print(f"{path}: {page.count('<section>')} slides. Arrow keys turn them; printing gives a page each.")


@classes.command()
def seed(
    code: Annotated[str, typer.Argument(help="The class's code, from its README.")],
    student: Annotated[str, typer.Argument(help="Your name.")],
) -> None:
    """Your own seed in this class: run a chapter with it, `ganlab run 01 -p seed=...`."""
    from ganlab.classroom.kit import student_seed

    print(student_seed(code, student))


@classes.command()
def merge(
    folder: Annotated[Path, typer.Argument(help="The folder with the submissions.")],
    out: Annotated[Path, typer.Option(help="The table that is written.")] = Path("class.csv"),
    concepts: Annotated[Path, typer.Option(help="The table of the concept test.")] = Path("concepts.csv"),
) -> None:
    """Put the results of all runs into one table, with a histogram of each number; count the concept tests."""
    from ganlab.classroom.concepts import answers_of, gain, item_table
    from ganlab.classroom.kit import merged_results
    from ganlab.classroom.submission import csv_text, find_submissions, read_submission
    from ganlab.errors import GanlabError
    from ganlab.files import write_atomically

    def write(path: Path, rows: list[dict]) -> None:
        write_atomically(path, csv_text([list(rows[0]), *(row.values() for row in rows)]))

    submissions = []
    for path in find_submissions(folder):
        try:
            submissions.append(read_submission(path, folder))
        except GanlabError as error:
            print(error)
    rows, tests = merged_results(submissions), answers_of(submissions)
    if not rows and not tests:
        raise GanlabError(
            f"No submission in {folder} holds a result or a concept test: students add theirs with submit --result."
        )
    for quantity in dict.fromkeys((row["chapter"], row["quantity"]) for row in rows):
        values = [row["value"] for row in rows if (row["chapter"], row["quantity"]) == quantity]
        print(f"{quantity[0]}, {quantity[1]}: {len(values)} seeds, mean {sum(values) / len(values):.3g}")
        for value in sorted(set(values)) if len(set(values)) <= 30 else []:
            count = values.count(value)
            print(f"  {value:>8g}  {'#' * count} {count}")
    if rows:
        write(out, rows)
        print(f"{out}: {len(rows)} numbers of {len({row['student'] for row in rows})} students.")
    if tests:
        write(concepts, item_table(tests))
        print(f"Concept test: {gain(tests).sentence()}")
        print(f"{concepts}: a row a question.")
