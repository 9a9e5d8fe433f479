# The embedded model through SQL, straight after CREATE EXTENSION: against what
# PyTorch computes in fp32 with the same weights (test/golden/slm_base.jsonl, made by
# test/golden/make_slm_base.py), and against the right answers of docs/demo.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = $ENV{SLM_SOURCE};

my $node = PostgreSQL::Test::Cluster->new('accuracy');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION slm;
	CREATE TABLE golden (line jsonb);
	COPY golden FROM '$source/test/golden/slm_base.jsonl' WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02');
	CREATE TABLE tickets (label text, kind text, body text);
	COPY tickets FROM '$source/docs/demo/tickets.tsv';
	CREATE TABLE fields (body text, answer jsonb);
	COPY fields FROM '$source/docs/demo/fields.tsv';
	CREATE FUNCTION reals(a jsonb) RETURNS real[] LANGUAGE sql AS
		'SELECT array_agg(x::real ORDER BY ord) FROM jsonb_array_elements_text(a) WITH ORDINALITY AS t (x, ord)';
	CREATE FUNCTION cosine(a real[], b real[]) RETURNS float8 LANGUAGE sql AS
		'SELECT sum(x::float8 * y) / sqrt(sum(x::float8 * x) * sum(y::float8 * y)) FROM unnest(a, b) AS u(x, y)';
});

# Runs a query that gives one number and compares it with a floor.
sub at_least
{
	my ($what, $floor, $query) = @_;
	cmp_ok($node->safe_psql('postgres', $query), '>=', $floor, $what);
	return;
}

# ---- As in PyTorch -------------------------------------------------------------

at_least('least cosine of an embedding with PyTorch\'s', 0.99, q{
	SELECT min(cosine(slm_embed(line ->> 'text'), reals(line -> 'vector'))) FROM golden WHERE line ->> 'task' = 'embed'});
at_least('mean cosine', 0.997, q{
	SELECT avg(cosine(slm_embed(line ->> 'text'), reals(line -> 'vector'))) FROM golden WHERE line ->> 'task' = 'embed'});
at_least('similarities nearer than 0.03, of 20', 20, q{
	SELECT count(*) FILTER (WHERE abs(slm_similarity(line ->> 'a', line ->> 'b') - (line ->> 'cosine')::real) < 0.03)
	FROM golden WHERE line ->> 'task' = 'similar'});
at_least('equal labels, of 80', 78, q{
	SELECT count(*) FILTER (WHERE slm_classify(line ->> 'text', ARRAY(SELECT jsonb_array_elements_text(line -> 'labels'))) = line ->> 'label')
	FROM golden WHERE line ->> 'task' = 'classify'});
at_least('their confidences nearer than 0.05', 78, q{
	SELECT count(*) FILTER (WHERE abs(s.confidence - (line ->> 'confidence')::real) < 0.05)
	FROM golden, slm_classify_scores(line ->> 'text', ARRAY(SELECT jsonb_array_elements_text(line -> 'labels'))) AS s
	WHERE line ->> 'task' = 'classify' AND s.label = line ->> 'label'});
at_least('equal fields, of 80', 77, q{
	SELECT count(*) FROM golden, jsonb_each(line -> 'values') AS e
	WHERE line ->> 'task' = 'extract' AND slm_extract(line ->> 'text', line -> 'fields') -> e.key = e.value});
at_least('equal summaries, of 3', 2, q{
	SELECT count(*) FILTER (WHERE slm_summarize(line ->> 'text', (line ->> 'words')::int) = line ->> 'summary')
	FROM golden WHERE line ->> 'task' = 'summarize'});

# ---- Right ---------------------------------------------------------------------

at_least('tickets with the right label, of 80', 74,
	q{SELECT count(*) FILTER (WHERE slm_classify(body, ARRAY(SELECT DISTINCT label FROM tickets)) = label) FROM tickets});
at_least('right fields, of 80', 64, q{
	SELECT count(*) FROM fields, jsonb_each(answer) AS e WHERE slm_extract(body,
		'{"order_number": "identifier", "product": "the product that was bought", "amount": "money", "day": "date", "customer": "name of the customer"}')
		-> e.key = e.value});
at_least('what says the same is nearer than what does not, by', 0.03, q{
	SELECT min(s) FILTER (WHERE same) - max(s) FILTER (WHERE NOT same)
	FROM (SELECT (line ->> 'same')::bool AS same, slm_similarity(line ->> 'a', line ->> 'b') AS s FROM golden WHERE line ->> 'task' = 'similar') AS t});

$node->stop;
done_testing();
