/*
 * malformed.c - the corpus of hostile and odd model files
 *
 * Functions are named by the case they make.  A variant indexes the function's
 * own list of values.
 */
#include "malformed.h"

#include <stdio.h>
#include <string.h>

/* What a case starts from. */
static void
base(GgufBuilder *b)
{
	gguf_begin(b);
	gguf_add_bert(b, SLM_DTYPE_F32, 8, 16);
}

static void
base_file(GgufBytes *file)
{
	GgufBuilder b;

	base(&b);
	gguf_finish(&b, file);
}

static void
set_u32(GgufBytes *file, size_t at, uint32_t value)
{
	memcpy(file->data + at, &value, sizeof(value));
}

static void
set_u64(GgufBytes *file, size_t at, uint64_t value)
{
	memcpy(file->data + at, &value, sizeof(value));
}

#define VERSION_AT 4
#define N_TENSOR_AT 8
#define N_KEY_AT 16

/* H: header */

static void
h01(GgufBytes *file, int variant)
{
	(void) variant;
	file->size = 0;
}

static void
h02(GgufBytes *file, int variant)
{
	base_file(file);
	file->size = (size_t) variant;
}

static void
h03(GgufBytes *file, int variant)
{
	(void) variant;
	base_file(file);
	file->data[3] = 'X';
}

static void
h04(GgufBytes *file, int variant)
{
	static const char *const magic[] = {"lmgg", "fmgg", "tjgg", "algg"};

	base_file(file);
	memcpy(file->data, magic[variant], 4);
}

/* H05 to H08 */
static void
version(GgufBytes *file, int variant)
{
	static const uint32_t value[] = {0, 1, 4, 1U << 31, 3U << 24, 2U << 24};

	base_file(file);
	set_u32(file, VERSION_AT, value[variant]);
}

static const uint64_t counts[] = {UINT64_MAX, 1ULL << 63, UINT32_MAX, 1ULL << 59};

/* H09, H11 */
static void
n_tensor(GgufBytes *file, int variant)
{
	base_file(file);
	set_u64(file, N_TENSOR_AT, counts[variant]);
}

static void
h10(GgufBytes *file, int variant)
{
	base_file(file);
	set_u64(file, N_KEY_AT, counts[variant]);
}

static void
h12(GgufBytes *file, int variant)
{
	(void) variant;
	base_file(file);
	set_u64(file, N_KEY_AT, (file->size - 24) / 14 + 1);
}

static void
h13(GgufBytes *file, int variant)
{
	(void) variant;
	base_file(file);
	set_u64(file, N_TENSOR_AT, (file->size - 24) / 33 + 1);
}

static void
h14(GgufBytes *file, int variant)
{
	GgufBuilder b;

	(void) variant;
	base(&b);
	b.n_tensor = 0;
	b.directory.size = 0;
	b.data.size = 0;
	gguf_finish(&b, file);
}

/* A million keys in no order; variant 1 has one of them twice. */
static void
h15(GgufBytes *file, int variant)
{
	GgufBuilder b;
	char name[32];

	base(&b);
	for (uint32_t i = 0; i < 1000000; i++)
	{
		snprintf(name, sizeof(name), "k.%u", (unsigned) (i * 7919ULL % 1000000));
		gguf_add_scalar(&b, name, SLM_GGUF_U8, 0);
	}
	if (variant == 1)
		gguf_add_scalar(&b, "k.54321", SLM_GGUF_U8, 0);
	gguf_finish(&b, file);
}

/* H17, with sparse_bytes: as long as the limit and beyond it */
static void
h17(GgufBytes *file, int variant)
{
	(void) variant;
	base_file(file);
}

static void
h19(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	(void) gguf_next_offset(&b); /* pads the last tensor */
	gguf_finish(&b, file);
	gguf_put_zeros(file, variant == 0 ? 1 : 4096);
}

static void
h20(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	switch (variant)
	{
		case 0:
		case 1:
			gguf_add_scalar(&b, "split.count", SLM_GGUF_U16, (uint64_t) variant);
			gguf_add_scalar(&b, "split.no", SLM_GGUF_U16, 0);
			break;
		case 2:
			gguf_add_scalar(&b, "split.count", SLM_GGUF_U16, 65535);
			break;
		case 3:
			gguf_add_scalar(&b, "split.count", SLM_GGUF_U16, 3);
			gguf_add_scalar(&b, "split.no", SLM_GGUF_U16, 1);
			break;
		case 4:
			gguf_add_string(&b, "split.count", "3");
			break;
		case 5:
			gguf_add_scalar(&b, "split.count", SLM_GGUF_U64, 65536);
			break;
		case 6:
			gguf_add_scalar(&b, "split.count", SLM_GGUF_U16, 3);
			gguf_add_scalar(&b, "split.no", SLM_GGUF_U16, 3);
			break;
		case 7:
			gguf_add_scalar(&b, "split.no", SLM_GGUF_U16, 1);
			break;
	}
	gguf_finish(&b, file);
}

/* K: keys and values */

/* A key with any bytes for a name. */
static void
add_named_key(GgufBuilder *b, const char *name, size_t n)
{
	b->n_key++;
	gguf_put_text(&b->keys, name, n);
	gguf_put_u32(&b->keys, SLM_GGUF_U8);
	gguf_put_u8(&b->keys, 0);
}

static void
k01(GgufBytes *file, int variant)
{
	GgufBuilder b;

	(void) variant;
	base(&b);
	add_named_key(&b, "", 0);
	gguf_finish(&b, file);
}

