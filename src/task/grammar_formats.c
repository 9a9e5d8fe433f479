/*
 * grammar_formats.c - formats of strings, as patterns
 *
 * Each is within what its specification allows, and within what validators that are
 * stricter take: domains of an email have a dot, times of day no leap second.
 */
#include "base/limits.h"
#include "task/grammar_impl.h"

#define CLOCK                                                                                      \
	"T(?:\\d{1,2}H(?:\\d{1,2}M(?:\\d{1,2}S)?)?|\\d{1,2}M(?:\\d{1,2}S)?|\\d{1,2}S)" /* of a duration */
#define YEAR "(?:0[1-9]|[1-9]\\d)\\d\\d"
#define FOURTH "(?:0[48]|[2468][048]|[13579][26])" /* multiples of four, two digits */
#define LEAP_YEAR "(?:(?:0[1-9]|[1-9]\\d)" FOURTH "|" FOURTH "00)"
#define DATE                                                                                       \
	"(?:" YEAR "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])"                                   \
	"|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))"                              \
	"|" LEAP_YEAR "-02-29)"
#define TIME                                                                                       \
	"(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:0\\d|1[0-4]):[0-5]\\d)"
#define LABEL "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
#define HOST LABEL "(?:\\." LABEL ")*"
#define ATOM "[A-Za-z0-9_%+-]+"
#define OCTET "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define URI_CHAR "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
#define HEX "[0-9A-Fa-f]"
#define GROUP HEX "{1,4}"

static const struct
{
	const char *name;
	uint32_t max_chars;
	const char *pattern;
} formats[] = {
	{"date", UINT32_MAX, "^" DATE "$"},
	{"time", UINT32_MAX, "^" TIME "$"},
	{"date-time", UINT32_MAX, "^" DATE "T" TIME "$"},
	{"duration", UINT32_MAX,
	 "^P(?:\\d{1,3}W|(?:\\d{1,4}Y(?:\\d{1,2}M(?:\\d{1,2}D)?)?|\\d{1,2}M(?:\\d{1,2}D)?|\\d{1,3}D)"
	 "(?:" CLOCK ")?|" CLOCK ")$"},
	{"email", SLM_GRAMMAR_FORMAT_CHARS,
	 "^" ATOM "(?:\\." ATOM ")*@(?:" LABEL "\\.)+[A-Za-z]{2,24}$"},
	{"hostname", SLM_GRAMMAR_FORMAT_CHARS, "^" HOST "$"},
	{"uri", SLM_GRAMMAR_CHARS,
	 "^(?:(?:https?|ftp|wss?)://" HOST "(?::[1-9]\\d{0,3})?(?:/" URI_CHAR "*)*"
	 "|(?:mailto|tel|urn):" URI_CHAR "+)"
	 "(?:\\?(?:" URI_CHAR "|[/?])*)?(?:#(?:" URI_CHAR "|[/?])*)?$"},
	{"uuid", UINT32_MAX, "^" HEX "{8}-" HEX "{4}-" HEX "{4}-" HEX "{4}-" HEX "{12}$"},
	{"ipv4", UINT32_MAX, "^(?:" OCTET "\\.){3}" OCTET "$"},
	{"ipv6", UINT32_MAX,
	 "^(?:(?:" GROUP ":){7}" GROUP "|(?:" GROUP ":){1,7}:|(?:" GROUP ":){1,6}:" GROUP "|(?:" GROUP
	 ":){1,5}(?::" GROUP "){1,2}|(?:" GROUP ":){1,4}(?::" GROUP "){1,3}"
	 "|(?:" GROUP ":){1,3}(?::" GROUP "){1,4}|(?:" GROUP ":){1,2}(?::" GROUP "){1,5}"
	 "|" GROUP ":(?::" GROUP "){1,6}|:(?::" GROUP "){1,7}|::)$"},
};

SlmStatus
slm_nfa_format(SlmNfa *nfa, SlmText name, uint32_t *max_chars, bool *known, SlmError *err)
{
	*known = false;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (slm_text_compare(name, slm_text(formats[i].name)) == 0)
		{
			*known = true;
			if (*max_chars > formats[i].max_chars)
				*max_chars = formats[i].max_chars;
			return slm_nfa_pattern(nfa, slm_text(formats[i].pattern), false, err);
		}
	return SLM_OK;
}
