/*
 * worker_write.c - what a worker does with requests: models, forms, places, rows
 *
 * The scheduler (engine/scheduler.h) says who joins, the writer (task/writer.h) writes
 * all rows beside each other.  A lane is a model with places of one size: sizes come
 * in steps of four, so that requests that are not too different share a lane.  Turning
 * to another lane makes the writer anew.
 *
 * Whatever a worker cannot do, the session can: the request is declined.  So errors
 * are answered only where they are the row's, and certain.
 */
#include "postgres.h"

#include <pthread.h>
#include <signal.h>

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "engine/scheduler.h"
#include "engine/threads.h"
#include "pg/activity.h"
#include "pg/form.h"
#include "pg/guc.h"
#include "pg/registry.h"
#include "pg/worker_impl.h"
#include "task/writer.h"

#define PATIENCE_MS 1000      /* after which a request's age counts */
#define HELD_MODELS 4         /* that stay mapped for the next request */
#define FORMS SLM_WORKER_ROWS /* schemas that are kept: each row that is written may have one */
#define LEAST_TOKENS 512      /* of a place */
#define LEAST_INPUT 8192      /* bytes of an input */

StaticAssertDecl(SLM_WORKER_SLOTS <= SLM_SCHEDULER_REQUESTS, "all requests can be scheduled");

/* A schema, compiled. */
typedef struct Form
{
	int n_user;
	uint64 used; /* the clock at the last use; 0: free */
	SlmArena arena;
	SlmForm form;
	char *key;
	Size key_size;
} Form;

typedef struct Work
{
	SlmRequest *request; /* NULL: none */
	SlmRequestView view;
	SlmMapping *mapping; /* a reference */
	SlmRowSize size;     /* of its lane's places */
	Form *form;
	int row; /* of the writer; -1: it waits */
} Work;

static SlmWriteListener listener;
static SlmScheduler scheduler;
static Work work[SLM_WORKER_SLOTS];
static Form forms[FORMS];
static SlmArena tree_arena;
static const SlmMaskTree *tree; /* of the writer's model, which all forms are of; NULL: none yet */
static uint64 form_clock;
static SlmMapping *held[HELD_MODELS]; /* references; the last used first */

/* The writer and what it borrows. */
static SlmHost host;
static SlmArena arena;
static SlmWriter *writer; /* NULL: none */
static SlmRun run;
static SlmModelOptions options;
static char format[NAMEDATALEN];
static char fingerprint[SLM_FINGERPRINT_CHARS];
static NameData model_name;
static SlmRowSize place_size;
static bool shown;          /* slm_activity has it */
static SlmMapping *mapping; /* of the writer; a reference */
static int slot_of[SLM_MAX_WRITER_ROWS];
static bool in_step;

/* ---- What the engine asks ---- */

/* A step goes on as long as somebody waits for it. */
static bool
interrupted(void *arg)
{
	if (slm_pg_host.interrupted(arg))
		return true;
	if (!in_step)
		return false;
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		if (work[i].request != NULL && work[i].row >= 0 && !listener.is_abandoned(i))
			return false;
	return true;
}

void
slm_write_init(const SlmWriteListener *to)
{
	listener = *to;
	host = slm_pg_host;
	host.interrupted = interrupted;
	slm_arena_init(&arena, &host, 0);
	slm_arena_init(&tree_arena, &host, 0);
	slm_scheduler_init(&scheduler, SLM_WORKER_ROWS, PATIENCE_MS);
}

static uint64
now_ms(void)
{
	return (uint64) GetCurrentTimestamp() / 1000;
}

/* ---- Threads ---- */

static SlmThreads *threads; /* NULL: there is one */

static void
together(void *arg, void (*part)(void *job, int i), void *job)
{
	slm_threads_run(threads, part, job);
}

/*
 * As many threads as slm.worker_threads says.  They take no signals but those of their
 * own faults: PostgreSQL's handlers belong to the main thread.
 */
static void
set_threads(void)
{
	static int n = 1;
	sigset_t all, before;
	SlmError err;

	if (n == slm_worker_threads)
		return;
	slm_write_stop_threads();
	n = slm_worker_threads;
	if (n < 2)
		return;
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (slm_threads_start(&slm_pg_host, n, &threads, &err) != SLM_OK)
		threads = NULL;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (threads == NULL)
	{
		ereport(LOG, (errmsg_internal("slm worker: %s", err.message)));
		return;
	}
	host.together = together;
	host.n_thread = n;
}

