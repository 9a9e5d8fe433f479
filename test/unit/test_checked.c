/*
 * test_checked.c - arithmetic that says when it wraps
 */
#include "check.h"

#include "base/checked.h"

static void
add(void)
{
	uint64_t out = 0;

	CHECK(slm_add_u64(1, 2, &out) && out == 3);
	CHECK(slm_add_u64(UINT64_MAX, 0, &out) && out == UINT64_MAX);
	CHECK(slm_add_u64(UINT64_MAX - 1, 1, &out) && out == UINT64_MAX);
	CHECK(!slm_add_u64(UINT64_MAX, 1, &out));
	CHECK(!slm_add_u64(1ULL << 63, 1ULL << 63, &out));
	CHECK(!slm_add_u64(UINT64_MAX, UINT64_MAX, &out));
}

static void
multiply(void)
{
	uint64_t out = 0;

	CHECK(slm_mul_u64(3, 4, &out) && out == 12);
	CHECK(slm_mul_u64(0, UINT64_MAX, &out) && out == 0);
	CHECK(slm_mul_u64(1ULL << 31, 1ULL << 32, &out) && out == 1ULL << 63);
	CHECK(slm_mul_u64((1ULL << 32) + 1, (1ULL << 32) - 1, &out) && out == UINT64_MAX);
	CHECK(!slm_mul_u64(1ULL << 32, 1ULL << 32, &out));
	CHECK(!slm_mul_u64(6148914691236517206ULL, 3, &out)); /* would be 2 */
	CHECK(!slm_mul_u64(UINT64_MAX, UINT64_MAX, &out));    /* would be 1 */
}

static void
align(void)
{
	uint64_t out = 0;

	CHECK(slm_align_u64(0, 32, &out) && out == 0);
	CHECK(slm_align_u64(1, 32, &out) && out == 32);
	CHECK(slm_align_u64(32, 32, &out) && out == 32);
	CHECK(slm_align_u64(33, 32, &out) && out == 64);
	CHECK(slm_align_u64(7, 1, &out) && out == 7);
	CHECK(slm_align_u64(UINT64_MAX, 1, &out) && out == UINT64_MAX);
	CHECK(slm_align_u64(UINT64_MAX - 31, 32, &out) && out == UINT64_MAX - 31);
	CHECK(!slm_align_u64(UINT64_MAX - 30, 32, &out)); /* would be 0 */
	CHECK(!slm_align_u64(UINT64_MAX, 1ULL << 63, &out));
}

int
main(void)
{
	TEST(add);
	TEST(multiply);
	TEST(align);
	return check_done();
}
