/*
 * test_kernels_pack.c - pack.c puts every file type into its layout unchanged;
 * dispatch.c and cpu.c give the right table
 */
#include "kernel_data.h"

/* The same of a block of 256: sizes of a block, and where its parts start, by hand. */
static float
packed_k(SlmLayout layout, const uint8_t *group, int64_t k, int row)
{
	static const struct
	{
		int bytes, run, scales, minima, d, dmin, bits, offset;
	} parts[] = {
		[SLM_LAYOUT_K2] = {2624, 16, 2048, 2304, 2560, 2592, 4, 0},
		[SLM_LAYOUT_K3] = {2336, 16, 2048, 0, 2304, 0, 4, 4},
		[SLM_LAYOUT_K4] = {2368, 32, 2048, 2176, 2304, 2336, 4, 0},
		[SLM_LAYOUT_K5] = {2880, 32, 2560, 2688, 2816, 2848, 5, 0},
		[SLM_LAYOUT_K6] = {3360, 16, 3072, 0, 3328, 0, 6, 32},
		[SLM_LAYOUT_KI4] = {2336, 16, 2048, 0, 2304, 0, 4, 0},
	};
	const uint8_t *block = group + k / 256 * parts[layout].bytes, *codes;
	int i = (int) (k % 256), run = i / parts[layout].run, code, scale;
	uint16_t d, dmin;
	float value;

	codes = block + i / 32 * 64 * parts[layout].bits + row * 4 + i % 4;
	code = codes[i % 16 / 4 * 64] >> (i % 32 < 16 ? 0 : 4) & 15;
	if (parts[layout].bits == 5)
		code += (codes[256] >> i % 32 / 4 & 1) * 16;
	if (parts[layout].bits == 6)
		code += (codes[256 + i % 32 / 16 * 64] >> i % 16 / 4 * 2 & 3) * 16;
	scale = block[parts[layout].scales + run * 16 + row];
	memcpy(&d, block + parts[layout].d + 2 * row, 2);
	if (layout == SLM_LAYOUT_KI4)
		return slm_fp16_to_float(d) * (float) (int8_t) scale * (float) slm_iq4_values[code];
	if (parts[layout].offset != 0)
		return slm_fp16_to_float(d) * (float) (int8_t) scale *
			   (float) (code - parts[layout].offset);
	memcpy(&dmin, block + parts[layout].dmin + 2 * row, 2);
	value = slm_fp16_to_float(d) * (float) scale * (float) code;
	return value - slm_fp16_to_float(dmin) * (float) block[parts[layout].minima + run * 16 + row];
}

/* The value of (k, row) read back from a packed group by the layout's text. */
static float
packed_value(SlmLayout layout, const uint8_t *group, int64_t k, int row)
{
	uint16_t half;
	float value;
	int code;

	switch (layout)
	{
		case SLM_LAYOUT_Q8:
			group += k / 64 * 1088;
			memcpy(&half, group + 1024 + k / 32 % 2 * 32 + 2 * row, 2);
			return slm_fp16_to_float(half) *
				   (float) (group[k / 32 % 2 * 512 + k % 32 / 4 * 64 + row * 4 + k % 4] - 128);
		case SLM_LAYOUT_Q4:
		case SLM_LAYOUT_IQ4:
			group += k / 64 * 576;
			memcpy(&half, group + 512 + k / 32 % 2 * 32 + 2 * row, 2);
			code = group[k / 32 % 2 * 256 + k % 16 / 4 * 64 + row * 4 + k % 4] >>
					   (k % 32 < 16 ? 0 : 4) &
				   15;
			return slm_fp16_to_float(half) *
				   (float) (layout == SLM_LAYOUT_Q4 ? code - 8 : slm_iq4_values[code]);
		case SLM_LAYOUT_K2:
		case SLM_LAYOUT_K3:
		case SLM_LAYOUT_K4:
		case SLM_LAYOUT_K5:
		case SLM_LAYOUT_K6:
		case SLM_LAYOUT_KI4:
			return packed_k(layout, group, k, row);
		case SLM_LAYOUT_F32:
			memcpy(&value, group + (k * 16 + row) * 4, 4);
			return value;
		default:
			memcpy(&half, group + (k * 16 + row) * 2, 2);
			return layout == SLM_LAYOUT_F16 ? slm_fp16_to_float(half) : slm_bf16_to_float(half);
	}
}

