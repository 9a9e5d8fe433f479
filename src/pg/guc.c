/*
 * guc.c - settings
 *
 * Who may set what is DESIGN.md's table: the default models are every user's
 * choice, paths and disk use belong to the configuration file, caps and the
 * choice of instructions to superusers (or whom they GRANT SET to).
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "engine/slm.h"
#include "pg/guc.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"
#include "pg/rows.h"
#include "pg/shmem.h"

char *slm_default_model[SLM_DEFAULT_COUNT];
char *slm_model_path;
char *slm_cache_dir;
int slm_max_cache_size = -1;
int slm_min_free_disk = -1;
int slm_max_scratch_memory = 256 * 1024;
int slm_max_prefix_memory = 64 * 1024;
int slm_max_input_tokens = 0;
bool slm_enable_batching = true;
int slm_batch_rows = 32;
int slm_force_isa = SLM_ISA_AUTO;
char *slm_openblas_library;
bool slm_tagger_worker_on = true;
int slm_tagger_idle_timeout = 30;
int slm_execution = SLM_EXECUTION_AUTO;
int slm_workers = 1;
int slm_worker_threads = 1;
int slm_max_worker_memory = 1024 * 1024;
int slm_worker_idle_timeout = 60;

/* Where Debian's package libopenblas0-serial puts it. */
#ifdef __aarch64__
#define OPENBLAS_LIBRARY "/usr/lib/aarch64-linux-gnu/openblas-serial/libopenblas.so.0"
#else
#define OPENBLAS_LIBRARY "/usr/lib/x86_64-linux-gnu/openblas-serial/libopenblas.so.0"
#endif

/* The model that CREATE EXTENSION registers. */
#define EMBEDDED_MODEL "slm_base"

static const struct
{
	const char *name;
	const char *description;
	const char *value;
} default_model_setting[SLM_DEFAULT_COUNT] = {
	[SLM_DEFAULT_EMBED] = {"slm.embed_model",
						   "Model of slm_embed, slm_similarity, slm_rank, slm_count_tokens and "
						   "slm_chunk where the call names none.",
						   EMBEDDED_MODEL},
	[SLM_DEFAULT_CLASSIFY] = {"slm.classify_model",
							  "Model of slm_classify and its kin where the call names none.",
							  EMBEDDED_MODEL},
	[SLM_DEFAULT_EXTRACT] = {"slm.extract_model",
							 "Model of slm_extract, its kin and slm_redact where the call names "
							 "none.",
							 EMBEDDED_MODEL},
	[SLM_DEFAULT_SUMMARIZE] = {"slm.summarize_model",
							   "Model of slm_summarize and its kin where the call names none.",
							   EMBEDDED_MODEL},
	[SLM_DEFAULT_GENERATE] = {"slm.generate_model",
							  "Model of slm_generate where the call names none.", ""},
};

static const struct config_enum_entry isa_options[] = {{"auto", SLM_ISA_AUTO, false},
													   {"scalar", SLM_ISA_SCALAR, false},
													   {"avx2", SLM_ISA_AVX2, false},
													   {"avx512", SLM_ISA_AVX512, false},
													   {NULL, 0, false}};

static const struct config_enum_entry execution_options[] = {
	{"auto", SLM_EXECUTION_AUTO, false},
	{"backend", SLM_EXECUTION_BACKEND, false},
	{"worker", SLM_EXECUTION_WORKER, false},
	{NULL, 0, false}};

/* Refuses, by name, instructions that this CPU or its operating system lacks. */
static bool
check_force_isa(int *newval, void **extra, GucSource source)
{
	if (*newval == SLM_ISA_AUTO || slm_isa_available((SlmIsa) *newval))
		return true;
	GUC_check_errdetail("This CPU does not have the instruction set \"%s\".",
						slm_isa_name((SlmIsa) *newval));
	return false;
}

/* Never a name that the loader would search for. */
static bool
check_openblas_library(char **newval, void **extra, GucSource source)
{
	if (is_absolute_path(*newval))
		return true;
	GUC_check_errdetail("It must be an absolute path.");
	return false;
}

#ifdef SLM_DEV
static int poll_gap_setting;

static void
assign_poll_gap(int newval, void *extra)
{
	slm_host_reset_poll_gap();
}

static const char *
show_poll_gap(void)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", slm_host_poll_gap_us());
	return text;
}
#endif

