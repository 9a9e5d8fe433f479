/*
 * image_build.c - a model file to a weight image, in one pass
 *
 * The file's directory gives every size, so the whole plan (which tensor goes
 * where) stands before the first byte of the image is written.  Then one
 * pass: each byte of the file is read once, hashed, and what a slot wants of
 * it is packed and written.  Reads and writes go in steps of STEP_BYTES (one
 * group of rows, where that is more), with polls between them and between the
 * SLM_POLL_BYTES pieces of hashing and packing.
 *
 * Nothing is believed before it is compared: shapes with the
 * hyperparameters, the plan with the writer's position, the digest with what
 * the caller expects; the header, which makes an image one, is written last.
 */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "model/image_format.h"
#include "tokenizer/tokenizer.h"

#define STEP_BYTES ((size_t) 1 << 20)
#define MAX_TEXT_BYTES 255 /* of the name and the licence that an image keeps */

#define MAX_FUSED 3 /* slots that one tensor may stand for */

/* A slot's part of a tensor of the file: the next rows, or numbers of a vector. */
typedef struct Part
{
	const SlmSlotSpec *spec;
	uint64_t *offset; /* in the directory: where it goes */
} Part;

/* What the image does with a tensor of the file. */
typedef struct Use
{
	Part part[MAX_FUSED];
	int n_part; /* 0: nothing */
	bool bias;
} Use;

typedef struct Builder
{
	const SlmHost *host;
	SlmArena *arena;

	/* the file */
	const SlmSource *source;
	const uint8_t *head; /* its first bytes, already read */
	size_t head_bytes;
	uint64_t read_at; /* next byte to hash and use */
	uint8_t *in;      /* [in_bytes] */
	size_t in_bytes;
	void *hash;

	/* what it says */
	SlmGguf gguf;
	const SlmArch *arch;
	SlmHparams hparams;
	Use *use;                      /* [gguf.n_tensor] */
	SlmTensorRef *ref;             /* [slm_image_slots()] */
	bool shared[SLM_GLOBAL_SLOTS]; /* between two stacks */
	uint8_t *strings;
	const void *tokenizer;
	SlmImageHeader header;

	/* the image */
	const SlmImageSink *sink;
	uint64_t write_at; /* where out goes */
	uint8_t *out;      /* [out_bytes] */
	size_t out_bytes;
	size_t out_used;
} Builder;

/* ---- Reading ------------------------------------------------------------- */

/* The next n <= in_bytes bytes of the file, hashed; valid until the next take. */
static SlmStatus
take(Builder *b, size_t n, const uint8_t **data, SlmError *err)
{
	size_t known = 0; /* of them in the head */

	if (b->read_at < b->head_bytes)
		known = n < b->head_bytes - b->read_at ? n : (size_t) (b->head_bytes - b->read_at);
	if (known == n)
		*data = b->head + b->read_at;
	else
	{
		if (known > 0)
			memcpy(b->in, b->head + b->read_at, known);
		SLM_TRY(b->source->read(b->source->arg, b->read_at + known, b->in + known, n - known, err));
		*data = b->in;
	}
	b->read_at += n;
	return slm_hash_update(b->host, b->hash, *data, n, err);
}

/* Reads and hashes up to an offset of the file. */
static SlmStatus
skip_to(Builder *b, uint64_t offset, SlmError *err)
{
	const uint8_t *data;

	while (b->read_at < offset)
	{
		uint64_t left = offset - b->read_at;

		SLM_TRY(take(b, left < STEP_BYTES ? (size_t) left : STEP_BYTES, &data, err));
	}
	return SLM_OK;
}

/* ---- Writing -------------------------------------------------------------- */

static SlmStatus
flush(Builder *b, SlmError *err)
{
	if (b->out_used == 0)
		return SLM_OK;
	SLM_TRY(slm_poll(b->host, err));
	SLM_TRY(b->sink->write(b->sink->arg, b->write_at, b->out, b->out_used, err));
	b->write_at += b->out_used;
	b->out_used = 0;
	return SLM_OK;
}

/* The next n <= out_bytes bytes of the image, to be filled; valid until the next room. */
static SlmStatus
room(Builder *b, size_t n, uint8_t **out, SlmError *err)
{
	if (n > b->out_bytes - b->out_used)
		SLM_TRY(flush(b, err));
	*out = b->out + b->out_used;
	b->out_used += n;
	return SLM_OK;
}

