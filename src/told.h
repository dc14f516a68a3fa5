/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TOLD_H
#define CONDVAR_TOLD_H

/*
 * helgrind and DRD know pthreads, and nothing of C's atomic operations: to them a lock made of a word is a
 * race, and so is everything that it guards. Here they are told, by all operations in atomic.h, that this
 * word is meant to be touched by several threads, and what happens before what: a release, before each later
 * acquire of the same word.
 *
 * That costs some instructions even where nobody listens. So it is an option (-Dvalgrind=enabled), as it is for
 * ThreadSanitizer; without it nothing is left of this.
 */

#ifdef CONDVAR_VALGRIND
#  include <valgrind/drd.h>
#  include <valgrind/helgrind.h>

/* Both tools' requests: each ignores the other's. */
static inline void told_word(const void *word, unsigned size)
{
    VALGRIND_HG_DISABLE_CHECKING(word, size);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_START_SUPPRESSION, word, size, 0, 0, 0);
}

static inline void told_before(const void *word)
{
    DO_CREQ_v_W(_VG_USERREQ__HG_USERSO_SEND_PRE, void *, word);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_ANNOTATE_HAPPENS_BEFORE, word, 0, 0, 0, 0);
}

static inline void told_after(const void *word)
{
    DO_CREQ_v_W(_VG_USERREQ__HG_USERSO_RECV_POST, void *, word);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_ANNOTATE_HAPPENS_AFTER, word, 0, 0, 0, 0);
}

#  define TOLD_BEFORE_relaxed(p) ((void)0)
#  define TOLD_BEFORE_acquire(p) ((void)0)
#  define TOLD_BEFORE_release(p) told_before(p)
#  define TOLD_BEFORE_acq_rel(p) told_before(p)
#  define TOLD_AFTER_relaxed(p) ((void)0)
#  define TOLD_AFTER_acquire(p) told_after(p)
#  define TOLD_AFTER_release(p) ((void)0)
#  define TOLD_AFTER_acq_rel(p) told_after(p)

#  define A_TOLD_VALUE_(p, order, operation)                                                            \
      __extension__({                                                                                   \
          told_word((p), sizeof *(p));                                                                  \
          TOLD_BEFORE_##order(p);                                                                       \
          __typeof__(operation) told_value_ = (operation);                                              \
          TOLD_AFTER_##order(p);                                                                        \
          told_value_;                                                                                  \
      })
#  define A_TOLD_VOID_(p, order, operation)                                                             \
      (told_word((p), sizeof *(p)), TOLD_BEFORE_##order(p), (operation), TOLD_AFTER_##order(p))
#else
#  define A_TOLD_VALUE_(p, order, operation) (operation)
#  define A_TOLD_VOID_(p, order, operation) (operation)
#endif

#endif
