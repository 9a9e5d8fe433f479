/*
 * nfc.h - canonical composition (NFC) of a text, and the way back to its bytes
 *
 * As Hugging Face's normalizer does it, by the same tables (unicode.h).  Most
 * texts are composed: for them this is one look at each character, and no copy.
 */
#ifndef SLM_TOKENIZER_NFC_H
#define SLM_TOKENIZER_NFC_H

#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/status.h"

/* A part of the composed text that differs from its source. */
typedef struct SlmNfcEdit
{
	uint32_t start, end;
	uint32_t source_start, source_end;
} SlmNfcEdit;

typedef struct SlmNfc
{
	const uint8_t *text; /* [n] composed; the source itself when there are no edits */
	uint32_t n;
	const SlmNfcEdit *edit; /* [n_edit] in order */
	uint32_t n_edit;
} SlmNfc;

/*
 * Composes text[0..n), valid UTF-8 of at most SLM_MAX_INPUT_BYTES.  Linear time
 * whatever the marks; polls host.
 */
extern SlmStatus slm_nfc(const uint8_t *text, uint32_t n, const SlmHost *host, SlmArena *arena,
						 SlmNfc *out, SlmError *err) SLM_MUST_CHECK;

/*
 * Source byte where what starts at a byte of the composed text starts, and where
 * what ends there ends.  *edit is a place in the list, 0 at first, for calls with places
 * that never decrease.
 */
extern uint32_t slm_nfc_start(const SlmNfc *nfc, uint32_t at, uint32_t *edit);
extern uint32_t slm_nfc_end(const SlmNfc *nfc, uint32_t at, uint32_t *edit);

#endif
