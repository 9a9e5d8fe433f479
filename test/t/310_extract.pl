# Random schemas over random texts: what slm_extract gives is valid by a validator that
# shares nothing with it, and nothing in it is invented.
use strict;
use warnings FATAL => 'all';
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Encode qw(decode_utf8 encode_utf8);
use JSON::PP ();
use SlmSchema;
use SlmTest;
use Test::More;

my $cases = 400;
my $parser = JSON::PP->new;
my $printer = JSON::PP->new->canonical;

# ---- Texts and schemas by chance, the same in every run ----

my $state = 20240607;

sub chance
{
	my ($n) = @_;
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % $n;
}

sub any { return $_[ chance(scalar @_) ]; }

my @words = (qw(the order arrived late please refund my card parcel Anna Box ID), 'naïve', '日本語', '"quoted"', 'a\\b',
	"tab\there", "line\nbreak", '😀', '{', '}', '—', "E\x{301}t\x{e9}", 'In Progress', 'open', 'URGENT', 'yes', 'no', 'true', "\x01");
my @values = ('2025-03-04', '4 March 2025', '03/04/2025', 'March 4th, 2025', '12:30', '2:05 pm', '14:05:00Z', '2025-01-31T10:00:00+02:00', '31 January 2025 at 9:15 UTC',
	'a@example.org', 'Anna.Smith@Example.COM', 'https://example.org/a?b=c', 'HTTP://EXAMPLE.org', 'www.example.org',
	'192.168.0.1', '2001:db8::1', '123e4567-e89b-12d3-a456-426614174000', '$45.50', '1,200.00 EUR', '€ 7', '15%', '-3', '007', '1.5', '12,5', 'twenty-five', '3 million',
	'+49 30 1234567', '(212) 555-0100', 'INV-2024-0012', '4821093');

sub random_text
{
	return join(' ', map { chance(3) == 0 ? any(@values) : any(@words) } 0 .. chance(40));
}

my @names = qw(name order_id totalPrice date when who status urgent email link address note count tags);
my @formats = qw(date time date-time email uri uuid ipv4 ipv6 phone money percent identifier);

sub random_scalar
{
	my $kind = chance(8);
	my %schema;
	if ($kind < 2)
	{
		%schema = (type => 'string');
		$schema{minLength} = chance(6) if chance(3) == 0;
		$schema{maxLength} = 3 + chance(12) if chance(3) == 0;
	}
	elsif ($kind < 4)
	{
		%schema = (type => 'string', format => any(@formats));
		$schema{maxLength} = 10 + chance(10) if chance(4) == 0;
	}
	elsif ($kind < 6)
	{
		%schema = (type => any('number', 'integer'));
		$schema{minimum} = chance(10) - 5 if chance(3) == 0;
		$schema{maximum} = 10 + chance(2000) if chance(3) == 0;
	}
	elsif ($kind == 6)
	{
		%schema = (enum => [ 'open', 'in_progress', 'closed', 'urgent' ]);
		push @{ $schema{enum} }, undef if chance(3) == 0;
	}
	else
	{
		%schema = (type => 'boolean');
	}
	$schema{type} = [ $schema{type}, 'null' ] if exists $schema{type} && chance(3) == 0;
	$schema{description} = any('what was ordered', 'Who wrote this?', 'the day') if chance(3) == 0;
	return \%schema;
}

sub random_object
{
	my ($depth, $in_list) = @_;
	my (%property, @required);
	for (0 .. chance(4))
	{
		my $kind = chance(8);
		my $schema = random_scalar();
		if ($kind == 0 && $depth < 3)
		{
			$schema = random_object($depth + 1, $in_list);
			$schema = { anyOf => [ $schema, { type => 'null' } ] } if chance(3) == 0;
		}
		elsif ($kind < 3 && !$in_list)
		{
			$schema = { type => 'array', items => $kind == 1 && $depth < 3 ? random_object($depth + 1, 1) : $schema };
			$schema->{minItems} = chance(3) if chance(3) == 0;
			$schema->{maxItems} = 1 + chance(3) if chance(3) == 0;
		}
		my $name = any(@names);
		$property{$name} = $schema;
	}
	for my $name (sort keys %property)
	{
		push @required, $name if chance(2) == 0;
	}
	my $schema = { type => 'object', properties => \%property, additionalProperties => JSON::PP::false() };
	$schema->{required} = \@required if @required;
	return $schema;
}

