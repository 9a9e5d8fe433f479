/*
 * test_bytes.c - the reader that cannot run past its end
 */
#include "check.h"

#include <stdlib.h>

#include "base/bytes.h"

static void
reads_little_endian(void)
{
	static const uint8_t data[] = {1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0x80};
	SlmBytes bytes = {data, sizeof(data), 0};
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	uint8_t u8 = 0;

	CHECK(slm_bytes_u8(&bytes, &u8) && u8 == 1);
	CHECK(slm_bytes_u32(&bytes, &u32) && u32 == 2); /* not aligned */
	CHECK_INT(slm_bytes_left(&bytes), 8);
	CHECK(slm_bytes_u64(&bytes, &u64) && u64 == 0x8000000000000003ULL);
	CHECK_INT(slm_bytes_left(&bytes), 0);
	CHECK(!slm_bytes_u8(&bytes, &u8));
	CHECK_INT(u8, 1);
}

/* From every position, each read either fits or changes nothing. */
static void
stops_at_the_end(void)
{
	for (size_t size = 0; size <= 16; size++)
	{
		/* the exact size, so that a sanitizer sees one byte too far */
		uint8_t *data = calloc(1, size > 0 ? size : 1);

		for (size_t at = 0; at <= size; at++)
		{
			SlmBytes bytes = {data, size, at};
			const uint8_t *ptr = NULL;
			uint8_t copy[32];
			uint64_t u64;
			uint32_t u32;
			uint8_t u8;

			CHECK(slm_bytes_u8(&bytes, &u8) == (size - at >= 1));
			bytes.at = at;
			CHECK(slm_bytes_u32(&bytes, &u32) == (size - at >= 4));
			bytes.at = at;
			CHECK(slm_bytes_u64(&bytes, &u64) == (size - at >= 8));
			if (size - at < 8)
				CHECK_INT(bytes.at, at);
			for (uint64_t n = 0; n <= 17; n++)
			{
				bytes.at = at;
				CHECK(slm_bytes_take(&bytes, n, &ptr) == (n <= size - at));
				CHECK_INT(bytes.at, n <= size - at ? at + n : at);
				if (n <= size - at)
					CHECK(ptr == data + at);
			}
			bytes.at = at;
			CHECK(!slm_bytes_take(&bytes, UINT64_MAX, &ptr));
			CHECK(!slm_bytes_take(&bytes, UINT64_MAX - at + 1, &ptr) || at == 0);
			CHECK(!slm_bytes_read(&bytes, copy, size - at + 1));
			CHECK_INT(bytes.at, at);
		}
		free(data);
	}
}

int
main(void)
{
	TEST(reads_little_endian);
	TEST(stops_at_the_end);
	return check_done();
}
