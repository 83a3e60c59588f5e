#!/usr/bin/env bash
# Runs the scenarios of bandwidth and copies their plots to docs/images/bandwidth.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
cargo test --quiet -p rotunda-sfu --lib -- worker::tests::bandwidth
mkdir -p docs/images/bandwidth
cp target/bandwidth/*.svg docs/images/bandwidth/
