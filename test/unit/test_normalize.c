/*
 * test_normalize.c - canonical spellings, and what has none
 */
#include "check.h"
#include "task/scan.h"

/* The canonical spelling, "-" when the value does not fit; static storage. */
static const char *
normal_as(SlmValueType type, const char *value, bool needs_offset)
{
	static char out[SLM_NORMAL_BYTES + 1];
	SlmNormal normal;

	if (!slm_normalize_value(type, slm_text(value), needs_offset, &normal))
		return "-";
	memcpy(out, normal.data, normal.size);
	out[normal.size] = '\0';
	return out;
}

static const char *
normal(SlmValueType type, const char *value)
{
	return normal_as(type, value, false);
}

typedef struct Case
{
	const char *value;
	const char *expected;
} Case;

static void
check_cases(SlmValueType type, const Case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!CHECK_STR(normal(type, cases[i].value), cases[i].expected))
			printf("# of \"%s\"\n", cases[i].value);
	}
}

#define CHECK_CASES(type, cases) check_cases(type, cases, sizeof(cases) / sizeof((cases)[0]))

static void
numbers(void)
{
	static const Case cases[] = {
		{"1,234.50", "1234.50"},
		{"1.234,50", "1234.50"},
		{"1 234,50", "1234.50"},
		{"1'234.50", "1234.50"},
		{"1,234", "1234"},
		{"1.234", "1.234"},
		{"0,123", "0.123"},
		{"1,5", "1.5"},
		{"1,2345", "1.2345"},
		{"1.234.567", "1234567"},
		{"12,34,567", "1234567"},
		{" 007 ", "7"},
		{".5", "0.5"},
		{"-0.50", "-0.50"},
		{"-0", "0"},
		{"+12", "12"},
		{"\xe2\x88\x92"
		 "12",
		 "-12"},
		{"1.5e3", "1500"},
		{"15e-3", "0.015"},
		{"1.2 million", "1200000"},
		{"twenty-five", "25"},
		{"one hundred and five", "105"},
		{"two million three hundred thousand and one", "2300001"},
		{"$1,234.50", "1234.50"},
		{"1.234 \xe2\x82\xac", "1234"},
		{"EUR 0.999", "0.999"},
		{"$1.25M", "1250000"},
		{"-$5k", "-5000"},
		{"12.5 %", "12.5"},
		{"1.2.3", "-"},
		{"1,23,45", "-"},
		{"12 units", "-"},
		{"1234 5678", "-"},
		{"nineteen eighty-four", "-"},
		{"5k", "-"},
		{"", "-"},
		{"  ", "-"},
		{"NaN", "-"},
		{"1e999", "-"},
		{"0x10", "-"},
	};

	CHECK_CASES(SLM_VALUE_NUMBER, cases);
	CHECK_INT(strlen(normal(SLM_VALUE_NUMBER, "1e-300")), 302);
	CHECK_INT(strlen(normal(SLM_VALUE_NUMBER, "1e300")), 301);
}

static void
integers(void)
{
	static const Case cases[] = {
		{"42", "42"},         {"1,234", "1234"}, {"1,234.00", "1234"}, {"12.5", "-"},
		{"1.234", "-"},       {"1e3", "1000"},   {"12", "12"},         {"twenty", "20"},
		{"$1.2k", "1200"},    {"1.25e1", "-"},   {"-3", "-3"},         {"0.0", "0"},
		{"a hundred", "100"},
	};

	CHECK_CASES(SLM_VALUE_INTEGER, cases);
}

static void
booleans(void)
{
	static const Case cases[] = {{"Yes", "true"}, {"TRUE", "true"}, {"on", "true"},
								 {"n", "false"},  {"No", "false"},  {"off", "false"},
								 {"1", "-"},      {"maybe", "-"},   {"yes please", "-"}};

	CHECK_CASES(SLM_VALUE_BOOLEAN, cases);
}

static void
dates(void)
{
	static const Case cases[] = {
		{"2025-03-04", "2025-03-04"},
		{"2025/3/4", "2025-03-04"},
		{"3 March 2025", "2025-03-03"},
		{"March 3rd, 2025", "2025-03-03"},
		{"Monday, 3rd of March, 2025", "2025-03-03"},
		{"03-Mar-25", "2025-03-03"},
		{"Sept. 5, '99", "1999-09-05"},
		{"4.3.2025", "2025-03-04"},
		{"25/12/2024", "2024-12-25"},
		{"12/25/2024", "2024-12-25"},
		{"05/05/2024", "2024-05-05"},
		{"31/12/69", "2069-12-31"},
		{"31/12/70", "1970-12-31"},
		{"03/04/2025", "-"},
		{"3-4-25", "-"},
		{"3 March", "-"},
		{"March 2025", "-"},
		{"tomorrow", "-"},
		{"2025-02-29", "-"},
		{"13/13/2025", "-"},
		{"2025-03-04T10:00:00", "-"},
		{"on 3 March 2025", "-"},
	};

	CHECK_CASES(SLM_VALUE_DATE, cases);
}

