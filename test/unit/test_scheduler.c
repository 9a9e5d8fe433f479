/*
 * test_scheduler.c - src/engine/scheduler.c over a simulated clock and writer
 *
 * Each seed is a course of arrivals, steps and cancels, with its own number of places,
 * roles and lanes.  SLM_SEEDS says how many (make soak).
 */
#include "engine/scheduler.h"

#include <stdint.h>

#include "chance.h"
#include "check.h"

#define REQUESTS 200 /* of one course */
#define PLACES 16
#define STEPS 24 /* that a row takes, at most */

static unsigned long
n_seed(void)
{
	const char *given = getenv("SLM_SEEDS");

	return given != NULL ? strtoul(given, NULL, 10) : 10000;
}

typedef enum State
{
	UNSENT = 0,
	WAITS,
	RUNS,
	ANSWERED,
	CANCELLED
} State;

typedef struct Request
{
	State state;
	uint64_t role, lane;
	int steps;        /* that it takes */
	uint64_t arrived; /* step */
} Request;

/* A place of the writer: whose row is in it, as the writer knows. */
typedef struct Place
{
	int id; /* -1: free */
	uint64_t role, lane;
	int left;
} Place;

typedef struct Course
{
	uint64_t state; /* of the chance */
	SlmScheduler scheduler;
	Request request[REQUESTS];
	Place place[PLACES];
	int n_place, n_sent, n_done;
	uint64_t now, longest;
	bool wrong;
} Course;

static void
expect(Course *c, bool holds)
{
	c->wrong |= !holds;
}

static void
arrive(Course *c, int n_role, int n_lane)
{
	Request *r = &c->request[c->n_sent];
	uint64_t role = chance(&c->state, (uint64_t) n_role),
			 lane = chance(&c->state, (uint64_t) n_lane);
	int steps = 1 + (int) chance(&c->state, STEPS);

	if (!slm_scheduler_add(&c->scheduler, c->n_sent, role, lane, (uint64_t) steps, c->now))
	{
		/* only where it is full */
		expect(c, c->scheduler.n_running + c->scheduler.n_waiting == SLM_SCHEDULER_REQUESTS);
		return;
	}
	*r = (Request){WAITS, role, lane, steps, c->now};
	c->n_sent++;
}

/* Who the scheduler lets join gets a place; all that holds of joining is checked. */
static void
join(Course *c)
{
	int id;

	while ((id = slm_scheduler_next(&c->scheduler, c->now)) >= 0)
	{
		Request *r = &c->request[id];
		Place *free_place = NULL;

		expect(c, r->state == WAITS && r->lane == c->scheduler.lane);
		for (int i = 0; i < c->n_place; i++)
		{
			if (c->place[i].id < 0)
				free_place = &c->place[i];
			else
				expect(c, c->place[i].lane == r->lane);
		}
		expect(c, free_place != NULL);
		if (free_place == NULL)
			return;
		*free_place = (Place){id, r->role, r->lane, r->steps};
		r->state = RUNS;
		if (c->now - r->arrived > c->longest)
			c->longest = c->now - r->arrived;
	}
}

static void
step(Course *c)
{
	c->now++;
	for (int i = 0; i < c->n_place; i++)
	{
		Place *p = &c->place[i];

		if (p->id < 0 || --p->left > 0)
			continue;
		/* an answer goes to whoever asked, once, and is of its role */
		expect(c, c->request[p->id].state == RUNS && c->request[p->id].role == p->role);
		c->request[p->id].state = ANSWERED;
		slm_scheduler_remove(&c->scheduler, p->id);
		p->id = -1;
		c->n_done++;
	}
}

static void
cancel(Course *c)
{
	int id = c->n_sent > 0 ? (int) chance(&c->state, (uint64_t) c->n_sent) : -1;

	if (id < 0 || (c->request[id].state != WAITS && c->request[id].state != RUNS))
		return;
	for (int i = 0; i < c->n_place; i++)
		if (c->place[i].id == id)
			c->place[i].id = -1;
	c->request[id].state = CANCELLED;
	slm_scheduler_remove(&c->scheduler, id);
	c->n_done++;
}

/* One course; false when something was wrong. */
static bool
course(uint64_t seed)
{
	static Course c;
	uint64_t patience, bound;
	int n_role, n_lane, hurry, cancels;

	memset(&c, 0, sizeof(c));
	c.state = seed;
	c.n_place = 1 + (int) chance(&c.state, PLACES);
	n_role = 1 + (int) chance(&c.state, 8);
	n_lane = 1 + (int) chance(&c.state, 3);
	hurry = 1 + (int) chance(&c.state, 6);
	cancels = (int) chance(&c.state, 3);
	patience = chance(&c.state, 200);
	/* who has waited so long is before all that come later, and every other place is the oldest's */
	bound = patience + 3 * SLM_SCHEDULER_REQUESTS * (STEPS + 1);
	for (int i = 0; i < PLACES; i++)
		c.place[i].id = -1;
	slm_scheduler_init(&c.scheduler, c.n_place, patience);
	while (c.n_done < REQUESTS && !c.wrong && c.now < 100000)
	{
		for (int i = 0; i < hurry && c.n_sent < REQUESTS; i++)
			if (chance(&c.state, 3) == 0)
				arrive(&c, n_role, n_lane);
		join(&c);
		/* places do not stay empty while somebody waits, but for another lane */
		expect(&c, c.scheduler.n_running > 0 || c.scheduler.n_waiting == 0);
		step(&c);
		if (cancels > 0 && chance(&c.state, 8) == 0)
			cancel(&c);
	}
	expect(&c, c.n_done == REQUESTS && c.scheduler.n_running == 0 && c.scheduler.n_waiting == 0);
	expect(&c, c.longest <= bound);
	return !c.wrong;
}

