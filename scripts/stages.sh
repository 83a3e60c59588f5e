# Stages of ./test: run one, count what it passed and failed, sum up. Sourced after lib.sh.

passed=0
failed=0
stage_lines=()
# What failed, in short: the beginning of a long log is not always kept where the tests ran.
failures=$scratch/failures
: >"$failures"

# stage MINUTES NAME COMMAND…: runs the command, a function of ours included, showing its output.
# A stage whose output counts tests adds those; any other counts as one.
stage() {
  local minutes=$1 name=$2 log=$scratch/stage.log from=$SECONDS status=0 counts took
  shift 2
  say "$name"
  (limited "$minutes" "$@") </dev/null 2>&1 | tee "$log" || status=$?
  counts=$(count_tests "$log")
  local ok=${counts% *} bad=${counts#* }
  if [ $((ok + bad)) = 0 ]; then ok=$((status == 0)); fi
  # A runner that fails beyond its tests (a build error, a missing summary) is a failure of its own.
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  took=$((SECONDS - from))
  while read -r line; do stage_lines+=("             $line"); done < <(grep '^flaky: ' "$log" || true)
  if [ "$bad" = 0 ]; then stage_lines+=("$(printf '%6d s  ok      %s (%d)' "$took" "$name" "$ok")")
  else
    stage_lines+=("$(printf '%6d s  FAILED  %s (%d of %d)' "$took" "$name" "$bad" "$((ok + bad))")")
    { printf '\n--- %s\n' "$name"; excerpt "$log"; } >>"$failures"
  fi
}

# What a log says of its failures, at most 150 lines of it; where it names none, its end.
excerpt() {
  local found
  found=$(sed 's/\x1b\[[0-9;]*m//g' "$1" |
    awk '/failing tests:|^---- .* stdout ----|panicked at|^ *(FAIL|not ok) |^error(\[|:)/ { more = 40 } more-- > 0' | head -n 150)
  if [ -n "$found" ]; then printf '%s\n' "$found"; else tail -n 40 "$1"; fi
}

# limited MINUTES COMMAND…: ends what hangs. `timeout` takes programs only, so functions run unlimited: they are
# builds, which end by themselves.
limited() {
  local minutes=$1
  shift
  case $(type -t "$1") in
    function) "$@" ;;
    *) timeout --kill-after=20 "${minutes}m" "$@" ;;
  esac
}

# "PASSED FAILED" of every test summary in a log: cargo's, vitest's, node's, the conformance steps', the plain line.
count_tests() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    /^test result: / { p += number("passed"); f += number("failed") }
    /^ *Tests  / { p += number("passed"); f += number("failed") }
    /^(ℹ|#) pass [0-9]+$/ { p += $3 }
    /^(ℹ|#) fail [0-9]+$/ { f += $3 }
    /^[0-9]+ steps passed, [0-9]+ failed/ { p += $1; f += $4 }
    /^([a-z]+: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { p += number("passed"); f += number("failed") }
    END { print p + 0, f + 0 }
    function number(word,   i) {
      for (i = 2; i <= NF; i++) if ($i ~ "^" word) return $(i - 1)
      return 0
    }'
}

npm_run() {
  npm_install "${1%%/*}" || return
  (cd "$root/$1" && timeout --kill-after=20 30m npm run --silent "$2")
}

# cargo_tool PROGRAM ARGUMENT…: a tool of exactly this version under target/tools.
cargo_tool() {
  local program=$1 version=${2##*@}
  shift
  if "$root/target/tools/bin/$program" --version 2>/dev/null | grep -qF "$version"; then return; fi
  note "building $program $version"
  # Each runs for seconds, so compiling it is what costs: unoptimised and without debug information it takes a third.
  (cd "$root" && CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked --root target/tools "$@" </dev/null)
}

# The advisory database is fetched from the network; without it the rest of the checks still stands.
advisories() {
  local log=$scratch/advisories.log status=0
  say "advisories"
  (cd "$root" && timeout 120 target/tools/bin/cargo-deny --locked check advisories) </dev/null >"$log" 2>&1 || status=$?
  if [ "$status" != 0 ] && grep -qiE 'failed to (fetch|clone|acquire)' "$log"; then
    note "NOT CHECKED: the advisory database cannot be reached from here"
    stage_lines+=("             skipped advisories: their database cannot be reached")
    return
  fi
  tail -n 40 "$log"
  stage 1 "advisories: result" test "$status" = 0
}

# .sqlx is what `cargo sqlx prepare --workspace` would write against the migrations of this tree. The macros write it
# themselves when they are told where; all of them are in one crate, which is compiled anew for that.
prepared_queries() {
  local url=${DATABASE_URL/'/rotunda?'/'/rotunda_prepared?'} written=$scratch/sqlx crate=crates/store/src/lib.rs file status=0
  mkdir -p "$written"
  psql "$DATABASE_URL" -Xq -c 'CREATE DATABASE rotunda_prepared' || return
  for file in migrations/*.sql; do psql "$url" -Xq -v ON_ERROR_STOP=1 -1 -f "$file" >/dev/null || return; done
  # Its time comes back afterwards: other builds of it are still good.
  touch -r "$crate" "$scratch/was"
  touch "$crate"
  SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$written DATABASE_URL=$url cargo check --workspace --all-targets --locked || status=$?
  touch -r "$scratch/was" "$crate"
  [ "$status" = 0 ] || return "$status"
  diff -r .sqlx "$written" && return
  echo ".sqlx is not what the queries and migrations make: run cargo sqlx prepare --workspace -- --all-targets, with a migrated DATABASE_URL"
  return 1
}

summary() {
  [ ! -s "$failures" ] || { printf '\nWhat failed:\n'; cat "$failures"; }
  printf '\nTime and result of each stage:\n'
  printf '%s\n' "${stage_lines[@]}"
  printf '%6d s  in all\n\n' "$SECONDS"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}