/* Fills with zeros up to an offset of the plan. */
static SlmStatus
pad_to(Builder *b, uint64_t offset, SlmError *err)
{
	uint64_t at = b->write_at + b->out_used;
	uint8_t *out;

	if (offset < at || offset - at >= SLM_IMAGE_ALIGN)
		return slm_fail(err, SLM_ERR_INTERNAL, "image is at offset %llu, not at %llu as planned",
						(unsigned long long) at, (unsigned long long) offset);
	SLM_TRY(room(b, (size_t) (offset - at), &out, err));
	memset(out, 0, (size_t) (offset - at));
	return SLM_OK;
}

static SlmStatus
write_span(Builder *b, SlmImageSpan span, const void *data, SlmError *err)
{
	SLM_TRY(pad_to(b, span.offset, err));
	for (uint64_t at = 0; at < span.bytes; at += STEP_BYTES)
	{
		size_t n = span.bytes - at < STEP_BYTES ? (size_t) (span.bytes - at) : STEP_BYTES;
		uint8_t *out;

		SLM_TRY(room(b, n, &out, err));
		memcpy(out, (const uint8_t *) data + at, n);
	}
	return SLM_OK;
}

/* ---- Tensors --------------------------------------------------------------- */

/* n whole blocks' worth of elements: is every number, or every scale, finite? */
static bool
all_finite(SlmDtype type, const uint8_t *data, uint64_t n)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);
	uint32_t bad = 0;

	if (type == SLM_DTYPE_F32)
		for (uint64_t i = 0; i < n; i++)
		{
			uint32_t bits;

			memcpy(&bits, data + i * sizeof(bits), sizeof(bits));
			bad |= (bits & 0x7f800000) == 0x7f800000;
		}
	else if (type == SLM_DTYPE_BF16)
		for (uint64_t i = 0; i < n; i++)
		{
			uint16_t bits;

			memcpy(&bits, data + i * sizeof(bits), sizeof(bits));
			bad |= (bits & 0x7f80) == 0x7f80;
		}
	else
		for (int h = 0; h < info->n_half; h++)
			for (uint64_t i = 0; i < n / info->block_items; i++)
			{
				uint16_t bits;

				memcpy(&bits, data + i * info->block_bytes + info->half_at[h], sizeof(bits));
				bad |= (bits & 0x7c00) == 0x7c00;
			}
	return bad == 0;
}

static SlmStatus
take_finite(Builder *b, const SlmGgufTensor *tensor, uint64_t n, const uint8_t **data,
			SlmError *err)
{
	SLM_TRY(take(b, (size_t) slm_dtype_bytes(tensor->type, n), data, err));
	if (!all_finite(tensor->type, *data, n))
		return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%.*s\" has a value that is not finite",
						(int) tensor->name.size, tensor->name.data);
	return SLM_OK;
}

/* The next n numbers of a vector. */
static SlmStatus
convert_vector(Builder *b, const SlmGgufTensor *tensor, uint64_t n, uint64_t image_bytes,
			   SlmError *err)
{
	const uint8_t *data;
	uint8_t *out;

	SLM_TRY(take_finite(b, tensor, n, &data, err));
	SLM_TRY(room(b, (size_t) image_bytes, &out, err));
	memset(out, 0, (size_t) image_bytes);
	slm_dequantize(tensor->type, data, (float *) out, (int64_t) n);
	return SLM_OK;
}

static SlmStatus
convert_table(Builder *b, const SlmGgufTensor *tensor, SlmError *err)
{
	uint64_t row_bytes = slm_dtype_bytes(tensor->type, tensor->ne[0]);
	uint64_t rows_a_step = STEP_BYTES / row_bytes;

	for (uint64_t row = 0; row < tensor->ne[1]; row += rows_a_step)
	{
		uint64_t left = tensor->ne[1] - row;
		uint64_t n = left < rows_a_step ? left : rows_a_step;
		const uint8_t *data;
		uint8_t *out;

		SLM_TRY(take_finite(b, tensor, n * tensor->ne[0], &data, err));
		SLM_TRY(room(b, (size_t) (n * row_bytes), &out, err));
		memcpy(out, data, (size_t) (n * row_bytes));
	}
	return SLM_OK;
}

