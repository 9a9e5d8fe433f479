/*
 * verbatim.h - strings of a grammar that stand in an input, character by character
 *
 * Such a string begins and ends where no word is cut: not between two letters or
 * digits, nor before a mark, and not with white space; each ideograph and kana is
 * a word.  Places where one may begin are sorted by what follows them, so that all
 * places that go on with the bytes of a string so far are next to each other: two
 * numbers in a state, however many they are.  Compared are at most
 * SLM_MAX_VERBATIM_BYTES, which no such string exceeds.
 *
 * A string is taken only while from one of its places it can end within minLength
 * and maxLength.  Without minLength it may be empty: that is how a model says that
 * there is nothing.
 */
#ifndef SLM_TASK_VERBATIM_H
#define SLM_TASK_VERBATIM_H

#include "base/arena.h"
#include "base/host.h"
#include "base/text.h"
#include "task/grammar.h"

/*
 * The input that a grammar's verbatim strings are looked up in, in the arena; text
 * lives as long.  SLM_ERR_NO_VALUE when it has no string that the schema requires,
 * SLM_ERR_ENCODING when it is not UTF-8.  Polls host.
 */
extern SlmStatus slm_verbatim_new(const SlmGrammar *g, SlmText text, const SlmHost *host,
								  SlmArena *arena, SlmVerbatim **out, SlmError *err) SLM_MUST_CHECK;

/* Bytes of an arena that slm_verbatim_new() takes at most for a text of so many bytes. */
extern size_t slm_verbatim_bytes(size_t text_size);

/*
 * Where a value, not escaped, stands in the input by the rules above: byte offsets,
 * ascending, the first `room` of them.  Returns how many there are in all.
 */
extern size_t slm_verbatim_find(const SlmVerbatim *input, SlmText value, size_t *start,
								size_t room);

/* Is no word cut at the beginning and the end of bytes start .. end-1 of the input? */
extern bool slm_verbatim_is_whole(const SlmVerbatim *input, size_t start, size_t end);

#endif
