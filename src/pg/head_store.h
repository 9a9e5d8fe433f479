/*
 * head_store.h - the numbers of trained models, in the table slm_heads
 */
#ifndef SLM_PG_HEAD_STORE_H
#define SLM_PG_HEAD_STORE_H

#include "pg/catalog.h"

/*
 * The bytes of a trained model's head, in context; NULL when the table has none
 * for it, or not the ones that def->head is the hash of.
 */
extern void *slm_head_fetch(const SlmModelDef *def, MemoryContext context, Size *size);

/* Puts a model's head in place of the one it has, if any. */
extern void slm_head_store(const char *model, const void *bytes, Size size);

#endif