void
slm_write_stop_threads(void)
{
	host.together = NULL;
	host.n_thread = 0;
	slm_threads_stop(threads);
	threads = NULL;
}

/* ---- Models ---- */

/* A mapping stays for a while after its last use. */
static void
hold(SlmMapping *one)
{
	int at = 0;
	SlmError err;
	SlmMapping *again;

	while (at < HELD_MODELS - 1 && held[at] != NULL && held[at] != one)
		at++;
	if (held[at] != one)
	{
		if (held[at] != NULL)
			slm_weights_release(held[at]);
		/* another reference to what is mapped already */
		held[at] = NULL;
		if (slm_weights_attach(one->sha256, &again, &err) != SLM_OK)
			return;
		held[at] = again;
	}
	one = held[at];
	memmove(held + 1, held, at * sizeof(*held));
	held[0] = one;
}

/* ---- Forms ---- */

static void
free_form(Form *form)
{
	slm_arena_trim(&form->arena, 0);
	pfree(form->key);
	form->key = NULL;
	form->used = 0;
}

/* The bytes that a form depends on, and whose it is. */
static void
form_key(const Work *one, StringInfo key)
{
	initStringInfo(key);
	appendBinaryStringInfo(key, (const char *) &one->request->owner, sizeof(SlmPromptOwner));
	appendStringInfoChar(key, one->request->of_fields ? 'F' : 'A');
	appendBinaryStringInfo(key, (const char *) one->view.schema, one->request->schema_size);
}

/* Before the writer's model changes, or at rest: no row runs, and no form is used. */
static void
free_forms(void)
{
	for (int i = 0; i < FORMS; i++)
		if (forms[i].used > 0)
			free_form(&forms[i]);
	slm_arena_trim(&tree_arena, 0);
	tree = NULL;
}

/* The tree of the tokens of the writer's model, made once for all its forms. */
static SlmStatus
find_tree(const SlmModel *model, SlmError *err)
{
	SlmMaskTree *made;

	if (tree != NULL)
		return SLM_OK;
	slm_arena_trim(&tree_arena, 0);
	tree_arena.max_bytes = (size_t) slm_max_scratch_memory * 1024;
	SLM_TRY(slm_constraint_tree(model, &slm_pg_host, slm_scratch(), &tree_arena, &made, err));
	tree = made;
	return SLM_OK;
}

/* Compiles a form into an entry that nobody uses. */
static SlmStatus
make_form(Form *form, Work *one, const StringInfoData *key, SlmError *err)
{
	SlmStatus status;

	if (form->used > 0)
		free_form(form);
	if (form->arena.host == NULL)
		slm_arena_init(&form->arena, &host, 0);
	form->arena.max_bytes = (size_t) slm_max_scratch_memory * 1024;
	status = find_tree(one->mapping->model, err);
	if (status == SLM_OK)
		status = slm_form_build(tree, one->view.schema, one->request->of_fields, slm_scratch(),
								&form->arena, &form->form, err);
	if (status != SLM_OK)
	{
		slm_arena_trim(&form->arena, 0);
		return status;
	}
	form->key = MemoryContextAlloc(TopMemoryContext, key->len);
	memcpy(form->key, key->data, key->len);
	form->key_size = key->len;
	return SLM_OK;
}

/* Gives a request the form of its schema, until it leaves. */
static SlmStatus
find_form(Work *one, SlmError *err)
{
	StringInfoData key;
	Form *oldest = NULL, *found = NULL;

	form_key(one, &key);
	for (int i = 0; i < FORMS && found == NULL; i++)
	{
		Form *form = &forms[i];

		if (form->used > 0 && form->key_size == key.len &&
			memcmp(form->key, key.data, key.len) == 0)
			found = form;
		else if (form->n_user == 0 && (oldest == NULL || form->used < oldest->used))
			oldest = form;
	}
	if (found == NULL)
	{
		Assert(oldest != NULL); /* there are no more rows than forms */
		found = oldest;
		SLM_TRY(make_form(found, one, &key, err));
	}
	pfree(key.data);
	found->used = ++form_clock;
	found->n_user++;
	one->form = found;
	one->view.prompt.constraint = found->form.constraint;
	return SLM_OK;
}

