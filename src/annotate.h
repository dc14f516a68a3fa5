/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_ANNOTATE_H
#define CONDVAR_ANNOTATE_H

/*
 * Helgrind and DRD do not understand C11 atomics: they report a race for each lock word, and for all data that the lock
 * guards. These macros declare happens-before. With CONDVAR_VALGRIND (-Dvalgrind=enabled), each operation of atomic.h
 * declares that several threads access its word, and that a release happens before each later acquire of the word. This
 * costs some instructions even without Valgrind, so it is an option.
 */

#ifdef CONDVAR_VALGRIND
#  include <valgrind/drd.h>
#  include <valgrind/helgrind.h>
#  include <valgrind/memcheck.h>

/* For Memcheck: the library reads *p, which may be uninitialised, and looks for a mark in it. */
#  define ANNOTATE_DEFINED(p) ((void)VALGRIND_MAKE_MEM_DEFINED((p), sizeof *(p)))

/* The requests of both tools. Each tool ignores those of the other one. */
static inline void annotate_word(const void *word, unsigned size)
{
    VALGRIND_HG_DISABLE_CHECKING(word, size);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_START_SUPPRESSION, word, size, 0, 0, 0);
}

static inline void annotate_before(const void *word)
{
    DO_CREQ_v_W(_VG_USERREQ__HG_USERSO_SEND_PRE, void *, word);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_ANNOTATE_HAPPENS_BEFORE, word, 0, 0, 0, 0);
}

static inline void annotate_after(const void *word)
{
    DO_CREQ_v_W(_VG_USERREQ__HG_USERSO_RECV_POST, void *, word);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_ANNOTATE_HAPPENS_AFTER, word, 0, 0, 0, 0);
}

#  define ANNOTATE_BEFORE_relaxed(p) ((void)0)
#  define ANNOTATE_BEFORE_acquire(p) ((void)0)
#  define ANNOTATE_BEFORE_release(p) annotate_before(p)
#  define ANNOTATE_BEFORE_acq_rel(p) annotate_before(p)
#  define ANNOTATE_AFTER_relaxed(p) ((void)0)
#  define ANNOTATE_AFTER_acquire(p) annotate_after(p)
#  define ANNOTATE_AFTER_release(p) ((void)0)
#  define ANNOTATE_AFTER_acq_rel(p) annotate_after(p)

#  define ANNOTATE_VALUE(p, order, operation)                                                           \
      __extension__({                                                                                   \
          annotate_word((p), sizeof *(p));                                                              \
          ANNOTATE_BEFORE_##order(p);                                                                   \
          __typeof__(operation) annotate_value_ = (operation);                                          \
          ANNOTATE_AFTER_##order(p);                                                                    \
          annotate_value_;                                                                              \
      })
#  define ANNOTATE_VOID(p, order, operation)                                                            \
      (annotate_word((p), sizeof *(p)), ANNOTATE_BEFORE_##order(p), (operation), ANNOTATE_AFTER_##order(p))
#else
#  define ANNOTATE_DEFINED(p) ((void)0)
#  define ANNOTATE_VALUE(p, order, operation) (operation)
#  define ANNOTATE_VOID(p, order, operation) (operation)
#endif

#endif
