/*
 * module.c - what happens when slm.so is loaded
 *
 * The same code runs in a backend that calls its first slm function and, with
 * shared_preload_libraries, in the postmaster; nothing here may touch shared
 * memory or a model.
 */
#include "postgres.h"

#include "pg/batch_plan.h"
#include "pg/batch_scan.h"
#include "pg/guc.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"
#include "pg/registry.h"
#include "pg/stats.h"
#include "pg/tagger.h"
#include "pg/worker.h"

PG_MODULE_MAGIC_EXT(.name = "slm", .version = "0.1.0");

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	slm_guc_init();
	slm_host_init();
	slm_registry_init();
	slm_stat_init();
	slm_batch_scan_init();
	slm_batch_plan_init();
	slm_tagger_init();
	slm_worker_init();
}