/* ---- Requests ---- */

/* Ends a request, waiting or running. */
static void
forget(int slot)
{
	Work *one = &work[slot];

	slm_scheduler_remove(&scheduler, slot);
	if (one->form != NULL)
		one->form->n_user--;
	if (one->mapping != NULL)
		slm_weights_release(one->mapping);
	if (one->request != NULL)
		pfree(one->request);
	*one = (Work){.row = -1};
}

static void
decline(int slot)
{
	SlmError none = {0};
	SlmReply *reply = slm_reply_make(NULL, &none);

	reply->declined = true;
	forget(slot);
	listener.done(slot, reply);
}

void
slm_write_drop(int slot)
{
	if (work[slot].row >= 0)
		slm_writer_drop(writer, work[slot].row);
	forget(slot);
}

static int64
round_up(int64 n, int64 least)
{
	int64 size = least;

	while (size < n)
		size *= 4;
	return size;
}

/* Attaches a request's model and finds out what place it needs. */
static bool
measure(Work *one)
{
	static const SlmConstraint verbatim = {.verbatim = true};
	SlmRun measuring;
	SlmPrompt prompt = one->view.prompt;
	SlmError err;

	if (slm_weights_attach(one->request->sha256, &one->mapping, &err) != SLM_OK ||
		one->mapping == NULL)
		return false;
	hold(one->mapping);
	measuring = (SlmRun){.model = one->mapping->model,
						 .options = &one->view.options,
						 .kernels = slm_current_kernels(),
						 .host = &slm_pg_host,
						 .arena = slm_scratch(),
						 .max_input_tokens = one->request->max_input_tokens};
	if (one->view.schema != NULL && one->request->of_fields)
		prompt.constraint = &verbatim;
	if (!slm_task_writes(measuring.model, measuring.options) ||
		slm_writer_measure(&measuring, &prompt, &one->size, &err) != SLM_OK)
		return false;
	one->size.n_token =
		(int) Min(round_up(one->size.n_token, LEAST_TOKENS), slm_context_length(&measuring));
	one->size.n_input = (size_t) round_up((int64) one->size.n_input, LEAST_INPUT);
	return true;
}

void
slm_write_add(int slot, SlmRequest *request)
{
	Work *one = &work[slot];
	SlmPromptOwner *owner = &request->owner;
	uint64 lane, role = owner->role;

	*one = (Work){.request = request, .row = -1};
	if (!slm_request_view(request, &one->view) ||
		one->view.options.prompt_format.size >= sizeof(format) || !measure(one))
	{
		decline(slot);
		return;
	}
	lane = hash_bytes_extended((const unsigned char *) owner->fingerprint, SLM_FINGERPRINT_CHARS,
							   (uint64) one->size.n_token ^ (uint64) one->size.n_input << 32);
	if (!slm_scheduler_add(&scheduler, slot, role, lane, (uint64) one->size.n_token, now_ms()))
		decline(slot);
}

void
slm_write_count(int *n_waiting, int *n_running)
{
	*n_waiting = scheduler.n_waiting;
	*n_running = scheduler.n_running;
}

const char *
slm_write_model(void)
{
	return writer != NULL ? NameStr(model_name) : NULL;
}

/* ---- The writer ---- */

static void
end_writer(void)
{
	writer = NULL;
	if (mapping != NULL)
		slm_weights_release(mapping);
	mapping = NULL;
}

/* slm_activity shows a worker while it writes. */
static void
show(void)
{
	bool writes = scheduler.n_running > 0;

	if (writes && !shown)
		slm_activity_begin(SLM_ACTIVITY_WORKER, InvalidOid, NameStr(model_name), fingerprint);
	else if (!writes && shown)
		slm_activity_end(SLM_ACTIVITY_WORKER);
	shown = writes;
}

/* Is the writer one of a request's lane? */
static bool
is_of_lane(const Work *one)
{
	return writer != NULL &&
		   memcmp(fingerprint, one->request->owner.fingerprint, SLM_FINGERPRINT_CHARS) == 0 &&
		   place_size.n_token == one->size.n_token && place_size.n_input == one->size.n_input;
}

