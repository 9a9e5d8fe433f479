/*
 * quantize.c - rewrites a GGUF file with its weight matrices in another type
 *
 *     quantize [--token-embedding-type TYPE] IN.gguf OUT.gguf TYPE
 *
 * TYPE is f16, bf16, q8_0, q5_0 or q4_0; the option, llama.cpp's, gives the
 * table of tokens, about half of a small encoder, a type of its own.
 *
 * A program on the engine: the file is read by slm_gguf_parse(), the numbers
 * are made by slm_dequantize() and slm_quantize().  As llama.cpp does, only
 * matrices change, experts' among them; vectors, the tables of positions, distances,
 * token types and looks of words, what chooses experts and the sentence head, which are
 * small, keep their type, and so does a matrix whose rows are not whole blocks.
 * Metadata is carried over, but for the two keys that name the type.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gguf/gguf.h"
#include "host.h"

#define ALIGNMENT 32
#define QUANTIZATION_VERSION 2 /* of ggml's block formats */
#define ARENA_BYTES (1ULL << 30)

typedef struct Target
{
	const char *name;
	SlmDtype type;
	uint32_t file_type; /* enum llama_ftype */
} Target;

static const Target targets[] = {
	{"f16", SLM_DTYPE_F16, 1},   {"bf16", SLM_DTYPE_BF16, 32}, {"q8_0", SLM_DTYPE_Q8_0, 7},
	{"q5_0", SLM_DTYPE_Q5_0, 8}, {"q4_0", SLM_DTYPE_Q4_0, 2},
};

/* What is asked for: the file's type, and that of its token embeddings. */
typedef struct Wanted
{
	const Target *target;
	const Target *token_embedding;
} Wanted;

static const char *const kept[] = {
	"position_embd.weight", "token_types.weight", "attn_rel_b.weight",
	"rel_embd.weight",      "ext_shape.weight",   "ext_line.weight",
	"ext_rel_b.weight",     "sum_hidden.weight",  "sum_output.weight",
};

static const char *out_path;
static FILE *out;

/* Says what went wrong, removes the unfinished output and ends the program. */
static void __attribute__((noreturn)) SLM_PRINTF(1, 2) fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("quantize: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	if (out != NULL)
		unlink(out_path);
	exit(1);
}

static void
put(const void *data, size_t n)
{
	if (n > 0 && fwrite(data, 1, n, out) != n)
		fail("could not write \"%s\": %s", out_path, strerror(errno));
}

static void
put_u32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void
put_u64(uint64_t value)
{
	put(&value, sizeof(value));
}

static void
put_text(SlmText text)
{
	put_u64(text.size);
	put(text.data, text.size);
}

static void
put_padding(uint64_t written)
{
	static const uint8_t zeros[ALIGNMENT];

	put(zeros, (ALIGNMENT - written % ALIGNMENT) % ALIGNMENT);
}

static bool
text_is(SlmText text, const char *c_string)
{
	return text.size == strlen(c_string) && memcmp(text.data, c_string, text.size) == 0;
}

/* Keys that say what the output says anew; its alignment is the default. */
static bool
is_replaced(const SlmGgufKey *key)
{
	return text_is(key->name, "general.file_type") || text_is(key->name, "general.alignment") ||
		   text_is(key->name, "general.quantization_version");
}

static void
put_key(const SlmGgufKey *key)
{
	put_text(key->name);
	put_u32(key->type);
	if (key->type == SLM_GGUF_ARRAY)
	{
		put_u32(key->item_type);
		put_u64(key->count);
	}
	else if (key->type == SLM_GGUF_STRING)
		put_u64(key->value_bytes);
	put(key->value, key->value_bytes);
}

static void
put_u32_key(const char *name, uint32_t value)
{
	put_text(slm_text(name));
	put_u32(SLM_GGUF_U32);
	put_u32(value);
}

/* What chooses experts is small, and a wrong choice is no small error; numbers for distances are few. */
static bool
is_kept_in_layers(SlmText name)
{
	static const char *const ends[] = {".ffn_gate_inp.weight", ".attn_rel_b.weight"};
	bool is = false;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
	{
		size_t n = strlen(ends[i]);

		is |= name.size > n && memcmp(name.data + name.size - n, ends[i], n) == 0;
	}
	return is;
}

static SlmDtype
target_type(const SlmGgufTensor *tensor, const Wanted *wanted)
{
	SlmDtype type = text_is(tensor->name, "token_embd.weight") ? wanted->token_embedding->type
															   : wanted->target->type;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (text_is(tensor->name, kept[i]))
			return tensor->type;
	if (tensor->n_dims < 2 || is_kept_in_layers(tensor->name) ||
		tensor->ne[0] % slm_dtype_info(type)->block_items != 0)
		return tensor->type;
	return type;
}