/* The next n_row rows of a tensor, which are a matrix. */
static SlmStatus
convert_matrix(Builder *b, const SlmGgufTensor *tensor, uint64_t n_row, SlmError *err)
{
	int64_t k = (int64_t) tensor->ne[0];
	size_t row_bytes = (size_t) slm_dtype_bytes(tensor->type, tensor->ne[0]);
	size_t group_bytes = (size_t) slm_group_bytes(slm_layout_of(tensor->type), k);
	uint64_t rows_a_step = STEP_BYTES / row_bytes / SLM_GROUP_ROWS * SLM_GROUP_ROWS;

	if (rows_a_step == 0)
		rows_a_step = SLM_GROUP_ROWS;
	for (uint64_t row = 0; row < n_row; row += rows_a_step)
	{
		uint64_t left = n_row - row;
		uint64_t n = left < rows_a_step ? left : rows_a_step;
		size_t unpolled = 0;
		const uint8_t *data;

		SLM_TRY(take_finite(b, tensor, n * tensor->ne[0], &data, err));
		for (uint64_t i = 0; i < n; i += SLM_GROUP_ROWS)
		{
			uint64_t rows = n - i < SLM_GROUP_ROWS ? n - i : SLM_GROUP_ROWS;
			uint8_t *out;

			SLM_TRY(room(b, group_bytes, &out, err));
			slm_pack_group(tensor->type, data + i * row_bytes, row_bytes, (int) rows, k, out);
			unpolled += group_bytes;
			if (unpolled >= SLM_POLL_BYTES)
			{
				SLM_TRY(slm_poll(b->host, err));
				unpolled = 0;
			}
		}
	}
	return SLM_OK;
}

/* Numbers of a slot's bias, or of a slot that is a vector. */
static uint64_t
vector_size(const Builder *b, const SlmSlotSpec *spec)
{
	return slm_hparams_size(&b->hparams, spec->kind == SLM_SLOT_MATRIX ? spec->n_out : spec->n_in);
}

static SlmStatus
convert_part(Builder *b, const SlmGgufTensor *tensor, const Part *part, bool bias, SlmError *err)
{
	const SlmSlotSpec *spec = part->spec;

	SLM_TRY(pad_to(b, *part->offset, err));
	if (bias)
		return convert_vector(b, tensor, vector_size(b, spec),
							  slm_image_bias_bytes(spec, &b->hparams), err);
	switch (spec->kind)
	{
		case SLM_SLOT_VECTOR:
			return convert_vector(b, tensor, vector_size(b, spec),
								  slm_image_weight_bytes(spec, &b->hparams, tensor->type), err);
		case SLM_SLOT_TABLE:
			return convert_table(b, tensor, err);
		case SLM_SLOT_MATRIX:
		case SLM_SLOT_EXPERTS:
			for (uint64_t i = 0; i < slm_image_matrices(spec, &b->hparams); i++)
				SLM_TRY(convert_matrix(b, tensor, slm_hparams_size(&b->hparams, spec->n_out), err));
			return SLM_OK;
		case SLM_SLOT_ABSENT:
			break;
	}
	return slm_fail(err, SLM_ERR_INTERNAL, "no such slot");
}

static SlmStatus
convert_tensors(Builder *b, SlmError *err)
{
	for (uint64_t i = 0; i < b->gguf.n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &b->gguf.tensor[i];
		const Use *use = &b->use[i];

		if (use->n_part > 0)
			SLM_TRY(skip_to(b, tensor->offset, err));
		for (int p = 0; p < use->n_part; p++)
			SLM_TRY(convert_part(b, tensor, &use->part[p], use->bias, err));
	}
	return skip_to(b, b->source->size, err);
}

/* ---- The plan ---------------------------------------------------------------- */

static SlmStatus
find_arch(Builder *b, SlmError *err)
{
	SlmText name = {NULL, 0};
	char quoted[64];

	SLM_TRY(slm_gguf_get_string(&b->gguf, "general.architecture", NULL, &name, err));
	b->arch = slm_arch_find(name);
	if (b->arch == NULL)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"key \"general.architecture\": \"%s\" is not supported",
						slm_error_quote(quoted, sizeof(quoted), name.data, name.size));
	return SLM_OK;
}

/* Rows of all slots that may be fused with this one, itself among them. */
static uint64_t
fused_rows(const Builder *b, const SlmSlotSpec *spec)
{
	uint64_t n = 0;

	for (int slot = 0; slot < SLM_SLOT_COUNT; slot++)
		if (b->arch->slot[slot].fused != NULL &&
			strcmp(b->arch->slot[slot].fused, spec->fused) == 0)
			n += slm_hparams_size(&b->hparams, b->arch->slot[slot].n_out);
	return n;
}

static bool
is_slot_name(const Builder *b, const char *name)
{
	for (int slot = 0; slot < SLM_SLOT_COUNT; slot++)
		if (b->arch->slot[slot].name != NULL && strcmp(b->arch->slot[slot].name, name) == 0)
			return true;
	return false;
}

/*
 * The tensor that a slot's weight or bias is in, NULL when there is none: its
 * own, or the fused one, which has the rows of several; these stand in *n_out.
 */
