"""Run a learner's code so that it can neither hang the notebook nor disturb it."""

import contextlib
import ctypes
import io
import random
import signal
import threading
import time
import warnings
from collections.abc import Iterator

import numpy
import torch

PATIENCE = 6  # how much longer than the time limit the clock may run when other programs hold the processor


class TooLong(BaseException):
    """The time is up. Not an `Exception`, so that a learner's `except Exception` does not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TooLong` in this thread when the body has computed for `seconds` without coming to its end.

    What counts is processor time, so that a busy machine makes nobody's answer wrong; after `PATIENCE` times as
    long on the clock it ends in any case (a sleep, a wait for input). In the main thread of a POSIX system by
    SIGALRM, which also ends a sleep or a read; elsewhere by an asynchronous exception, which comes with the next
    Python instruction. Both come again every half second, for the sake of a loop with a bare `except:`. A timer
    that was already running (pytest-timeout's) goes on afterwards.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        yield from _limit_by_signal(seconds)
    else:
        yield from _limit_by_watchdog(seconds)


def _limit_by_signal(seconds: float) -> Iterator[None]:
    computed, began = time.thread_time(), time.monotonic()

    def ring(signum, frame):
        if time.thread_time() - computed >= seconds or time.monotonic() - began >= PATIENCE * seconds:
            raise TooLong

    former_handler = signal.signal(signal.SIGALRM, ring)
    former_delay, former_interval = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        try:
            yield
        finally:  # twice: the bell may ring while this line runs
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former_handler)
        if former_delay:
            signal.setitimer(signal.ITIMER_REAL, max(former_delay - (time.monotonic() - began), 0.1), former_interval)


def _limit_by_watchdog(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done, lock = threading.Event(), threading.Lock()
    computed, began = time.process_time(), time.monotonic()

    def watch():
        while not done.wait(min(seconds, 0.5)):
            late = time.process_time() - computed >= seconds or time.monotonic() - began >= PATIENCE * seconds
            with lock:
                if late and not done.is_set():
                    raise_in_thread(thread, ctypes.py_object(TooLong))

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            done.set()
            raise_in_thread(thread, None)  # withdraws one that was sent but has not arrived yet


@contextlib.contextmanager
def isolated(seed: int = 0) -> Iterator[io.StringIO]:
    """Known random states inside, the former ones afterwards; prints caught and handed over; warnings silent.

    What a notebook computes after a check thus does not depend on what the check did.
    """
    printed = io.StringIO()
    python_state, numpy_state = random.getstate(), numpy.random.get_state()
    with (
        torch.random.fork_rng(devices=[]),
        torch.enable_grad(),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(printed),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        random.seed(seed)
        numpy.random.seed(seed)
        try:
            yield printed
        finally:
            random.setstate(python_state)
            numpy.random.set_state(numpy_state)
