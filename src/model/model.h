/*
 * model.h - a mapped image, ready to run
 */
#ifndef SLM_MODEL_MODEL_H
#define SLM_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host.h"
#include "base/status.h"
#include "base/text.h"
#include "tokenizer/tokenizer.h"

/* Numbers as in llama.cpp's enum llama_pooling_type. */
typedef enum SlmPooling
{
	SLM_POOLING_UNSPECIFIED = -1,
	SLM_POOLING_NONE = 0,
	SLM_POOLING_MEAN = 1,
	SLM_POOLING_CLS = 2,
	SLM_POOLING_LAST = 3,
	SLM_POOLING_RANK = 4 /* a cross-encoder: one score a pair */
} SlmPooling;

#define SLM_WORD_SHAPES 16 /* that the extraction head tells apart */
#define SLM_LINE_PLACES 4  /* of a word: 1 begins a line, 2 ends one, 3 both, 0 neither */
#define SLM_WORD_LOOKS (SLM_WORD_SHAPES * SLM_LINE_PLACES) /* shape + SLM_WORD_SHAPES * place */
#define SLM_EXTRACT_REACH 128 /* from this distance on, all share a bucket in the extraction head */
#define SLM_SENTENCE_FEATURES 8 /* that the sentence head reads behind an embedding */

/*
 * How the label head's cosines become probabilities.  One of n labels:
 * exp(s * cosine) / (exp(none + none_growth * ln n) + their sum) with s = scale +
 * scale_growth * ln n, so that what is missing to 1 is "none of these".  Each on
 * its own: sigmoid(multi_scale * cosine + multi_bias).
 */
typedef struct SlmLabelCalibration
{
	float scale;
	float scale_growth;
	float none;
	float none_growth;
	float multi_scale;
	float multi_bias;
} SlmLabelCalibration;

/*
 * Spans of the extraction head count from threshold on; confidence is
 * sigmoid(scale * logit(score) + bias).
 */
typedef struct SlmExtractCalibration
{
	float threshold;
	float scale;
	float bias;
} SlmExtractCalibration;

/* What a model says of itself; texts are borrowed from the model. */
typedef struct SlmModelInfo
{
	SlmText architecture;
	SlmText quantization; /* type of most weight bytes: "Q8_0" */
	SlmText name;         /* general.name, may be empty */
	SlmText licence;      /* general.license, may be empty */
	uint64_t n_parameter;
	uint64_t image_bytes;
	uint64_t source_bytes;
	uint8_t source_sha256[SLM_SHA256_BYTES];
	uint8_t template_sha256[SLM_SHA256_BYTES]; /* of the chat template, if has_template */
	bool has_template;
	int n_layer;
	int n_embd;
	int n_ff;
	int n_head;
	int n_vocab;
	bool can_decode;          /* continues texts: every token sees those before it only */
	bool reads_whole;         /* what comes before an answer, by a stack of its own */
	int n_context;            /* positions the file was made for */
	int n_class;              /* outputs of a sequence-classification head, 0: none */
	int n_token_class;        /* outputs of a token-classification head, 0: none */
	SlmPooling class_pooling; /* what a sequence-classification head reads: cls or mean */
	int n_span;               /* width of one channel of the extraction head, 0: none */
	bool has_label_head;
	bool has_sentence_head;
	SlmLabelCalibration label;
	SlmExtractCalibration extract;
	SlmPooling pooling;
} SlmModelInfo;

typedef struct SlmModel SlmModel;

/*
 * Opens an image that lies in memory (usually a mapping).  Checks header,
 * checksum, version and every offset, and copies the directory into private
 * memory from host, so that the image may later turn to zeros without harm.
 * O(layers), independent of the image's size.  image is borrowed until close.
 * SLM_ERR_CORRUPT when the bytes are not a whole image of this version.
 */
extern SlmStatus slm_model_open(const void *image, size_t image_bytes, const SlmHost *host,
								SlmModel **out, SlmError *err) SLM_MUST_CHECK;
extern void slm_model_close(SlmModel *model);

extern const SlmModelInfo *slm_model_info(const SlmModel *model);
extern const SlmTokenizer *slm_model_tokenizer(const SlmModel *model);

/* Label of class i of the classification head, of either kind; empty when out of range. */
extern SlmText slm_model_class_label(const SlmModel *model, int i);

#endif
