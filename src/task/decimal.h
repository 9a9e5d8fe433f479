/*
 * decimal.h - decimal numbers as they are written, of any length
 */
#ifndef SLM_TASK_DECIMAL_H
#define SLM_TASK_DECIMAL_H

#include <stdbool.h>

#include "base/text.h"

/* Order of two plain decimal numbers, -12.50: below, at or above 0. */
extern int slm_decimal_compare(SlmText a, SlmText b);

#endif
