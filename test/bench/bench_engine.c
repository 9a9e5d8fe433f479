/*
 * bench_engine.c - the whole engine: rows a second, image build, polls
 *
 *     build/test/bench/bench_engine [MODEL]              table of rows/s for each ISA
 *     build/test/bench/bench_engine gaps [MODEL]         largest time between two polls
 *     build/test/bench/bench_engine build [MODEL]        image to memory, hash and all
 *     build/test/bench/bench_engine texts MODEL FILE BATCH
 *                                     embeds the lines of FILE once: rows_per_s
 *
 * Times are of the processor, but for texts, whose peer is another program.
 * MODEL is build/models/minilm-q8_0.gguf when it is not given.  A share is that
 * of the core's limit for the model's kind of weights, measured in the same
 * run, and counts the multiply-adds of the weights alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "memory_model.h"
#include "peak.h"
#include "task/embed.h"

#define DEFAULT_MODEL "build/models/minilm-q8_0.gguf"
#define MAX_ROWS 64
#define ROUNDS 5
#define ROUND_S 0.2

typedef struct Bench
{
	uint8_t *file;
	size_t file_bytes;
	MemoryModel memory;
	SlmHost host; /* the test's, with a clock in interrupted() */
	SlmRun run;
	float *out;
	SlmError err;
} Bench;

/* ---- A host that watches the clock ---- */

/*
 * Work is the same each round, so the polls are: the smallest time that any
 * round needed from one poll to the next is what the engine does, without what
 * the machine does to it.
 */
#define MAX_POLLS (1 << 20)

static float smallest[MAX_POLLS];
static int n_poll, n_known;
static double last_poll;
static bool watching;

static bool
timed_interrupted(void *arg)
{
	(void) arg;
	if (watching && n_poll < MAX_POLLS)
	{
		double now = cpu_s();
		float gap = (float) (now - last_poll);

		if (n_poll == n_known)
			smallest[n_known++] = gap;
		else if (gap < smallest[n_poll])
			smallest[n_poll] = gap;
		n_poll++;
		last_poll = cpu_s();
	}
	return false;
}

/* Starts or ends a round; the time behind the last poll counts as one. */
static void
watch(bool on)
{
	if (!on)
		timed_interrupted(NULL);
	watching = on;
	n_poll = 0;
	last_poll = cpu_s();
}

/* Milliseconds; forgets the rounds. */
static double
largest_gap_ms(void)
{
	double largest = 0.0;

	for (int i = 0; i < n_known; i++)
		largest = smallest[i] > largest ? smallest[i] : largest;
	n_known = 0;
	return largest * 1e3;
}

static void
must(SlmStatus status, const SlmError *err)
{
	if (status == SLM_OK)
		return;
	fprintf(stderr, "bench_engine: %s\n", err->message);
	exit(1);
}

/* False when there is no such file. */
static bool
bench_open(Bench *b, const char *path)
{
	FILE *file = fopen(path, "rb");
	long n;

	if (file == NULL)
		return false;
	fseek(file, 0, SEEK_END);
	n = ftell(file);
	rewind(file);
	b->file = malloc((size_t) n + 1);
	b->file_bytes = fread(b->file, 1, (size_t) n, file);
	fclose(file);
	must(memory_model_load(&b->memory, b->file, b->file_bytes, &b->err), &b->err);
	b->host = *test_host();
	b->host.interrupted = timed_interrupted;
	slm_arena_trim(&b->memory.arena, 0);
	b->run = (SlmRun){
		.model = b->memory.model,
		.options = &b->memory.options,
		.kernels = slm_kernels(SLM_ISA_AUTO),
		.host = &b->host,
		.arena = &b->memory.arena,
	};
	b->out = malloc((size_t) MAX_ROWS * (size_t) slm_model_info(b->run.model)->n_embd * 4);
	return true;
}

static void
bench_close(Bench *b)
{
	free(b->out);
	memory_model_free(&b->memory);
	free(b->file);
}

/* ---- Rows a second ---- */

