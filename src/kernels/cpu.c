/*
 * cpu.c - which instructions may be used
 *
 * Two things must agree: the CPU has the instructions (CPUID), and the
 * operating system saves the registers they use (XGETBV).  A baseline object:
 * nothing here may itself need what it asks for.  Bits: AMD64 Architecture
 * Programmer's Manual volume 3, appendix E; XCR0: volume 2, section 11.5.2.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include <cpuid.h>

#define LEAF1_ECX_FMA (1U << 12)
#define LEAF1_ECX_OSXSAVE (1U << 27)
#define LEAF1_ECX_AVX (1U << 28)
#define LEAF1_ECX_F16C (1U << 29)
#define LEAF7_EBX_AVX2 (1U << 5)
#define LEAF7_EBX_AVX512F (1U << 16)
#define LEAF7_EBX_AVX512DQ (1U << 17)
#define LEAF7_EBX_AVX512BW (1U << 30)
#define LEAF7_EBX_AVX512VL (1U << 31)
#define LEAF7_ECX_AVX512VNNI (1U << 11)
#define XCR0_AVX 0x6U     /* xmm and the upper halves of ymm */
#define XCR0_AVX512 0xe6U /* and mask registers, upper halves of zmm, zmm16 to 31 */

/* The low half of XCR0; allowed only when OSXSAVE is set. */
static uint32_t
read_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static bool
has_all(uint32_t bits, uint32_t wanted)
{
	return (bits & wanted) == wanted;
}

static SlmIsa
best_isa(void)
{
	uint32_t eax, ebx, ecx, edx, xcr0;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) ||
		!has_all(ecx, LEAF1_ECX_FMA | LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX | LEAF1_ECX_F16C))
		return SLM_ISA_SCALAR;
	xcr0 = read_xcr0();
	if (!has_all(xcr0, XCR0_AVX) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ||
		!has_all(ebx, LEAF7_EBX_AVX2))
		return SLM_ISA_SCALAR;
	if (has_all(xcr0, XCR0_AVX512) &&
		has_all(ebx,
				LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512DQ | LEAF7_EBX_AVX512BW | LEAF7_EBX_AVX512VL) &&
		has_all(ecx, LEAF7_ECX_AVX512VNNI))
		return SLM_ISA_AVX512;
	return SLM_ISA_AVX2;
}

#else

static SlmIsa
best_isa(void)
{
	return SLM_ISA_SCALAR;
}

#endif

bool
slm_isa_available(SlmIsa isa)
{
	/* CPUID leaves a virtual machine, microseconds each: asked once */
	static int best = SLM_ISA_AUTO;
	int known = __atomic_load_n(&best, __ATOMIC_RELAXED);

	if (known == SLM_ISA_AUTO)
	{
		known = (int) best_isa();
		__atomic_store_n(&best, known, __ATOMIC_RELAXED);
	}
	return (int) isa >= SLM_ISA_AUTO && (int) isa <= known;
}
