/*
 * support.h - what planner support knows of models
 */
#ifndef SLM_PG_SUPPORT_H
#define SLM_PG_SUPPORT_H

#include "pg/model_ref.h"

/* Notes the size of a model that this backend has mapped; planning never maps one. */
extern void slm_cost_learn(const SlmModelRef *ref);

#endif
