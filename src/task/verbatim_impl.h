/*
 * verbatim_impl.h - places of a string in an input, for grammar.c
 */
#ifndef SLM_TASK_VERBATIM_IMPL_H
#define SLM_TASK_VERBATIM_IMPL_H

#include "task/verbatim.h"

/* Places place[lo .. hi-1] of an input that go on with the `size` bytes so far. */
typedef struct SlmPlaces
{
	uint32_t lo, hi;
	uint32_t size;
} SlmPlaces;

/* All places. */
extern SlmPlaces slm_verbatim_all(const SlmVerbatim *input);

/* Those of them that go on with byte; false when there are none. */
extern bool slm_verbatim_narrow(const SlmVerbatim *input, SlmPlaces *places, uint8_t byte);

/* The byte with which all of them go on, -1 when they differ. */
extern int slm_verbatim_only(const SlmVerbatim *input, SlmPlaces places);

/* May a string of min to max characters end behind the bytes so far; later or there? */
extern bool slm_verbatim_ends(const SlmVerbatim *input, SlmPlaces places, uint32_t min,
							  uint32_t max);
extern bool slm_verbatim_may_end(const SlmVerbatim *input, SlmPlaces places, uint32_t min,
								 uint32_t max);

/* Can the value of the grammar's tree be written?  All can where there is no input. */
extern bool slm_verbatim_possible(const SlmVerbatim *input, uint32_t value);

#endif
