/*
 * test_encoder_file.c - files of encoders beside BERT that src/model refuses, each by name
 *
 * encoder-*.gguf with one thing changed in each case: list A of RELIABILITY.md, as
 * far as these have keys and tensors that BERT lacks.
 */
#include "changed_file.h"

#define MPNET FIXTURE_DIR "encoder-mpnet.gguf"

static void
buckets_of_distances(void)
{
	const char *key = "mpnet.attention.relative_buckets_count";
	GgufBytes file;

	check_missing(MPNET, "attn_rel_b.weight");
	check_u32(MPNET, key, 0, SLM_ERR_CORRUPT, key);
	check_u32(MPNET, key, 2, SLM_ERR_CORRUPT, "is 2, not an even number from 4 on");
	check_u32(MPNET, key, 31, SLM_ERR_CORRUPT, "is 31, not an even number from 4 on");
	check_u32(MPNET, key, SLM_MAX_RELATIVE_BUCKETS + 2, SLM_ERR_CORRUPT,
			  "is 258, outside 1 to 256");
	check_u32(MPNET, key, SLM_MAX_RELATIVE_BUCKETS, SLM_ERR_CORRUPT,
			  "tensor \"attn_rel_b.weight\" is 4 x 32, but must be 4 x 256 here");
	file = open_file(MPNET);
	hide_key(&file, key);
	check_load(&file, SLM_ERR_CORRUPT, "lacks the key \"mpnet.attention.relative_buckets_count\"");
}

int
main(void)
{
	TEST(buckets_of_distances);
	return check_done();
}
