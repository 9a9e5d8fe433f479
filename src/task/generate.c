/*
 * generate.c - text that a decoder writes
 *
 * Prompts are cut into tokens first, so that rows can be taken by length: the longest
 * begin, and whoever is done makes room for the next.  Where the arena has no room
 * for so many long rows, fewer are taken at a time, and the short ones not with them.
 */
#include "task/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "task/writer_impl.h"

bool
slm_task_writes(const SlmModel *model, const SlmModelOptions *options)
{
	SlmRun run = {.model = model, .options = options};

	return slm_model_info(model)->can_decode &&
		   slm_effective_pooling(&run) == SLM_POOLING_UNSPECIFIED;
}

SlmStatus
slm_task_check_prompt(const SlmPrompt *prompt, SlmError *err)
{
	if (prompt->max_tokens < 1 || prompt->max_tokens > SLM_MAX_GENERATED_TOKENS)
		return slm_fail(err, SLM_ERR_ARGUMENT, "max_tokens must be from 1 to %d",
						SLM_MAX_GENERATED_TOKENS);
	if (!(prompt->sampling.temperature >= 0.0f && prompt->sampling.temperature < INFINITY))
		return slm_fail(err, SLM_ERR_ARGUMENT, "temperature must not be negative");
	return SLM_OK;
}

/* ---- Rows of a call -------------------------------------------------------------------- */

typedef struct Job
{
	int row; /* of the call */
	SlmRowTokens tokens;
	SlmRowSize size;
	int32_t *answer; /* [room - prompt] tokens, when it is done */
	SlmTaken taken;
	bool is_done; /* and has not failed */
} Job;

typedef struct Jobs
{
	SlmRun *run;
	const SlmPrompt *prompt;
	SlmStatus *row_status; /* or NULL */
	bool *is_elsewhere;    /* [n of the call] rows that another process has written; or NULL */
	Job *job;              /* [n] the longest first */
	int n;

	/* Without row_status: the failure of the first row that has one. */
	int failed; /* rows behind this one need not be written */
	SlmStatus status;
	SlmError *err;
} Jobs;

/* A status that is a row's own.  What remains is the call's. */
static SlmStatus
row_failure(Jobs *jobs, int row, SlmStatus status, const SlmError *err)
{
	bool is_rows = slm_task_prompt_failed(status);

	if (jobs->row_status != NULL && is_rows)
	{
		jobs->row_status[row] = status;
		return SLM_OK;
	}
	if (jobs->row_status != NULL || !is_rows)
		return status;
	if (row < jobs->failed)
	{
		jobs->failed = row;
		jobs->status = status;
		*jobs->err = *err;
	}
	return SLM_OK;
}

/* The longest first; of equal ones, the first. */
static int
compare_jobs(const void *a, const void *b)
{
	const Job *one = a, *other = b;
	int one_size = one->size.n_token, other_size = other->size.n_token;

	return one_size != other_size ? (one_size < other_size) - (one_size > other_size)
								  : (one->row > other->row) - (one->row < other->row);
}

static SlmStatus
make_jobs(Jobs *jobs, int n_prompt, SlmError *err)
{
	SlmArena *arena = jobs->run->arena;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n_prompt, &jobs->job, err));
	for (int i = 0; i < n_prompt && i < jobs->failed; i++)
	{
		Job job = {.row = i};
		SlmStatus status;

		if (jobs->is_elsewhere != NULL && jobs->is_elsewhere[i])
			continue;
		status = slm_row_tokens(jobs->run, &jobs->prompt[i], &job.tokens, err);
		if (jobs->row_status != NULL)
			jobs->row_status[i] = SLM_OK;
		if (status != SLM_OK)
		{
			SLM_TRY(row_failure(jobs, i, status, err));
			continue;
		}
		job.size = slm_row_size(&jobs->prompt[i], &job.tokens);
		SLM_TRY(
			SLM_NEW_ARRAY(arena, (size_t) (job.tokens.room - job.tokens.n) + 1, &job.answer, err));
		jobs->job[jobs->n++] = job;
	}
	qsort(jobs->job, (size_t) jobs->n, sizeof(*jobs->job), compare_jobs);
	return SLM_OK;
}

/* ---- Writing --------------------------------------------------------------------------- */

/* Takes rows that are done; job_of says whose place is whose. */
static SlmStatus
take_finished(Jobs *jobs, SlmWriter *writer, Job *const *job_of, SlmError *err)
{
	for (int at; (at = slm_writer_finished(writer)) >= 0;)
	{
		Job *job = job_of[at];
		SlmStatus status = slm_writer_take_tokens(writer, at, job->answer, &job->taken, err);

		job->is_done = status == SLM_OK;
		if (status != SLM_OK)
			SLM_TRY(row_failure(jobs, job->row, status, err));
	}
	return SLM_OK;
}

