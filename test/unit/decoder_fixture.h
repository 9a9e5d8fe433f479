/*
 * decoder_fixture.h - the models decoder-*.gguf and what transformers computes with them
 *
 * The models are random (test/golden/make_decoders.py); decoders.txt holds the
 * logits of transformers in double precision.
 */
#ifndef SLM_TEST_DECODER_FIXTURE_H
#define SLM_TEST_DECODER_FIXTURE_H

#include "engine/decode.h"
#include "model_fixture.h"

#define DECODER_LENGTH 420
#define DECODER_ROWS 8
#define DECODER_VOCAB 320 /* at most */
#define MAX_DECODERS 24

typedef struct DecoderGolden
{
	char path[64];
	char name[32];
	double nmse; /* at most */
	int32_t id[DECODER_LENGTH];
	int32_t row[DECODER_ROWS];
	int n; /* positions that are written down */
	struct
	{
		int at;
		int top;
		double margin; /* to the second */
		double size;   /* root mean square of all logits */
		double logit[DECODER_ROWS];
	} at[DECODER_LENGTH];
} DecoderGolden;

extern DecoderGolden decoder[MAX_DECODERS];
extern int n_decoder;

/* Reads them, once; false where the file is none. */
extern bool decoders_read(void);

/* The one of a name; NULL where there is none. */
extern const DecoderGolden *decoder_find(const char *name);

/* All logits of the golden ids, in steps of so many tokens. */
extern SlmStatus decoder_logits(ModelFixture *f, const DecoderGolden *g, int step, float *logits);

#endif
