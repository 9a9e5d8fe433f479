/*
 * model.c - opening an image
 *
 * Header, directory and strings are copied and checked once; what runs later
 * takes sizes from the copies only, so that an image whose bytes change under
 * it (law 4: SIGBUS guard) can give wrong numbers but not wrong addresses.
 */
#include <string.h>

#include "base/bytes.h"
#include "model/model_impl.h"

static SlmStatus
broken(SlmError *err, const char *what)
{
	return slm_fail(err, SLM_ERR_CORRUPT, "model image is damaged: %s", what);
}

static bool
span_fits(SlmImageSpan span, uint64_t image_bytes)
{
	return span.offset >= SLM_IMAGE_HEADER_BYTES && span.offset % SLM_IMAGE_ALIGN == 0 &&
		   span.offset <= image_bytes && span.bytes <= image_bytes - span.offset;
}

static SlmStatus
check_header(const SlmImageHeader *header, size_t image_bytes, SlmError *err)
{
	if (memcmp(header->magic, SLM_IMAGE_MAGIC, sizeof(header->magic)) != 0)
		return broken(err, "it has no header");
	if (header->version != SLM_IMAGE_VERSION)
		return broken(err, "it is of another version");
	if (header->image_bytes != image_bytes)
		return broken(err, "its size is not the one in its header");
	if (!slm_hparams_valid(&header->hparams) || slm_dtype_info(header->quantization) == NULL)
		return broken(err, "a number in its header is out of range");
	if (!span_fits(header->directory, image_bytes) || !span_fits(header->strings, image_bytes) ||
		!span_fits(header->tokenizer, image_bytes) ||
		header->directory.bytes !=
			(uint64_t) slm_image_slots(&header->hparams) * sizeof(SlmTensorRef))
		return broken(err, "a section is out of range");
	return SLM_OK;
}

/* Checks a directory row against what its slot needs, and resolves it. */
static SlmStatus
resolve(const SlmHparams *hparams, const SlmSlotSpec *spec, int layer, const SlmTensorRef *ref,
		const uint8_t *image, uint64_t image_bytes, SlmWeight *out, SlmError *err)
{
	SlmNeed need = slm_slot_need(spec, hparams->heads, layer, false);
	const SlmDtypeInfo *type = slm_dtype_info(ref->type);
	SlmImageSpan weight, bias;

	memset(out, 0, sizeof(*out));
	if ((need == SLM_REQUIRED && ref->weight == 0) ||
		(slm_slot_need(spec, hparams->heads, layer, true) == SLM_REQUIRED && ref->bias == 0) ||
		(ref->bias != 0 && ref->weight == 0))
		return broken(err, "a tensor is missing");
	if (ref->weight == 0)
		return SLM_OK;
	if (need == SLM_NEVER || type == NULL || !type->supported ||
		slm_hparams_size(hparams, spec->n_in) % type->block_items != 0)
		return broken(err, "a tensor is of an impossible type");
	weight.offset = ref->weight;
	weight.bytes = slm_image_weight_bytes(spec, hparams, (SlmDtype) ref->type);
	bias.offset = ref->bias;
	bias.bytes = slm_image_bias_bytes(spec, hparams);
	if (!span_fits(weight, image_bytes) || (ref->bias != 0 && !span_fits(bias, image_bytes)))
		return broken(err, "a tensor is out of range");
	out->weight = image + weight.offset;
	out->bias = ref->bias != 0 ? (const float *) (image + bias.offset) : NULL;
	out->n_in = (int64_t) slm_hparams_size(hparams, spec->n_in);
	out->n_out = (int64_t) slm_hparams_size(hparams, spec->n_out);
	out->kind = spec->kind;
	out->type = (SlmDtype) ref->type;
	out->layout = slm_layout_of(out->type);
	out->row_bytes = (size_t) slm_dtype_bytes(out->type, (uint64_t) out->n_in);
	out->next = (size_t) (weight.bytes / slm_image_matrices(spec, hparams));
	out->n_group = (int) ((out->n_out + SLM_GROUP_ROWS - 1) / SLM_GROUP_ROWS);
	return SLM_OK;
}

static bool
get_text(SlmBytes *bytes, SlmText *out)
{
	const uint8_t *data;
	uint32_t n;

	if (!slm_bytes_u32(bytes, &n) || !slm_bytes_take(bytes, n, &data))
		return false;
	out->data = (const char *) data;
	out->size = n;
	return true;
}

