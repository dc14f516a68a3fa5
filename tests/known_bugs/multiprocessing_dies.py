# SPDX-License-Identifier: MIT
"""The peer of waiter_dies.c: CPython's multiprocessing.Condition. Arguments: KILL or STOP, for the waiter."""
import multiprocessing
import os
import signal
import sys
import time


def wait(cond):
    with cond:
        cond.wait()


def notify(cond):
    with cond:
        cond.notify(1)


context = multiprocessing.get_context("fork")
cond = context.Condition()
waiter = context.Process(target=wait, args=(cond,), daemon=True)
waiter.start()
while True:  # until it sleeps: its count, as notify() looks at it
    with cond:
        if cond._sleeping_count.get_value() == 1:
            break
    time.sleep(0.001)
stop = sys.argv[1] == "STOP"
os.kill(waiter.pid, signal.SIGSTOP if stop else signal.SIGKILL)
if stop:
    os.waitpid(waiter.pid, os.WUNTRACED)
else:
    waiter.join()
notifier = context.Process(target=notify, args=(cond,), daemon=True)
notifier.start()
notifier.join(2)  # the quiet phase: nobody holds the lock but the notifier
hangs = notifier.is_alive()
if hangs and stop:
    os.kill(waiter.pid, signal.SIGCONT)
    notifier.join(20)
    goes_on = not notifier.is_alive()
    print("notify() does not return while the waiter is stopped"
          + (", and does when it goes on" if goes_on else ""))
elif hangs:
    print("notify() waits for the killed waiter, with the lock held")
else:
    print("notify() returns")
for process in (waiter, notifier):
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
sys.stdout.flush()
os._exit(1 if hangs else 0)