static void
check_pack(SlmDtype type, int64_t k, int n_rows)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);
	SlmLayout layout = slm_layout_of(type);
	size_t row_bytes = (size_t) k / info->block_items * info->block_bytes;
	size_t group_bytes = slm_group_bytes(layout, k);
	int64_t k_held = slm_layout_is_quantized(layout) ? slm_q8_padded(k) : k;
	uint8_t *rows = guard_alloc(row_bytes * (size_t) n_rows);
	uint8_t *group = guard_alloc(group_bytes);
	float *values = floats((size_t) k, FLOATS_ZERO), *unpacked = floats((size_t) k, FLOATS_ZERO);

	random_weights(type, rows, row_bytes * (size_t) n_rows);
	slm_pack_group(type, rows, row_bytes, n_rows, k, group);
	for (int r = 0; r < 16; r++)
	{
		slm_unpack_row(layout, group, r, k, unpacked);
		if (r < n_rows)
			slm_dequantize(type, rows + (size_t) r * row_bytes, values, k);
		for (int64_t i = 0; i < k_held; i++)
		{
			float expected = r < n_rows && i < k ? values[i] : 0.0f;
			float actual = packed_value(layout, group, i, r);

			if (!CHECK(actual == expected && (i >= k || unpacked[i] == expected)))
				printf("# %s k=%d row=%d\n", info->name, (int) i, r);
		}
	}
	guard_free(rows, row_bytes * (size_t) n_rows);
	guard_free(group, group_bytes);
	floats_free(values, (size_t) k);
	floats_free(unpacked, (size_t) k);
}

static void
every_type_is_packed_unchanged(void)
{
	for (int t = 0; t < N_PACKED_TYPES; t++)
		for (int n_rows = 1; n_rows <= 16; n_rows += 5)
		{
			int64_t step = block_items(packed_types[t]) > 32 ? block_items(packed_types[t]) : 32;

			for (int64_t k = step; k <= 6 * step; k += step)
				check_pack(packed_types[t], k, n_rows);
		}
	for (int64_t k = 1; k < 8; k++)
		for (int t = 0; t < N_PACKED_TYPES; t++)
			if (block_items(packed_types[t]) == 1)
				check_pack(packed_types[t], k, 7);
}

/* Missing rows and padded K are scales of 0, to the byte. */
static void
padding_is_zero(void)
{
	uint8_t group[1088];
	SlmBlockQ8_0 row = {.d = 0x3c00};

	memset(row.qs, 1, sizeof(row.qs));
	slm_pack_group(SLM_DTYPE_Q8_0, &row, sizeof(row), 1, 32, group);
	for (int i = 0; i < 1024; i++)
		CHECK_INT(group[i], i < 512 && i % 64 < 4 ? 129 : 0);
	for (int i = 1024; i < 1088; i++)
		CHECK_INT(group[i], i == 1025 ? 0x3c : 0);
}

static void
group_bytes_are_as_stated(void)
{
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_Q8, 32), 1088);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_Q8, 64), 1088);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_Q8, 96), 2176);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_F32, 3), 192);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_F16, 3), 96);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_BF16, 3), 96);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_K2, 512), 2 * 2624);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_K3, 512), 2 * 2336);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_K4, 512), 2 * 2368);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_K5, 512), 2 * 2880);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_K6, 512), 2 * 3360);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_KI4, 512), 2 * 2336);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_Q4, 96), 2 * 576);
	CHECK_INT(slm_group_bytes(SLM_LAYOUT_IQ4, 64), 576);
}

/* What a table promises: a name, and every kernel. */
static void
tables_are_complete(void)
{
	CHECK(slm_kernels(SLM_ISA_SCALAR) != NULL);
	CHECK(slm_kernels(SLM_ISA_AUTO) != NULL);
	for (int isa = SLM_ISA_AUTO; isa < SLM_ISA_COUNT; isa++)
	{
		const SlmKernels *table = slm_kernels((SlmIsa) isa);

		CHECK((table != NULL) == slm_isa_available((SlmIsa) isa));
		if (table == NULL)
			continue;
		if (isa != SLM_ISA_AUTO)
			CHECK_STR(table->name, slm_isa_name((SlmIsa) isa));
#define SLM_KERNEL(type, member) CHECK(table->member != NULL);
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL
	}
}

static void
auto_is_the_best_available(void)
{
	int best = SLM_ISA_COUNT - 1;

	while (!slm_isa_available((SlmIsa) best))
		best--;
	CHECK(slm_kernels(SLM_ISA_AUTO) == slm_kernels((SlmIsa) best));
	printf("# this machine: %s\n", slm_isa_name((SlmIsa) best));
#if defined(__x86_64__)
	/* the compiler's own view of the CPU and of the register state */
	__builtin_cpu_init();
	CHECK_INT(slm_isa_available(SLM_ISA_AVX2),
			  __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0);
	CHECK_INT(slm_isa_available(SLM_ISA_AVX512), __builtin_cpu_supports("avx512vnni") != 0 &&
													 __builtin_cpu_supports("avx512bw") != 0 &&
													 __builtin_cpu_supports("avx512vl") != 0 &&
													 __builtin_cpu_supports("avx512dq") != 0);
#endif
}

static void
a_wrong_isa_is_refused(void)
{
	CHECK(slm_kernels(SLM_ISA_COUNT) == NULL);
	CHECK(!slm_isa_available(SLM_ISA_COUNT));
	CHECK(slm_isa_name(SLM_ISA_COUNT) == NULL);
	CHECK_STR(slm_isa_name(SLM_ISA_AUTO), "auto");
}

int
main(void)
{
	TEST(every_type_is_packed_unchanged);
	TEST(padding_is_zero);
	TEST(group_bytes_are_as_stated);
	TEST(tables_are_complete);
	TEST(auto_is_the_best_available);
	TEST(a_wrong_isa_is_refused);
	return check_done();
}
