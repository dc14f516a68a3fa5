# SPDX-License-Identifier: MIT
"""libcondvar in gdb: how it shows a cond_t and a cond_lock_t, and two commands.

    (gdb) print queue->changed
    $1 = {kind = rlock, owner = thread 2 "consumer", depth = 1, waiters = 3}

    (gdb) condvar list          each condition that a thread waits on, with its waiters
    (gdb) condvar deadlocks     which thread holds which lock and waits for which, and each cycle

A condition has three more members where they apply. `awaiting` counts the waiters that need no notify. `cancelled`
counts the waiters that a close or a cancel has ended and that have not been woken yet. `closed` is true.

gdb loads this file with the shared library, from a folder that it trusts. For a program that is linked with the static
library, or that has the single header, load it by hand: source FILE. docs/tracing.md has both.
It reads memory and registers only, and calls nothing in the program. So it works with a core file too.
"""

import gdb
import gdb.printing

# src/object.h; NOTIFIED and the bits of cond_waiter.state: src/waitq.h
MUTEX, SHARED, OWN_SHARED = 1, 2, 4
FOREIGN, FOREIGN_NO_OWNER, FOREIGN_LOST, DESTROYED = 16, 17, 18, 0xDD
ALIVE, CLOSED, ALIVE_SHARED, CLOSED_SHARED = 0, 1, 0x5EC04D17, 0x5EC04D19
NOTIFIED = 2
ASLEEP, WAS_CHOSEN, GO = 1, 2, 8
HELD = 1  # src/mutex.h, of a private lock's word
SHARED_MARK, LEVELS = 0x5EC00000, 0xFFFFF
LIST_MAX = 100000  # a list that is longer is not one


def thread_text(thread):
    return 'thread %d%s' % (thread.num, ' "%s"' % thread.name if thread.name else '')


def thread_of_owner(owner):
    """The thread that pthread_self() in the lock's owner names, or None."""
    for thread in gdb.selected_inferior().threads():
        try:
            if int.from_bytes(thread.handle(), 'little') == owner or int.from_bytes(thread.handle(), 'big') == owner:
                return thread
        except (gdb.error, AttributeError):  # no libthread_db, an old gdb
            break
    return None


def owner_text(owner):
    """Of a private lock: a thread as pthread_self() has it, or a task's address, made odd."""
    if owner == 0:
        return 'nobody'
    if owner & 1:
        return 'task 0x%x' % (owner - 1)
    thread = thread_of_owner(owner)
    return thread_text(thread) if thread else '0x%x' % owner


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
        if kind in (FOREIGN, FOREIGN_NO_OWNER):
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
            # The low bits of depth_ are a number (src/object.h): of a private lock the levels beyond the first, of a
            # shared one all levels of its owner, or of the last owner.
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


# ---- The commands: what each thread sleeps on, found by the address that it has given to the kernel ----

# The register with the first argument of a system call, by gdb's name of the architecture. All these are of Linux.
FUTEX_REGISTER = {'i386:x86-64': 'rdi', 'i386': 'ebx', 'aarch64': 'x0', 'riscv:rv64': 'a0', 's390:64-bit': 'r2'}


class Failure(Exception):
    """A sentence for the user."""


def struct(name):
    for spelling in ('struct ' + name, name):  # C, C++
        try:
            return gdb.lookup_type(spelling)
        except gdb.error:
            pass
    raise Failure('There is no debugging information about struct %s. Compile a file that includes condvar.h with -g.' %
                  name)


def at(address, name):
    return gdb.Value(address).cast(struct(name).pointer()).dereference()


def offset(name, *members):
    """Of a member of a member ... of the struct."""
    value = at(0, name)
    for member in members:
        value = value[member]
    return int(value.address)


def lock_text(address):
    return '0x%x%s' % (address, symbol(address))


def symbol(address):
    text = gdb.execute('info symbol 0x%x' % address, to_string=True)
    return ' <%s>' % text.split(' in section')[0] if ' in section' in text else ''


def address_of_lock(cond):
    elsewhere = ConditionPrinter(cond).lock()[1]
    return elsewhere if elsewhere is not None else int(cond['own_'].address)


def is_cond(address):
    """Whether a condition is there."""
    try:
        cond = at(address, 'cond')
        state, waiters = int(cond['state_']), int(cond['waiters_'])
        return state in (ALIVE, CLOSED, ALIVE_SHARED, CLOSED_SHARED) and waiters < LIST_MAX and \
            is_lock(address_of_lock(cond))
    except gdb.MemoryError:
        return False


