/*
 * malformed.c - writes the corpus of hostile model files to a folder
 *
 *     build/test/tools/malformed [-s] FOLDER
 *
 * -s leaves out files over 64 kB: seeds for a fuzzer.
 *
 * FOLDER/index has a line for each file, fields separated by tabs:
 *
 *     NAME.gguf  corrupt | unsupported | limit | accept  part of the message
 *
 * Files as large as SLM_MAX_FILE_BYTES are mostly holes; on a file system that
 * refuses such a size the case is left out and said so on standard error.
 */
#include "malformed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
verdict(const MalformedCase *which)
{
	switch (which->status)
	{
		case SLM_OK:
			return "accept";
		case SLM_ERR_CORRUPT:
			return "corrupt";
		case SLM_ERR_UNSUPPORTED:
			return "unsupported";
		default:
			return "limit";
	}
}

#define SMALL_BYTES 65536

/* Writes one case, if it is of the size wanted; false when the file system refuses it. */
static bool
write_case(const char *folder, const MalformedCase *which, int variant, bool small, FILE *list)
{
	GgufBytes bytes = {0};
	char name[32], path[4096];
	FILE *file;
	bool done;

	malformed_name(which, variant, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s.gguf", folder, name);
	which->make(&bytes, variant);
	if (small && (bytes.size > SMALL_BYTES || which->sparse_bytes > 0))
	{
		gguf_bytes_free(&bytes);
		return true;
	}
	file = fopen(path, "wb");
	done = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size &&
		   fflush(file) == 0 &&
		   (which->sparse_bytes == 0 || ftruncate(fileno(file), (off_t) which->sparse_bytes) == 0);
	if (!done)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (file != NULL && fclose(file) != 0)
		done = false;
	if (done)
		fprintf(list, "%s.gguf\t%s\t%s\n", name, verdict(which),
				which->message != NULL ? which->message : "");
	else
		remove(path);
	gguf_bytes_free(&bytes);
	return done || which->sparse_bytes > 0;
}

int
main(int argc, char **argv)
{
	char path[4096];
	FILE *list;
	bool small = argc == 3 && strcmp(argv[1], "-s") == 0;
	const char *folder = argv[argc - 1];
	bool ok = true;

	if (argc != 2 && !small)
	{
		fprintf(stderr, "usage: malformed [-s] FOLDER\n");
		return 2;
	}
	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
	{
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return 1;
	}
	snprintf(path, sizeof(path), "%s/index", folder);
	list = fopen(path, "w");
	if (list == NULL)
	{
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < malformed_n_case; i++)
	{
		const MalformedCase *which = &malformed_cases[i];

		for (int variant = which->from; variant <= which->to; variant++)
			ok = write_case(folder, which, variant, small, list) && ok;
	}
	if (fclose(list) != 0)
		ok = false;
	return ok ? 0 : 1;
}
