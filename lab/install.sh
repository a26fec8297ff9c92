#!/usr/bin/env bash
# Installs what is missing: the system's packages by apt, then the virtual environment by uv from requirements.txt.
# $1 is the Python to use. Nothing is changed before it is clear that it can be done.
set -euo pipefail
python=$1
cd "$(dirname "$0")/.."

refuse() { printf 'error: %s\nHINT: %s\n' "$1" "$2" >&2; exit 64; }
say() { printf 'setup: %s\n' "$1" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null ||
  refuse "$python is missing or older than Python 3.11" "install it, or name another: make PYTHON=/path/to/python3.11 …"

# podman runs the lab; the rest is what its network and its image need on Debian.
missing=()
need() { command -v "$1" > /dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing+=("${@:2}"); }
need podman podman
need runc runc crun
need iptables iptables
need ssh openssh-client
need ip iproute2
[ -x /usr/lib/podman/netavark ] || [ -x /usr/libexec/podman/netavark ] || missing+=(netavark)
if command -v apt-get > /dev/null; then need mmdebstrap mmdebstrap; fi
"$python" -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get > /dev/null ||
    refuse "missing here: ${missing[*]}, and there is no apt-get" "install them with your system's package manager; see README.md"
  [ "$(id -u)" = 0 ] || refuse "missing here: ${missing[*]}, and only root may install them" "sudo apt-get install ${missing[*]}"
  say "install ${missing[*]} (usually 30 s) …"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 ||
    { tail -n 5 "$log" >&2; refuse "apt-get could not install ${missing[*]}" "read $log"; }
  rm -f "$log"
fi

say "make the virtual environment .venv (usually 40 s) …"
# An interrupted installation leaves a folder without a working uv; it is made anew. uv comes from the lock as well.
if ! .venv/bin/uv --version > /dev/null 2>&1; then
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    -r <(awk '/^uv==/ {found=1} found {print; if ($0 !~ /\\$/) exit}' requirements.txt)
fi
# Bytecode is made here: where Python may not write it, each start of Ansible would compile it again, for a second.
.venv/bin/uv pip sync --quiet --require-hashes --compile-bytecode --python .venv/bin/python requirements.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-build-isolation --no-deps --editable .