/* K02, K03 */
static void
key_length(GgufBytes *file, int variant)
{
	static const uint64_t length[] = {UINT64_MAX, UINT64_MAX - 8, 1ULL << 63, 1 << 20};
	GgufBuilder b;

	base(&b);
	b.n_key++;
	gguf_put_u64(&b.keys, length[variant]);
	gguf_finish(&b, file);
}

static void
k04(GgufBytes *file, int variant)
{
	static char name[65536];
	GgufBuilder b;

	memset(name, 'k', sizeof(name));
	base(&b);
	add_named_key(&b, name, variant == 0 ? 65535 : 65536);
	gguf_finish(&b, file);
}

static void
k05(GgufBytes *file, int variant)
{
	GgufBuilder b;

	(void) variant;
	base(&b);
	add_named_key(&b, "general\0name", 12);
	gguf_finish(&b, file);
}

/* Not a continuation, overlong, a surrogate, past U+10FFFF, cut off. */
static const char *const bad_utf8[] = {"a\xff", "a\xc0\xaf", "a\xed\xa0\x80", "a\xf4\x90\x80\x80",
									   "a\xe2\x82"};

static void
k06(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	add_named_key(&b, bad_utf8[variant], strlen(bad_utf8[variant]));
	gguf_finish(&b, file);
}

static void
k07(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	if (variant == 0)
		gguf_add_string(&b, "general.name", "micro");
	else
		gguf_add_u32(&b, "bert.block_count", 1);
	gguf_finish(&b, file);
}

static const uint32_t bad_types[] = {13, 255, UINT32_MAX};

static void
k08(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	gguf_add_key(&b, "x.value", bad_types[variant]);
	gguf_put_u64(&b.keys, 0);
	gguf_finish(&b, file);
}

static void
k09(GgufBytes *file, int variant)
{
	static const uint64_t length[] = {1ULL << 63, UINT64_MAX};
	GgufBuilder b;

	base(&b);
	gguf_add_key(&b, "x.text", SLM_GGUF_STRING);
	gguf_put_u64(&b.keys, length[variant]);
	gguf_finish(&b, file);
}

/* At the cap and beyond it, as a value and as an item of an array. */
static void
k10(GgufBytes *file, int variant)
{
	size_t length = SLM_MAX_GGUF_STRING_BYTES + (size_t) (variant & 1);
	GgufBuilder b;

	base(&b);
	if (variant < 2)
		gguf_add_key(&b, "x.text", SLM_GGUF_STRING);
	else
		gguf_add_array(&b, "x.texts", SLM_GGUF_STRING, 1);
	gguf_put_u64(&b.keys, length);
	gguf_put_zeros(&b.keys, length);
	gguf_finish(&b, file);
}

static void
k11(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	gguf_add_array(&b, "x.list", bad_types[variant], 1);
	gguf_put_u64(&b.keys, 0);
	gguf_finish(&b, file);
}

/* K12: depth 2; K13: depth 100,000 */
static void
nested(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	gguf_add_array(&b, "x.nest", SLM_GGUF_ARRAY, 1);
	for (int depth = 2; depth < variant; depth++)
	{
		gguf_put_u32(&b.keys, SLM_GGUF_ARRAY);
		gguf_put_u64(&b.keys, 1);
	}
	gguf_put_u32(&b.keys, SLM_GGUF_U8);
	gguf_put_u64(&b.keys, 1);
	gguf_put_u8(&b.keys, 0);
	gguf_finish(&b, file);
}

/* A file of nothing but one array of 2^62 items. */
static void
k14(GgufBytes *file, int variant)
{
	static const uint32_t type[] = {SLM_GGUF_U8, SLM_GGUF_F32, SLM_GGUF_STRING, SLM_GGUF_BOOL};
	GgufBuilder b;

	gguf_begin(&b);
	b.alignment = 0;
	gguf_add_array(&b, "x", type[variant], 1ULL << 62);
	gguf_finish(&b, file);
}

/* Counts whose product with the item size is 0, small or negative. */
static void
k15(GgufBytes *file, int variant)
{
	static const uint64_t count[] = {1ULL << 61, (1ULL << 61) + 1, 1ULL << 60, UINT64_MAX};
	GgufBuilder b;

	base(&b);
	gguf_add_array(&b, "x.list", SLM_GGUF_U64, count[variant]);
	gguf_put_u64(&b.keys, 0);
	gguf_finish(&b, file);
}

static void
k16(GgufBytes *file, int variant)
{
	static const uint64_t length[] = {1 << 20, UINT64_MAX};
	GgufBuilder b;

	base(&b);
	gguf_add_array(&b, "x.texts", SLM_GGUF_STRING, 3);
	gguf_put_string(&b.keys, "one");
	gguf_put_string(&b.keys, "two");
	gguf_put_u64(&b.keys, length[variant]);
	gguf_finish(&b, file);
}

static void
k17(GgufBytes *file, int variant)
{
	GgufBuilder b;

	(void) variant;
	base(&b);
	gguf_add_array(&b, "x.flags", SLM_GGUF_BOOL, 3);
	gguf_put(&b.keys, "\0\1\2", 3);
	gguf_finish(&b, file);
}

static void
k18(GgufBytes *file, int variant)
{
	GgufBuilder b;

	(void) variant;
	base(&b);
	gguf_add_scalar(&b, "x.flag", SLM_GGUF_BOOL, 255);
	gguf_finish(&b, file);
}