static const SlmGgufTensor *
find_part(Builder *b, SlmSlot slot, int block, bool bias, uint64_t *n_out,
		  char name[SLM_MAX_GGUF_NAME_BYTES + 1])
{
	const SlmSlotSpec *spec = &b->arch->slot[slot];
	const char *part = bias ? "bias" : "weight";
	const SlmGgufTensor *tensor;

	if (spec->fused != NULL)
	{
		uint64_t rows = fused_rows(b, spec);

		snprintf(name, SLM_MAX_GGUF_NAME_BYTES + 1, "%s.%d.%s.%s", slm_arch_blocks(b->arch), block,
				 spec->fused, part);
		tensor = slm_gguf_tensor(&b->gguf, name);
		/* one that is named after a slot may be that slot's alone: the rows tell */
		if (tensor != NULL && (!is_slot_name(b, spec->fused) || tensor->ne[bias ? 0 : 1] == rows))
		{
			*n_out = rows;
			return tensor;
		}
	}
	slm_slot_name(b->arch, slot, block, part, name, SLM_MAX_GGUF_NAME_BYTES + 1);
	return slm_gguf_tensor(&b->gguf, name);
}

static SlmStatus
check_shape(const SlmGgufTensor *tensor, const char *name, uint64_t n_in, uint64_t n_out,
			uint64_t n_matrix, SlmError *err)
{
	const uint64_t *ne = tensor->ne;

	if (ne[0] == n_in && ne[1] == n_out && ne[2] == n_matrix && ne[3] == 1)
		return SLM_OK;
	if (n_matrix == 1)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tensor \"%s\" is %llu x %llu, but must be %llu x %llu here", name,
						(unsigned long long) ne[0], (unsigned long long) (ne[1] * ne[2] * ne[3]),
						(unsigned long long) n_in, (unsigned long long) n_out);
	return slm_fail(err, SLM_ERR_CORRUPT,
					"tensor \"%s\" is %llu x %llu x %llu, but must be %llu x %llu x %llu here",
					name, (unsigned long long) ne[0], (unsigned long long) ne[1],
					(unsigned long long) (ne[2] * ne[3]), (unsigned long long) n_in,
					(unsigned long long) n_out, (unsigned long long) n_matrix);
}

/* Binds a tensor to its slot when the file has it, or complains when it must. */
static SlmStatus
bind_part(Builder *b, SlmSlot slot, int layer, bool bias, bool *bound, SlmError *err)
{
	const SlmSlotSpec *spec = &b->arch->slot[slot];
	SlmNeed need = slm_slot_need(spec, b->hparams.heads, layer, bias);
	SlmTensorRef *ref = &b->ref[slm_image_slot(slot, layer)];
	bool vector = bias || spec->kind == SLM_SLOT_VECTOR;
	uint64_t n_in = slm_hparams_size(&b->hparams, spec->n_in);
	uint64_t n_out = slm_hparams_size(&b->hparams, spec->n_out);
	uint64_t n_matrix = bias ? 1 : slm_image_matrices(spec, &b->hparams);
	uint64_t n_own = vector ? vector_size(b, spec) : n_in * n_out * n_matrix;
	const SlmGgufTensor *tensor;
	char name[SLM_MAX_GGUF_NAME_BYTES + 1];
	Use *use;

	*bound = false;
	if (need == SLM_NEVER)
		return SLM_OK;
	tensor = find_part(b, slot, slm_hparams_block(&b->hparams, layer), bias, &n_out, name);
	if (tensor == NULL)
	{
		if (need == SLM_REQUIRED)
			return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%s\" is missing", name);
		return SLM_OK;
	}
	if (vector)
	{
		n_in = spec->kind == SLM_SLOT_MATRIX ? n_out : n_in;
		n_out = 1;
	}
	SLM_TRY(check_shape(tensor, name, n_in, n_out, n_matrix, err));
	if (n_own % slm_dtype_info(tensor->type)->block_items != 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tensor \"%s\" of type %s cannot be cut into parts of %llu numbers", name,
						slm_dtype_info(tensor->type)->name, (unsigned long long) n_own);
	use = &b->use[tensor - b->gguf.tensor];
	if (use->n_part == MAX_FUSED)
		return slm_fail(err, SLM_ERR_INTERNAL, "too many slots in tensor \"%s\"", name);
	use->part[use->n_part++] = (Part){spec, bias ? &ref->bias : &ref->weight};
	use->bias = bias;
	if (!bias)
		ref->type = tensor->type;
	b->header.n_parameter += n_own;
	*bound = true;
	return SLM_OK;
}

