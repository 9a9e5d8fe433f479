/*
 * blas.c - OpenBLAS, loaded when a head is first fitted
 *
 * It has no part in a model's answers, whose bits it would not keep, so nothing
 * is linked with it: the first fit of a session loads it by absolute path.
 * Only the variant without threads will do; the others start some, with signals
 * unmasked, inside the backend.  The library is never unloaded.
 *
 * OpenBLAS does not poll: whoever calls keeps the work of one call small.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <signal.h>

#include "pg/blas.h"
#include "pg/guc.h"

/* The constants of cblas.h. */
enum
{
	ROW_MAJOR = 101,
	NO_TRANS = 111,
	TRANS = 112,
	LOWER = 122,
	NON_UNIT = 131,
	RIGHT = 142
};

static struct
{
	void *handle;
	char path[MAXPGPATH];
	void (*dgemm)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha,
				  const double *a, int lda, const double *b, int ldb, double beta, double *c,
				  int ldc);
	void (*dsyrk)(int order, int uplo, int trans, int n, int k, double alpha, const double *a,
				  int lda, double beta, double *c, int ldc);
	void (*dtrsm)(int order, int side, int uplo, int trans, int diag, int m, int n, double alpha,
				  const double *a, int lda, double *b, int ldb);
	void (*dpotrf)(const char *uplo, const int *n, double *a, const int *lda, int *info,
				   size_t uplo_size);
} library;

static void
gemm_nt(int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
		double beta, double *c, int ldc)
{
	library.dgemm(ROW_MAJOR, NO_TRANS, TRANS, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static void
syrk_tn(int n, int k, const double *a, int lda, double *c, int ldc)
{
	library.dsyrk(ROW_MAJOR, LOWER, TRANS, n, k, 1.0, a, lda, 1.0, c, ldc);
}

static void
solve_lt(int m, int n, const double *l, int ldl, double *b, int ldb)
{
	library.dtrsm(ROW_MAJOR, RIGHT, LOWER, TRANS, NON_UNIT, m, n, 1.0, l, ldl, b, ldb);
}

static void
solve_l(int m, int n, const double *l, int ldl, double *b, int ldb)
{
	library.dtrsm(ROW_MAJOR, RIGHT, LOWER, NO_TRANS, NON_UNIT, m, n, 1.0, l, ldl, b, ldb);
}

/* LAPACK counts columns first: its upper triangle is our lower one. */
static bool
cholesky(int n, double *a, int lda)
{
	int info = 0;

	library.dpotrf("U", &n, a, &lda, &info, 1);
	return info == 0;
}

static const SlmBlas blas = {
	.gemm_nt = gemm_nt,
	.syrk_tn = syrk_tn,
	.solve_lt = solve_lt,
	.solve_l = solve_l,
	.cholesky = cholesky,
};

static void *
find_symbol(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	if (symbol == NULL)
	{
		dlclose(handle);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("library \"%s\" has no function %s", slm_openblas_library, name),
				 errhint("slm.openblas_library must name OpenBLAS with LAPACK, serial variant.")));
	}
	return symbol;
}

/* Threads that a wrong variant starts at once must not catch the backend's signals. */
static void *
load_library(void)
{
	sigset_t all, before;
	void *handle;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	handle = dlopen(slm_openblas_library, RTLD_NOW | RTLD_LOCAL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (handle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not load OpenBLAS: %s", dlerror()),
				 errdetail("Training a classifier needs it; running models does not."),
				 errhint("Debian's package is libopenblas0-serial. Elsewhere, "
						 "slm.openblas_library names the file.")));
	return handle;
}

const SlmBlas *
slm_blas(void)
{
	void *handle;
	int (*is_parallel)(void);

	if (library.handle != NULL && strcmp(library.path, slm_openblas_library) == 0)
		return &blas;

	handle = load_library();
	is_parallel = find_symbol(handle, "openblas_get_parallel");
	if (is_parallel() != 0)
	{
		dlclose(handle);
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("library \"%s\" is not the serial variant of OpenBLAS",
							   slm_openblas_library),
						errdetail("A variant with threads must not run inside a server process."),
						errhint("Debian's package is libopenblas0-serial.")));
	}
	library.handle = NULL;
	library.dgemm = find_symbol(handle, "cblas_dgemm");
	library.dsyrk = find_symbol(handle, "cblas_dsyrk");
	library.dtrsm = find_symbol(handle, "cblas_dtrsm");
	library.dpotrf = find_symbol(handle, "dpotrf_");
	strlcpy(library.path, slm_openblas_library, sizeof(library.path));
	library.handle = handle;
	return &blas;
}