static SlmStatus
read_strings(SlmModel *model, size_t n, SlmError *err)
{
	SlmBytes bytes = {model->strings, n, 0};
	bool whole = get_text(&bytes, &model->info.name) && get_text(&bytes, &model->info.licence);

	/* a head with one output may have no label */
	for (uint32_t i = 0; i < model->hparams.n_class && whole; i++)
		whole = slm_bytes_left(&bytes) == 0 ? i == 0 && model->hparams.n_class == 1
											: get_text(&bytes, &model->label[i]);
	return whole ? SLM_OK : broken(err, "a text is out of range");
}

static void
fill_info(SlmModel *model, const SlmImageHeader *header)
{
	SlmModelInfo *info = &model->info;
	const SlmHparams *h = &model->hparams;

	info->architecture = slm_text(model->arch->name);
	info->quantization = slm_text(slm_dtype_info(header->quantization)->name);
	info->n_parameter = header->n_parameter;
	info->image_bytes = header->image_bytes;
	info->source_bytes = header->source_bytes;
	memcpy(info->source_sha256, header->source_sha256, SLM_SHA256_BYTES);
	memcpy(info->template_sha256, header->template_sha256, SLM_SHA256_BYTES);
	for (int i = 0; i < SLM_SHA256_BYTES; i++)
		info->has_template = info->has_template || header->template_sha256[i] != 0;
	info->n_layer = (int) h->n_layer;
	info->n_embd = (int) h->n_embd;
	info->n_ff = (int) h->n_ff;
	info->n_head = (int) h->n_head;
	info->n_vocab = (int) h->n_vocab;
	info->can_decode = model->arch->mask == SLM_MASK_CAUSAL;
	info->reads_whole = h->n_reader_layer > 0;
	info->n_context = (int) h->n_context;
	info->n_class = h->class_kind == SLM_CLASS_SEQUENCE ? (int) h->n_class : 0;
	info->n_token_class = h->class_kind == SLM_CLASS_TOKEN ? (int) h->n_class : 0;
	info->class_pooling = (SlmPooling) h->class_pooling;
	info->n_span = (int) h->n_span;
	info->has_label_head = (h->heads & SLM_HEAD_BIT(SLM_HEAD_LABEL)) != 0;
	info->has_sentence_head = (h->heads & SLM_HEAD_BIT(SLM_HEAD_SENTENCE)) != 0;
	info->label = h->label;
	info->extract = h->extract;
	info->pooling = (SlmPooling) h->pooling;
}

/* The weights of a stack. */
static SlmStatus
fill_weights(SlmModel *model, const uint8_t *image, const SlmTensorRef *ref, uint64_t image_bytes,
			 SlmError *err)
{
	for (int layer = 0; layer < slm_hparams_layers(&model->hparams); layer++)
		for (int slot = layer == 0 ? 0 : SLM_GLOBAL_SLOTS; slot < SLM_SLOT_COUNT; slot++)
		{
			uint32_t i = slm_image_slot((SlmSlot) slot, layer);

			SLM_TRY(resolve(&model->hparams, &model->arch->slot[slot], layer, &ref[i], image,
							image_bytes, &model->weight[i], err));
		}
	return SLM_OK;
}

/* Has it the experts and the stacks of its architecture? */
static bool
has_its_parts(const SlmArch *arch, const SlmHparams *h)
{
	bool may = arch->experts != SLM_NEVER, must = arch->experts == SLM_REQUIRED;

	return (arch->reader != NULL) == (h->n_reader_layer > 0) && (may || h->n_expert == 0) &&
		   (!must || h->n_expert > 0) &&
		   (h->n_ff_shared > 0) == (arch->shared_expert && h->n_expert > 0);
}

