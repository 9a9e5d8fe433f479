# Models as catalog objects: files and their refusals, rights, DDL, dump and restore.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use POSIX qw(mkfifo);
use SlmTest;
use Socket;
use Test::More;

my $node = slm_cluster('registry');
my $data = $node->data_dir;
my $models = "$data/slm_models";
my $n = 0;

sub create_error
{
	my ($file, %option) = @_;
	$n++;
	return sql_error($node, "SELECT slm_create_model('m$n', '$file')", %option);
}

# ---- Files -------------------------------------------------------------------

is(create_error('nothing.gguf'), '58P01 could not open model file "nothing.gguf"', 'an absent file');
put_model($node, 'tiny-bert.gguf', 'secret.gguf');
chmod 0, "$models/secret.gguf" or die;
is(create_error('secret.gguf'), '58P01 could not open model file "secret.gguf"', 'a forbidden file gives the same');
symlink '/etc/passwd', "$models/link.gguf" or die;
is(create_error('link.gguf'), '58P01 could not open model file "link.gguf"', 'a link that leads out too');
symlink "$models/tiny-bert.gguf", "$models/inside.gguf" or die;
is(create_error('inside.gguf'), '58P01 could not open model file "inside.gguf"', 'and one that does not');
mkdir "$models/folder.gguf" or die;
is(create_error('folder.gguf'), '58P01 model file "folder.gguf" is not a regular file', 'a directory');
mkfifo("$models/fifo.gguf", 0600) or die;
is(create_error('fifo.gguf'), '58P01 model file "fifo.gguf" is not a regular file', 'a FIFO does not block');
SKIP:
{
	# A socket's name is short, whatever the folder is.
	socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or die;
	chdir $models or die;
	bind($socket, sockaddr_un('socket.gguf')) or skip 'no socket here', 1;
	is(create_error('socket.gguf'), '58P01 model file "socket.gguf" is not a regular file', 'a socket');
	chdir '/';
}
is(create_error('/dev/zero'), '58P01 model file "/dev/zero" is not a regular file', 'a device');
put_model($node, 'tiny-bert.gguf', 'open.gguf');
chmod 0666, "$models/open.gguf" or die;
is(create_error('open.gguf'), '58P01 model file "open.gguf" can be written by everybody', 'a file that everybody may write');
for my $name ('../PG_VERSION', 'a/b.gguf', '.hidden', '', 'sp ace', "/tmp/../etc/passwd", 'ä.gguf', '/')
{
	like(create_error($name), qr/^22023 invalid model file name/, "the name \"$name\" is refused");
}
is(sql_error($node, "CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'not-there.gguf')"), 'no error',
	'CREATE SERVER does not look at files');
is(sql_error($node, "SELECT slm_pin('m')"), '58P01 could not open model file "not-there.gguf"', 'the first use does');

# A root may be a link, and slm.model_path is a list.
{
	my $elsewhere = PostgreSQL::Test::Utils::tempdir;
	chmod 0755, $elsewhere;
	symlink $models, "$elsewhere/root" or die;
	variant_model("$elsewhere/other.gguf", 1);
	$node->append_conf('postgresql.conf', "slm.model_path = '/does/not/exist:$elsewhere/root::$elsewhere'");
	$node->reload;
	is($node->safe_psql('postgres', "SELECT slm_create_model('rooted', 'tiny-bert.gguf') IS NOT NULL"), 't', 'a root that is a link');
	is($node->safe_psql('postgres', "SELECT slm_create_model('second', 'other.gguf') IS NOT NULL"), 't', 'a second root');
	$node->append_conf('postgresql.conf', "slm.model_path = ''");
	$node->reload;
}

# pg_upgrade leaves the folder behind: the error says so.
{
	my ($rc, $out, $err);
	rename $models, "$models.away" or die;
	($rc, $out, $err) = $node->psql('postgres', "SELECT slm_create_model('m', 'tiny-bert.gguf')");
	like($err, qr/data directory has no folder "slm_models".*\n.*pg_upgrade/, 'the lost folder is told clearly');
	rename "$models.away", $models or die;
	($rc, $out, $err) = $node->psql('postgres', "SELECT slm_create_model('m', 'absent.gguf')");
	unlike($err, qr/pg_upgrade/, 'a lost file is only that');
}

