# The cache folder: its cap, the room on disk, what is dropped and what is not.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(usleep);

my $node = slm_cluster('cache', conf => "slm.min_free_disk = 0\n");
my $data = $node->data_dir;
my $models = "$data/slm_models";
my $cache = "$data/pgsql_tmp_slm";

sub setting
{
	my ($name, $value) = @_;
	$node->append_conf('postgresql.conf', "$name = $value");
	$node->reload;
	wait_for(sub { $node->safe_psql('postgres', "LOAD 'slm'; SELECT current_setting('$name')") eq $value =~ s/'//gr }, "$name");
	return;
}

sub images { return scalar(cache_files($node, qr/^[0-9a-f]{64}\.\d+\.image$/)); }

# Images of about 12 MB each.
for my $i (1 .. 4)
{
	big_model("$models/m$i.gguf", 1, 512);
	open my $file, '+<:raw', "$models/m$i.gguf" or die;
	seek $file, -4, 2;
	print $file pack('f<', $i);
	close $file;
	$node->safe_psql('postgres', "CREATE SERVER m$i FOREIGN DATA WRAPPER slm OPTIONS (file 'm$i.gguf')");
}

$node->safe_psql('postgres', "SELECT slm_load('m1')");
is((stat $cache)[2] & 07777, 0700, 'the folder is private');
my ($image) = glob("$cache/*.image");
is((stat $image)[2] & 07777, 0400, 'an image cannot be written');

# ---- The cap -----------------------------------------------------------------

setting('slm.max_cache_size', "'30MB'");
my $size = -s $image;
cmp_ok($size, '>', 11e6, 'images are large enough for the test');
my $holder = $node->background_psql('postgres');
$holder->query_safe("SELECT slm_load('m1')");
usleep(20_000);
$node->safe_psql('postgres', "SELECT slm_load('m2')");
usleep(20_000);
is(images(), 2, 'two images fit');
$node->safe_psql('postgres', "SELECT slm_load('m3')");
is(images(), 2, 'a third takes the place of one');
is($node->safe_psql('postgres', "SELECT string_agg(name, ' ' ORDER BY name) FROM slm_models WHERE state = 'ready'"), 'm1 m3',
	'of the one that no session has mapped');
usleep(20_000);
my $holder2 = $node->background_psql('postgres');
$holder2->query_safe("SELECT slm_load('m3')");
like(sql_error($node, "SELECT slm_load('m4')"), qr/^53100 a weight image of \d+ bytes does not fit into slm\.max_cache_size$/,
	'images in use are not dropped: refused');
is(scalar(cache_files($node, qr/tmp$/)), 0, 'a refused build leaves nothing');
is($node->safe_psql('postgres', "SELECT attached FROM slm_models WHERE name = 'm3'"), '1', 'slm_models counts who has it mapped');
$holder2->quit;
wait_for(sub { $node->safe_psql('postgres', "SELECT attached FROM slm_models WHERE name = 'm3'") eq '0' }, 'end of session');
is(sql_error($node, "SELECT slm_load('m4')"), 'no error', 'with the session gone there is room');
is($node->safe_psql('postgres', "SELECT string_agg(name, ' ' ORDER BY name) FROM slm_models WHERE state = 'ready'"), 'm1 m4', 'm3 made place');
setting('slm.max_cache_size', "'5MB'");
like(sql_error($node, "SELECT slm_load('m2')"), qr/^53100 /, 'an image larger than the cap is refused');
is($holder->query_safe("SELECT slm_load('m1')"), $size, 'who has one mapped goes on');
setting('slm.max_cache_size', '-1');

# Last used, not last built, decides.
$holder->quit;
$node->safe_psql('postgres', "SELECT slm_load('$_')") && usleep(20_000) for qw(m2 m3 m1 m4 m2);
is(images(), 4, 'without a cap all four stay');
setting('slm.max_cache_size', "'40MB'");
put_model($node, 'tiny-bert.gguf', 'm5.gguf');
big_model("$models/m5.gguf", 1, 480);
$node->safe_psql('postgres', "CREATE SERVER m5 FOREIGN DATA WRAPPER slm OPTIONS (file 'm5.gguf')");
wait_for(sub { $node->safe_psql('postgres', 'SELECT coalesce(sum(attached), 0) FROM slm_models') eq '0' }, 'sessions to end');
$node->safe_psql('postgres', "SELECT slm_load('m5')");
my %ready = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', "SELECT name FROM slm_models WHERE state = 'ready'");
ok(!$ready{m3} && $ready{m2} && $ready{m5}, 'the image used least recently went first');
setting('slm.max_cache_size', '-1');

# ---- Room on disk ------------------------------------------------------------

$node->safe_psql('postgres', "DROP SERVER m3; CREATE SERVER m3 FOREIGN DATA WRAPPER slm OPTIONS (file 'm3.gguf')");
$node->append_conf('postgresql.conf', "slm.min_free_disk = '2000TB'");
$node->reload;
wait_for(sub { sql_error($node, "SELECT slm_load('m3')") =~ /^53100/ }, 'setting');
like(sql_error($node, "SELECT slm_load('m3')"), qr/^53100 no room on disk for a weight image of \d+ bytes$/, 'what must stay free on disk stays free');
is(images(), 0, 'after all that could be dropped was');
is(sql_error($node, "SELECT slm_create_model('x', 'm3.gguf')") =~ s/ .*//r, '53100', 'slm_create_model as well');
$node->append_conf('postgresql.conf', 'slm.min_free_disk = 0');
$node->reload;
wait_for(sub { sql_error($node, "SELECT slm_load('m3')") eq 'no error' }, 'setting');
is(images(), 1, 'with room it is built');

# ---- slm_cache_gc() ------------------------------------------------------------

my $keeper = $node->background_psql('postgres');
$keeper->query_safe("SELECT slm_load('m1')");
$node->safe_psql('postgres', "SELECT slm_load('m2')");
my $old = ('0' x 64) . '.0.image';
my $orphan = ('0' x 32) . '.tmp';
my $stranger = 'notes.txt';
for my $name ($old, $orphan, $stranger, 'x.tmp', 'abc.image')
{
	write_bytes("$cache/$name", 'x');
}
wait_for(sub { $node->safe_psql('postgres', "SELECT sum(attached) FROM slm_models") eq '1' }, 'sessions to end');
my %removed = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT * FROM slm_cache_gc()');
ok(exists $removed{$old}, 'an image of another version is removed');
ok(exists $removed{$orphan}, 'an orphaned temporary file too');
ok(-e "$cache/$_", "\"$_\" is not ours and stays") for ($stranger, 'x.tmp', 'abc.image');
is(images(), 1, 'of the images only the one in use is left');
is($keeper->query_safe("SELECT slm_load('m1')"), $size, 'and works');
is(sql_error($node, "SELECT slm_load('m2')"), 'no error', 'the other is built again when needed');

# A dropped model is let go by sessions that had it.
$node->safe_psql('postgres', 'DROP SERVER m1');
$keeper->query_safe('SELECT 1');
is($keeper->query_safe("SELECT count(*) FROM pg_foreign_server WHERE srvname = 'm1'"), '0', 'a session hears of the drop');
ok(wait_for(sub { $node->safe_psql('postgres', 'SELECT count(*) FROM slm_cache_gc()'); !images() }, 'the image of a dropped model to go'),
	'and its image can be dropped');
$keeper->quit;

# ---- The folder ----------------------------------------------------------------

{
	my $elsewhere = PostgreSQL::Test::Utils::tempdir;
	mkdir "$elsewhere/wide" or die;
	chmod 0755, "$elsewhere/wide" or die;
	$node->append_conf('postgresql.conf', "slm.cache_dir = '$elsewhere/wide'");
	$node->restart;
	like(sql_error($node, "SELECT slm_load('m2')"), qr/^55000 slm\.cache_dir ".*" is not a private directory/, 'a folder others may look into is refused');
	chmod 0700, "$elsewhere/wide" or die;
	is(sql_error($node, "SELECT slm_load('m2')"), 'no error', 'made private it is taken');
	is(scalar(glob("$elsewhere/wide/*.image") ? 1 : 0), 1, 'and the image stands there');
	$node->append_conf('postgresql.conf', "slm.cache_dir = '$elsewhere/no/parent'");
	$node->restart;
	is(sql_error($node, "SELECT slm_load('m2')") =~ s/ .*//r, '58P01', 'a folder that cannot be made is an error');
	is($node->safe_psql('postgres', "SELECT count(*) > 3 FROM slm_models"), 't', 'but slm_models answers');
}

$node->stop;
done_testing();