static SlmStatus
bind_slot(Builder *b, SlmSlot slot, int layer, SlmError *err)
{
	char name[SLM_MAX_GGUF_NAME_BYTES + 1];
	bool weight, bias;

	SLM_TRY(bind_part(b, slot, layer, false, &weight, err));
	SLM_TRY(bind_part(b, slot, layer, true, &bias, err));
	if (bias && !weight)
	{
		slm_slot_name(b->arch, slot, slm_hparams_block(&b->hparams, layer), "weight", name,
					  sizeof(name));
		return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%s\" is missing", name);
	}
	return SLM_OK;
}

/* Is a tensor of a block that a stack of layers has not? */
static bool
is_beyond(const SlmArch *arch, const SlmHparams *hparams, SlmText name)
{
	const char *prefix = slm_arch_blocks(arch);
	size_t n = strlen(prefix), digits = n + 1;
	uint64_t block = 0;

	if (name.size < n + 2 || memcmp(name.data, prefix, n) != 0 || name.data[n] != '.')
		return false;
	for (; digits < name.size && name.data[digits] >= '0' && name.data[digits] <= '9'; digits++)
		if (block < SLM_MAX_LAYERS)
			block = block * 10 + (uint64_t) (name.data[digits] - '0');
	return block >= (uint64_t) slm_hparams_blocks(hparams);
}

static SlmStatus
check_beyond(const SlmArch *arch, const SlmHparams *hparams, SlmText name, SlmError *err)
{
	char quoted[SLM_MAX_GGUF_NAME_BYTES * 4 + 1];

	if (!is_beyond(arch, hparams, name))
		return SLM_OK;
	return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%s\" is beyond the %d layers of the model",
					slm_error_quote(quoted, sizeof(quoted), name.data, name.size),
					slm_hparams_blocks(hparams));
}

/* Tensors that no slot wants: of a layer too many, or of something we do not know. */
static SlmStatus
check_unused(Builder *b, SlmError *err)
{
	SlmHparams reader = slm_hparams_reader(&b->hparams);
	uint64_t n_unused = 0;
	char quoted[SLM_MAX_GGUF_NAME_BYTES * 4 + 1] = "", message[sizeof(quoted) + 128];

	for (uint64_t i = 0; i < b->gguf.n_tensor; i++)
	{
		SlmText name = b->gguf.tensor[i].name;

		if (b->use[i].n_part > 0)
			continue;
		if (n_unused++ == 0)
			slm_error_quote(quoted, sizeof(quoted), name.data, name.size);
		SLM_TRY(check_beyond(b->arch, &b->hparams, name, err));
		if (b->arch->reader != NULL)
			SLM_TRY(check_beyond(b->arch->reader, &reader, name, err));
	}
	if (n_unused > 0 && b->host->log != NULL)
	{
		snprintf(message, sizeof(message),
				 "model file has %llu tensors that are not used: \"%s\"%s",
				 (unsigned long long) n_unused, quoted, n_unused > 1 ? ", ..." : "");
		b->host->log(b->host->arg, message);
	}
	return SLM_OK;
}

/* Does a layer run the weights of the one before it? */
static bool
repeats(const Builder *b, int layer)
{
	return layer > 0 &&
		   slm_hparams_block(&b->hparams, layer) == slm_hparams_block(&b->hparams, layer - 1);
}

/* A stack of layers, b->hparams of b->arch. */
static SlmStatus
bind_stack(Builder *b, SlmError *err)
{
	for (int slot = 0; slot < SLM_GLOBAL_SLOTS; slot++)
		if (!b->shared[slot])
			SLM_TRY(bind_slot(b, (SlmSlot) slot, 0, err));
	for (int layer = 0; layer < slm_hparams_layers(&b->hparams); layer++)
		for (int slot = SLM_GLOBAL_SLOTS; slot < SLM_SLOT_COUNT && !repeats(b, layer); slot++)
			SLM_TRY(bind_slot(b, (SlmSlot) slot, layer, err));
	return SLM_OK;
}

/* The stack that reads; what both name alike is one tensor, which the other one has. */
static SlmStatus
bind_reader(Builder *b, SlmError *err)
{
	Builder all = *b;

	if (b->arch->reader == NULL)
		return SLM_OK;
	for (int slot = 0; slot < SLM_GLOBAL_SLOTS; slot++)
	{
		const char *here = b->arch->slot[slot].name, *there = b->arch->reader->slot[slot].name;

		b->shared[slot] = here != NULL && there != NULL && strcmp(here, there) == 0;
	}
	b->arch = all.arch->reader;
	b->hparams = slm_hparams_reader(&all.hparams);
	b->ref = all.ref + slm_image_stack_slots(&all.hparams);
	SLM_TRY(bind_stack(b, err));
	b->arch = all.arch;
	b->hparams = all.hparams;
	b->ref = all.ref;
	return SLM_OK;
}