static void
k19(GgufBytes *file, int variant)
{
	static const uint64_t bits[] = {
		0x7fc00000,           0x7f800000, 0xff800000, 0x7ff8000000000000ULL, 0x7ff0000000000000ULL,
		0xfff0000000000000ULL};
	GgufBuilder b;

	base(&b);
	gguf_add_scalar(&b, "x.scale", variant < 3 ? SLM_GGUF_F32 : SLM_GGUF_F64, bits[variant]);
	gguf_finish(&b, file);
}

/* The variant is the alignment; the data is laid out for the default. */
static void
k20(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	gguf_add_u32(&b, "general.alignment", (uint32_t) variant);
	gguf_finish(&b, file);
}

static void
k20_odd(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	switch (variant)
	{
		case 100:
			gguf_add_u32(&b, "general.alignment", 1U << 31);
			break;
		case 101:
			gguf_add_u32(&b, "general.alignment", SLM_MAX_GGUF_ALIGNMENT * 2);
			break;
		case 102:
			gguf_add_scalar(&b, "general.alignment", SLM_GGUF_U64, 32);
			break;
		case 103:
			gguf_add_string(&b, "general.alignment", "32");
			break;
	}
	gguf_finish(&b, file);
}

/* The alignments that are right, with the data laid out for them. */
static void
k20_good(GgufBytes *file, int variant)
{
	GgufBuilder b;

	gguf_begin(&b);
	b.alignment = (uint32_t) variant;
	gguf_add_u32(&b, "general.alignment", b.alignment);
	gguf_add_bert(&b, SLM_DTYPE_F32, 8, 16);
	gguf_finish(&b, file);
}

/* Gives a key or tensor of the base another name, so that its own is missing. */
static void
hide(GgufBytes *bytes, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at + n <= bytes->size; at++)
	{
		if (memcmp(bytes->data + at, name, n) == 0)
		{
			bytes->data[at] = 'x';
			return;
		}
	}
}

/* K21: architecture missing, unknown, not a string, 1 MB long, not UTF-8 */
static void
k21(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	hide(&b.keys, "general.architecture");
	switch (variant)
	{
		case 1:
			gguf_add_string(&b, "general.architecture", "transmogrifier");
			break;
		case 2:
			gguf_add_u32(&b, "general.architecture", 1);
			break;
		case 3:
			gguf_add_key(&b, "general.architecture", SLM_GGUF_STRING);
			gguf_put_u64(&b.keys, 1 << 20);
			gguf_put_zeros(&b.keys, 1 << 20);
			break;
		case 4:
			gguf_add_string(&b, "general.architecture", "bert\xff");
			break;
	}
	gguf_finish(&b, file);
}

/* K22: a count that is no count */
static void
k22(GgufBytes *file, int variant)
{
	static const char *const key[] = {"bert.block_count", "bert.embedding_length",
									  "bert.context_length"};
	GgufBuilder b;

	base(&b);
	hide(&b.keys, key[variant % 3]);
	if (variant < 3)
		gguf_add_scalar(&b, key[variant % 3], SLM_GGUF_I32, (uint32_t) -1);
	else
		gguf_add_scalar(&b, key[variant % 3], SLM_GGUF_U64, (1ULL << 31) + 1);
	gguf_finish(&b, file);
}

/* K23: a required key of the wrong type */
static void
k23(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	switch (variant)
	{
		case 0:
			hide(&b.keys, "bert.embedding_length");
			gguf_add_string(&b, "bert.embedding_length", "8");
			break;
		case 1:
			hide(&b.keys, "bert.attention.layer_norm_epsilon");
			gguf_add_u32(&b, "bert.attention.layer_norm_epsilon", 1);
			break;
	}
	gguf_finish(&b, file);
}

/* K24: an array with a number per layer, for more layers than there are */
static void
k24(GgufBytes *file, int variant)
{
	static const int32_t width[] = {16, 16};
	GgufBuilder b;

	(void) variant;
	base(&b);
	hide(&b.keys, "bert.feed_forward_length");
	gguf_add_i32s(&b, "bert.feed_forward_length", width, 2);
	gguf_finish(&b, file);
}

/* Heads: whole, a key alone, a tensor alone, a layer too many. */
static void
k25(GgufBytes *file, int variant)
{
	static const uint64_t square[] = {8, 8};
	GgufBuilder b;

	base(&b);
	switch (variant)
	{
		case 0:
			gguf_add_heads(&b, SLM_DTYPE_F32, 8, 16, 4, 3);
			break;
		case 1:
			gguf_add_u32(&b, "bert.extract.block_count", 1);
			break;
		case 2:
			gguf_add_tensor(&b, "label_name.weight", SLM_DTYPE_F32, 2, square, NULL);
			break;
		case 3:
			gguf_add_heads(&b, SLM_DTYPE_F32, 8, 16, 4, 3);
			gguf_add_tensor(&b, "blk.2.attn_q.weight", SLM_DTYPE_F32, 2, square, NULL);
			break;
	}
	gguf_finish(&b, file);
}

/* T: the tensor table */

/* The base and one more tensor of F32, with data, under any name. */
static void
extra_tensor(GgufBytes *file, const char *name, size_t n)
{
	uint64_t offset;
	GgufBuilder b;

	base(&b);
	offset = gguf_next_offset(&b);
	b.n_tensor++;
	gguf_put_text(&b.directory, name, n);
	gguf_put_u32(&b.directory, 1);
	gguf_put_u64(&b.directory, 8);
	gguf_put_u32(&b.directory, SLM_DTYPE_F32);
	gguf_put_u64(&b.directory, offset);
	gguf_put_zeros(&b.data, 32);
	gguf_finish(&b, file);
}

