/*
 * grammar.c - the automaton of a schema, byte by byte
 *
 * A state is a set of threads (see grammar.h).  A byte is offered to each; those
 * that take it go on in the next state, where threads that became the same are
 * one.
 */
#include "task/grammar_impl.h"
#include "task/verbatim_impl.h"

/* ---- Threads ---------------------------------------------------------------------- */

static bool
same_thread(const SlmGrammarThread *a, const SlmGrammarThread *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* There is room: how many there can be was counted when the schema was compiled. */
static void
add_thread(SlmGrammarState *state, const SlmGrammarThread *thread)
{
	for (uint32_t i = 0; i < state->n; i++)
		if (same_thread(&state->thread[i], thread))
			return;
	if (state->n < SLM_MAX_GRAMMAR_THREADS)
		state->thread[state->n++] = *thread;
}

/* At the start of a value, with the items counted so far. */
static void
enter(const SlmGrammar *g, uint32_t value, const SlmGrammarThread *from, SlmGrammarState *to)
{
	const SlmGrammarValue *v = &g->value[value];
	bool is_choice = v->kind == SLM_GRAMMAR_CHOICE;
	uint32_t n = is_choice ? v->n : 1;

	for (uint32_t i = 0; i < n; i++)
	{
		SlmGrammarThread thread = {
			.value = is_choice ? g->alternative[v->first + i] : (uint16_t) value,
			.phase = SLM_PHASE_OPEN,
		};

		memcpy(thread.items, from->items, sizeof(thread.items));
		if (g->value[thread.value].kind == SLM_GRAMMAR_LITERALS)
			thread.b = g->value[thread.value].n;
		if (slm_verbatim_possible(to->input, thread.value))
			add_thread(to, &thread);
	}
}

/* Behind a value. */
static void
leave(const SlmGrammar *g, const SlmGrammarThread *from, SlmGrammarState *to)
{
	const SlmGrammarValue *v = &g->value[from->value];
	SlmGrammarThread thread = {.value = v->parent, .phase = SLM_PHASE_AFTER};

	memcpy(thread.items, from->items, sizeof(thread.items));
	if (v->parent == SLM_GRAMMAR_NOWHERE)
		thread.phase = SLM_PHASE_DONE;
	else if (g->value[v->parent].kind == SLM_GRAMMAR_ARRAY &&
			 slm_grammar_is_map(&g->value[v->parent]) && v->index == 0)
		thread.phase = SLM_PHASE_COLON;
	else if (g->value[v->parent].kind == SLM_GRAMMAR_ARRAY)
		thread.items[v->level - 1]++;
	else
		thread.a = v->index + 1U;
	add_thread(to, &thread);
}

static void
go_to(const SlmGrammarThread *from, uint16_t phase, SlmGrammarState *to)
{
	SlmGrammarThread thread = *from;

	thread.phase = phase;
	add_thread(to, &thread);
}

/* ---- Objects ------------------------------------------------------------------------ */

/* May property i of an object come, as far as the input has values for it? */
static bool
may_come(const SlmGrammar *g, const SlmGrammarValue *v, uint32_t i, const SlmVerbatim *input)
{
	return slm_verbatim_possible(input, g->property[v->first + i].value);
}

static bool
may_go_on(const SlmGrammar *g, const SlmGrammarValue *v, uint32_t i, const SlmVerbatim *input)
{
	while (i < v->n && !may_come(g, v, i, input))
		i++;
	return i < v->n;
}

/* The property from `first` on that may come and whose key goes on with byte behind c bytes. */
static bool
find_key(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t, uint8_t byte,
		 const SlmVerbatim *input, uint32_t *found)
{
	const SlmGrammarProperty *property = g->property + v->first;

	if (t->a >= v->n)
		return false;
	for (uint32_t i = t->b; i <= property[t->a].last; i++)
		if (property[i].key.size > t->c && (uint8_t) property[i].key.data[t->c] == byte &&
			memcmp(property[i].key.data, property[t->b].key.data, t->c) == 0 &&
			may_come(g, v, i, input))
		{
			*found = i;
			return true;
		}
	return false;
}

static void
step_key(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t, uint8_t byte,
		 SlmGrammarState *to)
{
	SlmGrammarThread thread = *t;

	if (!find_key(g, v, t, byte, to->input, &thread.b))
		return;
	if (++thread.c < g->property[v->first + thread.b].key.size)
		add_thread(to, &thread);
	else
		enter(g, g->property[v->first + thread.b].value, t, to);
}

static void
step_object(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t, uint8_t byte,
			SlmGrammarState *to)
{
	SlmGrammarThread thread = *t;
	bool needs_more = t->a < v->n && g->property[v->first + t->a].needed;

	switch (t->phase)
	{
		case SLM_PHASE_OPEN:
			if (byte == '{')
				go_to(t, SLM_PHASE_FIRST, to);
			break;
		case SLM_PHASE_FIRST:
			if (byte == '}' && !needs_more)
				leave(g, t, to);
			thread.phase = SLM_PHASE_KEY;
			step_key(g, v, &thread, byte, to);
			break;
		case SLM_PHASE_KEY:
			step_key(g, v, t, byte, to);
			break;
		case SLM_PHASE_AFTER:
			if (byte == '}' && !needs_more)
				leave(g, t, to);
			if (byte == ',' && may_go_on(g, v, t->a, to->input))
				go_to(t, SLM_PHASE_SPACE, to);
			break;
		case SLM_PHASE_SPACE:
			thread.phase = SLM_PHASE_KEY;
			thread.b = t->a;
			if (byte == ' ')
				add_thread(to, &thread);
			break;
		default:
			break;
	}
}

/* ---- Arrays and maps ------------------------------------------------------------------ */

/* What an item begins with. */
static uint16_t
entry(const SlmGrammar *g, const SlmGrammarValue *v, uint32_t items)
{
	return slm_grammar_is_map(v) ? v->key : slm_grammar_item(g, v, items);
}

static uint8_t
opening(const SlmGrammarValue *v)
{
	return slm_grammar_is_map(v) ? '{' : '[';
}

static uint8_t
closing(const SlmGrammarValue *v)
{
	return slm_grammar_is_map(v) ? '}' : ']';
}

static void
leave_array(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t,
			SlmGrammarState *to)
{
	SlmGrammarThread thread = *t;

	thread.items[v->level] = 0;
	leave(g, &thread, to);
}

static void
step_array(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t, uint8_t byte,
		   SlmGrammarState *to)
{
	uint32_t items = t->items[v->level];

	switch (t->phase)
	{
		case SLM_PHASE_OPEN:
			if (byte != opening(v))
				break;
			if (v->min == 0)
				go_to(t, SLM_PHASE_FIRST, to);
			if (v->max > 0)
				enter(g, entry(g, v, 0), t, to);
			break;
		case SLM_PHASE_FIRST:
			if (byte == closing(v))
				leave_array(g, v, t, to);
			break;
		case SLM_PHASE_AFTER:
			if (byte == closing(v) && items >= v->min)
				leave_array(g, v, t, to);
			if (byte == ',' && items < v->max &&
				slm_verbatim_possible(to->input, slm_grammar_item(g, v, items)))
				go_to(t, SLM_PHASE_SPACE, to);
			break;
		case SLM_PHASE_SPACE:
			if (byte == ' ')
				enter(g, entry(g, v, items), t, to);
			break;
		case SLM_PHASE_COLON:
			if (byte == ':')
				go_to(t, SLM_PHASE_VALUE, to);
			break;
		case SLM_PHASE_VALUE:
			if (byte == ' ')
				enter(g, v->item, t, to);
			break;
		default:
			break;
	}
}

/* ---- Scalars ------------------------------------------------------------------------ */

/* a .. b-1: literals that begin with the c bytes so far */
static void
step_literals(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t,
			  uint8_t byte, SlmGrammarState *to)
{
	const SlmText *literal = g->literal + v->first;
	SlmGrammarThread thread = *t;

	while (thread.a < thread.b &&
		   (literal[thread.a].size <= t->c || (uint8_t) literal[thread.a].data[t->c] < byte))
		thread.a++;
	while (thread.b > thread.a && (uint8_t) literal[thread.b - 1].data[t->c] > byte)
		thread.b--;
	if (thread.a == thread.b)
		return;
	thread.c++;
	if (literal[thread.a].size == thread.c)
		leave(g, t, to);
	if (literal[thread.b - 1].size > thread.c)
		add_thread(to, &thread);
}

/* a: state of the automaton, b: characters so far */
static void
step_scalar(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t, uint8_t byte,
			SlmGrammarState *to)
{
	const SlmDfa *dfa = v->dfa;
	uint32_t next = slm_dfa_step(dfa, t->a, byte);
	SlmGrammarThread thread = *t;

	if (next == SLM_DFA_NONE)
		return;
	if ((dfa->flags[t->a] & SLM_DFA_CHAR) != 0)
	{
		if (byte != '"')
			thread.b++;
		else if (v->is_plain && t->b < v->min)
			return;
	}
	/* within a character too: which one it becomes may decide what has to follow */
	if (v->is_string && thread.b + dfa->distance[next] > v->max)
		return;
	thread.a = next;
	if ((dfa->flags[next] & SLM_DFA_ACCEPT) != 0)
		leave(g, t, to);
	if ((dfa->flags[next] & SLM_DFA_GOES_ON) != 0)
		add_thread(to, &thread);
}

/* ---- Verbatim strings ----------------------------------------------------------------- */

/* The byte of the input that is written as an escape with this one; 0: none. */
static uint8_t
escaped_byte(uint8_t byte)
{
	static const char escapes[] = "b\bf\fn\nr\rt\t\"\"\\\\";

	for (int i = 0; escapes[i] != '\0'; i += 2)
		if ((uint8_t) escapes[i] == byte)
			return (uint8_t) escapes[i + 1];
	return 0;
}

static bool
needs_escape(uint8_t byte)
{
	return byte < 0x20 || byte == '"' || byte == '\\';
}

/* Goes on with a byte of the input; a .. b-1 are places, c bytes of each are behind us. */
static bool
follow(const SlmGrammarValue *v, const SlmVerbatim *input, uint8_t byte, SlmGrammarThread *t)
{
	SlmPlaces places = {t->a, t->b, t->c};

	if (!slm_verbatim_narrow(input, &places, byte) ||
		!slm_verbatim_may_end(input, places, v->min, v->max))
		return false;
	t->a = places.lo;
	t->b = places.hi;
	t->c = places.size;
	t->phase = SLM_PHASE_INSIDE;
	return true;
}

/* Can one of the bytes that need an escape come next? */
static bool
may_escape(const SlmGrammarValue *v, const SlmVerbatim *input, const SlmGrammarThread *t)
{
	static const uint8_t bytes[] = {'\b', '\f', '\n', '\r', '\t', '"', '\\'};

	for (size_t i = 0; i < sizeof(bytes); i++)
	{
		SlmGrammarThread thread = *t;

		if (follow(v, input, bytes[i], &thread))
			return true;
	}
	return false;
}

static void
step_verbatim(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t,
			  uint8_t byte, SlmGrammarState *to)
{
	const SlmVerbatim *input = to->input;
	SlmGrammarThread thread = *t;

	if (t->phase == SLM_PHASE_OPEN)
	{
		if (byte != '"')
			return;
		thread.phase = SLM_PHASE_INSIDE;
		thread.b = slm_verbatim_all(input).hi;
		add_thread(to, &thread);
	}
	else if (t->phase == SLM_PHASE_ESCAPE)
	{
		if (escaped_byte(byte) != 0 && follow(v, input, escaped_byte(byte), &thread))
			add_thread(to, &thread);
	}
	else if (byte == '"')
	{
		if (slm_verbatim_ends(input, (SlmPlaces){t->a, t->b, t->c}, v->min, v->max))
			leave(g, t, to);
	}
	else if (byte == '\\')
	{
		if (may_escape(v, input, t))
			go_to(t, SLM_PHASE_ESCAPE, to);
	}
	else if (!needs_escape(byte) && follow(v, input, byte, &thread))
		add_thread(to, &thread);
}

/* ---- The whole ------------------------------------------------------------------------ */

static void
step_thread(const SlmGrammar *g, const SlmGrammarThread *t, uint8_t byte, SlmGrammarState *to)
{
	const SlmGrammarValue *v;

	if (t->phase == SLM_PHASE_DONE)
		return;
	v = &g->value[t->value];
	switch (v->kind)
	{
		case SLM_GRAMMAR_OBJECT:
			step_object(g, v, t, byte, to);
			break;
		case SLM_GRAMMAR_ARRAY:
			step_array(g, v, t, byte, to);
			break;
		case SLM_GRAMMAR_LITERALS:
			step_literals(g, v, t, byte, to);
			break;
		case SLM_GRAMMAR_SCALAR:
			step_scalar(g, v, t, byte, to);
			break;
		case SLM_GRAMMAR_VERBATIM:
			step_verbatim(g, v, t, byte, to);
			break;
		default:
			break;
	}
}

void
slm_grammar_start(const SlmGrammar *g, const SlmVerbatim *input, SlmGrammarState *out)
{
	SlmGrammarThread nothing = {0};

	out->input = input;
	out->n = 0;
	enter(g, g->root, &nothing, out);
}

void
slm_grammar_copy(SlmGrammarState *to, const SlmGrammarState *from)
{
	memcpy(to, from, offsetof(SlmGrammarState, thread) + from->n * sizeof(from->thread[0]));
}

bool
slm_grammar_next(const SlmGrammar *g, const SlmGrammarState *from, uint8_t byte,
				 SlmGrammarState *to)
{
	to->input = from->input;
	to->n = 0;
	for (uint32_t i = 0; i < from->n; i++)
		step_thread(g, &from->thread[i], byte, to);
	return to->n > 0;
}

bool
slm_grammar_step(const SlmGrammar *g, SlmGrammarState *state, uint8_t byte)
{
	SlmGrammarState next;

	if (!slm_grammar_next(g, state, byte, &next))
		return false;
	slm_grammar_copy(state, &next);
	return true;
}

bool
slm_grammar_done(const SlmGrammar *g, const SlmGrammarState *state)
{
	(void) g;
	for (uint32_t i = 0; i < state->n; i++)
		if (state->thread[i].phase == SLM_PHASE_DONE)
			return true;
	return false;
}

/* ---- Forced bytes ----------------------------------------------------------------------- */

#define MANY (-1)

static int
only_key_byte(const SlmGrammar *g, const SlmGrammarValue *v, const SlmGrammarThread *t,
			  const SlmVerbatim *input)
{
	const SlmGrammarProperty *property = g->property + v->first;
	int only = MANY;

	for (uint32_t i = t->b; i <= property[t->a].last; i++)
	{
		if (memcmp(property[i].key.data, property[t->b].key.data, t->c) != 0 ||
			!may_come(g, v, i, input))
			continue;
		if (only != MANY && only != (uint8_t) property[i].key.data[t->c])
			return MANY;
		only = (uint8_t) property[i].key.data[t->c];
	}
	return only;
}

static int
only_verbatim_byte(const SlmGrammarValue *v, const SlmGrammarThread *t, const SlmVerbatim *input)
{
	SlmPlaces places = {t->a, t->b, t->c};
	int byte;

	if (t->phase != SLM_PHASE_INSIDE)
		return t->phase == SLM_PHASE_OPEN ? '"' : MANY;
	if (slm_verbatim_ends(input, places, v->min, v->max))
		return MANY;
	byte = slm_verbatim_only(input, places);
	return byte < 0 || needs_escape((uint8_t) byte) ? MANY : byte;
}

/* The byte that a thread must take next; MANY also where it was not found out. */
static int
only_byte(const SlmGrammar *g, const SlmGrammarThread *t, const SlmVerbatim *input)
{
	const SlmGrammarValue *v = &g->value[t->value];
	SlmGrammarThread thread = *t;
	bool ends_object;

	switch (v->kind)
	{
		case SLM_GRAMMAR_OBJECT:
			ends_object = t->a >= v->n;
			switch (t->phase)
			{
				case SLM_PHASE_OPEN:
					return '{';
				case SLM_PHASE_FIRST:
					if (v->n == 0)
						return '}';
					return g->property[v->first].needed ? only_key_byte(g, v, &thread, input)
														: MANY;
				case SLM_PHASE_KEY:
					return only_key_byte(g, v, t, input);
				case SLM_PHASE_AFTER:
					return ends_object ? '}' : g->property[v->first + t->a].needed ? ',' : MANY;
				default:
					return ' ';
			}
		case SLM_GRAMMAR_ARRAY:
			switch (t->phase)
			{
				case SLM_PHASE_OPEN:
					return opening(v);
				case SLM_PHASE_FIRST:
					return closing(v);
				case SLM_PHASE_COLON:
					return ':';
				case SLM_PHASE_AFTER:
					return t->items[v->level] < v->min    ? ','
						   : t->items[v->level] == v->max ? closing(v)
														  : MANY;
				default:
					return ' ';
			}
		case SLM_GRAMMAR_LITERALS:
		{
			const SlmText *literal = g->literal + v->first;
			uint32_t first = t->a;
			uint8_t byte;

			if (literal[first].size == t->c)
				first++;
			byte = (uint8_t) literal[first].data[t->c];
			return byte == (uint8_t) literal[t->b - 1].data[t->c] ? byte : MANY;
		}
		case SLM_GRAMMAR_SCALAR:
			if ((v->dfa->flags[t->a] & SLM_DFA_CHAR) != 0 && t->b == v->max)
				return '"';
			return v->dfa->only[t->a];
		case SLM_GRAMMAR_VERBATIM:
			return only_verbatim_byte(v, t, input);
		default:
			return MANY;
	}
}

void
slm_grammar_forced(const SlmGrammar *g, const SlmGrammarState *state, uint8_t *bytes, size_t *n)
{
	SlmGrammarState at[2];
	size_t room = *n;
	int now = 0;

	slm_grammar_copy(&at[0], state);
	for (*n = 0; *n < room && !slm_grammar_done(g, &at[now]); ++*n, now = !now)
	{
		int only = at[now].n > 0 ? only_byte(g, &at[now].thread[0], state->input) : MANY;

		for (uint32_t i = 1; i < at[now].n && only != MANY; i++)
			if (only_byte(g, &at[now].thread[i], state->input) != only)
				only = MANY;
		if (only == MANY || !slm_grammar_next(g, &at[now], (uint8_t) only, &at[!now]))
			break;
		bytes[*n] = (uint8_t) only;
	}
}
