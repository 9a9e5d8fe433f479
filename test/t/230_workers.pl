# Workers that write for sessions: the same answers as the sessions' own, whatever befalls a worker or a session.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use SlmTest;

my $node = slm_cluster('workers', conf => "max_connections = 40\nslm.worker_idle_timeout = 2s");
put_model($node, 'ticket_json.gguf');
$node->safe_psql('postgres', q{SELECT slm_create_model('writer', 'ticket_json.gguf', '{"prompt_format": "chatml"}')});
my $preloaded = $node->safe_psql('postgres', 'SHOW shared_preload_libraries') eq 'slm';

# What n calls answer, as one text; each session has its own prompt.
sub calls
{
	my ($execution, $n) = @_;
	return "SET slm.execution = $execution; SELECT string_agg(slm_generate('order ' || i || ' has not come', 'writer', 24), '|' ORDER BY i)"
	  . " FROM generate_series(1, $n) AS i";
}

# Requests and memory that are in use.
sub in_use
{
	return $node->safe_psql('postgres', 'SELECT requests, text_bytes FROM slm_worker_use()');
}

my $expected = $node->safe_psql('postgres', calls('backend', 5));
is($node->safe_psql('postgres', calls('worker', 5)), $expected, 'a worker writes what a session writes');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'slm worker'}), 1, 'it is seen');
is(in_use(), '0|0', 'nothing is left behind');

$node->stop;
done_testing();
