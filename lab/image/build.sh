#!/bin/sh
# Makes the lab's host image and gives it the name in $1. About a minute; needs podman, and either mmdebstrap (Debian)
# or a container registry that podman can pull an ordinary Debian image from.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v mmdebstrap > /dev/null; then
  exec podman build --tag "$1" --file "$here/Containerfile" "$here"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
# PostgreSQL's package makes a cluster at once unless it is told not to; the role makes the one that is wanted.
mmdebstrap --variant=minbase --quiet \
  --include="$(paste -sd, "$here/packages.txt")" \
  --essential-hook='mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"' \
  --customize-hook="copy-in $here/setup.sh /root" \
  --customize-hook='chroot "$1" sh /root/setup.sh && rm "$1/root/setup.sh"' \
  bookworm "$work/rootfs.tar"
podman import --quiet --change 'CMD ["/sbin/init"]' --change 'STOPSIGNAL SIGRTMIN+3' "$work/rootfs.tar" "$1"