static SlmStatus
bind_tensors(Builder *b, SlmError *err)
{
	SLM_TRY(SLM_NEW_ARRAY(b->arena, b->gguf.n_tensor, &b->use, err));
	SLM_TRY(SLM_NEW_ARRAY(b->arena, slm_image_slots(&b->hparams), &b->ref, err));
	memset(b->use, 0, b->gguf.n_tensor * sizeof(*b->use));
	memset(b->ref, 0, slm_image_slots(&b->hparams) * sizeof(*b->ref));
	SLM_TRY(bind_stack(b, err));
	SLM_TRY(bind_reader(b, err));
	return check_unused(b, err);
}

/* The type that most bytes of the file's matrices and tables have. */
static SlmDtype
main_type(const Builder *b)
{
	uint64_t bytes[SLM_DTYPE_BF16 + 1] = {0};
	SlmDtype best = SLM_DTYPE_F32;

	for (uint64_t i = 0; i < b->gguf.n_tensor; i++)
		if (b->use[i].n_part > 0)
			bytes[b->gguf.tensor[i].type] += b->gguf.tensor[i].bytes;
	for (int type = 0; type <= SLM_DTYPE_BF16; type++)
		if (bytes[type] > bytes[best])
			best = (SlmDtype) type;
	return best;
}

/* ---- Strings ------------------------------------------------------------------- */

static SlmStatus
check_text(const char *key, SlmText text, SlmError *err)
{
	if (slm_utf8_valid_bytes((const uint8_t *) text.data, text.size) != text.size ||
		(text.size > 0 && memchr(text.data, 0, text.size) != NULL))
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is not valid UTF-8 text", key);
	return SLM_OK;
}

/* A text for people, cut to MAX_TEXT_BYTES at a character. */
static SlmStatus
read_text(Builder *b, const char *key, SlmText *out, SlmError *err)
{
	bool found;

	*out = slm_text("");
	SLM_TRY(slm_gguf_get_string(&b->gguf, key, &found, out, err));
	SLM_TRY(check_text(key, *out, err));
	if (out->size > MAX_TEXT_BYTES)
		out->size = slm_utf8_valid_bytes((const uint8_t *) out->data, MAX_TEXT_BYTES);
	return SLM_OK;
}

static uint8_t *
put_text(uint8_t *at, SlmText text)
{
	uint32_t n = (uint32_t) text.size;

	memcpy(at, &n, sizeof(n));
	if (n > 0)
		memcpy(at + sizeof(n), text.data, n);
	return at + sizeof(n) + n;
}

/* Checks the class labels and adds up their bytes; *labels is NULL when there are none. */
static SlmStatus
check_labels(Builder *b, const SlmGgufKey **labels, uint64_t *bytes, SlmError *err)
{
	char key[64];
	uint64_t at = 0;
	bool found;
	SlmText label;

	*labels = NULL;
	snprintf(key, sizeof(key), "%s.classifier.output_labels", b->arch->name);
	SLM_TRY(slm_gguf_get_array(&b->gguf, key, SLM_GGUF_STRING, &found, labels, err));
	if (!found)
	{
		*labels = NULL;
		if (b->hparams.n_class > 1)
			return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is missing", key);
		return SLM_OK;
	}
	if ((*labels)->count != b->hparams.n_class)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s\" has %llu labels, but the classification head %u outputs", key,
						(unsigned long long) (*labels)->count, b->hparams.n_class);
	for (uint64_t i = 0; slm_gguf_next_string(*labels, &at, &label); i++)
	{
		if (label.size == 0)
			return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\": label %llu is empty", key,
							(unsigned long long) i);
		if (label.size > SLM_MAX_CLASS_LABEL_BYTES)
			return slm_fail(err, SLM_ERR_LIMIT,
							"key \"%s\": label %llu exceeds the limit of %d bytes", key,
							(unsigned long long) i, SLM_MAX_CLASS_LABEL_BYTES);
		SLM_TRY(check_text(key, label, err));
		*bytes += sizeof(uint32_t) + label.size;
	}
	return SLM_OK;
}

