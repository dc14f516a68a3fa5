# SPDX-License-Identifier: MIT
"""The peer of timeout_swallows.c: CPython's threading.Condition."""
import sys
import threading
import time


class Lock:
    """A lock that counts how often it is acquired."""

    def __init__(self):
        self.lock = threading.Lock()
        self.wanted = set()  # by these threads

    def acquire(self, *args):
        self.wanted.add(threading.get_ident())
        got = self.lock.acquire(*args)
        self.wanted.discard(threading.get_ident())
        return got

    def release(self):
        self.lock.release()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()

    def _is_owned(self):
        return self.lock.locked()


lock = Lock()
cond = threading.Condition(lock)
answers = {}


def wait(name, timeout):
    with cond:
        answers[name] = None
        answers[name] = cond.wait(timeout)


def start(name, timeout):
    thread = threading.Thread(target=wait, args=(name, timeout), daemon=True)
    thread.start()
    while True:  # until it waits
        with cond:
            if name in answers:
                return thread


first = start("first", 0.05)
second = start("second", None)
with cond:
    if answers["first"] is not None:
        print("the first waiter's time was over too early to try")
        sys.exit(77)
    while not lock.wanted:  # its time is over: it wants the lock back
        time.sleep(0.001)
    cond.notify(1)
first.join()
second.join(2)  # the quiet phase: the lock is free, and nobody is in the way
if answers["first"]:
    print("the first waiter was notified")
    sys.exit(0)
if answers["second"]:
    print("the first waiter's time was over; the second one was notified")
    sys.exit(0)
print("the first waiter answers that its time is over, the second one sleeps: the notification is gone")
sys.stdout.flush()
sys.exit(1)