static void
times(void)
{
	static const Case cases[] = {
		{"14:05", "14:05:00"},
		{"3 pm", "15:00:00"},
		{"12 am", "00:00:00"},
		{"12:30 p.m.", "12:30:00"},
		{"10:00:00.250Z", "10:00:00.250Z"},
		{"10:00 UTC", "10:00:00Z"},
		{"10:00+02:00", "10:00:00+02:00"},
		{"10:00:00 -0530", "10:00:00-05:30"},
		{"10:00 GMT-3", "10:00:00-03:00"},
		{"25:00", "-"},
		{"10", "-"},
		{"10:00 EST", "-"},
	};

	CHECK_CASES(SLM_VALUE_TIME, cases);
	CHECK_STR(normal_as(SLM_VALUE_TIME, "14:05", true), "-");
	CHECK_STR(normal_as(SLM_VALUE_TIME, "14:05 UTC", true), "14:05:00Z");
}

static void
dates_with_times(void)
{
	static const Case cases[] = {
		{"2025-03-04T10:00:00Z", "2025-03-04T10:00:00Z"},
		{"2025-03-04 10:00", "2025-03-04T10:00:00"},
		{"3 March 2025 at 3:15 pm", "2025-03-03T15:15:00"},
		{"10:30 on 3 March 2025", "2025-03-03T10:30:00"},
		{"Mon, 03 Mar 2025 10:00:00 +0100", "2025-03-03T10:00:00+01:00"},
		{"03/04/2025 10:00", "-"},
		{"2025-03-04", "-"},
		{"3 March 10:00", "-"},
	};

	CHECK_CASES(SLM_VALUE_DATE_TIME, cases);
	CHECK_STR(normal_as(SLM_VALUE_DATE_TIME, "2025-03-04 10:00", true), "-");
}

static void
addresses(void)
{
	static const Case emails[] = {
		{"Anna.Lee@Example.COM", "Anna.Lee@example.com"},
		{"a..b@example.com", "-"},
		{"anna@", "-"},
		{"j\xc3\xbcrgen@example.com", "-"},
		{"a@b.com, c@d.com", "-"},
	};
	static const Case uris[] = {
		{"HTTPS://Example.COM/Path?Q=1#F", "https://example.com/Path?Q=1#F"},
		{"postgresql://User:Pw@Host/db", "postgresql://User:Pw@Host/db"},
		{"http://[2001:DB8::1]:80/", "http://[2001:db8::1]:80/"},
		{"www.example.com", "-"},
		{"http://x.y/%zz", "-"},
		{"http://x.y/[a]", "-"},
		{"http://m\xc3\xbcller.de/", "-"},
		{"http://a#b#c", "-"},
	};
	static const Case v4[] = {{"192.168.0.1", "192.168.0.1"}, {"::1", "-"}, {"1.2.3", "-"}};
	static const Case v6[] = {
		{"2001:0DB8:0000:0000:0000:FF00:0042:8329", "2001:db8::ff00:42:8329"},
		{"::1", "::1"},
		{"2001:db8::", "2001:db8::"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"},
		{"::ffff:0a01:0203", "::ffff:10.1.2.3"},
		{"10.1.2.3", "-"},
	};
	static const Case uuids[] = {
		{"123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
		{"123E4567", "-"},
	};

	CHECK_CASES(SLM_VALUE_EMAIL, emails);
	CHECK_CASES(SLM_VALUE_URI, uris);
	CHECK_CASES(SLM_VALUE_IPV4, v4);
	CHECK_CASES(SLM_VALUE_IPV6, v6);
	CHECK_CASES(SLM_VALUE_UUID, uuids);
}

/* A value of as many bytes as fit, and one more. */
static void
limits(void)
{
	char text[SLM_NORMAL_BYTES + 2];
	SlmNormal out;

	memset(text, 'a', sizeof(text));
	memcpy(text, "http://", 7);
	CHECK(slm_normalize_value(SLM_VALUE_URI, (SlmText){text, SLM_NORMAL_BYTES}, false, &out));
	CHECK_INT(out.size, SLM_NORMAL_BYTES);
	CHECK(!slm_normalize_value(SLM_VALUE_URI, (SlmText){text, SLM_NORMAL_BYTES + 1}, false, &out));
}

static void
kinds(void)
{
	CHECK(slm_value_kinds(SLM_VALUE_DATE) == SLM_KIND_SET(SLM_KIND_DATE));
	CHECK(slm_value_kinds(SLM_VALUE_BOOLEAN) == 0);
	for (int i = 0; i < SLM_VALUE_TYPE_COUNT; i++)
		CHECK(slm_value_kinds((SlmValueType) i) != 0 || i == SLM_VALUE_BOOLEAN);
}

int
main(void)
{
	TEST(numbers);
	TEST(integers);
	TEST(booleans);
	TEST(dates);
	TEST(times);
	TEST(dates_with_times);
	TEST(addresses);
	TEST(limits);
	TEST(kinds);
	return check_done();
}
