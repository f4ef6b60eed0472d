"""Make the virtual environment, or bring it up to date: `python3 .ci/install.py .venv`. Standard library only.

While it works, the folder holds `.installing`; `.installed` (the hash of pyproject.toml) comes last. An
environment in which an install was cut short is made anew, for pip cannot tell what it lacks.
"""

from __future__ import print_function  # old Pythons must get as far as the sentence about their age

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main(folder):
    check_tools()
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with locked(os.path.join(ROOT, ".ci", ".lock")):
        installed, installing = os.path.join(folder, ".installed"), os.path.join(folder, ".installing")
        wanted = wanted_state()
        if not os.path.exists(installing) and read(installed) == wanted:
            os.utime(installed, None)
            return
        python = interpreter(folder)
        if os.path.exists(installing) or not works(python):
            if os.path.exists(installing):
                print("The last install was cut short: making {} anew.".format(folder))
            run([sys.executable, "-m", "venv", "--clear", folder], NO_VENV)
        write(installing, "")
        print("Installing ganlab and its packages into {} (minutes the first time).".format(folder))
        sys.stdout.flush()
        run(pip_install(python), NO_INSTALL)
        write(installed, wanted)
        os.remove(installing)


NO_VENV = "Python could not make a virtual environment. On Debian and Ubuntu: sudo apt install python3-venv"
NO_INSTALL = "The packages could not be installed: see pip's words above. The same command tries again."


def check_tools():
    if sys.version_info < (3, 11):
        age = ".".join(map(str, sys.version_info[:2]))
        stop(
            "ganlab needs Python 3.11 or newer; this is {}. Install one from https://www.python.org/downloads/ "
            "and name it, as in: make course PYTHON=python3.12".format(age)
        )
    if shutil.which("git") is None:
        stop("ganlab needs git, which notes the version of the code beside each result: https://git-scm.com/downloads")


def pip_install(python):
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ROOT + "[test]"]
    if os.environ.get("CPU"):
        command += ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]
    return command


def wanted_state():
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def interpreter(folder):
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def works(python):
    try:
        quiet = subprocess.DEVNULL
        return subprocess.call([python, "-m", "pip", "--version"], stdout=quiet, stderr=quiet) == 0
    except OSError:
        return False


def run(command, complaint):
    if subprocess.call(command) != 0:
        stop(complaint)


class locked(object):
    """Hold a file for this process: a second install waits for the first. The lock goes with the process."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "w")
        try:
            self._lock(wait=False)
        except OSError:
            print("Another install is going on; waiting for it.")
            sys.stdout.flush()
            self._lock(wait=True)

    def _lock(self, wait):
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(self.file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(self.file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __exit__(self, *_):
        self.file.close()


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def stop(sentence):
    print(sentence, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        stop("Interrupted. The same command starts the install again.")
    except OSError as error:
        stop("Could not install into {}: {}.".format(sys.argv[1], error))
