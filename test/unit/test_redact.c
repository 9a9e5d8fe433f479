/*
 * test_redact.c - masks, overlapping spans, limits
 */
#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "task/redact.h"

static SlmArena arena;
static SlmError err;

/* The answer as a string of static storage; NULL when the call failed. */
static const char *
redact_with(const char *text, SlmKinds kinds, SlmPlace *place, size_t n_place, const char *mask)
{
	static char copy[1000];
	SlmText out;

	slm_arena_reset(&arena);
	if (!CHECK_STATUS(slm_task_redact(slm_text(text), kinds, place, n_place, slm_text(mask),
									  test_host(), &arena, &out, &err),
					  SLM_OK) ||
		!CHECK(out.size < sizeof(copy)))
		return NULL;
	memcpy(copy, out.data, out.size);
	copy[out.size] = '\0';
	return copy;
}

static const char *
redact(const char *text, SlmKinds kinds)
{
	return redact_with(text, kinds, NULL, 0, "[{kind}]");
}

static void
scanners(void)
{
	CHECK_STR(redact("Mail anna@example.com or call +1 555 123 4567.", SLM_KINDS_PRIVATE),
			  "Mail [email] or call [phone].");
	CHECK_STR(redact("card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, SSN 123-45-6789",
					 SLM_KINDS_PRIVATE),
			  "card [card], IBAN [iban], SSN [ssn]");
	CHECK_STR(redact("from 10.0.0.1, see https://example.com/u/7.", SLM_KINDS_PRIVATE),
			  "from [ip], see [url].");
	CHECK_STR(redact("due 2025-03-04, $5", SLM_KINDS_PRIVATE), "due 2025-03-04, $5");
	CHECK_STR(
		redact("due 2025-03-04, $5", SLM_KIND_SET(SLM_KIND_DATE) | SLM_KIND_SET(SLM_KIND_MONEY)),
		"due [date], [money]");
	CHECK_STR(redact("", SLM_KINDS_PRIVATE), "");
	CHECK_STR(redact("anna@example.com", SLM_KINDS_PRIVATE), "[email]");
}

static void
masks(void)
{
	SlmKinds email = SLM_KIND_SET(SLM_KIND_EMAIL);

	CHECK_STR(redact_with("a@b.de, c@d.de", email, NULL, 0, "***"), "***, ***");
	CHECK_STR(redact_with("<a@b.de>", email, NULL, 0, ""), "<>");
	CHECK_STR(redact_with("a@b.de", email, NULL, 0, "{{{kind}}}={kind}"), "{email}=email");
	CHECK_STATUS(slm_task_check_mask(slm_text("{name}"), &err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "byte 0");
	CHECK_CONTAINS(err.hint, "{kind}");
	CHECK_STATUS(slm_task_check_mask(slm_text("ab{kind"), &err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "byte 2");
	CHECK_STATUS(slm_task_check_mask(slm_text("a}"), &err), SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_task_check_mask(slm_text("{{}}"), &err), SLM_OK);
	CHECK_STATUS(slm_task_check_mask(slm_text(""), &err), SLM_OK);
}

/* All that overlapping spans cover goes, under the name of the longest. */
static void
overlaps(void)
{
	const char *text = "Anna Lee <anna@example.com> of Lee & Sons";
	SlmPlace place[] = {{slm_text("company"), 31, 10}, {slm_text("person"), 0, 8}};
	SlmPlace around[] = {{slm_text("contact"), 0, 27}};
	SlmPlace across[] = {{slm_text("name"), 5, 10}};
	SlmPlace same[] = {{slm_text("login"), 10, 16}};
	SlmKinds email = SLM_KIND_SET(SLM_KIND_EMAIL);

	CHECK_STR(redact_with(text, email, place, 2, "[{kind}]"), "[person] <[email]> of [company]");
	CHECK_STR(redact_with(text, email, around, 1, "[{kind}]"), "[contact] of Lee & Sons");
	CHECK_STR(redact_with(text, email, across, 1, "[{kind}]"), "Anna [email]> of Lee & Sons");
	CHECK_STR(redact_with(text, email, same, 1, "[{kind}]"), "Anna Lee <[email]> of Lee & Sons");
	CHECK_STR(redact_with(text, 0, same, 1, "[{kind}]"), "Anna Lee <[login]> of Lee & Sons");
	CHECK_STR(redact("see https://x.y/?to=a@b.de.", SLM_KINDS_PRIVATE), "see [url].");
	CHECK_STR(redact("see https://x.y/?to=a@b.de.", email), "see https://x.y/?to=[email].");
}

static void
failures(void)
{
	SlmText out;
	SlmArena small;

	CHECK_STATUS(slm_task_redact(slm_text("a\xff"), SLM_KINDS_PRIVATE, NULL, 0, slm_text("x"),
								 test_host(), &arena, &out, &err),
				 SLM_ERR_ENCODING);
	CHECK_STATUS(slm_task_redact(slm_text("a"), SLM_KINDS_PRIVATE, NULL, 0, slm_text("{x}"),
								 test_host(), &arena, &out, &err),
				 SLM_ERR_ARGUMENT);
	slm_arena_init(&small, test_host(), 64);
	CHECK_STATUS(slm_task_redact(slm_text("a@b.de"), SLM_KINDS_PRIVATE, NULL, 0, slm_text("x"),
								 test_host(), &small, &out, &err),
				 SLM_ERR_LIMIT);
	slm_arena_trim(&small, 0);
	for (int at = 1; at <= 3; at++)
	{
		test_host_reset();
		test_host_state.interrupt_at = at;
		CHECK_STATUS(slm_task_redact(slm_text("a@b.de"), SLM_KINDS_PRIVATE, NULL, 0, slm_text("x"),
									 test_host(), &arena, &out, &err),
					 SLM_ERR_CANCELLED);
	}
	test_host_reset();
}

/* A longest answer is refused by the arena, which has no room for it; a longer one by name. */
static void
size_limit(void)
{
	SlmPlace place = {{"name", SLM_MAX_INPUT_BYTES}, 0, 1};
	SlmText out;

	CHECK_STATUS(slm_task_redact(slm_text("a"), 0, &place, 1, slm_text("{kind}"), test_host(),
								 &arena, &out, &err),
				 SLM_ERR_LIMIT);
	CHECK(strstr(err.message, "redacted") == NULL);
	place.kind.size++;
	CHECK_STATUS(slm_task_redact(slm_text("a"), 0, &place, 1, slm_text("{kind}"), test_host(),
								 &arena, &out, &err),
				 SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "redacted text has 1073741825 bytes, more than 1073741824");
}

int
main(void)
{
	slm_arena_init(&arena, test_host(), (size_t) 1 << 24);
	TEST(scanners);
	TEST(masks);
	TEST(overlaps);
	TEST(failures);
	TEST(size_limit);
	slm_arena_trim(&arena, 0);
	return check_done();
}
