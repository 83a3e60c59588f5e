# Shared by ./run and ./test: messages, packages, Node, npm builds, a private Postgres.
# Sourced by bash with `set -euo pipefail`; $root is the top of the tree.

# --- messages -------------------------------------------------------------------------------------

started=$SECONDS

say() { printf '\n==> %s  [%d s]\n' "$*" "$((SECONDS - started))"; }
note() { printf '    %s\n' "$*"; }
fail() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# --- who we are -----------------------------------------------------------------------------------

# Runs a command as root, or says what the administrator has to do.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo; then sudo -- "$@"
  else fail "this needs root, and there is no sudo. Ask the administrator to run: $*"
  fi
}

# --- Debian packages ------------------------------------------------------------------------------

apt_updated=no

# Installs what the caller found missing.
apt_install() {
  have apt-get || fail "missing: $*. This is not Debian or a relative of it; install them and start again"
  if [ "$(id -u)" != 0 ] && ! have sudo; then
    fail "missing packages. Ask the administrator to run: apt-get install --no-install-recommends $*"
  fi
  note "installing $*"
  if [ "$apt_updated" = no ]; then
    as_root apt-get update -qq
    apt_updated=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >"$scratch/apt.log" 2>&1 || {
    tail -n 20 "$scratch/apt.log" >&2
    fail "apt-get could not install $*"
  }
}

# The newest Postgres server on this machine, as the directory of its programs; empty when there is none.
postgres_bin() {
  find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname
}

# Debian's package makes and starts a cluster of its own when it is installed; ours needs only the programs.
install_postgres() {
  local drop_in=/etc/postgresql-common/createcluster.d/rotunda.conf
  [ -d /etc/postgresql-common ] || apt_install postgresql-common
  as_root mkdir -p "${drop_in%/*}"
  echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
  apt_install postgresql
  as_root rm -f "$drop_in"
}

