/*
 * blas.h - the few routines of OpenBLAS that fitting a head needs
 */
#ifndef SLM_PG_BLAS_H
#define SLM_PG_BLAS_H

/* Matrices are row-major doubles, n x k unless transposed; the triangle is the lower one. */
typedef struct SlmBlas
{
	/* c[m][n] = beta c + alpha a[m][k] b', with b [n][k] */
	void (*gemm_nt)(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
					int ldb, double beta, double *c, int ldc);
	/* lower triangle of c[n][n] += a' a, with a [k][n] */
	void (*syrk_tn)(int n, int k, const double *a, int lda, double *c, int ldc);
	/* b[m][n] = b l^-T, or b l^-1 */
	void (*solve_lt)(int m, int n, const double *l, int ldl, double *b, int ldb);
	void (*solve_l)(int m, int n, const double *l, int ldl, double *b, int ldb);
	/* lower triangle of a[n][n] = its Cholesky factor; false when there is none */
	bool (*cholesky)(int n, double *a, int lda);
} SlmBlas;

/*
 * The library that slm.openblas_library names, loaded at the first call of the
 * session: 58P01 where it is absent, 55000 for a variant with threads.
 */
extern const SlmBlas *slm_blas(void);

#endif