# ---- The validator ----

# The validator is not blind.
my %strict = (type => 'object', required => ['a'], properties => { a => { type => 'string', format => 'date' }, b => { type => 'array', minItems => 1, items => { type => 'integer' } } });
for my $bad ('{}', '{"a": "2025-02-30"}', '{"a": 1}', '{"a": null}', '{"a": "2025-01-01", "b": []}', '{"a": "2025-01-01", "b": [1.5]}', '{"a": "2025-01-01", "c": 1}')
{
	ok(scalar(faults(\%strict, $parser->decode($bad), '', '')), "the validator refuses $bad");
}
is_deeply([ faults(\%strict, $parser->decode('{"a": "2025-01-01", "b": [1]}'), '', '') ], [], 'and takes what is right');

# ---- The runs ----

my $node = slm_cluster('extract');
put_model($node, 'tiny-slm.gguf');
$node->safe_psql('postgres', "SELECT slm_create_model('slm', 'tiny-slm.gguf')");

my (@schema, @text);
my $sql = "CREATE TABLE c (i int, body text, schema jsonb);\n";
for my $i (0 .. $cases - 1)
{
	push @schema, random_object(0, 0);
	push @text, random_text();
	$sql .= sprintf "INSERT INTO c VALUES (%d, \$body\$%s\$body\$, \$schema\$%s\$schema\$);\n", $i, $text[$i], $printer->encode($schema[$i]);
}
$node->safe_psql('postgres', encode_utf8($sql));

my ($valid, $null) = (0, 0);
for my $line (split /\n/, $node->safe_psql('postgres', "SELECT i || ' ' || coalesce(slm_extract(body, schema, 'slm', on_error => 'null')::text, '') FROM c ORDER BY i"))
{
	my ($i, $json) = split / /, decode_utf8($line), 2;
	if ($json eq '')
	{
		$null++;
		next;
	}
	my @faults = faults($schema[$i], $parser->decode($json), $text[$i], '');
	if (@faults)
	{
		fail("case $i");
		diag(join("\n", @faults, encode_utf8($printer->encode($schema[$i])), encode_utf8($text[$i]), encode_utf8($json)));
		next;
	}
	$valid++;
}
is($valid + $null, $cases, 'every answer is valid, and nothing is invented');
cmp_ok($valid, '>=', 200, "$valid answers, $null rows that lack what they must have");

# Rows of spans: the source stands where they say, and verbatim values are it.
my ($rows, $wrong, $judged) = (0, 0, 0);
for my $line (split /\n/, $node->safe_psql('postgres',
	"SELECT jsonb_build_array(i, field, value, start, length, confidence) FROM c, slm_extract_spans(body, schema, 'slm', on_error => 'null')"))
{
	my ($i, $field, $value, $start, $length, $confidence) = @{ $parser->decode(decode_utf8($line)) };
	$rows++;
	$wrong++ unless $confidence >= 0 && $confidence <= 1;
	if (!defined $start)
	{
		$judged++;
		next;
	}
	my $source = substr($text[$i], $start - 1, $length);
	# what the path ends in says which property it is
	my $of = $schema[$i];
	for my $name (split /\./, $field =~ s/\[\d+\]//gr)
	{
		$of = $of->{anyOf}[0] if $of->{anyOf};
		$of = $of->{properties}{$name};
		$of = $of->{items} if $of->{items};
	}
	my $verbatim = !$of->{enum} && (ref $of->{type} ? $of->{type}[0] : $of->{type}) eq 'string' && !knows_format($of->{format});
	$wrong++ if $length < 1 || length $source != $length || ($verbatim && $source ne $value);
}
is($wrong, 0, "$rows values are where they say ($judged are judgements)");
cmp_ok($rows, '>', 200, 'there are many');

# One pass over an array gives the same.
is($node->safe_psql('postgres', "SELECT count(*) FROM c JOIN (SELECT schema AS s, array_agg(body) AS bodies FROM c WHERE i < 60 GROUP BY 1) AS g ON schema = s,
	slm_extract_batch(bodies, s, 'slm', on_error => 'null') AS b
	WHERE body = bodies[ord] AND extracted IS DISTINCT FROM slm_extract(body, schema, 'slm', on_error => 'null')"), 0, 'the array form agrees');

$node->stop;
done_testing();