# What a build and a start need, installed where it is missing.
prepare_system() {
  local missing=()
  have cargo || export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  have cargo || fail "Rust is missing. Install it with rustup, then start again"
  have cc || missing+=(gcc libc6-dev)
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

prepare_postgres() {
  [ -n "$(postgres_bin)" ] || install_postgres
}

# The reverse proxies of docs/operate, for their tests. They must not begin to serve by being installed.
prepare_proxies() {
  local missing=() policy=/usr/sbin/policy-rc.d ours=no
  # Debian keeps two of them where only root's PATH looks.
  export PATH="$PATH:/usr/sbin"
  have nginx || missing+=(nginx-light)
  have caddy || missing+=(caddy)
  have haproxy || missing+=(haproxy)
  [ ${#missing[@]} = 0 ] && return
  if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
  fi
  apt_install "${missing[@]}"
  [ "$ours" = no ] || as_root rm -f "$policy"
}

# Python that can make environments, for tools that come from PyPI.
prepare_python() {
  have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3 python3-venv
}

# --- Node -----------------------------------------------------------------------------------------

node_major() { node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p'; }

# Node 20 or newer: the machine's, else the one that npm's package `node` brings, kept under $1.
prepare_node() {
  local own=$1/node_modules/node/bin
  if [ -x "$own/node" ]; then export PATH="$own:$PATH"; fi
  if ! have npm || ! have node; then
    apt_install nodejs npm
    hash -r
  fi
  if [ "$(node_major)" -lt 20 ]; then
    note "Node $(node_major) is too old; fetching Node 20 into $1"
    mkdir -p "$1"
    npm install --loglevel=error --no-audit --no-fund --prefix "$1" node@20 </dev/null
    export PATH="$own:$PATH"
    hash -r
  fi
  [ "$(node_major)" -ge 20 ] || fail "Node 20 or newer is needed, and this is $(node --version)"
}

# A short text that changes when a file below the paths does: names, sizes and times, so it costs milliseconds.
stamp_of() {
  { find "$@" \( -name node_modules -o -name dist \) -prune -o -type f -printf '%p %s %T@\n' 2>/dev/null; node --version; } |
    LC_ALL=C sort | sha256sum | cut -c1-32
}

# What follows says `|| return` although the callers set -e: inside a condition, as ./test runs it, that is off.

# npm_install DIR: node_modules as package-lock.json says, again only when that changed.
npm_install() {
  local dir=$1 stamp file
  stamp=$(stamp_of "$root/$dir/package.json" "$root/$dir/package-lock.json")
  file=$root/$dir/node_modules/.rotunda-stamp
  [ "$(cat "$file" 2>/dev/null)" = "$stamp" ] && return
  note "npm packages of $dir"
  (cd "$root/$dir" && npm ci --no-audit --no-fund --loglevel=error </dev/null) || return
  echo "$stamp" >"$file"
}

# npm_build DIR [MORE…]: DIR/dist, again only when a source of DIR or of the other directories changed.
npm_build() {
  local dir=$1 stamp file sources=()
  file=$root/$dir/node_modules/.rotunda-built
  for source in "$@"; do sources+=("$root/$source"); done
  stamp=$(stamp_of "${sources[@]}")
  [ -d "$root/$dir/dist" ] && [ "$(cat "$file" 2>/dev/null)" = "$stamp" ] && return
  npm_install "$dir" || return
  note "building $dir"
  (cd "$root/$dir" && npm run --silent build </dev/null) || return
  echo "$stamp" >"$file"
}

build_web() {
  npm_build roomkit && npm_build web roomkit
}

# cargo_static COMMAND ARGUMENT…: as the image has it, so that a program needs nothing of the system it runs on. All that
# is built for speed is built so, and dependencies once. With a target named, macros and build scripts go without the flag.
cargo_static() {
  local command=$1
  shift
  (cd "$root" && SQLX_OFFLINE=true RUSTFLAGS='-C target-feature=+crt-static' \
    cargo "$command" --locked --target "$(rust_host)" "$@")
}

rust_host() { rustc -vV | sed -n 's/^host: //p'; }

# build_release [PACKAGE…]: the server, or these. Packages of one build share what they depend on; those of two may ask
# for other features of it, and then it is built twice.
build_release() {
  [ $# -gt 0 ] || set -- rotunda
  local target=${CARGO_TARGET_DIR:-$root/target}
  # Progress goes to the terminal; a build with nothing to do is silent.
  cargo_static build --release "${@/#/--package=}" || return
  mkdir -p "$target/release"
  for program in "$@"; do ln -f "$target/$(rust_host)/release/$program" "$target/release/$program"; done
}

release_binary() { printf '%s/release/%s' "${CARGO_TARGET_DIR:-$root/target}" "${1:-rotunda}"; }

# --- Postgres -------------------------------------------------------------------------------------

# Postgres refuses to run as root, so root hands it to the user that Debian's package made.
postgres_user=
as_postgres() {
  # Its own directory first: the caller's may be closed to that user.
  if [ -n "$postgres_user" ]; then (cd / && runuser -u "$postgres_user" -- "$@")
  else (cd / && "$@")
  fi
}

# postgres_start DIR [SETTING…]: a server on a Unix socket only; sets $postgres_dir and $database_url.
# DIR must exist. When the postgres user cannot reach it, another place is taken, and said.
postgres_start() {
  local dir=$1 bin
  shift
  bin=$(postgres_bin)
  [ "$(id -u)" != 0 ] || postgres_user=postgres
  dir=$(postgres_place "$dir")
  postgres_dir=$dir
  if [ ! -f "$dir/data/PG_VERSION" ]; then
    note "making a database cluster in $dir"
    as_postgres "$bin/initdb" -D "$dir/data" -U rotunda --auth=trust --encoding=UTF8 --locale=C.UTF-8 >"$scratch/initdb.log" 2>&1 || {
      tail -n 20 "$scratch/initdb.log" >&2
      fail "initdb failed"
    }
  fi
  # A cluster belongs to one major version; the programs of that version may be beside newer ones.
  bin=/usr/lib/postgresql/$(as_postgres cat "$dir/data/PG_VERSION")/bin
  [ -x "$bin/pg_ctl" ] || fail "$dir was made by Postgres $(as_postgres cat "$dir/data/PG_VERSION"), which is not installed"
  postgres_programs=$bin
  local options="-c listen_addresses='' -c unix_socket_directories='$dir' -c unix_socket_permissions=0700"
  for setting in "$@"; do options+=" -c $setting"; done
  if ! as_postgres "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    # The lock of ./run must not live on in Postgres.
    as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "$options" start 9>&- >/dev/null || {
      as_postgres tail -n 20 "$dir/log" >&2
      fail "Postgres did not start"
    }
  fi
  if ! as_postgres "$bin/psql" -XAtq -h "$dir" -U rotunda -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'rotunda'" | grep -q 1; then
    as_postgres "$bin/createdb" -h "$dir" -U rotunda rotunda
  fi
  database_url="postgres://rotunda@localhost/rotunda?host=$(percent_encode "$dir")"
}

postgres_stop() {
  [ -n "${postgres_dir:-}" ] || return 0
  as_postgres "$postgres_programs/pg_ctl" -D "$postgres_dir/data" -m fast -w -t 60 stop >/dev/null 2>&1 || true
  postgres_dir=
}

# The directory for a cluster: $1, or one that the postgres user can reach and whose socket path fits.
postgres_place() {
  local wanted=$1 place=$1
  if [ -n "$postgres_user" ]; then
    chown "$postgres_user" "$wanted"
    if ! as_postgres test -w "$wanted"; then place=/var/lib/rotunda/$(printf %s "$wanted" | sha256sum | cut -c1-12); fi
  fi
  # A socket's path has room for 107 bytes, of which Postgres takes 18 for the file.
  if [ ${#place} -gt 88 ]; then place=/var/lib/rotunda/$(printf %s "$wanted" | sha256sum | cut -c1-12); fi
  if [ "$place" != "$wanted" ]; then
    note "Postgres cannot keep its files in $wanted; they are in $place" >&2
    as_root mkdir -p "$place"
    as_root chown "${postgres_user:-$(id -un)}" "$place"
    printf '%s\n' "$place" >"${wanted%/*}/postgres.moved"
  fi
  chmod 700 "$place" 2>/dev/null || true
  printf %s "$place"
}

percent_encode() {
  # Byte by byte, also where characters have several.
  local LC_ALL=C text=$1 out='' c i
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case $c in [a-zA-Z0-9._~-]) out+=$c ;; *) out+=$(printf '%%%02X' "$(($(printf %d "'$c") & 255))") ;; esac
  done
  printf %s "$out"
}