static void
t01(GgufBytes *file, int variant)
{
	(void) variant;
	extra_tensor(file, "", 0);
}

/* The variant is the length of the name. */
static void
t02(GgufBytes *file, int variant)
{
	char name[128];

	memset(name, 'n', sizeof(name));
	extra_tensor(file, name, (size_t) variant);
}

static void
t03(GgufBytes *file, int variant)
{
	if (variant == 5)
		extra_tensor(file, "a\0b", 3);
	else
		extra_tensor(file, bad_utf8[variant], strlen(bad_utf8[variant]));
}

static void
t04(GgufBytes *file, int variant)
{
	(void) variant;
	extra_tensor(file, "blk.0.attn_q.bias", 17);
}

static void
t05(GgufBytes *file, int variant)
{
	static const uint32_t n_dims[] = {0, 5, UINT32_MAX};
	GgufBuilder b;

	base(&b);
	b.n_tensor++;
	gguf_put_string(&b.directory, "x.weight");
	gguf_put_u32(&b.directory, n_dims[variant]);
	for (int i = 0; i < 5; i++)
		gguf_put_u64(&b.directory, 1);
	gguf_put_u32(&b.directory, SLM_DTYPE_F32);
	gguf_put_u64(&b.directory, gguf_next_offset(&b));
	gguf_put_zeros(&b.data, 32);
	gguf_finish(&b, file);
}

/* The base and one more entry of these sizes, without data of its own. */
static void
extra_entry(GgufBytes *file, uint64_t ne0, uint64_t ne1, uint32_t type, uint64_t offset_shift)
{
	const uint64_t ne[] = {ne0, ne1};
	GgufBuilder b;

	base(&b);
	gguf_add_entry(&b, "x.weight", 2, ne, type, gguf_next_offset(&b) + offset_shift);
	gguf_finish(&b, file);
}

/* An empty tensor at the end, between others, with ne[0] = 0 */
static void
t06(GgufBytes *file, int variant)
{
	const uint64_t ne[] = {8, 0};
	GgufBuilder b;

	if (variant != 1)
	{
		extra_entry(file, variant == 0 ? 8 : 0, variant == 0 ? 0 : 8, SLM_DTYPE_F32, 0);
		return;
	}
	base(&b);
	gguf_add_entry(&b, "x.empty", 2, ne, SLM_DTYPE_F32, gguf_next_offset(&b));
	gguf_add_tensor(&b, "x.full", SLM_DTYPE_F32, 1, ne, NULL);
	gguf_finish(&b, file);
}

/* The same for a tensor that the model needs. */
static void
t06_needed(GgufBytes *file, int variant)
{
	const uint64_t ne[] = {8, 0};
	GgufBuilder b;

	(void) variant;
	base(&b);
	hide(&b.directory, "blk.0.attn_q.weight");
	gguf_add_entry(&b, "blk.0.attn_q.weight", 2, ne, SLM_DTYPE_F32, gguf_next_offset(&b));
	gguf_finish(&b, file);
}

/* T07 negative, T08 to T10 products that wrap, T11 and T12 bytes that wrap */
static void
sizes(GgufBytes *file, int variant)
{
	static const struct
	{
		uint64_t ne0, ne1;
		uint32_t type;
	} size[] = {
		{UINT64_MAX, 1, SLM_DTYPE_F32},             /* 0: -1 */
		{1ULL << 63, 1, SLM_DTYPE_F32},             /* 1: the least integer */
		{0, UINT64_MAX, SLM_DTYPE_F32},             /* 2: -1 behind a zero */
		{6148914691236517206ULL, 3, SLM_DTYPE_F32}, /* 3: product 2 */
		{1ULL << 32, 1ULL << 32, SLM_DTYPE_F32},    /* 4: product 0 */
		{1ULL << 62, 2, SLM_DTYPE_F32},             /* 5: product negative */
		{1ULL << 62, 1, SLM_DTYPE_F32},             /* 6: bytes 0 */
		{(1ULL << 62) + 2, 1, SLM_DTYPE_F32},       /* 7: bytes 8 */
		{INT64_MAX, 1, SLM_DTYPE_F16},              /* 8: bytes 2^64 - 2 */
		{1ULL << 40, 1, SLM_DTYPE_F32},             /* 9: no wrap, only large */
	};

	extra_entry(file, size[variant].ne0, size[variant].ne1, size[variant].type, 0);
}

static void
t13(GgufBytes *file, int variant)
{
	static const uint64_t ne[] = {1, 31, 33};

	extra_entry(file, ne[variant], 32, SLM_DTYPE_Q8_0, 0);
}

/* T14 unknown, T15 removed, T16 not supported: the variant is the type. */
static void
type(GgufBytes *file, int variant)
{
	extra_entry(file, 256, 1, (uint32_t) variant, 0);
}

static void
t14(GgufBytes *file, int variant)
{
	static const uint32_t value[] = {UINT32_MAX, 42, 1U << 31};

	extra_entry(file, 256, 1, value[variant], 0);
}

/* Offsets: T17 not aligned, T18 past the file, T19 that wrap */
static void
offsets(GgufBytes *file, int variant)
{
	static const uint64_t shift[] = {8, 1, 1 << 20, 1ULL << 40};
	GgufBuilder b;
	const uint64_t ne[] = {8, 1};

	if (variant < 4)
	{
		extra_entry(file, 8, 1, SLM_DTYPE_F32, shift[variant]);
		return;
	}
	base(&b);
	gguf_add_entry(&b, "x.weight", 2, ne, SLM_DTYPE_F32,
				   variant == 4 ? UINT64_MAX - 31 : 1ULL << 63);
	gguf_finish(&b, file);
}