/* Makes a writer of a request's lane, with as many places as memory allows. */
static bool
make_writer(const Work *one)
{
	SlmError err;

	if (mapping == NULL || memcmp(mapping->sha256, one->request->sha256, SLM_SHA256_BYTES) != 0)
		free_forms();
	end_writer();
	slm_arena_trim(&arena, 0);
	arena.max_bytes = (size_t) slm_max_worker_memory * 1024;
	if (slm_weights_attach(one->request->sha256, &mapping, &err) != SLM_OK || mapping == NULL)
		return false;
	memcpy(fingerprint, one->request->owner.fingerprint, SLM_FINGERPRINT_CHARS);
	model_name = one->request->model;
	place_size = one->size;
	options = one->view.options;
	memcpy(format, options.prompt_format.data, options.prompt_format.size);
	options.prompt_format.data = format;
	run = (SlmRun){.model = mapping->model,
				   .options = &options,
				   .kernels = slm_current_kernels(),
				   .host = &host,
				   .arena = &arena,
				   .prefixes = slm_kept_prefixes()};
	for (int n = SLM_WORKER_ROWS; n > 0; n /= 2)
	{
		if (slm_writer_new(&run, n, one->size, &writer, &err) == SLM_OK)
		{
			slm_scheduler_places(&scheduler, n);
			return true;
		}
		slm_arena_reset(&arena);
	}
	end_writer();
	return false;
}

/* A request joins the rows that are written. */
static bool
join(int slot)
{
	Work *one = &work[slot];
	SlmError err;

	/* a lane is a hash: nothing is made anew under rows that run, of which this is one */
	if (!is_of_lane(one) && (scheduler.n_running > 1 || !make_writer(one)))
		return false;
	if (one->view.schema != NULL && find_form(one, &err) != SLM_OK)
		return false;
	run.owner = (SlmText){(const char *) &one->request->owner, sizeof(SlmPromptOwner)};
	run.max_input_tokens = one->request->max_input_tokens;
	if (slm_writer_add(writer, &one->view.prompt, &one->row, &err) != SLM_OK)
	{
		one->row = -1;
		return false;
	}
	slot_of[one->row] = slot;
	return true;
}

/* Is it what the session would find, too? */
static bool
is_rows_own(SlmStatus status)
{
	return status == SLM_OK || status == SLM_ERR_LIMIT || status == SLM_ERR_NO_VALUE ||
		   status == SLM_ERR_UNSUPPORTED;
}

static void
take_finished(void)
{
	int row;

	while ((row = slm_writer_finished(writer)) >= 0)
	{
		SlmArena *scratch = slm_scratch();
		int slot = slot_of[row];
		SlmWritten written;
		SlmError err;
		SlmStatus status = slm_writer_take(writer, row, scratch, &written, &err);
		SlmReply *reply;

		slm_model_check_mapping();
		work[slot].row = -1;
		if (!is_rows_own(status))
		{
			decline(slot);
			continue;
		}
		reply = slm_reply_make(status == SLM_OK ? &written : NULL, &err);
		slm_activity_add(SLM_ACTIVITY_WORKER, 1, status == SLM_OK ? written.n_token : 0);
		forget(slot);
		listener.done(slot, reply);
	}
}

/* A step went wrong, and nobody can say for whom. */
static void
decline_running(void)
{
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		if (work[i].request != NULL && work[i].row >= 0)
		{
			slm_writer_drop(writer, work[i].row);
			work[i].row = -1;
			decline(i);
		}
}

void
slm_write_step(void)
{
	SlmStatus status;
	SlmError err;
	int slot;

	set_threads();
	while ((slot = slm_scheduler_next(&scheduler, now_ms())) >= 0)
		if (!join(slot))
			decline(slot);
	show();
	if (scheduler.n_running == 0)
		return;
	in_step = true;
	status = slm_writer_step(writer, &err);
	in_step = false;
	slm_model_check_mapping();
	slm_check_interrupts();
	/* interrupted: those who have gone are forgotten before the next one */
	if (status != SLM_OK && status != SLM_ERR_CANCELLED)
		decline_running();
	take_finished();
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		if (work[i].request != NULL && work[i].row >= 0)
			listener.progress(i, slm_writer_written(writer, work[i].row));
	show();
}

void
slm_write_rest(void)
{
	show();
	end_writer();
	slm_arena_trim(&arena, 0);
	free_forms();
	for (int i = 0; i < HELD_MODELS; i++)
	{
		if (held[i] != NULL)
			slm_weights_release(held[i]);
		held[i] = NULL;
	}
}
