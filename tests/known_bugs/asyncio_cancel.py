# SPDX-License-Identifier: MIT
"""The peer of cancel_loses.c: CPython's asyncio.Condition."""
import asyncio
import sys


async def main():
    cond = asyncio.Condition()
    answers = {}

    async def wait(name):
        async with cond:
            await cond.wait()
            answers[name] = "notified"

    first = asyncio.create_task(wait("first"))
    second = asyncio.create_task(wait("second"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # both wait
    async with cond:
        cond.notify(1)
    first.cancel()  # it was chosen, and has not run since
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.wait([second], timeout=2)  # the quiet phase: the loop has nothing else to do
    if "first" in answers:
        print("the cancelled task was notified all the same")
        return 0
    if "second" in answers:
        print("the first task was cancelled; the second one was notified in its stead")
        return 0
    print("the first task was cancelled, the second one sleeps: the notification is gone")
    second.cancel()
    return 1


sys.exit(asyncio.run(main()))