static void
t20(GgufBytes *file, int variant)
{
	(void) variant;
	base_file(file);
	file->size--;
}

/*
 * Two tensors of 64 bytes: T21 at one place, T22 the second a block too early,
 * T23 a block too late, T24 the first short by a block.
 */
static void
placement(GgufBytes *file, int variant)
{
	const uint64_t ne[] = {16};
	uint64_t first;
	GgufBuilder b;

	base(&b);
	first = gguf_next_offset(&b);
	gguf_add_entry(&b, "x.first", 1, ne, SLM_DTYPE_F32, first);
	switch (variant)
	{
		case 21:
			gguf_add_entry(&b, "x.second", 1, ne, SLM_DTYPE_F32, first);
			gguf_put_zeros(&b.data, 64);
			break;
		case 22:
			gguf_add_entry(&b, "x.second", 1, ne, SLM_DTYPE_F32, first + 32);
			gguf_put_zeros(&b.data, 96);
			break;
		case 23:
			gguf_add_entry(&b, "x.second", 1, ne, SLM_DTYPE_F32, first + 96);
			gguf_put_zeros(&b.data, 160);
			break;
		case 24:
			gguf_put_zeros(&b.data, 32);
			gguf_add_tensor(&b, "x.second", SLM_DTYPE_F32, 1, ne, NULL);
			break;
	}
	gguf_finish(&b, file);
}

/* The first tensor does not begin where the data does. */
static void
t23_front(GgufBytes *file, int variant)
{
	GgufBuilder b;

	(void) variant;
	gguf_begin(&b);
	gguf_put_zeros(&b.data, 32);
	gguf_add_bert(&b, SLM_DTYPE_F32, 8, 16);
	gguf_finish(&b, file);
}

/* Two tensors, each of 2^63 bytes and so together of 0 */
static void
t25(GgufBytes *file, int variant)
{
	const uint64_t ne[] = {1ULL << 61};
	GgufBuilder b;

	(void) variant;
	base(&b);
	gguf_add_entry(&b, "x.first", 1, ne, SLM_DTYPE_F32, gguf_next_offset(&b));
	gguf_add_entry(&b, "x.second", 1, ne, SLM_DTYPE_F32, gguf_next_offset(&b));
	gguf_finish(&b, file);
}

/* The file ends before its data begins: right behind the directory, or in the padding. */
static void
t26(GgufBytes *file, int variant)
{
	GgufBuilder b;

	base(&b);
	b.data.size = 0;
	if (variant == 0)
		b.alignment = 0;
	gguf_finish(&b, file);
	if (variant == 1)
		file->size--;
}

/* Cut at every 4 KiB. */
static void
t27(GgufBytes *file, int variant)
{
	GgufBuilder b;

	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 32);
	gguf_finish(&b, file);
	file->size = (size_t) variant * 4096;
}

/* The last tensor ends the file: without padding, with it, within it */
static void
t28(GgufBytes *file, int variant)
{
	static const uint64_t ne[] = {9};
	GgufBuilder b;

	base(&b);
	gguf_add_tensor(&b, "x.last", SLM_DTYPE_F32, 1, ne, NULL);
	gguf_put_zeros(&b.data, variant == 0 ? 0 : variant == 1 ? 28 : 5);
	gguf_finish(&b, file);
}

/* A type of another project whose rows have a header before their blocks. */
static void
t29(GgufBytes *file, int variant)
{
	(void) variant;
	extra_entry(file, 256, 1, 144, 0);
}

#define PARSE(id, from, to, status, message, make)                                                 \
	{                                                                                              \
		id, from, to, MALFORMED_PARSE, SLM_ERR_##status, message, make, 0                          \
	}
#define MODEL(id, from, to, status, message, make)                                                 \
	{                                                                                              \
		id, from, to, MALFORMED_MODEL, SLM_ERR_##status, message, make, 0                          \
	}
#define ACCEPT(id, from, to, make)                                                                 \
	{                                                                                              \
		id, from, to, MALFORMED_ACCEPT, SLM_OK, NULL, make, 0                                      \
	}

