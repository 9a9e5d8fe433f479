/*
 * fuzz_model.c - any bytes as a model file: image, open, tokenize, one forward
 * pass; what a run gives is finite or an error
 */
#include <math.h>
#include <stdlib.h>

#include "host.h"
#include "memory_model.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	float row[MEMORY_MODEL_MAX_EMBD];
	MemoryModel m;
	SlmError err;

	if (memory_model_load(&m, data, size, &err) == SLM_OK)
	{
		const SlmModelInfo *info = slm_model_info(m.model);
		int n = info->n_class > 0 ? info->n_class : info->n_embd;

		if (memory_model_run(&m, "a cat. ab", row, MEMORY_MODEL_MAX_EMBD, &err) == SLM_OK)
		{
			for (int i = 0; i < n; i++)
			{
				if (!isfinite(row[i]))
					abort();
			}
		}
		else if (err.status == SLM_ERR_INTERNAL)
			abort();
	}
	else if (err.status == SLM_ERR_INTERNAL)
		abort();
	memory_model_free(&m);
	if (test_host_state.live_allocs != 0 || test_host_state.live_hashes != 0)
		abort();
	return 0;
}
