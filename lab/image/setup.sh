#!/bin/sh
# What makes a plain Debian a lab host: run inside the new system, by build.sh and by the Containerfile alike.
set -eu

# The automation user, as a production host would have one. Its key is brought in when the host starts.
useradd --create-home --shell /bin/bash ops
printf 'ops ALL=(ALL) NOPASSWD: ALL\n' > /etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops

# Each host makes host keys of its own at its first start.
rm -f /etc/ssh/ssh_host_*
mkdir -p /etc/systemd/system/ssh.service.d /etc/ssh/authorized_keys.d
printf '[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n' \
  > /etc/systemd/system/ssh.service.d/host-keys.conf
cat > /etc/ssh/sshd_config.d/lab.conf <<'SSHD'
AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
PasswordAuthentication no
UseDNS no
# Many tasks share one connection, and several programs look at a host at once.
MaxSessions 50
MaxStartups 50:30:100
SSHD

# Roles decide what runs on a host; the image starts nothing but sshd.
systemctl disable haproxy.service postgresql.service nftables.service nginx.service pgbackrest.service named.service
systemctl mask systemd-logind.service getty.target console-getty.service systemd-resolved.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
# Logging in must not wait for the masked login manager.
sed -i 's/^\(session.*pam_systemd.so\)/# \1/' /etc/pam.d/common-session
systemctl enable ssh.service
systemctl set-default multi-user.target
: > /etc/machine-id
