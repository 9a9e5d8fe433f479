/*
 * dtype.h - tensor types of the GGUF format, one row each
 *
 * Numbers and names are ggml's (enum ggml_type, ggml-common.h of llama.cpp).
 * A row with block_bytes = 0 is a type that was removed from the format.
 */
#ifndef SLM_BASE_DTYPE_H
#define SLM_BASE_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum SlmDtype
{
	SLM_DTYPE_F32 = 0,
	SLM_DTYPE_F16 = 1,
	SLM_DTYPE_Q4_0 = 2,
	SLM_DTYPE_Q5_0 = 6,
	SLM_DTYPE_Q8_0 = 8,
	SLM_DTYPE_Q2_K = 10,
	SLM_DTYPE_Q3_K = 11,
	SLM_DTYPE_Q4_K = 12,
	SLM_DTYPE_Q5_K = 13,
	SLM_DTYPE_Q6_K = 14,
	SLM_DTYPE_IQ4_NL = 20,
	SLM_DTYPE_IQ4_XS = 23,
	SLM_DTYPE_BF16 = 30
} SlmDtype;

typedef struct SlmDtypeInfo
{
	const char *name;
	uint32_t block_items; /* elements of one block, along ne[0] */
	uint32_t block_bytes; /* bytes of one block in a file; 0: removed type */
	bool supported;       /* we can load it */
	uint8_t n_half;       /* scales of a quantized block that are IEEE halves */
	uint8_t half_at[2];   /* where they stand in it */
} SlmDtypeInfo;

/* Row of a type number from a file; NULL when the number is unknown. */
extern const SlmDtypeInfo *slm_dtype_info(uint32_t type);

/* On-disk blocks: little endian, 32 weights each, d is IEEE half. */
typedef struct SlmBlockQ8_0
{
	uint16_t d;
	int8_t qs[32]; /* w = d * q */
} SlmBlockQ8_0;

typedef struct SlmBlockQ4_0
{
	uint16_t d;
	uint8_t qs[16]; /* item i low nibble, i + 16 high; w = d * (q - 8) */
} SlmBlockQ4_0;

typedef struct SlmBlockQ5_0
{
	uint16_t d;
	uint8_t qh[4];  /* fifth bits, item i is bit i, little endian */
	uint8_t qs[16]; /* low four bits as in Q4_0; w = d * (q - 16) */
} SlmBlockQ5_0;

/* The values that the 4-bit codes of IQ4_NL and IQ4_XS stand for. */
extern const int8_t slm_iq4_values[16];

/* The same of Q4_0: -8 .. 7. */
extern const int8_t slm_q4_values[16];

/*
 * A block of 256 of the types Q2_K to Q6_K and IQ4_XS, decoded (dtype_k.c):
 *   w[i] = (d * scale[i / 16]) * code[i] - dmin * min[i / 16]
 * in float, each operation rounded.  Types with 32 weights to a scale have each
 * scale twice; types without minima have dmin = 0 and min = 0.
 */
#define SLM_K_BLOCK 256

typedef struct SlmBlockK
{
	uint16_t d, dmin; /* IEEE halves */
	int8_t scale[SLM_K_BLOCK / 16];
	uint8_t min[SLM_K_BLOCK / 16];
	int8_t code[SLM_K_BLOCK];
} SlmBlockK;

extern bool slm_dtype_is_k(SlmDtype type);

/* type is one of these; src has the block_bytes of its row. */
extern void slm_decode_k(SlmDtype type, const uint8_t *src, SlmBlockK *out);

/*
 * Turns n elements (a multiple of the block) of a file's type into float,
 * d * q with one rounding, or as SlmBlockK says; the scalar truth for every
 * repacked layout.
 */
extern void slm_dequantize(SlmDtype type, const void *src, float *dst, int64_t n);

/*
 * Turns n floats into blocks of a type, as llama.cpp's reference quantizers do
 * (ggml-quants.c: quantize_row_*_ref).  The floats are finite; type is F32, F16,
 * BF16, Q8_0, Q5_0 or Q4_0.  Used by the model converter.
 */
extern void slm_quantize(SlmDtype type, const float *src, void *dst, int64_t n);

#endif
