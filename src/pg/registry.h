/*
 * registry.h - the start of catalog.c, files.c, cache.c, weights.c, model_ref.c
 */
#ifndef SLM_PG_REGISTRY_H
#define SLM_PG_REGISTRY_H

#include "pg/model_ref.h"
#include "pg/weights.h"

#define SLM_VERSION "0.1.0"

/* From _PG_init. */
extern void slm_registry_init(void);

/* The image a ref runs on. */
extern SlmMapping *slm_model_mapping(const SlmModelRef *ref);

#endif