# ---- Rights ------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE ROLE admin LOGIN; CREATE ROLE reader LOGIN IN ROLE pg_read_server_files; CREATE ROLE joe LOGIN;
	GRANT USAGE ON FOREIGN DATA WRAPPER slm TO admin, reader;
	SELECT slm_create_model('tiny', 'tiny-bert.gguf');
});
is(sql_error($node, "SELECT slm_pin('tiny')", user => 'joe'), '42501 permission denied for foreign server tiny', 'a new model is its owner\'s alone');
is(sql_error($node, "SELECT slm_pin('none')", user => 'joe'), '42704 server "none" does not exist', 'an absent one is PostgreSQL\'s error');
is(create_error('tiny-bert.gguf', user => 'joe'), '42501 permission denied for foreign-data wrapper slm', 'registering needs USAGE on the wrapper');
is(create_error('absent.gguf', user => 'joe'), '42501 permission denied for foreign-data wrapper slm', 'and says nothing of files before');
is(create_error("$models/tiny-bert.gguf", user => 'admin'), '42501 permission denied to use a model file outside slm.model_path',
	'an absolute path needs pg_read_server_files');
is(create_error("/nothing/here", user => 'admin'), '42501 permission denied to use a model file outside slm.model_path', 'there or not');
is(create_error("$models/tiny-bert.gguf", user => 'reader'), 'no error', 'which is enough');
is($node->safe_psql('postgres', "SELECT slm_create_model('hers', 'tiny-bert.gguf') IS NOT NULL", extra_params => [ '-U', 'admin' ]), 't', 'a granted role registers a model');
is($node->safe_psql('postgres', "SELECT srvowner::regrole FROM pg_foreign_server WHERE srvname = 'hers'"), 'admin', 'and owns it');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER hers TO joe', extra_params => [ '-U', 'admin' ]);
is(sql_error($node, "SELECT slm_pin('hers'), slm_load('hers')", user => 'joe'), 'no error', 'GRANT USAGE lets another role run it');
$node->safe_psql('postgres', 'REVOKE USAGE ON FOREIGN SERVER hers FROM joe', extra_params => [ '-U', 'admin' ]);
is(sql_error($node, "SELECT slm_pin('hers')", user => 'joe'), '42501 permission denied for foreign server hers', 'REVOKE ends that');
is(sql_error($node, 'SELECT * FROM slm_cache_gc()', user => 'joe'), '42501 permission denied for function slm_cache_gc', 'slm_cache_gc is not for everybody');
is(sql_error($node, 'SELECT slm_stat_reset()', user => 'joe'), '42501 permission denied for function slm_stat_reset', 'nor slm_stat_reset');

# The owner loses the right: so does the model, for everybody.
{
	my $pin = $node->safe_psql('postgres', "SELECT slm_create_model('abs', '$models/tiny-bert.gguf')", extra_params => [ '-U', 'reader' ]);
	is($node->safe_psql('postgres', "SELECT slm_pin('abs')"), $pin, 'a superuser runs it');
	$node->safe_psql('postgres', 'REVOKE pg_read_server_files FROM reader');
	is(sql_error($node, "SELECT slm_pin('abs')"), '42501 permission denied to use a model file outside slm.model_path', 'the owner\'s right counts, at each load');
	is($node->safe_psql('postgres', "SELECT state FROM slm_models WHERE name = 'abs'"), 'forbidden', 'slm_models shows it without an error');
	$node->safe_psql('postgres', 'GRANT pg_read_server_files TO reader');
	is($node->safe_psql('postgres', "SELECT slm_pin('abs')"), $pin, 'given back, it runs again');
}
is($node->safe_psql('postgres', "SELECT file, sha256 IS NULL, state FROM slm_models WHERE name = 'tiny'", extra_params => [ '-U', 'joe' ]),
	'tiny-bert.gguf|t|forbidden', 'slm_models says nothing of the file to who may not run the model');

# ---- Content -----------------------------------------------------------------