/* Lets rows join while there are places. */
static SlmStatus
let_join(Jobs *jobs, SlmWriter *writer, Job **job_of, int *next, int end, SlmError *err)
{
	for (; *next < end && slm_writer_free(writer) > 0; ++*next)
	{
		Job *job = &jobs->job[*next];
		SlmStatus status;
		int at;

		if (job->row > jobs->failed)
			continue;
		status = slm_writer_join(writer, &jobs->prompt[job->row], &job->tokens, &at, err);
		if (status == SLM_OK)
			job_of[at] = job;
		else
			SLM_TRY(row_failure(jobs, job->row, status, err));
	}
	return SLM_OK;
}

/* Writes the rows job[first .. end-1]. */
static SlmStatus
write_rows(Jobs *jobs, SlmWriter *writer, int first, int end, SlmError *err)
{
	Job *job_of[SLM_MAX_WRITER_ROWS];

	for (;;)
	{
		SLM_TRY(let_join(jobs, writer, job_of, &first, end, err));
		SLM_TRY(take_finished(jobs, writer, job_of, err));
		if (slm_writer_busy(writer) == 0 && first == end)
			return SLM_OK;
		SLM_TRY(slm_writer_step(writer, err));
	}
}

/* Rows that need more than half of what the longest of them needs. */
static int
count_alike(const Jobs *jobs, int first)
{
	int end = first;

	while (end < jobs->n && jobs->job[end].size.n_token > jobs->job[first].size.n_token / 2)
		end++;
	return end - first;
}

/* A writer for n of the rows job[first .. end-1] at a time. */
static SlmStatus
make_writer(Jobs *jobs, int n, int first, int end, SlmWriter **out, SlmError *err)
{
	SlmRowSize size = jobs->job[first].size;

	for (int i = first; i < end; i++)
		if (jobs->job[i].size.n_input > size.n_input)
			size.n_input = jobs->job[i].size.n_input;
	return slm_writer_new(jobs->run, n, size, out, err);
}

/* Writes as many rows from job[*first] on as one writer can serve. */
static SlmStatus
write_some(Jobs *jobs, int *first, SlmError *err)
{
	SlmArena *arena = jobs->run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	int most = jobs->run->batch_rows, n = jobs->n - *first, end = jobs->n;
	SlmWriter *writer;
	SlmStatus status;

	if (most < 1 || most > SLM_MAX_WRITER_ROWS)
		most = SLM_MAX_WRITER_ROWS;
	if (n > most)
		n = most;
	while ((status = make_writer(jobs, n, *first, end, &writer, err)) != SLM_OK)
	{
		slm_arena_release(arena, mark);
		if (status != SLM_ERR_LIMIT && status != SLM_ERR_NO_MEMORY)
			return status;
		if (n == 1)
			return row_failure(jobs, jobs->job[(*first)++].row, status, err);
		end = *first + count_alike(jobs, *first);
		n = n / 2 < end - *first ? n / 2 : end - *first;
	}
	status = write_rows(jobs, writer, *first, end, err);
	*first = end;
	if (end < jobs->n)
		slm_arena_release(arena, mark);
	else
		slm_arena_rewind(arena, mark);
	return status;
}

/* The texts of all rows that have one. */
static SlmStatus
read_answers(const Jobs *jobs, SlmWritten *out, SlmError *err)
{
	SlmRowMaker maker;

	SLM_TRY(slm_row_maker_init(&maker, jobs->run, err));
	for (int i = 0; i < jobs->n; i++)
	{
		const Job *job = &jobs->job[i];
		SlmWritten *written = &out[job->row];

		if (!job->is_done)
			continue;
		*written = job->taken.written;
		SLM_TRY(slm_row_text(&maker, job->answer, written->n_token, job->taken.n_cut,
							 jobs->run->arena, &written->text, err));
	}
	return SLM_OK;
}

SlmStatus
slm_task_generate_many(SlmRun *run, const SlmPrompt *prompt, int n, SlmWritten *out,
					   SlmStatus *row_status, SlmError *err)
{
	SlmError first_error;
	Jobs jobs = {
		.run = run, .prompt = prompt, .row_status = row_status, .failed = n, .err = &first_error};
	int first = 0;

	for (int i = 0; i < n; i++)
		out[i] = (SlmWritten){.text = slm_text("")};
	if (run->outlet != NULL)
	{
		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &jobs.is_elsewhere, err));
		memset(jobs.is_elsewhere, 0, (size_t) n * sizeof(*jobs.is_elsewhere));
		SLM_TRY(run->outlet->write(run->outlet->arg, run, prompt, n, out, row_status,
								   jobs.is_elsewhere, err));
	}
	SLM_TRY(make_jobs(&jobs, n, err));
	while (first < jobs.n)
		SLM_TRY(write_some(&jobs, &first, err));
	if (jobs.failed < n)
	{
		*err = first_error;
		return jobs.status;
	}
	return read_answers(&jobs, out, err);
}

SlmStatus
slm_task_generate(SlmRun *run, const SlmPrompt *prompt, SlmWritten *out, SlmError *err)
{
	return slm_task_generate_many(run, prompt, 1, out, NULL, err);
}
