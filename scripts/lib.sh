#!/usr/bin/env bash
# Functions that the other scripts share; it is sourced and does nothing alone.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
parts="$root/target/parts"
guest_dir="$root/target/wasm32-wasip2/guest"

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# Prints -p NAME for every package in the given folders: what is there is built.
packages() {
  local folder manifest
  for folder in "$@"; do
    for manifest in "$folder"/*/Cargo.toml; do
      [[ ! -f $manifest ]] || sed -n 's/^name = "\(.*\)"/-p\n\1/p' "$manifest" | head -2
    done
  done
}

# What cargo can build and test natively: all but the guests of the tests, which
# have no tests of their own. Components do not link natively, but their unit
# tests do.
native_packages() {
  printf '%s\n' --workspace
  packages tests/guests | sed 's/^-p$/--exclude/'
}

# The pinned Rust. rustup downloads nothing unasked, so that no command hangs
# where its server cannot be reached.
prepare_rust() {
  command -v cargo >/dev/null || fail "Rust is missing; install it from https://rustup.rs"
  command -v cc >/dev/null || fail "a C compiler is missing; install one, on Debian: apt-get install gcc libc6-dev"
  need make make
  export RUSTUP_AUTO_INSTALL=0
  local channel
  channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  rustc --version >/dev/null 2>&1 && return
  if [[ $(rustc +stable --version 2>/dev/null) == "rustc $channel "* ]]; then
    export RUSTUP_TOOLCHAIN=stable
  elif ! timeout 600 rustup toolchain install "$channel" --profile minimal >&2; then
    fail "Rust $channel cannot be installed; mend the network or run: rustup toolchain install $channel"
  fi
}

# A part of Rust that only checks need: prepare_rust_component clippy
prepare_rust_component() {
  cargo "${1/rustfmt/fmt}" --version >/dev/null 2>&1 && return
  timeout 120 rustup component add "$1" >&2 || fail "$1 is missing; run: rustup component add $1"
}

# Target wasm32-wasip2: there already, from rustup, or from Debian's packages.
# In the last case guests have a compiler and a target folder of their own.
prepare_wasm() {
  guest_target_dir="${CARGO_TARGET_DIR:-$root/target}"
  guest_env=()
  local std
  std="$(rustc --print sysroot)/lib/rustlib/wasm32-wasip2/lib"
  [[ ! -d $std ]] || return 0
  if command -v rustup >/dev/null && timeout 120 rustup target add wasm32-wasip2 >&2 && [[ -d $std ]]; then
    return
  fi
  say "rustup cannot add wasm32-wasip2: trying Debian's packages"
  local tools="$parts/wasm-toolchain"
  scripts/wasm-toolchain "$tools" >&2 \
    || fail "there is no target wasm32-wasip2; mend the network and run: rustup target add wasm32-wasip2"
  guest_target_dir="$root/target/guest-debian"
  guest_env=(
    "RUSTC=$tools/usr/bin/rustc"
    "LD_LIBRARY_PATH=$tools/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    "PATH=$tools/bin:$PATH"
  )
}

# Runs cargo for guests; everything goes where spin.toml looks for it.
guest_cargo() {
  env ${guest_env[@]+"${guest_env[@]}"} CARGO_TARGET_DIR="$guest_target_dir" \
    cargo "$1" --profile guest --target wasm32-wasip2 "${@:2}"
}

# Debian packages with all that they need and the system lacks, unpacked under
# target/parts: works for any user, starts no service, leaves the system alone.
fetch_packages() {
  local into="$1" name="${1##*/}" options archive
  shift
  options=(-o "Dir::State::Lists=$parts/lists" -o "Dir::Cache=$parts/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
  mkdir -p "$parts/lists/partial" "$parts/cache/$name/partial" "$into"
  if [[ ! -e $parts/lists/updated ]]; then
    timeout 300 apt-get "${options[@]}" -qq update >&2 || return 1
    touch "$parts/lists/updated"
  fi
  timeout 600 apt-get "${options[@]}" -o "Dir::Cache::Archives=$parts/cache/$name" -qq -y \
    --no-install-recommends --download-only install "$@" >&2 || return 1
  for archive in "$parts/cache/$name"/*.deb; do
    [[ ! -e $archive ]] || dpkg -x "$archive" "$into" || return 1
  done
}

# Puts a program on PATH, from the system if it is there: need COMMAND PACKAGE
need() {
  local command="$1" package="$2" into="$parts/$2"
  command -v "$command" >/dev/null && return
  if [[ ! -d $into/usr/bin ]]; then
    say "$command is missing: unpacking $package into target/parts"
    command -v apt-get >/dev/null && fetch_packages "$into" "$package" \
      || fail "$command is missing; install it, on Debian: apt-get install $package"
  fi
  export PATH="$PATH:$into/usr/bin"
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$into/usr/lib/$(uname -m)-linux-gnu"
  command -v "$command" >/dev/null || fail "$package holds no $command"
}

# PostgreSQL, whose programs Debian keeps off the PATH.
need_postgres() {
  local into="$parts/postgresql"
  command -v initdb >/dev/null && return
  compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null && return
  if ! compgen -G "$into/usr/lib/postgresql/*/bin/initdb" >/dev/null; then
    say "initdb is missing: unpacking postgresql into target/parts"
    command -v apt-get >/dev/null && fetch_packages "$into" postgresql \
      || fail "PostgreSQL is missing; install it, on Debian: apt-get install postgresql"
  fi
  local programs=("$into"/usr/lib/postgresql/*/bin)
  export PATH="$PATH:${programs[-1]}"
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$into/usr/lib/$(uname -m)-linux-gnu"
}

# The clients of others that the system tests run, for python3, in
# target/parts/clients. pip is taken from Debian's package where it is missing.
prepare_clients() {
  local wanted="tests/clients/requirements.txt" into="$parts/clients" pip="$parts/python3-pip"
  need python3 python3
  cmp -s "$wanted" "$into/requirements.txt" && return
  if ! python3 -m pip --version >/dev/null 2>&1; then
    [[ -d $pip ]] || fetch_packages "$pip" python3-pip \
      || fail "pip is missing; install it, on Debian: apt-get install python3-pip"
    export PYTHONPATH="$pip/usr/lib/python3/dist-packages"
  fi
  rm -rf "$into"
  timeout 600 python3 -m pip install -q --disable-pip-version-check --root-user-action ignore --target "$into" -r "$wanted" >&2 \
    || fail "the clients of the tests cannot be installed; mend the network and try again"
  cp "$wanted" "$into/"
}
