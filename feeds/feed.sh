# shellcheck shell=sh disable=SC2034  # what is set here is used by those who source it
# feed -- what the DHCP hooks share: settings, the moment of an event, and its record in the spool
#
# A hook must not keep its DHCP server waiting and must not lose what it was told. So it writes one record into the spool,
# starts feed-send in the background and leaves; feed-send brings the records to authsrv in the order of their times, however
# long authsrv is away. Sourced by kea-hook, dnsmasq-hook and feed-send. SEE docs/feeds-dhcp.md

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077

say() {
	logger -t hato-feed -p "daemon.$1" -- "$2" 2>/dev/null || :
}

# NAS: who speaks if no nas_id is set. Settings are KEY=VALUE lines of the file; the environment goes before the file.
feed_settings() {
	url=http://127.0.0.1:8081 key_file=/etc/hato/feeder.key realm='' nas_id=$1 spool=/var/spool/hato-feed
	spool_max=100000 pause_max=30 ipv6=no
	if [ -r "${HATO_FEED_CONF:-/etc/hato/feed.conf}" ]; then
		while IFS='=' read -r name value; do
			case $name in
			url | key_file | realm | nas_id | spool | spool_max | pause_max | ipv6) eval "$name=\$value" ;;
			esac
		done <"${HATO_FEED_CONF:-/etc/hato/feed.conf}"
	fi
	url=${HATO_FEED_URL:-$url}
	key_file=${HATO_FEED_KEY_FILE:-$key_file}
	realm=${HATO_FEED_REALM:-$realm}
	nas_id=${HATO_FEED_NAS_ID:-$nas_id}
	spool=${HATO_FEED_SPOOL:-$spool}
	[ -n "$nas_id" ] || nas_id=$1
	mkdir -p "$spool/queue" 2>/dev/null
	if [ ! -w "$spool/queue" ]; then
		say err "$spool/queue: cannot be written; the event is lost"
		exit 1
	fi
}

is_number() {
	case $1 in '' | *[!0-9-]*) return 1 ;; esac
}

# Microseconds between two clocks: that of the wall and that of /proc, which counts from the boot. All hooks must use the
# same number, or their order is lost in its error: it is kept, and renewed only when the clock was set.
clock_base() {
	precise=
	for attempt in 1 2 3 4 5; do
		read -r before _ </proc/uptime
		now_ns=$(date +%s%N)
		read -r after _ </proc/uptime
		before=${before%.*}${before#*.} after=${after%.*}${after#*.}
		[ $((after - before)) -gt 1 ] || precise=$attempt
		[ -z "$precise" ] || break
	done
	now_us=$((now_ns / 1000))
	base=$((now_us - after * 10000))
	kept=
	[ ! -r "$spool/clock" ] || read -r kept <"$spool/clock" || :
	if is_number "$kept" && [ $((kept - base)) -lt 100000 ] && [ $((base - kept)) -lt 100000 ]; then
		base=$kept
	elif is_number "$kept" && [ -z "$precise" ]; then
		base=$kept # the machine is too busy to tell that its clock was set
	else
		echo "$base" >"$spool/clock.$$" && mv -f "$spool/clock.$$" "$spool/clock"
	fi
}

# started_us: when the DHCP server started this process. It starts its hooks in the order of what it did, but does not wait
# for them: their own clocks, read when each came to run, would tell another order. 10 ms by the kernel's note of the
# start; inside them the process ids tell.
feed_moment() {
	clock_base
	read -r line </proc/$$/stat
	# shellcheck disable=SC2086  # the fields behind the name; the 22nd of all is the start
	set -- ${line##*) }
	started_us=$((base + ${20} * 10000 + $$ % 10000))
	# A container may show the uptime of somebody else.
	if [ $((now_us - started_us)) -lt -1000000 ] || [ $((now_us - started_us)) -gt 60000000 ]; then
		started_us=$now_us
	fi
}

# TIME_US -> RFC 3339
feed_time() {
	printf '%s.%06dZ' "$(date -u -d "@$(($1 / 1000000))" +%Y-%m-%dT%H:%M:%S)" $(($1 % 1000000))
}

# What may stand in a record: hexadecimal digits with colons; an address or a prefix.
is_hex() {
	case $1 in '' | *[!0-9a-fA-F:]*) return 1 ;; esac
}
is_address() {
	case $1 in '' | *[!0-9a-fA-F:./]*) return 1 ;; esac
}

# CLIENT ADDRESS -> the name of the session: the same for every event of a lease, and no other client's.
session_name() {
	name=$1@$2
	if [ ${#name} -gt 100 ]; then
		name=$(printf %s "$1" | sha256sum)
		name="sha256:$(printf %.40s "$name")@$2"
	fi
	printf %s "$name"
}

# NAME VALUE: the member, if there is a value
member() {
	if is_hex "$2"; then
		printf ',"%s":"%s"' "$1" "$2"
	fi
}

# TIME_US ENDS_S MEMBERS: into the spool. ENDS_S: when the lease ends; 0: never, or it is no lease. How long that still is will
# be known when the record is sent.
feed_put() {
	if [ "$(find "$spool/queue" -type f | wc -l)" -ge "$spool_max" ]; then
		oldest=$(find "$spool/queue" -type f | sort | head -n 1)
		say err "the spool is full: the oldest record is lost: $(tail -n 1 "$oldest" 2>/dev/null)"
		rm -f "$oldest"
	fi
	number=$((${number:-0} + 1))
	record=$1-$$-$number
	if ! printf '%s\n%s\n' "$2" "$3" >"$spool/$record.new" || ! mv "$spool/$record.new" "$spool/queue/$record"; then
		say err "the spool cannot be written; lost: $3"
		return 1
	fi
}

# KIND ADDRESS CLIENT TIME_US ENDS_S MORE: one event. An IPv6 prefix says its length.
feed_event() {
	is_address "$2" && is_hex "$3" || return 0
	case $2 in
	*/*) where=ipv6_prefix ;;
	*) where=ip ;;
	esac
	feed_put "$4" "$5" "\"event\":\"$1\",\"nas_id\":\"$nas_id\",\"$where\":\"$2\",\"session_id\":\"$(session_name "$3" "$2")\",\
\"session_recurs\":true,\"time\":\"$(feed_time "$4")\"$6"
}

# HERE: what waits is on its way, and nobody waits for it.
feed_go() {
	setsid "$1/feed-send" </dev/null >/dev/null 2>&1 &
}
