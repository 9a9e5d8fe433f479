# A hot standby runs models from files and images of its own; a base backup
# leaves the images out; promotion changes nothing.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;

my $embed = q{SELECT md5(slm_embed('the order arrived late', 'tiny')::text)};
my $primary = slm_cluster('primary', init => { allows_streaming => 1 });
$primary->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf'); CREATE SERVER raw FOREIGN DATA WRAPPER slm OPTIONS (file 'tiny-bert-q8_0.gguf')");
my $right = $primary->safe_psql('postgres', $embed);
my $pin = $primary->safe_psql('postgres', "SELECT slm_pin('tiny')");
my $raw_pin = $primary->safe_psql('postgres', "SELECT slm_pin('raw')");
is(scalar(cache_files($primary, qr/\.image$/)), 2, 'the primary has images');

$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
ok(!-e $standby->data_dir . '/pgsql_tmp_slm', 'the base backup has left the cache folder out');
ok(-e $standby->data_dir . '/slm_models/tiny-bert.gguf', 'and carried the model files');
$standby->start;

is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'a standby');
is($standby->safe_psql('postgres', "SELECT string_agg(state, ' ') FROM slm_models"), 'absent absent absent', 'has no image at first');
is($standby->safe_psql('postgres', $embed), $right, 'builds its own and gives the same answer');
is($standby->safe_psql('postgres', "SELECT slm_pin('tiny')"), $pin, 'and the same pin');
is($standby->safe_psql('postgres', "SELECT slm_pin('raw')"), $raw_pin, 'also of a model without sha256');
like(sql_error($standby, "SELECT slm_create_model('more', 'tiny-bert.gguf')"), qr/^25006 /, 'registering needs the primary');
like(sql_error($standby, "SELECT slm_drop_model('tiny')"), qr/^25006 /, 'dropping too');
is($standby->safe_psql('postgres', "SELECT calls > 0 FROM slm_stat_calls WHERE model = 'tiny'"), 't', 'calls are counted');

# DDL on the primary reaches a session of the standby that has the model open.
my $session = $standby->background_psql('postgres', on_error_stop => 0);
is($session->query($embed), $right, 'an open session on the standby');
$primary->safe_psql('postgres', "ALTER SERVER tiny OPTIONS (ADD normalize 'false')");
$primary->wait_for_catchup($standby);
isnt($session->query("SELECT slm_pin('tiny')"), $pin, 'sees changed options');
$primary->safe_psql('postgres', "ALTER SERVER tiny OPTIONS (DROP normalize)");
$primary->wait_for_catchup($standby);
is($session->query("SELECT slm_pin('tiny')"), $pin, 'and changed back');
$primary->safe_psql('postgres', "SELECT slm_drop_model('raw')");
$primary->wait_for_catchup($standby);
$session->query("SELECT slm_pin('raw')");
like($session->{stderr} // '', qr/server "raw" does not exist/, 'and a dropped model');
$session->quit;

# A file that the standby lacks.
unlink $standby->data_dir . '/slm_models/tiny-bert-q8_0.gguf' or die;
$primary->safe_psql('postgres', "SELECT slm_create_model('q8', 'tiny-bert-q8_0.gguf')");
$primary->wait_for_catchup($standby);
my $missing = $standby->data_dir;
$standby->safe_psql('postgres', 'SELECT count(*) FROM slm_cache_gc()');
is(sql_error($standby, "SELECT slm_load('q8')"), '58P01 could not open model file "tiny-bert-q8_0.gguf"', 'a file missing on the standby is said so');
is($standby->safe_psql('postgres', "SELECT state FROM slm_models WHERE name = 'q8'"), 'no file', 'slm_models shows it');

$standby->promote;
is($standby->safe_psql('postgres', $embed), $right, 'promoted: the same answer');
is($standby->safe_psql('postgres', "SELECT slm_create_model('more', 'tiny-bert.gguf') IS NOT NULL"), 't', 'and it can register models');

$standby->stop;
$primary->stop;
done_testing();
