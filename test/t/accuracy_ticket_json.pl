# The tests' own decoder, models/ticket_json, through SQL: it writes what transformers
# writes, and on tickets that it was not trained on it finds most fields.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('writer');
$node->init;
$node->append_conf('postgresql.conf', "slm.model_path = '$ENV{SLM_MODELS}'");
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION slm;
	SELECT slm_create_model('ticket_json', 'ticket_json.gguf', '{"prompt_format": "chatml"}');
	CREATE TABLE golden (line jsonb);
	COPY golden FROM '$ENV{SLM_SOURCE}/test/golden/ticket_json.jsonl' WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02');
	CREATE FUNCTION system() RETURNS text IMMUTABLE LANGUAGE sql AS
		\$\$ SELECT 'Extract the fields from the text. Answer with JSON.' \$\$;
});

sub at_least
{
	my ($what, $floor, $query) = @_;
	my $value = $node->safe_psql('postgres', $query);
	note("$what: $value");
	cmp_ok($value, '>=', $floor, $what);
	return;
}

is($node->safe_psql('postgres', 'SELECT count(*) FROM golden'), 60, 'tickets');

# 8 bits against fp32: a token may fall otherwise, and all behind it then does.
at_least('answers equal to those of transformers, of 60', 57, q{
	SELECT count(*) FROM golden
	WHERE slm_generate(line ->> 'prompt', 'ticket_json', system => system()) = line ->> 'written'});
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM golden, slm_extract(line ->> 'text', line -> 'schema', 'ticket_json') AS answer,
		jsonb_each_text(answer) AS e
	WHERE strpos(line ->> 'text', e.value) = 0}), 0, 'no value is invented');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 100, bool_and(substr(line ->> 'text', s.start, s.length) = s.value), bool_and(confidence BETWEEN 0 AND 1)
	FROM golden, slm_extract_spans(line ->> 'text', line -> 'schema', 'ticket_json') AS s}), 't|t|t', 'every value has its place');
at_least('values of a confidence of 0.5 and more that are right, in percent, less those below', 15, q{
	SELECT round(100.0 * avg((line -> 'values' ->> field = value)::int) FILTER (WHERE confidence >= 0.5)
		- 100.0 * avg((line -> 'values' ->> field = value)::int) FILTER (WHERE confidence < 0.5), 1)
	FROM golden, slm_extract_spans(line ->> 'text', line -> 'schema', 'ticket_json') AS s});
at_least('right fields, in percent', 80, q{
	SELECT round(100.0 * count(*) FILTER (WHERE answer -> e.key = e.value) / count(*), 1)
	FROM golden, slm_extract(line ->> 'text', line -> 'schema', 'ticket_json') AS answer, jsonb_each(line -> 'values') AS e});
is($node->safe_psql('postgres', q{
	SELECT bool_and(b.extracted = slm_extract(line ->> 'text', '["order_number", "reporter"]', 'ticket_json'))
	FROM (SELECT array_agg(line ->> 'text' ORDER BY ctid) AS texts FROM golden) AS a,
		slm_extract_batch(texts, '["order_number", "reporter"]', 'ticket_json') AS b
		JOIN (SELECT row_number() OVER (ORDER BY ctid) AS ord, line FROM golden) AS g USING (ord)}), 't',
	'an array of texts has the answers of each alone');

$node->stop;
done_testing();
