/*
 * sets.h - what arguments were turned into, once per backend
 *
 * A trigger or a prepared statement pays for its labels and fields once, not
 * per call.  The store is keyed by the bytes of the arguments as they came, so
 * that a hit costs neither taking them apart nor checking them: what is in the
 * store has been checked.  A set is one flat piece of memory.
 */
#ifndef SLM_PG_SETS_H
#define SLM_PG_SETS_H

#include "pg/call.h"

/* What is in the store, first in its key (slm_key_start); the arguments come last in it. */
#define SLM_SET_LABELS 'l'
#define SLM_SET_CONDITION 'c'
#define SLM_SET_FIELDS 'f'

/* The set of a key, valid until the next slm_set_add(); NULL when unknown. */
extern const void *slm_set_find(const StringInfoData *key);

/* Remembers a copy of a set that is not there yet, and gives it. */
extern const void *slm_set_add(const StringInfoData *key, const void *set, Size size);

#endif
