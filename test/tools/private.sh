# private.sh - a PostgreSQL of our own for demo, server and tests; sourced, not run
#
# PostgreSQL's binaries find their other folders relative to themselves, so a
# copy of them with slm installed into the copy is a whole PostgreSQL, and the
# system's own stays as it is.  One instance has one folder, private to the
# user who runs it:
#
#   $home/root   the copy, with slm installed
#   $home/data   the cluster
#   $home/.s.PGSQL.5432, $home/log
#
# It stands in build/private/NAME.  Where that cannot be (we are root, the
# server may not run as root, and the user postgres may not enter the folders
# above; or the path is too long for a socket) it stands in the temporary
# folder, and build/private/NAME.at says where; private_stop removes it.
#
# One user of an instance at a time: build/private/NAME.lock.

cd "$top" || exit 1 # the repository's root, set by the script that sources this
umask 022
export LC_ALL=C.UTF-8 TZ=UTC
unset PGHOST PGPORT PGUSER PGDATABASE PGDATA PGOPTIONS PGSERVICE PGPASSFILE PSQLRC

say() { echo "$*" >&2; }

# Ends the script with a message.
die() {
	say "${0##*/}: $*"
	exit 1
}

# Runs make of this tree with the variables that were given to the outer make, but not its T
# (which tests) and its jobs.
make_here() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -j"$(nproc)" T= "$@"; }

# Which PostgreSQL: sets pg_config, pgxs_top.
find_postgres() {
	pg_config=${PG_CONFIG:-$(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | tail -n 1)}
	[ "$pg_config" ] && command -v "$pg_config" >/dev/null || die "no pg_config found; set PG_CONFIG"
	pgxs_top=$(cd "$(dirname "$("$pg_config" --pgxs)")/../.." && pwd)
}

# as COMMAND...: as the user the server runs as, in a folder that user can read
# and by which we find it again, without our lock.
if [ "$(id -u)" = 0 ]; then
	as() { (cd "$home" 2>/dev/null || cd /; exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/ "$@") 9>&-; }
else
	as() { (cd "$home" 2>/dev/null || cd /; exec env HOME=/ "$@") 9>&-; }
fi

# Whether an instance may stand in folder $1; clusters of TAP tests have their
# sockets two folders below it.
usable() {
	[ "$(printf '%s' "$1/tap/xxxxxxxxxx/.s.PGSQL.65432" | wc -c)" -le 107 ] || return 1
	as test -x "$1" && as test -r "$top/Makefile"
}

# private_open NAME: takes the lock, finds $home and clears what a killed run left there.
private_open() {
	name=$1
	find_postgres
	mkdir -p build/private
	exec 9>"build/private/$name.lock"
	flock -n 9 || die "another \"$name\" is running in this folder"
	private_find
}

# Sets $home to where the instance is, or is to be; sets bin.
private_find() {
	if [ -s "build/private/$name.at" ]; then
		home=$(cat "build/private/$name.at")
	else
		home=$top/build/private/$name
	fi
	bin=$home/root$("$pg_config" --bindir)
}

# Whether the postmaster lives: a process in the data directory, not a zombie or another's number.
private_running() {
	pid=$(head -n 1 "$home/data/postmaster.pid" 2>/dev/null) &&
		[ "$(readlink "/proc/$pid/cwd")" = "$home/data" ]
}

# Makes the folder and the copy of PostgreSQL, and installs slm into it.
private_install() {
	private_stop
	home=$top/build/private/$name
	mkdir -p "$home"
	if ! usable "$home"; then
		rmdir "$home"
		home=$(mktemp -d "${TMPDIR:-/tmp}/slm-$name.XXXXXX")
		echo "$home" >"build/private/$name.at"
	fi
	private_find
	chmod 700 "$home"
	for folder in $("$pg_config" --bindir) $("$pg_config" --pkglibdir) $("$pg_config" --sharedir); do
		case $folder in
		*/postgres* | */pgsql*) ;;
		*) die "$folder is not a folder of PostgreSQL alone, so it cannot be copied" ;;
		esac
		mkdir -p "$home/root$folder"
		cp -a "$folder/." "$home/root$folder/"
	done
	make_here PG_CONFIG="$pg_config" install DESTDIR="$home/root" >/dev/null
	[ "$(id -u)" != 0 ] || chown postgres "$home"
}

# private_start [LINE...]: initdb and start; each LINE goes to postgresql.conf.
# Sets the environment that clients need.
private_start() {
	as "$bin/initdb" -D "$home/data" -A trust -U postgres --no-sync --locale=C.UTF-8 -E UTF8 >"$home/initdb.log" 2>&1 ||
		{ cat "$home/initdb.log" >&2; die "initdb failed"; }
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$home'"
		echo "fsync = off"
		for line in "$@"; do echo "$line"; done
	} >>"$home/data/postgresql.conf"
	export PGHOST="$home" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	private_up
}

private_up() {
	as "$bin/pg_ctl" -D "$home/data" -w -s -l "$home/log" start ||
		{ tail -n 20 "$home/log" >&2; die "the server did not start"; }
}

private_down() {
	! private_running || as "$bin/pg_ctl" -D "$home/data" -m immediate -w -s stop
}

# Ends what an interrupted test left running: processes whose working folder is in $home.
private_end_strays() {
	found=
	for cwd in /proc/[0-9]*/cwd; do
		case $(readlink "$cwd" 2>/dev/null || :) in
		"$home" | "$home"/*)
			pid=${cwd#/proc/} pid=${pid%/cwd}
			kill -QUIT "$pid" 2>/dev/null && found=1
			;;
		esac
	done
	[ ! "$found" ] || sleep 1
}

# Ends the server if there is one and removes its folder.
private_stop() {
	private_find
	if [ -e "$home/data/postmaster.pid" ] && ! private_running; then
		# Killed: what it left in shared memory only its own next start removes.
		rm -f "$home/data/postmaster.pid"
		as "$bin/pg_ctl" -D "$home/data" -w -s -l "$home/log" start 2>/dev/null || :
	fi
	private_down || :
	private_end_strays
	rm -rf "$home" "build/private/$name.at"
}

# Puts the model files where the server looks for them by name.
private_models() {
	as mkdir -p "$home/data/slm_models"
	for file in "$@"; do
		cp "$file" "$home/data/slm_models/"
		chmod 644 "$home/data/slm_models/${file##*/}"
	done
}

private_uri() { echo "postgresql://postgres@/postgres?host=$home&port=5432"; }