is(sql_error($node, q[SELECT slm_create_model('bad', 'tiny-bert.gguf', '{"sha256": "] . '0' x 64 . q["}')]) =~ s/ .*//r, 'XX001', 'another sha256 than the file\'s is refused');
is(sql_error($node, q{SELECT slm_create_model('bad', 'tiny-bert.gguf', '{"sha256": "12"}')}), '22023 invalid value for option "sha256": "12"', 'a malformed one too');
is(sql_error($node, q{SELECT slm_create_model('bad', 'tiny-bert.gguf', '{"context_length": 4096}')}) =~ s/ .*//r, '22023', 'options that do not fit the model are refused');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_foreign_server WHERE srvname = 'bad'"), '0', 'and nothing is registered');

# ---- Dump and restore --------------------------------------------------------

$node->safe_psql('postgres', q{
	SELECT slm_create_model('a "quoted"
name', 'tiny-bert.gguf', '{"query_prefix": "it''s a \\\\ query: ", "pooling": "cls", "normalize": false}');
	GRANT USAGE ON FOREIGN SERVER tiny TO PUBLIC;
	REVOKE USAGE ON FOREIGN SERVER tiny FROM PUBLIC;
	GRANT USAGE ON FOREIGN SERVER tiny TO joe;
	COMMENT ON SERVER tiny IS 'a comment';
	REVOKE USAGE ON FOREIGN SERVER slm_base FROM PUBLIC;
	CREATE TABLE pinned (pin slm_model);
	INSERT INTO pinned SELECT slm_pin('tiny');
});
my $facts = q{SELECT s.srvname, s.srvowner::regrole, (SELECT array_agg(o ORDER BY o) FROM unnest(s.srvoptions) o),
		coalesce(s.srvacl, acldefault('S', s.srvowner)), obj_description(s.oid)
	FROM pg_foreign_server s ORDER BY 1};
my $before = $node->safe_psql('postgres', $facts);
my $fingerprints = $node->safe_psql('postgres', "SELECT name, fingerprint FROM slm_models WHERE state = 'ready' ORDER BY 1");
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$data/dump", $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
rename $models, "$models.away" or die;
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), "$data/dump" ], 'pg_restore, with no model file in place');
rename "$models.away", $models or die;
is($node->safe_psql('restored', $facts), $before, 'owners, options, grants, the REVOKE and comments survive');
is($node->safe_psql('restored', "SELECT slm_pin(name::text) IS NOT NULL FROM slm_models WHERE state = 'ready' AND name = 'tiny'"), 't', 'a restored model runs');
is($node->safe_psql('restored', "SELECT name, fingerprint FROM slm_models WHERE state = 'ready' ORDER BY 1"), $fingerprints, 'with the same fingerprints');
is($node->safe_psql('restored', "SELECT pin = pin2::text FROM (SELECT pin::text, slm_pin('tiny') AS pin2 FROM pinned) x"), 't', 'a stored pin holds');
is(sql_error($node, "SELECT slm_pin('tiny')", user => 'joe', db => 'restored'), 'no error', 'the grant works');
is(sql_error($node, "SELECT slm_pin('slm_base')", user => 'joe', db => 'restored'), '42501 permission denied for foreign server slm_base',
	'what was taken from PUBLIC on the embedded model stays taken');

# Dropping and creating the extension leaves nothing.
$node->safe_psql('restored', 'DROP EXTENSION slm CASCADE; CREATE EXTENSION slm;');
is($node->safe_psql('restored', "SELECT srvname FROM pg_foreign_server"), 'slm_base', 'DROP EXTENSION CASCADE takes the models along');

# ---- The embedded model --------------------------------------------------------

my $classify = "SELECT slm_classify('I was charged twice', '{billing,shipping}')";
is($node->safe_psql('restored', $classify, extra_params => [ '-U', 'joe' ]), 'billing', 'anybody can call with the embedded model at once');
# A package may leave its file out.
$node->append_conf('postgresql.conf', "slm.model_path = 'slm_models'");
$node->restart;
$node->safe_psql('restored', 'SELECT count(*) FROM slm_cache_gc()');
$node->safe_psql('restored', 'DROP EXTENSION slm; CREATE EXTENSION slm;');
is($node->safe_psql('restored', "SELECT name, state FROM slm_models"), 'slm_base|no file', 'CREATE EXTENSION does not ask for its file');
is(sql_error($node, $classify, db => 'restored'), '58P01 could not open model file "slm_base-1.gguf"', 'the first call does');

$node->stop;
done_testing();
