/*
 * scheduler.c - which of the texts that wait are written next
 */
#include "engine/scheduler.h"

#include <stddef.h>
#include <string.h>

void
slm_scheduler_init(SlmScheduler *s, int n_place, uint64_t patience)
{
	memset(s, 0, sizeof(*s));
	s->n_place = n_place;
	s->patience = patience;
	for (int i = 0; i < SLM_SCHEDULER_REQUESTS; i++)
		s->request[i].id = -1;
}

void
slm_scheduler_places(SlmScheduler *s, int n_place)
{
	s->n_place = n_place;
}

/*
 * A role's place in the table.  One that is new takes that of the role without a
 * request that is furthest behind; there is one, because there is a free request.
 */
static int
find_role(const SlmScheduler *s, uint64_t role)
{
	int found = -1;

	for (int i = 0; i < SLM_SCHEDULER_ROLES; i++)
	{
		if (s->role[i].role == role && (s->role[i].n_request > 0 || s->role[i].finish > 0))
			return i;
		if (s->role[i].n_request == 0 && (found < 0 || s->role[i].finish < s->role[found].finish))
			found = i;
	}
	return found;
}

bool
slm_scheduler_add(SlmScheduler *s, int id, uint64_t role, uint64_t lane, uint64_t n_token,
				  uint64_t now)
{
	SlmScheduled *request = NULL;
	int i_role;

	for (int i = 0; i < SLM_SCHEDULER_REQUESTS && request == NULL; i++)
		if (s->request[i].id < 0)
			request = &s->request[i];
	if (request == NULL)
		return false;
	i_role = find_role(s, role);
	if (s->role[i_role].role != role)
	{
		s->role[i_role].role = role;
		s->role[i_role].finish = 0;
	}
	*request = (SlmScheduled){
		.id = id,
		.role = role,
		.lane = lane,
		.start = s->role[i_role].finish > s->clock ? s->role[i_role].finish : s->clock,
		.order = s->n_order++,
		.arrived = now,
	};
	s->role[i_role].finish = request->start + (n_token > 0 ? n_token : 1);
	s->role[i_role].n_request++;
	s->n_waiting++;
	return true;
}

/* Of those who wait, in the lane or (any) in all, the first by age or by fair share. */
static SlmScheduled *
first(SlmScheduler *s, bool any, bool by_age)
{
	SlmScheduled *best = NULL;

	for (int i = 0; i < SLM_SCHEDULER_REQUESTS; i++)
	{
		SlmScheduled *one = &s->request[i];

		if (one->id < 0 || one->running || (!any && one->lane != s->lane))
			continue;
		if (best == NULL || (by_age || one->start == best->start ? one->order < best->order
																 : one->start < best->start))
			best = one;
	}
	return best;
}

/* Who is to join: only the oldest can have waited too long before all others. */
static SlmScheduled *
choose(SlmScheduler *s, bool any, uint64_t now)
{
	SlmScheduled *oldest = first(s, any, true);

	if (oldest != NULL && s->by_age && now - oldest->arrived > s->patience)
		return oldest;
	return first(s, any, false);
}

int
slm_scheduler_next(SlmScheduler *s, uint64_t now)
{
	SlmScheduled *next, *oldest = first(s, true, true);

	if (oldest == NULL || s->n_running >= s->n_place)
		return -1;
	if (s->n_running == 0)
	{
		bool overdue = now - oldest->arrived > s->patience;

		/* a lane that somebody waits for too long, else that of whoever is next */
		s->lane = overdue ? oldest->lane : choose(s, true, now)->lane;
		next = choose(s, false, now);
	}
	else
	{
		if (oldest->lane != s->lane && now - oldest->arrived > s->patience)
			return -1;
		next = choose(s, false, now);
	}
	if (next == NULL)
		return -1;
	next->running = true;
	if (next->start > s->clock)
		s->clock = next->start;
	s->by_age = !s->by_age;
	s->n_waiting--;
	s->n_running++;
	return next->id;
}

void
slm_scheduler_remove(SlmScheduler *s, int id)
{
	for (int i = 0; i < SLM_SCHEDULER_REQUESTS; i++)
	{
		SlmScheduled *one = &s->request[i];

		if (one->id != id || id < 0)
			continue;
		s->role[find_role(s, one->role)].n_request--;
		if (one->running)
			s->n_running--;
		else
			s->n_waiting--;
		one->id = -1;
	}
}