/* rows sequences of length ids that the vocabulary has. */
static void
encode_rows(Bench *b, int rows, int length)
{
	static int32_t id[MAX_ROWS * 512];
	SlmSequence sequence[MAX_ROWS];
	int n_vocab = slm_model_tokenizer(b->run.model)->n_vocab;

	for (int i = 0; i < rows; i++)
	{
		for (int j = 0; j < length; j++)
			id[i * length + j] =
				(int32_t) (((unsigned) (i * 7919 + j * 104729)) % (unsigned) n_vocab);
		sequence[i] = (SlmSequence){id + i * length, length, length};
	}
	must(slm_encode_pooled(&b->run, sequence, rows, b->out, &b->err), &b->err);
}

/* Seconds of one batch, the best round's mean. */
static double
time_batch(Bench *b, int rows, int length)
{
	double best = INFINITY, start = cpu_s(), first;
	int repeats;

	encode_rows(b, rows, length);
	first = cpu_s() - start;
	if (first > ROUND_S * ROUNDS)
		return first;
	repeats = (int) (ROUND_S / first) + 1;
	for (int r = 0; r < ROUNDS; r++)
	{
		double each;

		start = cpu_s();
		for (int i = 0; i < repeats; i++)
			encode_rows(b, rows, length);
		each = (cpu_s() - start) / repeats;
		best = each < best ? each : best;
	}
	return best;
}

static void
table(Bench *b)
{
	const SlmModelInfo *info = slm_model_info(b->run.model);
	double macs_per_token = (double) info->n_layer *
							(4.0 * info->n_embd * info->n_embd + 2.0 * info->n_embd * info->n_ff);
	bool quantized = info->quantization.data[0] == 'Q';

	printf("%-8s %6s %5s %9s %9s %7s\n", "isa", "tokens", "batch", "rows/s", "GOP/s", "share");
	for (SlmIsa isa = SLM_ISA_AVX512; isa >= SLM_ISA_SCALAR; isa = (SlmIsa) (isa - 1))
	{
		if (!slm_isa_available(isa))
			continue;
		b->run.kernels = slm_kernels(isa);
		for (int length = 32; length <= (isa == SLM_ISA_SCALAR ? 32 : 128); length *= 4)
			for (int rows = 1; rows <= (isa == SLM_ISA_SCALAR ? 1 : MAX_ROWS); rows *= MAX_ROWS)
			{
				double limit = peak_ops(quantized);
				double seconds = time_batch(b, rows, length);
				double ops = 2.0 * macs_per_token * length * rows / seconds;

				printf("%-8s %6d %5d %9.1f %9.1f", slm_isa_name(isa), length, rows, rows / seconds,
					   ops * 1e-9);
				if (limit > 0.0)
					printf(" %5.1f %%", 100.0 * ops / limit);
				printf("\n");
			}
	}
}

/* ---- Building an image ---- */

typedef struct Memory
{
	uint8_t *data;
	size_t size;
} Memory;

static SlmStatus
read_memory(void *arg, uint64_t offset, void *buf, size_t n, SlmError *err)
{
	const Memory *m = arg;

	(void) err;
	memcpy(buf, m->data + offset, n);
	return SLM_OK;
}

static SlmStatus
reserve_memory(void *arg, uint64_t bytes, SlmError *err)
{
	Memory *m = arg;

	m->size = (size_t) bytes;
	m->data = malloc(m->size);
	if (m->data == NULL)
		return slm_fail(err, SLM_ERR_NO_MEMORY, "out of memory");
	memset(m->data, 0, m->size); /* a file's pages are there as well */
	last_poll = cpu_s();
	return SLM_OK;
}

static SlmStatus
write_memory(void *arg, uint64_t offset, const void *data, size_t n, SlmError *err)
{
	Memory *m = arg;

	(void) err;
	memcpy(m->data + offset, data, n);
	return SLM_OK;
}

static void
build(Bench *b)
{
	double best = INFINITY;
	uint64_t image_bytes = 0;

	for (int r = 0; r < ROUNDS; r++)
	{
		Memory file = {b->file, b->file_bytes}, image = {NULL, 0};
		SlmSource source = {.arg = &file, .size = b->file_bytes, .read = read_memory};
		SlmImageSink sink = {.arg = &image, .reserve = reserve_memory, .write = write_memory};
		SlmImageInfo info;
		double start;

		slm_arena_reset(b->run.arena);
		watch(true);
		start = cpu_s();
		must(slm_image_build(&source, NULL, &b->host, b->run.arena, &sink, &info, &b->err),
			 &b->err);
		best = cpu_s() - start < best ? cpu_s() - start : best;
		watch(false);
		image_bytes = info.image_bytes;
		free(image.data);
	}
	printf("build_s %.3f  file_MB %.1f  image_MB %.1f  MB_per_s %.0f  largest_gap_ms %.3f\n", best,
		   (double) b->file_bytes * 1e-6, (double) image_bytes * 1e-6,
		   (double) b->file_bytes * 1e-6 / best, largest_gap_ms());
}

