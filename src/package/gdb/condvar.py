# SPDX-License-Identifier: MIT
"""How gdb shows libcondvar's cond_t and cond_lock_t: who holds it, how deep, how many wait.

    (gdb) print queue->changed
    $1 = {kind = rlock, owner = thread 2 "consumer", depth = 1, waiters = 3}

Where it applies, also: `awaiting`, how many of the waiters need no notify; `cancelled`, how many a close or a cancel has
ended, and that have not been woken yet; `closed`.

gdb loads this file with the library, from a folder that it trusts (docs/tracing.md). By hand: source FILE.
It reads memory only, and calls nothing in the program; so it shows a core file too.
"""

import gdb
import gdb.printing

# src/object.h; NOTIFIED: src/waitq.h
MUTEX, SHARED, OWN_SHARED = 1, 2, 4
FOREIGN, FOREIGN_VAGUE, FOREIGN_LOST, DESTROYED = 16, 17, 18, 0xDD
ALIVE, CLOSED, ALIVE_SHARED, CLOSED_SHARED = 0, 1, 0x5EC04D17, 0x5EC04D19
NOTIFIED = 2
LIST_MAX = 100000  # a list that is longer is not one


def thread_text(thread):
    return 'thread %d%s' % (thread.num, ' "%s"' % thread.name if thread.name else '')


def owner_text(owner):
    """Of a private lock: a thread as pthread_self() has it, or a task's address, made odd."""
    if owner == 0:
        return 'nobody'
    if owner & 1:
        return 'task 0x%x' % (owner - 1)
    for thread in gdb.selected_inferior().threads():
        try:
            if int.from_bytes(thread.handle(), 'little') == owner or int.from_bytes(thread.handle(), 'big') == owner:
                return thread_text(thread)
        except (gdb.error, AttributeError):  # no libthread_db, an old gdb
            break
    return '0x%x' % owner


def shared_owner_text(lock):
    """Of a shared lock: a robust pthread mutex, which knows the thread's number in the system."""
    try:
        lwp = int(lock['u_']['robust'].address.cast(gdb.lookup_type('pthread_mutex_t').pointer())['__data']['__owner'])
    except gdb.error:
        return 'unknown'
    if lwp & 0x3FFFFFFF == 0:
        return 'nobody'
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == lwp:
            return thread_text(thread)
    return 'the thread %d of another process' % lwp


def waiters_in_list(lock):
    """The nodes in a private or foreign lock's list, which is circular; the lock has its last one."""
    last = lock['u_']['local']['notified']
    node = last
    for _ in range(LIST_MAX):
        if int(node) == 0:
            return
        node = node['next']
        yield node.dereference()
        if int(node) == int(last):
            return


class LockPrinter:
    def __init__(self, lock):
        self.lock = lock

    def to_string(self):
        return None

    def children(self):
        lock = self.lock
        kind = int(lock['kind_'])
        if kind in (FOREIGN, FOREIGN_VAGUE):
            foreign = lock['u_']['local']['as']['foreign']
            yield 'kind', 'foreign'
            yield 'object', '0x%x' % int(foreign['object'])
        elif kind & ~(MUTEX | SHARED | OWN_SHARED):
            yield 'kind', {DESTROYED: 'destroyed', FOREIGN_LOST: 'foreign, lost'}.get(kind, 'none (%d)' % kind)
        else:
            shared = 'shared ' if kind & SHARED else ''
            yield 'kind', shared + ('mutex' if kind & MUTEX else 'rlock')
            owner = shared_owner_text(lock) if shared else owner_text(int(lock['u_']['local']['as']['mine']['owner']))
            yield 'owner', owner
            # The low bits of depth_ are a number (src/object.h): of a private lock how often it is held beyond once, of a
            # shared one how often its owner, or the last one, holds it.
            yield 'depth', 0 if owner == 'nobody' else (int(lock['depth_']) & 0xFFFFF) + (not shared)


class ConditionPrinter:
    def __init__(self, cond):
        self.cond = cond

    def to_string(self):
        return None

    def lock(self):
        """The lock, and its address if it is elsewhere. (A shared condition keeps the distance.)"""
        elsewhere = int(self.cond['lock_'])
        if elsewhere == 0:
            return self.cond['own_'], None
        if int(self.cond['state_']) in (ALIVE_SHARED, CLOSED_SHARED):
            bits = 8 * self.cond['lock_'].type.sizeof
            elsewhere = (elsewhere + int(self.cond.address)) % (1 << bits)
        lock = gdb.Value(elsewhere).cast(self.cond['lock_'].type).dereference()
        return lock, elsewhere

    def in_list(self, lock):
        """How many of the condition's waiters await, and how many were cancelled."""
        awaiting = cancelled = 0
        try:
            for waiter in waiters_in_list(lock):
                if int(waiter['queue']) == NOTIFIED and int(waiter['cond']) == int(self.cond.address):
                    cancelled += int(waiter['cancelled'])
                    awaiting += int(waiter['awaits']) and not int(waiter['cancelled'])
        except gdb.MemoryError:  # a core file without that stack; or the list is being changed
            pass
        return awaiting, cancelled

    def children(self):
        state = int(self.cond['state_'])
        if state not in (ALIVE, CLOSED, ALIVE_SHARED, CLOSED_SHARED):
            yield 'kind', 'destroyed'
            return
        lock, elsewhere = self.lock()
        for child in LockPrinter(lock).children():
            yield child
        if elsewhere is not None:
            yield 'lock', '0x%x' % elsewhere
        yield 'waiters', int(self.cond['waiters_'])
        if state in (ALIVE, CLOSED):
            awaiting, cancelled = self.in_list(lock)
            if awaiting:
                yield 'awaiting', awaiting
            if cancelled:
                yield 'cancelled', cancelled
        if state in (CLOSED, CLOSED_SHARED):
            yield 'closed', 'true'


def printer_for(value):
    type = value.type.strip_typedefs().unqualified()
    # (Other programs have structs of these names too; ours have these members.)
    if type.code == gdb.TYPE_CODE_STRUCT and type.tag in ('cond', 'cond_lock'):
        members = [field.name for field in type.fields()]
        if type.tag == 'cond' and 'waiters_' in members and 'own_' in members:
            return ConditionPrinter(value)
        if type.tag == 'cond_lock' and 'kind_' in members and 'depth_' in members:
            return LockPrinter(value)
    return None


printer_for.name = 'libcondvar'
printer_for.enabled = True
gdb.printing.register_pretty_printer(gdb.current_objfile(), printer_for, replace=True)
