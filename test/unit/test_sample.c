/*
 * test_sample.c - choices are greedy or seeded, masked, and functions of their arguments
 */
#include "check.h"
#include "engine/sample.h"

#include <math.h>
#include <string.h>

static const SlmKernels *kernels;

static int32_t
choose(float temperature, uint64_t seed, uint64_t index, const uint64_t *allowed)
{
	float logits[70] = {0};
	SlmSampling sampling = {temperature, seed};

	logits[3] = 2.0f;
	logits[5] = 2.0f;
	logits[66] = 1.0f;
	return slm_sample(kernels, &sampling, index, logits, 70, allowed);
}

static void
greedy(void)
{
	uint64_t some[2] = {0, 1ULL << 2 | 1ULL << 4}, none[2] = {0, 0};

	CHECK_INT(choose(0.0f, 0, 0, NULL), 3); /* of equals the first */
	CHECK_INT(choose(0.0f, 9, 7, NULL), 3);
	CHECK_INT(choose(0.0f, 0, 0, some), 66);
	CHECK_INT(choose(0.0f, 0, 0, none), -1);
	CHECK_INT(choose(1.0f, 0, 0, none), -1);
}

/* The shares of many choices are those of the softmax. */
static void
shares(void)
{
	enum
	{
		N = 20000
	};
	double sum = 67.0 + 2.0 * exp(2.0) + exp(1.0);
	int n[70] = {0};

	for (uint64_t i = 0; i < N; i++)
		n[choose(1.0f, 42, i, NULL)]++;
	CHECK(fabs(n[3] / (double) N - exp(2.0) / sum) < 0.01);
	CHECK(fabs(n[5] / (double) N - exp(2.0) / sum) < 0.01);
	CHECK(fabs(n[66] / (double) N - exp(1.0) / sum) < 0.01);
	CHECK(fabs(n[0] / (double) N - 1.0 / sum) < 0.005);
}

static void
functions_of_their_arguments(void)
{
	uint64_t some[2] = {1ULL << 5 | 1ULL << 9, 1ULL << 2};
	int differ = 0;

	for (uint64_t i = 0; i < 200; i++)
	{
		int32_t one = choose(1.0f, 1, i, NULL), masked = choose(2.0f, i, 0, some);

		CHECK_INT(choose(1.0f, 1, i, NULL), one);
		CHECK(masked == 5 || masked == 9 || masked == 66);
		differ += one != choose(1.0f, 2, i, NULL);
		for (SlmIsa isa = SLM_ISA_SCALAR; isa < SLM_ISA_COUNT; isa++)
		{
			kernels = slm_kernels(isa);
			if (kernels != NULL)
				CHECK_INT(choose(1.0f, 1, i, NULL), one);
		}
		kernels = slm_kernels(SLM_ISA_AUTO);
	}
	CHECK(differ > 100);
}

int
main(void)
{
	kernels = slm_kernels(SLM_ISA_AUTO);
	TEST(greedy);
	TEST(shares);
	TEST(functions_of_their_arguments);
	return check_done();
}