/* ---- Polls ---- */

static double
gap_of(Bench *b, void (*work)(Bench *b))
{
	double start = cpu_s();

	for (int r = 0; r < ROUNDS || cpu_s() - start < ROUND_S; r++)
	{
		watch(true);
		work(b);
		watch(false);
	}
	return largest_gap_ms();
}

static void
work_short(Bench *b)
{
	encode_rows(b, 4, 32);
}

static void
work_long(Bench *b)
{
	int context = slm_context_length(&b->run);

	encode_rows(b, 1, context < 512 ? context : 512);
}

static void
work_tokenize(Bench *b)
{
	static char text[4 << 20];
	int n;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "the order of a customer arrived late, 3 days after 2024-05-01!\n"[i % 63];
	watch(true); /* not the making of the text */
	must(slm_task_count_tokens(&b->run, (SlmText){text, sizeof(text)}, &n, &b->err), &b->err);
}

static void
gaps(Bench *b)
{
	printf("tokenize            %8.3f ms\n", gap_of(b, work_tokenize));
	for (SlmIsa isa = SLM_ISA_SCALAR; isa < SLM_ISA_COUNT; isa = (SlmIsa) (isa + 1))
	{
		if (!slm_isa_available(isa))
			continue;
		b->run.kernels = slm_kernels(isa);
		printf("%-7s  32 x 4     %8.3f ms\n", slm_isa_name(isa), gap_of(b, work_short));
		printf("%-7s  512 x 1    %8.3f ms\n", slm_isa_name(isa), gap_of(b, work_long));
	}
	build(b);
}

/* ---- Texts of a file ---- */

static void
texts(Bench *b, const char *path, int batch)
{
	size_t n = 0, used = 0, capacity = 0;
	SlmText text[MAX_ROWS];
	char *line = NULL, **all = NULL;
	FILE *file = fopen(path, "r");
	double start;

	if (file == NULL || batch < 1 || batch > MAX_ROWS)
	{
		fprintf(stderr, "bench_engine: cannot read \"%s\", or batch is not 1 to %d\n", path,
				MAX_ROWS);
		exit(1);
	}
	while (getline(&line, &capacity, file) > 0)
	{
		line[strcspn(line, "\n")] = 0;
		all = realloc(all, (n + 1) * sizeof(*all));
		all[n++] = line;
		line = NULL;
	}
	fclose(file);
	encode_rows(b, batch, 32);
	start = now_s();
	while (used < n)
	{
		int m = 0;

		for (; m < batch && used < n; used++)
			text[m++] = slm_text(all[used]);
		must(slm_task_embed(&b->run, text, m, SLM_PURPOSE_DOCUMENT, b->out, NULL, &b->err),
			 &b->err);
	}
	printf("rows_per_s %.3f\n", (double) n / (now_s() - start));
	for (size_t i = 0; i < n; i++)
		free(all[i]);
	free(all);
	free(line);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool named =
		strcmp(mode, "gaps") == 0 || strcmp(mode, "build") == 0 || strcmp(mode, "texts") == 0;
	const char *path = argc > (named ? 2 : 1) ? argv[named ? 2 : 1] : DEFAULT_MODEL;
	Bench b = {0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!bench_open(&b, path))
	{
		printf("no %s: run `make models` or name a model\n", path);
		return argc > 1 ? 1 : 0;
	}
	if (strcmp(mode, "gaps") == 0)
		gaps(&b);
	else if (strcmp(mode, "build") == 0)
		build(&b);
	else if (strcmp(mode, "texts") == 0 && argc == 5)
		texts(&b, argv[3], atoi(argv[4]));
	else
		table(&b);
	bench_close(&b);
	return 0;
}