static void
all_are_answered_once(void)
{
	unsigned long n = n_seed(), n_wrong = 0, first = 0;

	for (unsigned long seed = 1; seed <= n; seed++)
		if (!course(seed) && n_wrong++ == 0)
			first = seed;
	if (n_wrong > 0)
		printf("# first wrong seed: %lu\n", first);
	CHECK_INT(n_wrong, 0);
}

/* A role with few requests is not kept waiting by one with many. */
static void
roles_take_turns(void)
{
	SlmScheduler s;
	int n_of[2] = {0, 0}, left[64] = {0}, role_of[64], n_busy = 0, next_id = 40;

	slm_scheduler_init(&s, 4, UINT64_MAX);
	for (int i = 0; i < 40; i++)
	{
		role_of[i] = 0;
		CHECK(slm_scheduler_add(&s, i, 0, 1, 10, 0));
	}
	/* role 1 has one request at a time, and asks again when it is answered */
	role_of[next_id] = 1;
	CHECK(slm_scheduler_add(&s, next_id, 1, 1, 10, 0));
	for (uint64_t now = 0; now < 100; now++)
	{
		int id;

		while ((id = slm_scheduler_next(&s, now)) >= 0)
		{
			left[id] = 10;
			n_busy++;
		}
		for (id = 0; id < 64; id++)
		{
			if (left[id] == 0 || --left[id] > 0)
				continue;
			slm_scheduler_remove(&s, id);
			n_busy--;
			n_of[role_of[id]]++;
			if (role_of[id] == 1)
			{
				role_of[++next_id] = 1;
				CHECK(slm_scheduler_add(&s, next_id, 1, 1, 10, now));
			}
		}
	}
	/* of four places it has one from the second on, all the time */
	CHECK(n_of[1] >= 9);
	CHECK_INT(n_of[0] + n_of[1], 40);
}

/* Whoever has waited too long is before all others, though new roles keep coming. */
static void
age_counts(void)
{
	SlmScheduler s;
	uint64_t joined = 0;

	slm_scheduler_init(&s, 1, 50);
	/* its second request stands behind a first one that is dear */
	CHECK(slm_scheduler_add(&s, 0, 7, 1, 1000000, 0));
	CHECK_INT(slm_scheduler_next(&s, 0), 0);
	slm_scheduler_remove(&s, 0);
	CHECK(slm_scheduler_add(&s, 1, 7, 1, 1, 0));
	for (uint64_t now = 1; now < 200 && joined == 0; now++)
	{
		int id;

		CHECK(slm_scheduler_add(&s, 1000 + (int) now, 1000 + now, 1, 1, now));
		id = slm_scheduler_next(&s, now);
		slm_scheduler_remove(&s, id);
		if (id == 1)
			joined = now;
	}
	CHECK(joined > 50 && joined <= 53);
}

/* Whoever has waited too long for another lane gets it, though rows of this one overlap. */
static void
lanes_take_turns(void)
{
	SlmScheduler s;
	int running[2] = {-1, -1}, next_id = 1;
	uint64_t turned = 0;

	slm_scheduler_init(&s, 2, 50);
	for (uint64_t now = 0; now < 300 && turned == 0; now++)
	{
		int *place = &running[now / 4 % 2];

		/* one of two rows ends while the other is under way */
		if (now % 4 == 0 && *place >= 0)
		{
			slm_scheduler_remove(&s, *place);
			*place = -1;
		}
		CHECK(slm_scheduler_add(&s, next_id++, now % 5, 1, 5, now) || s.n_waiting > 60);
		if (now == 2)
			CHECK(slm_scheduler_add(&s, 1000, 8, 2, 5, now));
		for (int i = 0; i < 2; i++)
			if (running[i] < 0)
				running[i] = slm_scheduler_next(&s, now);
		if (running[0] == 1000 || running[1] == 1000)
			turned = now;
	}
	CHECK(turned > 50 && turned <= 80);
	CHECK_INT(s.lane, 2);
}

static void
room_is_bounded(void)
{
	SlmScheduler s;

	slm_scheduler_init(&s, 1, 1);
	for (int i = 0; i < SLM_SCHEDULER_REQUESTS; i++)
		CHECK(slm_scheduler_add(&s, i, (uint64_t) i, 0, 1, 0));
	CHECK(!slm_scheduler_add(&s, 99, 99, 0, 1, 0));
	slm_scheduler_remove(&s, 5);
	slm_scheduler_remove(&s, 5);
	slm_scheduler_remove(&s, 98);
	CHECK_INT(s.n_waiting, SLM_SCHEDULER_REQUESTS - 1);
	CHECK(slm_scheduler_add(&s, 99, 99, 0, 1, 0));
}

int
main(void)
{
	TEST(all_are_answered_once);
	TEST(roles_take_turns);
	TEST(age_counts);
	TEST(lanes_take_turns);
	TEST(room_is_bounded);
	return check_done();
}
