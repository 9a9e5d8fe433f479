/*
 * peak.h - the clock of the benchmarks, and the limits of one core
 */
#ifndef SLM_BENCH_PEAK_H
#define SLM_BENCH_PEAK_H

#include <math.h>
#include <stdbool.h>
#include <time.h>

#include "kernels/kernels.h"

#define SAMPLES 15
#define SAMPLE_S 0.002 /* a sample repeats its work for about this long */

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/*
 * Seconds of the processor's time: what the work costs, whatever else runs on
 * the machine.  For one thread that waits for nothing.
 */
static inline double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

typedef void Work(void *arg);

/* Seconds of one call: the best sample's mean. */
static double
measure(Work *work, void *arg)
{
	double best = INFINITY, start = now_s();
	int repeats;

	work(arg);
	repeats = (int) (SAMPLE_S / (now_s() - start)) + 1;
	for (int s = 0; s < SAMPLES; s++)
	{
		double each;

		start = now_s();
		for (int i = 0; i < repeats; i++)
			work(arg);
		each = (now_s() - start) / repeats;
		best = each < best ? each : best;
	}
	return best;
}

/* ---- The limits ---- */

#define PEAK_LOOPS 20000

#if defined(__x86_64__)

/* 12 independent accumulators, so that latency does not count. */
#define PEAK_KERNEL(name, instruction)                                                             \
	static void name(void *arg)                                                                    \
	{                                                                                              \
		long n = PEAK_LOOPS;                                                                       \
                                                                                                   \
		(void) arg;                                                                                \
		__asm__ volatile(                                                                          \
			"vpxorq %%zmm14, %%zmm14, %%zmm14\n\tvpxorq %%zmm15, %%zmm15, "                        \
			"%%zmm15\n\t1:\n\t" PEAK_LINE(instruction, "0") PEAK_LINE(instruction, "1")            \
				PEAK_LINE(instruction, "2") PEAK_LINE(instruction, "3")                            \
					PEAK_LINE(instruction, "4") PEAK_LINE(instruction, "5")                        \
						PEAK_LINE(instruction, "6") PEAK_LINE(instruction, "7")                    \
							PEAK_LINE(instruction, "8") PEAK_LINE(instruction, "9")                \
								PEAK_LINE(instruction, "10")                                       \
									PEAK_LINE(instruction, "11") "dec %0\n\tjnz 1b\n\tvzeroupper"  \
			: "+r"(n)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",     \
			  "xmm9", "xmm10", "xmm11", "xmm14", "xmm15", "cc");                                   \
	}
#define PEAK_LINE(instruction, target) instruction " %%zmm14, %%zmm15, %%zmm" target "\n\t"
PEAK_KERNEL(run_vpdpbusd, "vpdpbusd")
PEAK_KERNEL(run_fma, "vfmadd231ps")

#else

static void
run_vpdpbusd(void *arg)
{
	(void) arg;
}

static void
run_fma(void *arg)
{
	(void) arg;
}

#endif

/* Operations per second of one core; 0 where the limit cannot be measured. */
static double
peak_ops(bool quantized)
{
	double lanes = quantized ? 64 : 16;

	if (!slm_isa_available(SLM_ISA_AVX512))
		return 0.0;
	return 12.0 * 2.0 * lanes * PEAK_LOOPS / measure(quantized ? run_vpdpbusd : run_fma, NULL);
}

#endif
