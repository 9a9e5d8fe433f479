/*
 * guc.h - settings (DESIGN.md: no setting changes the answer of a call that
 * names its model)
 */
#ifndef SLM_PG_GUC_H
#define SLM_PG_GUC_H

typedef enum SlmDefaultModel
{
	SLM_DEFAULT_EMBED = 0, /* embed, similarity, rank, count_tokens, chunk */
	SLM_DEFAULT_CLASSIFY,  /* classify, filter */
	SLM_DEFAULT_EXTRACT,   /* extract, redact */
	SLM_DEFAULT_SUMMARIZE,
	SLM_DEFAULT_GENERATE,
	SLM_DEFAULT_COUNT
} SlmDefaultModel;

extern char *slm_default_model[SLM_DEFAULT_COUNT]; /* slm.embed_model ...: user */
extern char *slm_model_path;        /* sighup; "" = <data>/slm_models, then <share>/slm_models */
extern char *slm_cache_dir;         /* sighup; default pgsql_tmp_slm in the data directory */
extern int slm_max_cache_size;      /* sighup, MB; -1: no cap but the disk's */
extern int slm_min_free_disk;       /* sighup, MB; -1: the larger of 1 GB and 5 % */
extern int slm_max_scratch_memory;  /* superuser, kB */
extern int slm_max_prefix_memory;   /* superuser, kB; 0: no beginnings of prompts are kept */
extern int slm_max_input_tokens;    /* superuser; 0: no cap */
extern bool slm_enable_batching;    /* user */
extern int slm_batch_rows;          /* user; 1 .. SLM_BATCH_ROWS */
extern int slm_force_isa;           /* superuser; an SlmIsa */
extern char *slm_openblas_library;  /* superuser; absolute path */
extern bool slm_tagger_worker_on;   /* superuser */
extern int slm_tagger_idle_timeout; /* sighup, s */

/* Where generated text is written. */
typedef enum SlmExecution
{
	SLM_EXECUTION_AUTO = 0, /* by a worker when that is faster */
	SLM_EXECUTION_BACKEND,
	SLM_EXECUTION_WORKER
} SlmExecution;

extern int slm_execution;           /* user; an SlmExecution */
extern int slm_workers;             /* sighup; 0: none */
extern int slm_worker_threads;      /* sighup */
extern int slm_max_worker_memory;   /* sighup, kB */
extern int slm_worker_idle_timeout; /* sighup, s */

extern void slm_guc_init(void);

#endif
