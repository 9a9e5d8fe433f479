/*
 * host.h - an SlmHost for tests, benchmarks and fuzzers: malloc and OpenSSL
 *
 * One host per process.  test_host_state counts what the engine asked for and
 * makes it refuse on demand, so that a test can walk "the N-th allocation
 * fails" and "the N-th poll says stop" over every N.
 */
#ifndef SLM_TEST_HOST_H
#define SLM_TEST_HOST_H

#include <stdint.h>

#include "base/host.h"

typedef struct TestHostState
{
	int64_t allocs;        /* allocations asked for since the reset */
	int64_t live_allocs;   /* not released yet; 0 at the end of a clean test */
	int64_t live_hashes;   /* sha256 states not finished yet */
	int64_t polls;         /* calls of interrupted() since the reset */
	int64_t logs;          /* calls of log() since the reset */
	int64_t fail_alloc_at; /* this allocation (from 1) and all after it fail; 0: none */
	int64_t interrupt_at;  /* this poll (from 1) and all after it say stop; 0: none */
	char last_log[512];    /* the last log line */
} TestHostState;

extern TestHostState test_host_state;

/* The host; always the same pointer. */
extern const SlmHost *test_host(void);

/* Zeroes the counters and switches, but keeps live_allocs and live_hashes. */
extern void test_host_reset(void);

#endif
