#!/usr/bin/python
"""Prove that instances of the bookings service use the secrets that are on their host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bookings_keys_info
short_description: Prove that instances of the bookings service use the secrets that are on their host
description:
  - Reads which keys the files of secrets name, and asks each instance for its metrics until it uses exactly these.
  - Keys are told by their ids. No secret is an argument, a result or part of a message.
author: Drillbook
options:
  folder:
    description: The folder of the files.
    type: path
    default: /etc/bookings/secrets
  urls:
    description: Where the instances listen, without a path.
    type: list
    elements: str
    required: true
  within:
    description: Seconds until all of them must use the keys.
    type: float
    default: 15.0
  timeout:
    description: Seconds to wait for each answer.
    type: float
    default: 2.0
attributes:
  check_mode:
    support: full
    description: Nothing is waited for then, for nothing was placed.
"""

EXAMPLES = r"""
- name: Wait until both colours use the secrets
  bookings_keys_info:
    urls: [http://127.0.0.1:8001, http://127.0.0.1:8002]
"""

RETURN = r"""
keys:
  description: The keys in use, each by what it is for and its id; empty where no instance was asked.
  returned: success
  type: list
  elements: str
  sample: [database bookings_a, signing key-2, verifying key-1, verifying key-2, webhook first]
seconds:
  description: How long it took until all of them used the keys.
  returned: success
  type: float
"""

import os
import time
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.bookings_keys import FILES, Keys, difference, keys_in_files, keys_in_use

SPEC = {
    "folder": {"type": "path", "default": "/etc/bookings/secrets"},
    "urls": {"type": "list", "elements": "str", "required": True},
    "within": {"type": "float", "default": 15.0},
    "timeout": {"type": "float", "default": 2.0},
}
PAUSE_SECONDS = 0.2


class NotTakenError(Exception):
    """The instances do not use the keys; the message says which and why."""


def read_wanted(folder: str) -> Keys:
    """The keys that the files name now.

    Raises:
        NotTakenError: The files cannot be read.
    """
    contents, made = {}, {}
    try:
        for name in FILES:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                made[name] = os.fstat(file.fileno()).st_mtime
                contents[name] = file.read()
        return keys_in_files(contents, made)
    except OSError as error:
        raise NotTakenError(f"{error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise NotTakenError(f"{folder}: {error}") from error


def missing(wanted: Keys, url: str, timeout: float) -> str:
    """Why the instance at the url is not as wanted, in words; empty when it is."""
    try:
        with build_opener(ProxyHandler({})).open(f"{url}/metrics", timeout=timeout) as answer:
            metrics = str(answer.read(), "utf-8", "replace")
    except (URLError, HTTPException, OSError) as error:
        return f"does not tell its metrics: {error}"
    found: str = difference(wanted, keys_in_use(metrics))
    return found


def await_all(folder: str, urls: list[str], within: float, timeout: float) -> tuple[Keys, float]:
    """The keys once all instances use them, and how many seconds that took.

    Raises:
        NotTakenError: One does not use them in time.
    """
    started = time.monotonic()
    while True:
        wanted = read_wanted(folder)
        apart = {url: why for url in urls if (why := missing(wanted, url, timeout))}
        took = time.monotonic() - started
        if not apart:
            return wanted, took
        if took > within:
            found = "; ".join(f"{url} {why}" for url, why in apart.items())
            raise NotTakenError(f"after {within:g} s {found}")
        time.sleep(PAUSE_SECONDS)


def main() -> None:
    """Wait, and fail with what is still different."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    if module.check_mode or not asked["urls"]:
        module.exit_json(changed=False, keys=[], seconds=0.0)
    try:
        used, took = await_all(asked["folder"], asked["urls"], asked["within"], asked["timeout"])
    except NotTakenError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, keys=used.told(), seconds=round(took, 3))


if __name__ == "__main__":
    main()