/* The second half of opening, with all memory at hand. */
static SlmStatus
fill_model(SlmModel *model, SlmImageHeader *header, const uint8_t *image, SlmTensorRef *ref,
		   SlmError *err)
{
	uint64_t checksum = header->checksum, sum;

	memcpy(ref, image + header->directory.offset, (size_t) header->directory.bytes);
	memcpy(model->strings, image + header->strings.offset, (size_t) header->strings.bytes);
	header->checksum = 0;
	sum = slm_checksum(SLM_CHECKSUM_START, header, sizeof(*header));
	sum = slm_checksum(sum, ref, (size_t) header->directory.bytes);
	sum = slm_checksum(sum, model->strings, (size_t) header->strings.bytes);
	if (sum != checksum)
		return broken(err, "its checksum is wrong");
	header->arch[sizeof(header->arch) - 1] = 0;
	model->arch = slm_arch_find(slm_text(header->arch));
	if (model->arch == NULL)
		return broken(err, "its architecture is unknown");
	if ((model->arch->relative != SLM_RELATIVE_NONE) != (model->hparams.n_bucket >= 4) ||
		!has_its_parts(model->arch, &model->hparams))
		return broken(err, "a number in its header is out of range");
	fill_info(model, header);
	SLM_TRY(fill_weights(model, image, ref, header->image_bytes, err));
	if (model->reader != NULL)
	{
		model->reader->host = model->host;
		model->reader->arch = model->arch->reader;
		model->reader->hparams = slm_hparams_reader(&model->hparams);
		SLM_TRY(fill_weights(model->reader, image, ref + slm_image_stack_slots(&model->hparams),
							 header->image_bytes, err));
	}
	SLM_TRY(read_strings(model, (size_t) header->strings.bytes, err));
	SLM_TRY(slm_tokenizer_open(image + header->tokenizer.offset, (size_t) header->tokenizer.bytes,
							   &model->tokenizer, err));
	model->tokenizer.special.ends_prompts = model->reader != NULL;
	if (model->tokenizer.n_vocab != (int32_t) model->hparams.n_vocab)
		return broken(err, "vocabulary and embeddings disagree");
	return SLM_OK;
}

SlmStatus
slm_model_open(const void *image, size_t image_bytes, const SlmHost *host, SlmModel **out,
			   SlmError *err)
{
	SlmImageHeader header;
	SlmTensorRef *ref;
	SlmModel *model;
	size_t stack, fixed, labels;
	SlmStatus status;

	if ((uintptr_t) image % SLM_IMAGE_ALIGN != 0)
		return slm_fail(err, SLM_ERR_INTERNAL, "model image does not start at a multiple of %d",
						SLM_IMAGE_ALIGN);
	if (image_bytes < SLM_IMAGE_HEADER_BYTES)
		return broken(err, "it has no header");
	memcpy(&header, image, sizeof(header));
	SLM_TRY(check_header(&header, image_bytes, err));

	/* one block: the model, the stack that reads, labels, strings */
	stack = sizeof(SlmModel) + slm_image_stack_slots(&header.hparams) * sizeof(SlmWeight);
	fixed = sizeof(SlmModel) + slm_image_slots(&header.hparams) * sizeof(SlmWeight);
	if (header.hparams.n_reader_layer > 0)
		fixed += sizeof(SlmModel);
	labels = header.hparams.n_class * sizeof(SlmText);
	model = host->alloc(host->arg, fixed + labels + (size_t) header.strings.bytes);
	ref = host->alloc(host->arg, (size_t) header.directory.bytes);
	if (model == NULL || ref == NULL)
		status = slm_fail(err, SLM_ERR_NO_MEMORY, "out of memory: could not open a model");
	else
	{
		memset(model, 0, fixed + labels);
		model->host = host;
		model->hparams = header.hparams;
		model->reader =
			header.hparams.n_reader_layer > 0 ? (SlmModel *) ((char *) model + stack) : NULL;
		model->label = (SlmText *) ((char *) model + fixed);
		model->strings = (uint8_t *) model + fixed + labels;
		status = fill_model(model, &header, image, ref, err);
	}
	if (ref != NULL)
		host->release(host->arg, ref);
	if (status != SLM_OK)
	{
		if (model != NULL)
			host->release(host->arg, model);
		return status;
	}
	*out = model;
	return SLM_OK;
}

void
slm_model_close(SlmModel *model)
{
	if (model != NULL)
		model->host->release(model->host->arg, model);
}

const SlmModelInfo *
slm_model_info(const SlmModel *model)
{
	return &model->info;
}

const SlmTokenizer *
slm_model_tokenizer(const SlmModel *model)
{
	return &model->tokenizer;
}

SlmText
slm_model_class_label(const SlmModel *model, int i)
{
	if (i < 0 || (uint32_t) i >= model->hparams.n_class)
		return slm_text("");
	return model->label[i];
}
