# all-MiniLM-L6-v2 through SQL against what sentence-transformers computes
# (test/golden/minilm.txt, made by test/golden/make_minilm.py).
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $models = $ENV{SLM_MODELS};
my $golden = "$ENV{SLM_SOURCE}/test/golden/minilm.txt";

my $node = PostgreSQL::Test::Cluster->new('accuracy');
$node->init;
$node->start;
# The folder of models may be a link; the files in it may not lead out of it.
symlink $models, $node->data_dir . '/slm_models' or die "symlink: $!";

$node->safe_psql('postgres', q{
	CREATE EXTENSION slm;
	SELECT slm_create_model('f32', 'minilm-f32.gguf');
	SELECT slm_create_model('q8_0', 'minilm-q8_0.gguf');
	CREATE TABLE label (body text, expected text);
	CREATE TABLE embedding (body text, expected real[]);
	CREATE FUNCTION cosine(a real[], b real[]) RETURNS float8 LANGUAGE sql AS
		'SELECT sum(x::float8 * y) / sqrt(sum(x::float8 * x) * sum(y::float8 * y)) FROM unnest(a, b) AS u(x, y)';
});

my %rows = (label => '', embedding => '');
open my $file, '<', $golden or die "$golden: $!";
while (my $line = <$file>)
{
	chomp $line;
	my ($kind, $text, $value) = $line =~ /^(\w+) (.*)\t(.*)$/ or die "line $.";
	$value = '{' . join(',', split / /, $value) . '}' if $kind eq 'embedding';
	$rows{$kind} .= "$text\t$value\n";
}
close $file;
for my $table (sort keys %rows)
{
	$node->safe_psql('postgres', "COPY $table FROM STDIN;\n$rows{$table}\\.\n");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM label'), '80', 'texts with a label');

my %floor = (f32 => [ 0.9999, 0.9999 ], q8_0 => [ 0.997, 0.9993 ]);
for my $model (qw(f32 q8_0))
{
	my ($min, $mean) = split /\|/, $node->safe_psql('postgres',
		"SELECT min(c), avg(c) FROM (SELECT cosine(expected, slm_embed(body, '$model')) AS c FROM embedding) AS s");
	cmp_ok($min, '>=', $floor{$model}[0], "$model: least cosine");
	cmp_ok($mean, '>=', $floor{$model}[1], "$model: mean cosine");

	my $same = $node->safe_psql('postgres', qq{
		SELECT count(*) FILTER (WHERE expected = slm_classify(body,
			(SELECT array_agg(DISTINCT expected ORDER BY expected) FROM label), '$model'))
		FROM label});
	cmp_ok($same, '>=', $model eq 'f32' ? 80 : 79, "$model: labels as the original's");
}

$node->stop;
done_testing();