def is_lock(address):
    try:
        return int(at(address, 'cond_lock')['kind_']) & ~(MUTEX | SHARED | OWN_SHARED) in (0, FOREIGN)
    except gdb.MemoryError:
        return False


def is_task(address):
    try:
        return int(at(address, 'cond_task')['waiter_']['task']) == 1
    except (Failure, gdb.MemoryError):  # CONDVAR_NO_TASKS
        return False


def owner_of(lock):
    """The thread that holds it, or None."""
    kind = int(lock['kind_'])
    if kind <= MUTEX:
        owner = int(lock['u_']['local']['as']['mine']['owner'])
        return None if owner == 0 or owner & 1 else thread_of_owner(owner)
    if kind & SHARED and not kind & FOREIGN:
        mutex = lock['u_']['robust'].address.cast(gdb.lookup_type('pthread_mutex_t').pointer())
        lwp = int(mutex['__data']['__owner'])
        return next((thread for thread in gdb.selected_inferior().threads() if thread.ptid[1] == lwp), None)
    return None


class Wait:
    """A thread that sleeps in the library: on a condition until a notify, or for a lock."""

    def __init__(self, thread, cond, lock, chosen=False):
        self.thread, self.cond, self.lock, self.chosen = thread, cond, lock, chosen

    def for_lock(self):
        """Whether only a release of the lock is missing."""
        return self.cond is None or self.chosen


def wait_at(thread, word):
    """What the thread waits for if it sleeps on this word, or None: the word may be of something else."""
    # A private or foreign condition: the word is the state of the waiter's node.
    try:
        node = at(word, 'cond_waiter')
        cond, state = int(node['cond']), int(node['state'])
        linked = int(node['next']) == 0 or int(node['next']['prev']) == word
        if state & ASLEEP and not state & GO and cond != 0 and linked and is_cond(cond):
            chosen = state & WAS_CHOSEN or (int(node['queue']) == NOTIFIED and not int(node['awaits']))
            return Wait(thread, cond, address_of_lock(at(cond, 'cond')), bool(chosen))
    except gdb.MemoryError:
        pass
    # A shared condition: its sequence. Both states are numbers that no memory has by chance.
    try:
        cond = word - offset('cond', 'u_', 'shared', 'sequence')
        if int(at(cond, 'cond')['state_']) in (ALIVE_SHARED, CLOSED_SHARED) and is_cond(cond):
            return Wait(thread, cond, address_of_lock(at(cond, 'cond')))
    except (gdb.error, gdb.MemoryError):  # CONDVAR_NO_SHARED
        pass
    # A lock: the robust mutex of a shared one, or a private one's word or its count of wake-ups.
    for members in (('u_',), ('u_', 'local', 'as', 'mine', 'word'), ('depth_',)):
        try:
            address = word - offset('cond_lock', *members)
            lock = at(address, 'cond_lock')
            kind = int(lock['kind_'])
            if members == ('u_',):
                held = kind & ~(MUTEX | OWN_SHARED) == SHARED and int(lock['depth_']) & ~LEVELS == SHARED_MARK
            else:
                private = lock['u_']['local']['as']['mine']
                owner = int(private['owner'])
                held = kind <= MUTEX and int(private['word']) & HELD and \
                    (thread_of_owner(owner) or owner & 1 and is_task(owner - 1))
            if held:
                return Wait(thread, None, address)
        except gdb.MemoryError:
            pass
    return None


def waits():
    """All threads of the program that sleep in the library."""
    selected = gdb.selected_thread()
    if selected is None:
        raise Failure('The program does not run, and there is no core file.')
    found, foreign = [], []
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
            if thread.is_running():
                continue
            thread.switch()
            frame = gdb.newest_frame()
            architecture = frame.architecture().name()
            register = FUTEX_REGISTER.get(architecture)
            if register is None:
                raise Failure('The commands of condvar do not support the architecture %s.' % architecture)
            word = int(frame.read_register(register)) & (1 << 8 * struct('cond').fields()[0].type.sizeof) - 1
            wait = wait_at(thread, word)
            if wait:
                found.append(wait)
            else:
                foreign.append((thread, word))
    finally:
        selected.switch()
    # The object of a foreign lock is known by the conditions on that lock only.
    objects = {}
    for wait in found:
        lock = at(wait.lock, 'cond_lock')
        if int(lock['kind_']) in (FOREIGN, FOREIGN_NO_OWNER):
            objects[int(lock['u_']['local']['as']['foreign']['object'])] = wait.lock
    found += [Wait(thread, None, objects[word]) for thread, word in foreign if word in objects]
    return sorted(found, key=lambda wait: wait.thread.num)