static SlmStatus
gather_strings(Builder *b, SlmError *err)
{
	const SlmGgufKey *labels;
	SlmText name, licence, label;
	uint64_t bytes = 0, walk = 0;
	uint8_t *at;

	SLM_TRY(read_text(b, "general.name", &name, err));
	SLM_TRY(read_text(b, "general.license", &licence, err));
	SLM_TRY(check_labels(b, &labels, &bytes, err));
	bytes += 2 * sizeof(uint32_t) + name.size + licence.size;
	SLM_TRY(slm_arena_alloc(b->arena, (size_t) bytes, (void **) &b->strings, err));
	at = put_text(put_text(b->strings, name), licence);
	while (labels != NULL && slm_gguf_next_string(labels, &walk, &label))
		at = put_text(at, label);
	b->header.strings.bytes = bytes;
	return SLM_OK;
}

/* Only its hash is taken of a chat template; a key that is no text is as none. */
static SlmStatus
hash_template(Builder *b, SlmError *err)
{
	const SlmGgufKey *key = slm_gguf_find(&b->gguf, "tokenizer.chat_template");

	if (key == NULL || key->type != SLM_GGUF_STRING)
		return SLM_OK;
	return slm_hash(b->host, key->value, (size_t) key->value_bytes, b->header.template_sha256, err);
}

/* ---- Putting it together ----------------------------------------------------------- */

static SlmStatus
place(uint64_t *at, uint64_t bytes, uint64_t *offset, SlmError *err)
{
	if (!slm_align_u64(*at, SLM_IMAGE_ALIGN, offset) || !slm_add_u64(*offset, bytes, at))
		return slm_fail(err, SLM_ERR_LIMIT, "image size exceeds 64 bits");
	return SLM_OK;
}

static bool
is_packed(SlmSlotKind kind)
{
	return kind == SLM_SLOT_MATRIX || kind == SLM_SLOT_EXPERTS;
}

/* Gives everything its place: sections first, then the tensors in the file's order. */
static SlmStatus
plan(Builder *b, SlmError *err)
{
	SlmImageHeader *header = &b->header;
	uint64_t at = SLM_IMAGE_HEADER_BYTES;
	size_t largest = STEP_BYTES;

	header->directory.bytes = (uint64_t) slm_image_slots(&b->hparams) * sizeof(SlmTensorRef);
	SLM_TRY(place(&at, header->directory.bytes, &header->directory.offset, err));
	SLM_TRY(place(&at, header->strings.bytes, &header->strings.offset, err));
	SLM_TRY(place(&at, header->tokenizer.bytes, &header->tokenizer.offset, err));
	for (uint64_t i = 0; i < b->gguf.n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &b->gguf.tensor[i];
		const Use *use = &b->use[i];
		uint64_t group;

		for (int p = 0; p < use->n_part; p++)
		{
			const SlmSlotSpec *spec = use->part[p].spec;

			SLM_TRY(place(&at,
						  use->bias ? slm_image_bias_bytes(spec, &b->hparams)
									: slm_image_weight_bytes(spec, &b->hparams, tensor->type),
						  use->part[p].offset, err));
		}
		if (use->n_part == 0 || use->bias || !is_packed(use->part[0].spec->kind))
			continue;
		/* a packed group is never smaller than its rows in the file */
		group = slm_group_bytes(slm_layout_of(tensor->type), (int64_t) tensor->ne[0]);
		if (group > largest)
			largest = (size_t) group;
	}
	for (int layer = 1; layer < slm_hparams_layers(&b->hparams); layer++)
		if (repeats(b, layer))
			memcpy(&b->ref[slm_image_slot(SLM_GLOBAL_SLOTS, layer)],
				   &b->ref[slm_image_slot(SLM_GLOBAL_SLOTS, layer - 1)],
				   SLM_LAYER_SLOTS * sizeof(*b->ref));
	for (int slot = 0; slot < SLM_GLOBAL_SLOTS; slot++)
		if (b->shared[slot])
			b->ref[slm_image_stack_slots(&b->hparams) + (uint32_t) slot] = b->ref[slot];
	header->image_bytes = at;
	b->in_bytes = b->out_bytes = largest;
	SLM_TRY(slm_arena_alloc(b->arena, largest, (void **) &b->in, err));
	return slm_arena_alloc(b->arena, largest, (void **) &b->out, err);
}

static SlmStatus
write_header(Builder *b, SlmError *err)
{
	SlmImageHeader *header = &b->header;
	uint64_t sum;

	memset(b->out, 0, SLM_IMAGE_HEADER_BYTES);
	header->checksum = 0;
	sum = slm_checksum(SLM_CHECKSUM_START, header, sizeof(*header));
	sum = slm_checksum(sum, b->ref, (size_t) header->directory.bytes);
	header->checksum = slm_checksum(sum, b->strings, (size_t) header->strings.bytes);
	memcpy(b->out, header, sizeof(*header));
	return b->sink->write(b->sink->arg, 0, b->out, SLM_IMAGE_HEADER_BYTES, err);
}

