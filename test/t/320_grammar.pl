# Random schemas and random values under their masks, without a model and without a server:
# every value is valid by a validator that shares nothing with the engine.
use strict;
use warnings FATAL => 'all';
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Encode qw(encode_utf8);
use File::Temp qw(tempdir);
use JSON::PP ();
use SlmSchema;
use Test::More;

# SLM_GRAMMAR_SCHEMAS=1000 SLM_GRAMMAR_VALUES=100 for a longer look
my $n_schema = $ENV{SLM_GRAMMAR_SCHEMAS} // 300;
my $n_value = $ENV{SLM_GRAMMAR_VALUES} // 15;
my $tool = ($ENV{SLM_TOOLS} // 'build/test/tools') . '/grammar_walk';
my $parser = JSON::PP->new->allow_nonref;
my $printer = JSON::PP->new->canonical;

# ---- Schemas by chance, the same in every run ----

my $state = $ENV{SLM_GRAMMAR_SEED} // 20250101;

sub chance
{
	my ($n) = @_;
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % $n;
}

sub any { return $_[ chance(scalar @_) ]; }
sub some { return grep { chance(2) == 0 } @_; }

my @names = (qw(name order_id totalPrice date when who status urgent a ab abc), 'naïve', 'two words', '"', '\\', '日', '😀', "tab\t", '$ref');
my @formats = qw(date time date-time duration email hostname uri uuid ipv4 ipv6);
my @patterns = ('^[A-Z]{2}-\d{3,5}$', '^(open|closed|in progress)$', '\d', 'a|^b$', '^\w+( \w+)*$', '^[^"\\\\]*$', '^.{2,7}$', '^(?:\+\d{1,3} )?\d{3}-\d{4}$',
	'^[äöü日😀-😎]+$', '^(ab|cd){1,3}e?$', 'x+y', '^\s?\S+$', '^(a|b)*a(a|b){3}$',
	'^(?!a)(?=.*b)[abc]{2,5}$', '^(?!.*\d\d)\w+$', '^(?!^-*$)-?x*$');

sub length_limits
{
	my ($schema, $most) = @_;
	$schema->{minLength} = chance($most) if chance(3) == 0;
	$schema->{maxLength} = ($schema->{minLength} // 0) + chance($most) if chance(2) == 0;
	return $schema;
}

sub random_scalar
{
	my $kind = chance(10);
	return length_limits({ type => 'string' }, 12) if $kind < 2;
	return { type => 'string', format => any(@formats) } if $kind < 4;
	return length_limits({ type => 'string', pattern => any(@patterns) }, 6) if $kind == 4;
	if ($kind < 7)
	{
		my %schema = (type => any('number', 'integer'));
		my $low = any(-1000, -7, 0, 3, 12.5, 99.999, 123456);
		$schema{ any('minimum', 'exclusiveMinimum') } = $low if chance(2) == 0;
		$schema{ any('maximum', 'exclusiveMaximum') } = $low + any(2, 7.25, 1000, 98765) if chance(2) == 0;
		$schema{format} = any(qw(int16 int32 uint32 int64 uint double)) if chance(4) == 0;
		$schema{multipleOf} = any(2, 5, 7, 12, 100, 0.01, 0.25, 2.5) if chance(3) == 0;
		return \%schema;
	}
	return { enum => [ 'open', any(1, 12, 0.5, -3), 'opened', JSON::PP::true(), undef, [ 1, { a => 'b' } ], { k => [] } ] } if $kind == 7;
	return { const => any('x', 7, undef, '"quoted"', [ 1, 2 ], "line\nfeed") } if $kind == 8;
	return { type => [ 'boolean', some('string', 'integer', 'number', 'null') ] };
}

sub random_map
{
	my ($depth) = @_;
	my $schema = { type => 'object', additionalProperties => any(JSON::PP::true(), {}, random_schema($depth + 1)), maxProperties => 1 + chance(4) };
	$schema->{propertyNames} = any(length_limits({ type => 'string' }, 6), { pattern => any(@patterns), maxLength => 6 }, { enum => [ some(@names), 'one' ] }) if chance(2) == 0;
	$schema->{minProperties} = chance(2) if chance(3) == 0;
	return $schema;
}

sub random_object
{
	my ($depth) = @_;
	return random_map($depth) if chance(5) == 0;
	my %property = map { any(@names) => random_schema($depth + 1) } 0 .. chance(5);
	my $schema = { type => 'object', properties => \%property, required => [ some(sort keys %property) ] };
	$schema->{additionalProperties} = JSON::PP::false() if chance(2) == 0;
	$schema->{propertyOrdering} = [ some(reverse sort keys %property) ] if chance(3) == 0;
	$schema->{description} = 'what it is' if chance(3) == 0;
	return $schema;
}

sub tagged
{
	my ($depth, $tag) = @_;
	my $schema = random_object($depth);
	$schema = { properties => {} } unless $schema->{properties};
	$schema->{properties}{kind} = { const => $tag };
	$schema->{required} = [ 'kind', grep { $_ ne 'kind' } @{ $schema->{required} } ];
	return $schema;
}

sub random_schema
{
	my ($depth) = @_;
	my $kind = $depth > 3 ? 0 : chance(12);
	return random_scalar() if $kind < 6;
	return random_object($depth) if $kind < 8;
	if ($kind < 10)
	{
		my $schema = { type => 'array', items => random_schema($depth + 1), maxItems => 1 + chance(4) };
		if (chance(4) == 0)
		{
			my @first = map { random_schema($depth + 2) } 0 .. chance(3);
			my $rest = any(JSON::PP::false(), $schema->{items});
			$schema = any({ %$schema, items => $rest, prefixItems => \@first }, { %$schema, items => \@first, additionalItems => $rest });
			return $schema;
		}
		$schema->{minItems} = chance(2 + $schema->{maxItems}) if chance(2) == 0;
		return $schema;
	}
	return { '$ref' => '#/$defs/' . any(qw(first second~1half tree)) } if $kind == 10;
	return { anyOf => [ map { random_schema($depth + 2) } 0 .. chance(3) ] } if chance(2) == 0;
	return { oneOf => [ map { tagged($depth + 1, $_) } 'one', 'two', 'three' ] } if chance(2) == 0;
	return { allOf => [ random_object($depth + 1) ] };
}

sub random_whole
{
	my $schema = random_object(0);
	$schema->{'$defs'} = { first => random_scalar(), 'second/half' => { type => 'object', properties => { deep => random_scalar(), b => { '$ref' => '#/$defs/first' } }, required => ['b'] },
		tree => { type => 'object', properties => { leaf => random_scalar(), left => { '$ref' => '#/$defs/tree' }, nodes => { type => 'array', items => { '$ref' => '#/$defs/tree' }, maxItems => 2 } } } };
	return $schema;
}

# ---- The validator is not blind ----

my %strict = (type => 'object', required => ['a'], properties => { a => { type => 'string', format => 'date' }, b => { type => 'array', minItems => 1, items => { type => 'integer', exclusiveMaximum => 5 } },
		c => { oneOf => [ { type => 'string', pattern => '^x' }, { const => 'xy' } ] } });
for my $bad ('{}', '{"a": "2025-02-30"}', '{"a": 1}', '{"a": null}', '{"a": "2025-01-01", "b": []}', '{"a": "2025-01-01", "b": [1.5]}', '{"a": "2025-01-01", "d": 1}',
	'{"a": "2025-01-01", "b": [5]}', '{"a": "2025-01-01", "c": "y"}', '{"a": "2025-01-01", "c": "xy"}')
{
	ok(scalar(faults(\%strict, $parser->decode($bad), undef, '')), "the validator refuses $bad");
}
is_deeply([ faults(\%strict, $parser->decode('{"a": "2025-01-01", "b": [1], "c": "x"}'), undef, '') ], [], 'and takes what is right');
my %map = (additionalProperties => { type => 'integer', format => 'uint8' }, propertyNames => { pattern => '^a' }, minProperties => 1, maxProperties => 2);
for my $bad ('{}', '{"a": 256}', '{"a": -1}', '{"a": "1"}', '{"b": 1}', '{"a": 1, "ab": 2, "abc": 3}')
{
	ok(scalar(faults(\%map, $parser->decode($bad), undef, '')), "the validator refuses $bad of any names");
}
is_deeply([ faults(\%map, $parser->decode('{"a": 255, "ab": 0}'), undef, '') ], [], 'and takes those that are right');

# ---- The runs ----

# A line of input, a schema with perhaps a text, for each; what comes back by line.
sub walk
{
	my @lines = @_;
	my $folder = tempdir(CLEANUP => 1);
	open my $in, '>:raw', "$folder/in" or die "$folder/in: $!";
	print $in "$_\n" for @lines;
	close $in or die "$folder/in: $!";
	my $out = qx("$tool" 7 $n_value <"$folder/in" 2>"$folder/err");
	my $status = $?;
	open my $file, '<', "$folder/err" or die "$folder/err: $!";
	my $err = join '', <$file>;
	is($status, 0, 'the walks end') or diag($err);
	note($err);
	my @values;
	for (split /\n/, $out)
	{
		my ($i, $value) = /^(\d+)\t(.*)$/ or die "not a value: $_";
		push @{ $values[$i] }, $value;
	}
	return @values;
}

sub check
{
	my ($what, $schemas, $texts, @values) = @_;
	my ($valid, $refused, $shown) = (0, 0, 0);
	for my $i (0 .. $#$schemas)
	{
		for my $json (@{ $values[$i] })
		{
			if ($json =~ /^!/)
			{
				# contradictions by chance, and unions that are not told apart
				$refused++;
				next if $json =~ /has no string within|between the limits|is greater than|text has no string/;
				fail("schema $i: $json");
				next;
			}
			my $value = eval { $parser->decode(Encode::decode_utf8($json, Encode::FB_CROAK)) };
			my @faults = $@ ? $@ : faults($schemas->[$i], $value, $texts ? $texts->[$i] : undef, '');
			$valid++ unless @faults;
			diag(encode_utf8("schema $i " . JSON::PP->new->canonical->encode($schemas->[$i])) . "\n$json\n@faults") if @faults && $shown++ < 5;
			fail("a value of $what $i is valid") if @faults;
		}
	}
	ok($refused < @$schemas / 3, "$refused of " . @$schemas . " $what are refused as contradictions");
	is($valid, (@$schemas - $refused) * $n_value, "$valid values of $what, all valid");
}

my @schemas = map { random_whole() } 1 .. $n_schema;
check('schemas', \@schemas, undef, walk(map { encode_utf8($printer->encode($_)) } @schemas));

my @words = ('order', 'late', 'Anna', 'x1', '12', '2024-', 'name', 'the', 'a', 'é', '"quoted"', 'a\\b', '日本', '{', '}', '—', '45.50', '(ab)');
my @texts = map { join ' ', map { any(@words) } 0 .. chance(40) } @schemas;
check('schemas bound to a text', \@schemas, \@texts, walk(map { encode_utf8($printer->encode($schemas[$_]) . "\t$texts[$_]") } 0 .. $#schemas));

done_testing();