const MalformedCase malformed_cases[] = {
	PARSE("H01", 0, 0, CORRUPT, "model file is empty", h01),
	PARSE("H02", 1, 23, CORRUPT, "model file header runs past the end of the model file", h02),
	PARSE("H02", 24, 24, CORRUPT, "more than a file of 24 bytes can hold", h02),
	PARSE("H03", 0, 0, CORRUPT, "model file is not GGUF: it starts with \"GGUX\"", h03),
	PARSE("H04", 0, 3, UNSUPPORTED, "is of a format older than GGUF", h04),
	PARSE("H05", 0, 0, UNSUPPORTED, "says GGUF version 0,", version),
	PARSE("H06", 1, 1, UNSUPPORTED, "says GGUF version 1,", version),
	PARSE("H07", 2, 2, UNSUPPORTED, "says GGUF version 4,", version),
	PARSE("H07", 3, 3, UNSUPPORTED, "says GGUF version 2147483648,", version),
	PARSE("H08", 4, 4, UNSUPPORTED, "says version 3 in big-endian order", version),
	PARSE("H08", 5, 5, UNSUPPORTED, "says version 2 in big-endian order", version),
	PARSE("H09", 0, 0, CORRUPT, "declares 18446744073709551615 tensors, more than", n_tensor),
	PARSE("H09", 1, 1, CORRUPT, "declares 9223372036854775808 tensors, more than", n_tensor),
	PARSE("H09", 2, 2, CORRUPT, "declares 4294967295 tensors, more than", n_tensor),
	PARSE("H10", 0, 0, CORRUPT, "declares 18446744073709551615 keys, more than", h10),
	PARSE("H10", 1, 1, CORRUPT, "declares 9223372036854775808 keys, more than", h10),
	PARSE("H10", 2, 2, CORRUPT, "declares 4294967295 keys, more than", h10),
	PARSE("H11", 3, 3, CORRUPT, "declares 576460752303423488 tensors, more than", n_tensor),
	PARSE("H12", 0, 0, CORRUPT, "keys, more than a file of", h12),
	PARSE("H13", 0, 0, CORRUPT, "tensors, more than a file of", h13),
	MODEL("H14", 0, 0, CORRUPT, "token_embd.weight", h14),
	ACCEPT("H15", 0, 0, h15),
	PARSE("H15", 1, 1, CORRUPT, "key \"k.54321\" appears more than once", h15),
	{"H17", 0, 0, MALFORMED_PARSE, SLM_ERR_CORRUPT, "bytes after the end of its tensor data", h17,
	 SLM_MAX_FILE_BYTES},
	{"H17", 1, 1, MALFORMED_PARSE, SLM_ERR_LIMIT,
	 "model file of 68719476737 bytes exceeds the limit of 68719476736", h17,
	 SLM_MAX_FILE_BYTES + 1},
	PARSE("H19", 0, 0, CORRUPT, "model file has 1 bytes after the end of its tensor data", h19),
	PARSE("H19", 1, 1, CORRUPT, "model file has 4096 bytes after the end of its tensor data", h19),
	ACCEPT("H20", 0, 1, h20),
	PARSE("H20", 2, 2, UNSUPPORTED, "part 1 of 65535 (key \"split.count\")", h20),
	PARSE("H20", 3, 3, UNSUPPORTED, "part 2 of 3 (key \"split.count\")", h20),
	PARSE("H20", 4, 4, CORRUPT, "key \"split.count\" has type string, not an integer", h20),
	PARSE("H20", 5, 5, CORRUPT, "key \"split.count\" is 65536, outside 0 to 65535", h20),
	PARSE("H20", 6, 6, CORRUPT, "key \"split.no\" is 3 in a model file of 3 parts", h20),
	PARSE("H20", 7, 7, CORRUPT, "key \"split.no\" is 1 in a model file of 1 parts", h20),

	PARSE("K01", 0, 0, CORRUPT, "key 23 of 23 has an empty name", k01),
	PARSE("K02", 0, 0, CORRUPT, "key 23 of 23 has a name of 18446744073709551615 bytes",
		  key_length),
	PARSE("K02", 1, 1, CORRUPT, "key 23 of 23 has a name of 18446744073709551607 bytes",
		  key_length),
	PARSE("K02", 2, 2, CORRUPT, "key 23 of 23 has a name of 9223372036854775808 bytes", key_length),
	PARSE("K03", 3, 3, CORRUPT, "key 23 of 23 has a name of 1048576 bytes where", key_length),
	ACCEPT("K04", 0, 0, k04),
	PARSE("K04", 1, 1, LIMIT, "has a name of 65536 bytes, which exceeds the limit of 65535", k04),
	PARSE("K05", 0, 0, CORRUPT, "key \"general\\x00name\" has a NUL byte in its name", k05),
	PARSE("K06", 0, 0, CORRUPT, "key \"a\\xff\" has a name that is not UTF-8 at byte 1", k06),
	PARSE("K06", 1, 4, CORRUPT, "has a name that is not UTF-8 at byte 1", k06),
	PARSE("K07", 0, 0, CORRUPT, "key \"general.name\" appears more than once", k07),
	PARSE("K07", 1, 1, CORRUPT, "key \"bert.block_count\" appears more than once", k07),
	PARSE("K08", 0, 0, CORRUPT, "key \"x.value\" has unknown value type 13", k08),
	PARSE("K08", 1, 1, CORRUPT, "key \"x.value\" has unknown value type 255", k08),
	PARSE("K08", 2, 2, CORRUPT, "key \"x.value\" has unknown value type 4294967295", k08),
	PARSE("K09", 0, 0, CORRUPT, "key \"x.text\" has a string of 9223372036854775808 bytes", k09),
	PARSE("K09", 1, 1, CORRUPT, "key \"x.text\" has a string of 18446744073709551615 bytes", k09),
	ACCEPT("K10", 0, 0, k10),
	PARSE("K10", 1, 1, LIMIT,
		  "key \"x.text\" has a string of 16777217 bytes, which exceeds the limit of 16777216",
		  k10),
	ACCEPT("K10", 2, 2, k10),
	PARSE("K10", 3, 3, LIMIT, "key \"x.texts\" has a string of 16777217 bytes", k10),
	PARSE("K11", 0, 0, CORRUPT, "key \"x.list\" is an array of unknown item type 13", k11),
	PARSE("K11", 1, 1, CORRUPT, "key \"x.list\" is an array of unknown item type 255", k11),
	PARSE("K11", 2, 2, CORRUPT, "key \"x.list\" is an array of unknown item type 4294967295", k11),
	PARSE("K12", 2, 2, UNSUPPORTED, "key \"x.nest\" is an array of arrays", nested),
	PARSE("K13", 100000, 100000, UNSUPPORTED, "key \"x.nest\" is an array of arrays", nested),
	PARSE("K14", 0, 3, CORRUPT, "key \"x\" is an array of 4611686018427387904 items where", k14),
	PARSE("K15", 0, 0, CORRUPT, "key \"x.list\" is an array of 2305843009213693952 items", k15),
	PARSE("K15", 1, 1, CORRUPT, "key \"x.list\" is an array of 2305843009213693953 items", k15),
	PARSE("K15", 2, 2, CORRUPT, "key \"x.list\" is an array of 1152921504606846976 items", k15),
	PARSE("K15", 3, 3, CORRUPT, "key \"x.list\" is an array of 18446744073709551615 items", k15),
	PARSE("K16", 0, 0, CORRUPT, "key \"x.texts\" has a string of 1048576 bytes where", k16),
	PARSE("K16", 1, 1, CORRUPT, "key \"x.texts\" has a string of 18446744073709551615 bytes", k16),
	PARSE("K17", 0, 0, CORRUPT, "key \"x.flags\" has a boolean that is 2 at index 2", k17),
	PARSE("K18", 0, 0, CORRUPT, "key \"x.flag\" has a boolean that is 255 at index 0", k18),
	PARSE("K19", 0, 5, CORRUPT, "key \"x.scale\" is not a finite number", k19),
	PARSE("K20", 0, 7, CORRUPT, "not a power of two from 8 up", k20),
	PARSE("K20", 13, 13, CORRUPT, "key \"general.alignment\" is 13, not a power of two", k20),
	PARSE("K20", 24, 24, CORRUPT, "key \"general.alignment\" is 24, not a power of two", k20),
	PARSE("K20", 100, 100, LIMIT, "is 2147483648, which exceeds the limit of 1048576", k20_odd),
	PARSE("K20", 101, 101, LIMIT, "is 2097152, which exceeds the limit of 1048576", k20_odd),
	PARSE("K20", 102, 102, CORRUPT, "key \"general.alignment\" has type u64, not u32", k20_odd),
	PARSE("K20", 103, 103, CORRUPT, "key \"general.alignment\" has type string, not u32", k20_odd),
	ACCEPT("K20", 8, 8, k20_good),
	ACCEPT("K20", 256, 256, k20_good),
	MODEL("K21", 0, 0, CORRUPT, "key \"general.architecture\"", k21),
	MODEL("K21", 1, 1, UNSUPPORTED, "\"transmogrifier\"", k21),
	MODEL("K21", 2, 2, CORRUPT, "key \"general.architecture\" has type u32", k21),
	MODEL("K21", 3, 3, UNSUPPORTED, "\\x00\\x00\\x00", k21),
	MODEL("K21", 4, 4, UNSUPPORTED, "\"bert\\xff\"", k21),
	MODEL("K22", 0, 0, CORRUPT, "key \"bert.block_count\" is -1, outside", k22),
	MODEL("K22", 1, 1, CORRUPT, "key \"bert.embedding_length\" is -1, outside", k22),
	MODEL("K22", 2, 2, CORRUPT, "key \"bert.context_length\" is -1, outside", k22),
	MODEL("K22", 3, 3, CORRUPT, "key \"bert.block_count\" is 2147483649, outside", k22),
	MODEL("K22", 4, 4, CORRUPT, "key \"bert.embedding_length\" is 2147483649, outside", k22),
	MODEL("K22", 5, 5, CORRUPT, "key \"bert.context_length\" is 2147483649, outside", k22),
	MODEL("K23", 0, 0, CORRUPT, "key \"bert.embedding_length\" has type string, not an integer",
		  k23),
	MODEL("K23", 1, 1, CORRUPT,
		  "key \"bert.attention.layer_norm_epsilon\" has type u32, not a float", k23),
	MODEL("K24", 0, 0, CORRUPT, "key \"bert.feed_forward_length\" is an array of i32", k24),
	ACCEPT("K25", 0, 0, k25),
	MODEL("K25", 1, 1, CORRUPT, "tensor \"ext_token.weight\" is missing", k25),
	MODEL("K25", 2, 2, CORRUPT, "lacks the key \"bert.label.scale\"", k25),
	MODEL("K25", 3, 3, CORRUPT, "\"blk.2.attn_q.weight\" is beyond the 2 layers", k25),

	PARSE("T01", 0, 0, CORRUPT, "tensor 22 of 22 has an empty name", t01),
	ACCEPT("T02", 63, 63, t02),
	PARSE("T02", 64, 64, LIMIT, "tensor 22 of 22 has a name of 64 bytes, which exceeds", t02),
	PARSE("T02", 127, 127, LIMIT, "tensor 22 of 22 has a name of 127 bytes, which exceeds", t02),
	PARSE("T03", 0, 4, CORRUPT, "has a name that is not UTF-8 at byte 1", t03),
	PARSE("T03", 5, 5, CORRUPT, "tensor \"a\\x00b\" has a NUL byte in its name", t03),
	PARSE("T04", 0, 0, CORRUPT, "tensor \"blk.0.attn_q.bias\" appears more than once", t04),
	PARSE("T05", 0, 0, CORRUPT, "tensor \"x.weight\" has 0 dimensions, not 1 to 4", t05),
	PARSE("T05", 1, 1, CORRUPT, "tensor \"x.weight\" has 5 dimensions, not 1 to 4", t05),
	PARSE("T05", 2, 2, CORRUPT, "tensor \"x.weight\" has 4294967295 dimensions, not 1 to 4", t05),
	ACCEPT("T06", 0, 2, t06),
	MODEL("T06", 3, 3, CORRUPT, "tensor \"blk.0.attn_q.weight\"", t06_needed),
	PARSE("T07", 0, 0, CORRUPT, "tensor \"x.weight\" has a negative size, -1, in dimension 0",
		  sizes),
	PARSE("T07", 1, 1, CORRUPT, "has a negative size, -9223372036854775808, in dimension 0", sizes),
	PARSE("T07", 2, 2, CORRUPT, "tensor \"x.weight\" has a negative size, -1, in dimension 1",
		  sizes),
	PARSE("T08", 3, 3, CORRUPT, "tensor \"x.weight\" of 6148914691236517206 x 3 x 1 x 1 F32 items",
		  sizes),
	PARSE("T09", 4, 4, CORRUPT, "tensor \"x.weight\" of 4294967296 x 4294967296 x 1 x 1 F32",
		  sizes),
	PARSE("T10", 5, 5, CORRUPT, "tensor \"x.weight\" of 4611686018427387904 x 2 x 1 x 1 F32",
		  sizes),
	PARSE("T11", 6, 6, CORRUPT, "tensor \"x.weight\" of 4611686018427387904 x 1 x 1 x 1 F32",
		  sizes),
	PARSE("T11", 7, 7, CORRUPT, "tensor \"x.weight\" of 4611686018427387906 x 1 x 1 x 1 F32",
		  sizes),
	PARSE("T12", 8, 8, CORRUPT, "tensor \"x.weight\" of 9223372036854775807 x 1 x 1 x 1 F16",
		  sizes),
	PARSE("T12", 9, 9, CORRUPT, "items is larger than the model file", sizes),
	PARSE("T13", 0, 0, CORRUPT, "has rows of 1 items, not a multiple of Q8_0's block of 32", t13),
	PARSE("T13", 1, 1, CORRUPT, "has rows of 31 items, not a multiple of Q8_0's block of 32", t13),
	PARSE("T13", 2, 2, CORRUPT, "has rows of 33 items, not a multiple of Q8_0's block of 32", t13),
	PARSE("T14", 0, 0, UNSUPPORTED, "tensor \"x.weight\" has unknown type 4294967295", t14),
	PARSE("T14", 1, 1, UNSUPPORTED, "tensor \"x.weight\" has unknown type 42", t14),
	PARSE("T14", 2, 2, UNSUPPORTED, "tensor \"x.weight\" has unknown type 2147483648", t14),
	PARSE("T15", 4, 5, UNSUPPORTED, "which was removed from the format", type),
	PARSE("T15", 31, 33, UNSUPPORTED, "which was removed from the format", type),
	PARSE("T15", 36, 38, UNSUPPORTED, "which was removed from the format", type),
	PARSE("T16", 3, 3, UNSUPPORTED, "tensor \"x.weight\" has type Q4_1, which is not supported",
		  type),
	PARSE("T16", 7, 7, UNSUPPORTED, "has type Q5_1, which is not supported", type),
	PARSE("T16", 9, 9, UNSUPPORTED, "has type Q8_1, which is not supported", type),
	PARSE("T16", 15, 19, UNSUPPORTED, "which is not supported", type),
	PARSE("T16", 21, 22, UNSUPPORTED, "which is not supported", type),
	PARSE("T16", 24, 29, UNSUPPORTED, "which is not supported", type),
	PARSE("T16", 34, 35, UNSUPPORTED, "which is not supported", type),
	PARSE("T16", 39, 41, UNSUPPORTED, "which is not supported", type),
	PARSE("T17", 0, 1, CORRUPT, "not a multiple of the alignment 32", offsets),
	PARSE("T18", 2, 3, CORRUPT, "tensor \"x.weight\" of 32 bytes lies past the end", offsets),
	PARSE("T19", 4, 5, CORRUPT, "tensor \"x.weight\" of 32 bytes lies past the end", offsets),
	PARSE("T20", 0, 0, CORRUPT,
		  "tensor \"blk.0.layer_output_norm.bias\" of 32 bytes lies past the end", t20),
	PARSE("T21", 21, 21, CORRUPT, "overlaps the tensor before it", placement),
	PARSE("T22", 22, 22, CORRUPT, "tensor \"x.second\" at byte", placement),
	PARSE("T23", 23, 23, CORRUPT, "leaves a gap after byte", placement),
	PARSE("T23", 0, 0, CORRUPT, "leaves a gap after byte", t23_front),
	PARSE("T24", 24, 24, CORRUPT, "tensor \"x.second\" at byte", placement),
	PARSE("T25", 0, 0, CORRUPT, "tensor \"x.first\" of 2305843009213693952 x 1 x 1 x 1", t25),
	PARSE("T26", 0, 1, CORRUPT, "lies past the end of the model file", t26),
	PARSE("T27", 1, 7, CORRUPT, "past the end of the model file", t27),
	ACCEPT("T28", 0, 2, t28),
	PARSE("T29", 0, 0, UNSUPPORTED, "tensor \"x.weight\" has unknown type 144", t29),
};
const int malformed_n_case = sizeof(malformed_cases) / sizeof(malformed_cases[0]);

void
malformed_name(const MalformedCase *which, int variant, char *out, size_t size)
{
	if (which->from == 0 && which->to == 0)
		snprintf(out, size, "%s", which->id);
	else
		snprintf(out, size, "%s-%d", which->id, variant);
}