/* Everything up to the digest; the caller owns the hash. */
static SlmStatus
build_body(Builder *b, SlmError *err)
{
	SlmImageHeader *header = &b->header;
	SlmTokenizer tokenizer;
	size_t tokenizer_bytes;

	SLM_TRY(slm_gguf_read(b->source, b->host, b->arena, &b->gguf, &b->head, &b->head_bytes, err));
	SLM_TRY(find_arch(b, err));
	SLM_TRY(slm_hparams_read(&b->gguf, b->arch, &b->hparams, err));
	SLM_TRY(bind_tensors(b, err));
	SLM_TRY(gather_strings(b, err));
	SLM_TRY(hash_template(b, err));
	SLM_TRY(slm_tokenizer_build(&b->gguf, b->host, b->arena, &b->tokenizer, &tokenizer_bytes, err));
	SLM_TRY(slm_tokenizer_open(b->tokenizer, tokenizer_bytes, &tokenizer, err));
	if (tokenizer.n_vocab != (int32_t) b->hparams.n_vocab)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"tokenizer.ggml.tokens\" has %d tokens, but tensor "
						"\"token_embd.weight\" %u rows",
						tokenizer.n_vocab, b->hparams.n_vocab);
	memcpy(header->magic, SLM_IMAGE_MAGIC, sizeof(header->magic));
	header->version = SLM_IMAGE_VERSION;
	header->quantization = main_type(b);
	header->source_bytes = b->source->size;
	snprintf(header->arch, sizeof(header->arch), "%s", b->arch->name);
	header->hparams = b->hparams;
	header->tokenizer.bytes = tokenizer_bytes;
	SLM_TRY(plan(b, err));
	SLM_TRY(b->sink->reserve(b->sink->arg, header->image_bytes, err));
	b->write_at = SLM_IMAGE_HEADER_BYTES;
	SLM_TRY(write_span(b, header->directory, b->ref, err));
	SLM_TRY(write_span(b, header->strings, b->strings, err));
	SLM_TRY(write_span(b, header->tokenizer, b->tokenizer, err));
	SLM_TRY(convert_tensors(b, err));
	SLM_TRY(flush(b, err));
	if (b->write_at != header->image_bytes)
		return slm_fail(err, SLM_ERR_INTERNAL, "image ended at offset %llu, not at %llu as planned",
						(unsigned long long) b->write_at, (unsigned long long) header->image_bytes);
	return SLM_OK;
}

/* Names both contents, so that the right file can be looked for. */
static SlmStatus
wrong_content(const uint8_t *expected, const uint8_t *found, SlmError *err)
{
	char hex[2][SLM_HASH_HEX_CHARS + 1];

	slm_hash_to_hex(expected, hex[0]);
	slm_hash_to_hex(found, hex[1]);
	slm_fail(err, SLM_ERR_CORRUPT,
			 "SHA-256 of the model file is not the one it was registered with");
	slm_error_detail(err, "It is %s, the model was registered with %s.", hex[1], hex[0]);
	return SLM_ERR_CORRUPT;
}

SlmStatus
slm_image_build(const SlmSource *source, const uint8_t *expected_sha256, const SlmHost *host,
				SlmArena *arena, const SlmImageSink *sink, SlmImageInfo *out, SlmError *err)
{
	Builder b = {.host = host, .arena = arena, .source = source, .sink = sink};
	uint8_t *digest = b.header.source_sha256;
	SlmStatus status;

	b.hash = host->sha256_start(host->arg);
	if (b.hash == NULL)
		return slm_fail(err, SLM_ERR_NO_MEMORY, "out of memory: could not start SHA-256");
	status = build_body(&b, err);
	if (!host->sha256_finish(host->arg, b.hash, status == SLM_OK ? digest : NULL))
		return slm_fail(err, SLM_ERR_INTERNAL, "could not compute SHA-256");
	SLM_TRY(status);
	if (expected_sha256 != NULL && memcmp(digest, expected_sha256, SLM_SHA256_BYTES) != 0)
		return wrong_content(expected_sha256, digest, err);
	SLM_TRY(write_header(&b, err));
	memcpy(out->source_sha256, digest, SLM_SHA256_BYTES);
	out->source_bytes = source->size;
	out->image_bytes = b.header.image_bytes;
	return SLM_OK;
}
