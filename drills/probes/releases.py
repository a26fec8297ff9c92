"""Which release customers get, and whether a release is on the hosts."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.errors import UsageError
from drills.probes.reading import Probe, Reading
from drills.request import ask
from drills.site import DIGEST

if TYPE_CHECKING:
    from drills.probes.reading import View
    from drills.site import Host, Site

VERSION_SECONDS = 2.0
SSH_SECONDS = 5.0
# Enough for every application host to have its turn at the load balancer.
LOOKS = 8
APPLICATION_GROUP = "application"
FOLDER = "/opt/bookings"


def live_release(site: Site) -> str:
    """The digest of the release that customers get at this moment.

    Raises:
        UsageError: The service does not name one.
    """
    answer = _version(site)
    if not answer.ok:
        raise UsageError(
            f"the live release is not known: {answer.because}",
            "deploy a release first: ansible-playbook playbooks/deploy.yml -e release_digest=sha256:<digest>",
        )
    return answer.because


def serves_release(release: str) -> Probe:
    """Each of eight answers of `GET /version` through the load balancer names this release.

    `release` is a digest, or a name in the inventory's `drill_releases`.
    """

    def look(view: View) -> Reading:
        try:
            wanted = release if DIGEST.fullmatch(release) else view.site.release(release)
        except UsageError as error:
            return Reading(ok=False, because=error.message)
        for number in range(1, LOOKS + 1):
            answer = _version(view.site)
            if not answer.ok or answer.because != wanted:
                return Reading(ok=False, because=f"answer {number} of {LOOKS}: {answer.because} instead of {wanted}")
        return Reading(ok=True, because=f"{LOOKS} of {LOOKS} answers name {wanted}")

    return Probe("serves_release", look)


def release_absent(digest: str) -> Probe:
    """No application host has this release, neither its artifact nor its folder; one that is not reached is a no."""

    def look(view: View) -> Reading:
        if not DIGEST.fullmatch(digest):
            return Reading(ok=False, because=f"{digest} is no digest")
        hosts = view.site.group(APPLICATION_GROUP)
        with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
            found = [trace for trace in pool.map(lambda host: _trace(host, digest), hosts) if trace]
        absent = f"none of {', '.join(host.name for host in hosts)} has {digest}"
        return Reading(not found, "; ".join(found) or absent)

    return Probe("release_absent", look)


def _trace(host: Host, digest: str) -> str:
    """What the host has of the release, or why that is not known; empty if it has nothing."""
    name = digest.removeprefix("sha256:")
    paths = shlex.join([f"{FOLDER}/releases/{name}", f"{FOLDER}/artifacts/{name}.tar.gz"])
    command = f"for path in {paths}; do if test -e $path || test -L $path; then echo $path; fi; done"
    try:
        answer = host.ssh.run(f"sudo -n sh -c {shlex.quote(command)}", timeout=SSH_SECONDS)
    except UnreachableError as error:
        return f"{host}: {error}"
    if answer.exit_code != 0:
        return f"{host} could not look: {' '.join(answer.err.split())[:200]}"
    return f"{host} has {' and '.join(answer.out.split())}" if answer.out.strip() else ""


def _version(site: Site) -> Reading:
    """The digest that the service names, as the reason of a yes; else what is wrong."""
    url = str(site.variables.get("bookings_url", ""))
    if not url:
        return Reading(ok=False, because="the inventory has no bookings_url")
    address = f"{url.rstrip('/')}/version"
    try:
        with ask(address, timeout=VERSION_SECONDS) as answer:
            told = json.load(answer)
    except (OSError, ValueError) as error:  # HTTPError is an OSError
        return Reading(ok=False, because=f"{address}: {error}")
    digest = str(told.get("digest")) if isinstance(told, dict) else "nothing"
    return Reading(bool(DIGEST.fullmatch(digest)), digest)
