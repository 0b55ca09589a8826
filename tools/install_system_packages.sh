#!/bin/sh
# Install the Debian packages that some tests need: strace (failures injected at each system call), Go and
# golang.org/x/mod (a verifier of the record that is not ours), PostgreSQL (a center's other home) with PostGIS
# (a judge of conflicts that is not ours), Chromium with a font (the page as its readers see it) and npm (the
# checker of the page's types), each in the version that Debian has. Without them those tests skip and say so.
set -eu

missing=
command -v strace >/dev/null 2>&1 || missing="$missing strace"
command -v go >/dev/null 2>&1 || missing="$missing golang-go"
[ -d /usr/share/gocode/src/golang.org/x/mod ] || missing="$missing golang-golang-x-mod-dev"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || missing="$missing postgresql-postgis"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
# The map draws its labels with the fonts that are there.
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing="$missing fonts-dejavu-core"
# Whoever has npm by other means has node too, and keeps both.
command -v npm >/dev/null 2>&1 || missing="$missing nodejs npm"
[ -n "$missing" ] || exit 0

skip() {
    echo "apt: SKIPPED, the tests that need$missing will skip: $1" >&2
    exit 0
}
command -v apt-get >/dev/null 2>&1 || skip 'there is no apt-get here'
[ "$(id -u)" = 0 ] || skip "only root may install them: apt-get install$missing"

echo "apt: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # one word a package
if ! { apt-get update && apt-get install --yes --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    skip 'apt-get failed, see above'
fi
