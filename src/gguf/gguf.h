/*
 * gguf.h - reading the GGUF container, versions 2 and 3
 *
 * The format (docs/gguf.md of the ggml project), all little endian:
 *
 *   "GGUF"  u32 version  u64 n_tensors  u64 n_kv
 *   n_kv times:       string key, u32 type, value
 *   n_tensors times:  string name, u32 n_dims, u64 ne[n_dims], u32 type, u64 offset
 *   padding to general.alignment (default 32)
 *   tensor data; offsets count from here, each a multiple of the alignment
 *
 * where string is u64 length and that many bytes, and an array value is
 * u32 item type, u64 count, items.
 *
 * Everything is checked here, once: after slm_gguf_parse() succeeds, every
 * name and key is unique valid UTF-8 without NUL, every tensor's type is one we
 * can load, its rows are whole blocks, and its bytes lie inside the file,
 * aligned, in file order, without overlap and without gaps.  Getters return a
 * status and never trust a type.  Strings borrow from the head bytes the caller
 * passed, which must live as long as the SlmGguf.
 *
 * Where real files are looser than the format, the rule is:
 *   - a tensor with a dimension of 0 is kept with bytes = 0, because converters
 *     write such placeholders; whoever needs the tensor refuses its shape;
 *   - the file may end right after the last tensor's bytes or anywhere in the
 *     padding behind them; bytes beyond that padding are refused.  What stands
 *     in padding is not looked at;
 *   - split.count 0 or 1 is a whole file (llama-gguf-split writes 0 when it
 *     merges); more is refused, because one file holds one model here;
 *   - a file without tensors parses: vocabularies come that way;
 *   - string values and array items are bytes: only who reads one as text knows
 *     whether it must be UTF-8.  Numbers in arrays may be NaN or infinite, a
 *     number that is a value of its own may not.
 * Only general.alignment and split.* are interpreted here; what the other keys
 * mean is the business of the floors above.
 */
#ifndef SLM_GGUF_GGUF_H
#define SLM_GGUF_GGUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/dtype.h"
#include "base/limits.h"
#include "base/source.h"
#include "base/status.h"
#include "base/text.h"

typedef enum SlmGgufType
{
	SLM_GGUF_U8 = 0,
	SLM_GGUF_I8 = 1,
	SLM_GGUF_U16 = 2,
	SLM_GGUF_I16 = 3,
	SLM_GGUF_U32 = 4,
	SLM_GGUF_I32 = 5,
	SLM_GGUF_F32 = 6,
	SLM_GGUF_BOOL = 7,
	SLM_GGUF_STRING = 8,
	SLM_GGUF_ARRAY = 9,
	SLM_GGUF_U64 = 10,
	SLM_GGUF_I64 = 11,
	SLM_GGUF_F64 = 12
} SlmGgufType;

/* "u32", "array", ...; "unknown" for a number that is no SlmGgufType. */
extern const char *slm_gguf_type_name(uint32_t type);

typedef struct SlmGgufKey
{
	SlmText name;
	uint32_t type;        /* SlmGgufType */
	uint32_t item_type;   /* for arrays */
	uint64_t count;       /* items of an array, else 1 */
	const uint8_t *value; /* first byte of the value or the first item */
	uint64_t value_bytes; /* bytes of the value or of all items */
} SlmGgufKey;

typedef struct SlmGgufTensor
{
	SlmText name;
	uint32_t n_dims;
	uint64_t ne[SLM_MAX_GGUF_DIMS]; /* ne[0] is the row length; unused ones are 1 */
	SlmDtype type;
	uint64_t offset; /* from the start of the file */
	uint64_t bytes;  /* 0 when one of ne is 0 */
} SlmGgufTensor;

typedef struct SlmGguf
{
	uint32_t version;
	uint32_t alignment;
	uint64_t data_offset; /* where tensor data starts in the file; past its end if there is none */
	uint64_t n_key;
	SlmGgufKey *key; /* sorted by name, for the look-ups */
	uint64_t n_tensor;
	SlmGgufTensor *tensor;    /* in file order of their data */
	uint32_t *tensor_by_name; /* indexes into tensor, sorted by name */
} SlmGguf;

/*
 * Parses the first head_bytes of a file of file_bytes.  When the directory
 * does not end inside the head but may end inside the file, succeeds with
 * *need_more = true and nothing else filled.  Fails with SLM_ERR_CORRUPT,
 * SLM_ERR_UNSUPPORTED or SLM_ERR_LIMIT and a message that names the key, tensor
 * or index.  Memory: from arena, about 60 bytes a key and 90 a tensor, and no more
 * of them than the file's bytes can hold.  Polls host; O(n log n) in the
 * number of keys and tensors, linear in the head.
 */
extern SlmStatus slm_gguf_parse(const uint8_t *head, size_t head_bytes, uint64_t file_bytes,
								const SlmHost *host, SlmArena *arena, SlmGguf *out, bool *need_more,
								SlmError *err) SLM_MUST_CHECK;

/*
 * Reads a file's directory from source: the first bytes in steps of at most
 * SLM_IO_STEP_BYTES, front to back, each byte once, until slm_gguf_parse() is
 * content.  Gives what was read in *head and *head_bytes (in arena, and *out
 * borrows from it): a builder hashes these bytes, finds the start of the tensor
 * data in them, and reads on at *head_bytes.  The head of a file of up to
 * SLM_IO_STEP_BYTES is the whole file.  Memory: at most four times the
 * directory, plus two steps, plus what slm_gguf_parse() takes.
 */
extern SlmStatus slm_gguf_read(const SlmSource *source, const SlmHost *host, SlmArena *arena,
							   SlmGguf *out, const uint8_t **head, size_t *head_bytes,
							   SlmError *err) SLM_MUST_CHECK;

/* Look-ups; NULL when absent. */
extern const SlmGgufKey *slm_gguf_find(const SlmGguf *gguf, const char *name);
extern const SlmGgufTensor *slm_gguf_tensor(const SlmGguf *gguf, const char *name);

/*
 * Typed getters.  found (may be NULL: then the key is required, and its
 * absence is SLM_ERR_CORRUPT) says whether the key is there; *out keeps its
 * value when it is not.  A value of a type that cannot hold what is asked for
 * is SLM_ERR_CORRUPT and names key and type.  Integers of every width and
 * sign are accepted when the value lies in [min, max]; outside it is
 * SLM_ERR_CORRUPT and names key, value and range.  Floats must be finite.
 */
extern SlmStatus slm_gguf_get_int(const SlmGguf *gguf, const char *name, int64_t min, int64_t max,
								  bool *found, int64_t *out, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_gguf_get_float(const SlmGguf *gguf, const char *name, bool *found, float *out,
									SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_gguf_get_bool(const SlmGguf *gguf, const char *name, bool *found, bool *out,
								   SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_gguf_get_string(const SlmGguf *gguf, const char *name, bool *found,
									 SlmText *out, SlmError *err) SLM_MUST_CHECK;

/* The key must be an array of exactly this item type. */
extern SlmStatus slm_gguf_get_array(const SlmGguf *gguf, const char *name, SlmGgufType item_type,
									bool *found, const SlmGgufKey **out,
									SlmError *err) SLM_MUST_CHECK;

/*
 * Walks a string array: start with *at = 0; each call gives the next string
 * and moves *at.  False at the end.
 */
extern bool slm_gguf_next_string(const SlmGgufKey *array, uint64_t *at, SlmText *out);

#endif
