/*
 * mask_fixture.h - a vocabulary for tests of masks
 *
 * Every byte, then pieces of what JSON is made of, many of which cross the ends of
 * strings, keys and values, or cut a character.  Two tokens are control tokens.
 */
#ifndef SLM_TEST_MASK_FIXTURE_H
#define SLM_TEST_MASK_FIXTURE_H

#include "base/text.h"

#define MASK_TOKENS 3000
#define MASK_END_TOKEN 7

/* [MASK_TOKENS], made at the first call. */
extern const SlmText *mask_vocabulary(void);

#endif