static uint64_t
row_bytes(SlmDtype type, uint64_t items)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);

	return items / info->block_items * info->block_bytes;
}

static void
put_tensor(const uint8_t *src, const SlmGgufTensor *tensor, SlmDtype type)
{
	uint64_t n = tensor->ne[0];
	uint64_t rows = tensor->ne[1] * tensor->ne[2] * tensor->ne[3];
	uint64_t in_bytes = row_bytes(tensor->type, n);
	uint64_t out_bytes = row_bytes(type, n);
	float *row = malloc(n * sizeof(float));
	void *coded = malloc(out_bytes);

	if (row == NULL || coded == NULL)
		fail("out of memory");
	if (type == tensor->type)
		put(src, tensor->bytes);
	else
		for (uint64_t i = 0; i < rows; i++)
		{
			slm_dequantize(tensor->type, src + i * in_bytes, row, (int64_t) n);
			slm_quantize(type, row, coded, (int64_t) n);
			put(coded, out_bytes);
		}
	put_padding(rows * out_bytes);
	free(row);
	free(coded);
}

static void
rewrite(const uint8_t *file, const SlmGguf *gguf, const Wanted *wanted)
{
	uint64_t n_key = 2;
	uint64_t offset = 0;

	for (uint64_t i = 0; i < gguf->n_key; i++)
		n_key += !is_replaced(&gguf->key[i]);
	put("GGUF", 4);
	put_u32(3);
	put_u64(gguf->n_tensor);
	put_u64(n_key);
	for (uint64_t i = 0; i < gguf->n_key; i++)
		if (!is_replaced(&gguf->key[i]))
			put_key(&gguf->key[i]);
	put_u32_key("general.file_type", wanted->target->file_type);
	put_u32_key("general.quantization_version", QUANTIZATION_VERSION);
	for (uint64_t i = 0; i < gguf->n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &gguf->tensor[i];
		SlmDtype type = target_type(tensor, wanted);
		uint64_t rows = tensor->ne[1] * tensor->ne[2] * tensor->ne[3];

		put_text(tensor->name);
		put_u32(tensor->n_dims);
		put(tensor->ne, tensor->n_dims * sizeof(tensor->ne[0]));
		put_u32(type);
		put_u64(offset);
		offset += (rows * row_bytes(type, tensor->ne[0]) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	}
	put_padding((uint64_t) ftello(out));
	for (uint64_t i = 0; i < gguf->n_tensor; i++)
		put_tensor(file + gguf->tensor[i].offset, &gguf->tensor[i],
				   target_type(&gguf->tensor[i], wanted));
}

static const Target *
find_target(const char *name)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcasecmp(name, targets[i].name) == 0)
			return &targets[i];
	fail("\"%s\" is not one of the types f16, bf16, q8_0, q5_0, q4_0", name);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"token-embedding-type", required_argument, NULL, 't'},
		{0},
	};
	Wanted wanted = {NULL, NULL};
	struct stat stat;
	const uint8_t *file;
	SlmArena arena;
	SlmGguf gguf;
	SlmError err;
	bool need_more, usage = false;
	int fd, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		if (option == 't')
			wanted.token_embedding = find_target(optarg);
		else
			usage = true;
	}
	argv += optind - 1; /* as if there had been no options */
	argc -= optind - 1;
	if (usage || argc != 4)
		fail("usage: quantize [--token-embedding-type TYPE] IN.gguf OUT.gguf TYPE");
	wanted.target = find_target(argv[3]);
	if (wanted.token_embedding == NULL)
		wanted.token_embedding = wanted.target;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &stat) != 0)
		fail("could not open \"%s\": %s", argv[1], strerror(errno));
	file = mmap(NULL, (size_t) stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		fail("could not map \"%s\": %s", argv[1], strerror(errno));
	slm_arena_init(&arena, test_host(), ARENA_BYTES);
	if (slm_gguf_parse(file, (size_t) stat.st_size, (uint64_t) stat.st_size, test_host(), &arena,
					   &gguf, &need_more, &err) != SLM_OK)
		fail("\"%s\": %s", argv[1], err.message);
	if (need_more)
		fail("\"%s\": file ends inside its directory", argv[1]);

	out_path = argv[2];
	out = fopen(out_path, "wb");
	if (out == NULL)
		fail("could not create \"%s\": %s", out_path, strerror(errno));
	rewrite(file, &gguf, &wanted);
	if (fclose(out) != 0)
		fail("could not write \"%s\": %s", out_path, strerror(errno));
	slm_arena_trim(&arena, 0);
	return 0;
}