void
slm_guc_init(void)
{
	for (int i = 0; i < SLM_DEFAULT_COUNT; i++)
		DefineCustomStringVariable(default_model_setting[i].name,
								   default_model_setting[i].description, NULL,
								   &slm_default_model[i], default_model_setting[i].value,
								   PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"slm.model_path", "Folders in which the files of models are looked up.",
		"Separated by colons. Empty: slm_models in the data directory, "
		"then slm_models in the extension's share directory.",
		&slm_model_path, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("slm.cache_dir", "Folder of the weight images.",
							   "A relative path starts at the data directory.", &slm_cache_dir,
							   "pgsql_tmp_slm", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"slm.max_cache_size", "Largest total size of the weight images on disk.",
		"-1 means no limit but the room the disk must keep.", &slm_max_cache_size, -1, -1, INT_MAX,
		PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable("slm.min_free_disk",
							"Room that building a weight image must leave on its disk.",
							"-1 means the larger of 1 GB and 5 % of the disk.", &slm_min_free_disk,
							-1, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable("slm.max_scratch_memory",
							"Most memory that one call may use in one process, weights aside.",
							"A call that would need more fails.", &slm_max_scratch_memory,
							256 * 1024, 1024, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB, NULL, NULL,
							NULL);
	DefineCustomIntVariable("slm.max_prefix_memory",
							"Most memory in which one process keeps what prompts begin with.",
							"Instructions, labels and schemas of models that write are read once "
							"instead of for each row. 0 keeps nothing; the results are the same.",
							&slm_max_prefix_memory, 64 * 1024, 0, MAX_KILOBYTES, PGC_SUSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("slm.max_input_tokens", "Most tokens that one input may have.",
							"A longer input is an error of its row. 0 means no limit.",
							&slm_max_input_tokens, 0, 0, INT_MAX, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"slm.enable_batching", "Lets plans compute calls for many rows at once.",
		"The results are the same.", &slm_enable_batching, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("slm.batch_rows", "Most rows that a plan computes calls for at once.",
							"It begins with one and doubles.", &slm_batch_rows, 32, 1,
							SLM_BATCH_ROWS, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("slm.force_isa", "Instruction set that models run with.",
							 "The results are the same with each.", &slm_force_isa, SLM_ISA_AUTO,
							 isa_options, PGC_SUSET, 0, check_force_isa, NULL, NULL);
	DefineCustomStringVariable(
		"slm.openblas_library", "Absolute path of the OpenBLAS library that training uses.",
		"It must be the serial variant.", &slm_openblas_library, OPENBLAS_LIBRARY, PGC_SUSET,
		GUC_SUPERUSER_ONLY, check_openblas_library, NULL, NULL);
	DefineCustomBoolVariable("slm.tagger_worker",
							 "Whether queued rows have a background worker started.",
							 "Without one, queues are emptied by CALL slm_drain_taggers().",
							 &slm_tagger_worker_on, true, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"slm.tagger_idle_timeout", "Time after which a worker without queued rows ends.", NULL,
		&slm_tagger_idle_timeout, 30, 1, 24 * 60 * 60, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomEnumVariable("slm.execution", "Which process writes text that a model generates.",
							 "auto lets a background worker write for sessions that ask the same "
							 "model at one time. The results are the same with each.",
							 &slm_execution, SLM_EXECUTION_AUTO, execution_options, PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("slm.workers",
							"Most background workers that write for sessions at one time.",
							"0: sessions write all themselves.", &slm_workers, 1, 0, SLM_WORKERS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("slm.worker_threads", "Threads that one worker computes with.",
							"The results are the same with any number.", &slm_worker_threads, 1, 1,
							SLM_MAX_WORKER_THREADS, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"slm.max_worker_memory", "Most memory that one worker may use, weights aside.",
		"With less, fewer texts are written at a time.", &slm_max_worker_memory, 1024 * 1024, 1024,
		MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("slm.worker_idle_timeout",
							"Time after which a worker without requests gives up its memory.",
							"One that was not started with the server ends.",
							&slm_worker_idle_timeout, 60, 1, 24 * 60 * 60, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
#ifdef SLM_DEV
	DefineCustomIntVariable("slm.dev_poll_gap_us",
							"Largest CPU time between two polls for interrupts in this session.",
							"Setting it, to whatever value, starts anew.", &poll_gap_setting, 0, 0,
							INT_MAX, PGC_USERSET, 0, NULL, assign_poll_gap, show_poll_gap);
#endif

	MarkGUCPrefixReserved("slm");
}