def queue_of(last):
    """The nodes of a circular list, from the one after `last`."""
    node = last
    for _ in range(LIST_MAX):
        if int(node) == 0:
            return
        node = node['next']
        yield node.dereference()
        if int(node) == int(last):
            return


def nodes_of(cond):
    """All nodes that can be reached from a condition: in its own queue, and in the list of its lock."""
    try:
        if int(cond['state_']) in (ALIVE, CLOSED):
            yield from queue_of(cond['u_']['local']['waiters'])
            yield from waiters_in_list(at(address_of_lock(cond), 'cond_lock'))
    except gdb.MemoryError:  # the queue is being changed
        pass


class Condvar(gdb.Command):
    """Commands about the conditions and locks of libcondvar."""

    def __init__(self):
        super().__init__('condvar', gdb.COMMAND_STATUS, prefix=True)


class WaitsCommand(gdb.Command):
    """A command that shows something about the threads that wait now."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        try:
            self.show(waits())
        except Failure as failure:
            raise gdb.GdbError(str(failure))


class ListConditions(WaitsCommand):
    """List all conditions that can be reached from waiting threads, with their waiters."""

    def __init__(self):
        super().__init__('condvar list')

    @staticmethod
    def show(found):
        conds = {wait.cond: {} for wait in found if wait.cond is not None}
        tasks = {}
        queue = list(conds)
        while queue:
            for node in nodes_of(at(queue.pop(), 'cond')):
                cond = int(node['cond'])
                if cond not in conds and is_cond(cond):
                    conds[cond] = {}
                    queue.append(cond)
                if int(node['task']):
                    tasks.setdefault(cond, set()).add(int(node.address))
        for address in sorted(conds):
            cond = at(address, 'cond')
            print('condition 0x%x%s: %s' % (address, symbol(address), text_of(ConditionPrinter(cond))))
            for wait in found:
                if wait.cond == address:
                    print('    %s waits%s' % (thread_text(wait.thread), ', was chosen' if wait.chosen else ''))
            for task in sorted(tasks.get(address, ())):
                print('    task 0x%x waits' % task)
            lock = address_of_lock(cond)
            for wait in found:
                if wait.cond is None and wait.lock == lock:
                    print('    %s acquires the lock' % thread_text(wait.thread))
        if not conds:
            print('No thread waits on a condition.')


def text_of(printer):
    return '{%s}' % ', '.join('%s = %s' % child for child in printer.children())


class Deadlocks(WaitsCommand):
    """Show which thread holds which lock, which thread waits for which lock, and the cycles among them."""

    def __init__(self):
        super().__init__('condvar deadlocks')

    @staticmethod
    def show(found):
        by_thread = {wait.thread.num: wait for wait in found}
        owners = {address: owner_of(at(address, 'cond_lock')) for address in {wait.lock for wait in found}}
        holders = {owner.num: owner for owner in owners.values() if owner}
        for num in sorted(set(by_thread) | set(holders)):
            wait = by_thread.get(num)
            held = sorted(lock for lock, owner in owners.items() if owner and owner.num == num)
            words = ['holds ' + lock_text(lock) for lock in held]
            if wait and wait.for_lock():
                lock = at(wait.lock, 'cond_lock')
                words.append('waits for %s, held by %s' % (lock_text(wait.lock), holder_text(lock, owners[wait.lock])))
            elif wait:
                words.append('waits on condition 0x%x%s' % (wait.cond, symbol(wait.cond)))
            print('%s %s' % (thread_text(wait.thread if wait else holders[num]), '; '.join(words)))
        if not found:
            print('No thread waits for a lock or on a condition.')

        # Each thread waits for one lock, which one thread holds: so a walk from thread to thread ends, or comes back.
        seen, cycles = set(), 0
        for start in sorted(by_thread):
            path, num = [], start
            while num in by_thread and by_thread[num].for_lock() and num not in seen and owners[by_thread[num].lock]:
                seen.add(num)
                path.append(num)
                num = owners[by_thread[num].lock].num
            if num in path:
                cycle = path[path.index(num):] + [num]
                print('deadlock: ' + ' -> '.join(thread_text(by_thread[step].thread) for step in cycle))
                cycles += 1
        if found and cycles == 0:
            print('No deadlock: no cycle among these locks.')


def holder_text(lock, owner):
    if owner:
        return thread_text(owner)
    children = dict(LockPrinter(lock).children())
    return children.get('owner', 'an unknown thread')


Condvar()
ListConditions()
Deadlocks()
