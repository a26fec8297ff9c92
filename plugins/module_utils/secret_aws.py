"""Secrets in AWS Secrets Manager, whose staging labels are what `current`, `pending` and `previous` are named after."""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible.module_utils.secret_store import CURRENT, LABELS, PENDING, PREVIOUS, SecretError, Version, check_seen

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGES = {f"AWS{label.upper()}": label for label in LABELS}


class SecretsManager:
    """The store in one region of AWS. Who asks is decided as for every AWS client: environment, profile or role."""

    def __init__(self, prefix: str = "", region: str | None = None, endpoint: str | None = None) -> None:
        self._prefix, self._region, self._endpoint = prefix, region or None, endpoint or None

    def versions(self, name: str) -> dict[str, Version]:
        """The versions of a secret by label."""
        return {
            label: Version(found, self._ask("get_secret_value", name, VersionId=found)["SecretString"])
            for label, found in self._ids(name).items()
        }

    def found(self) -> None:
        """Nothing: the store is there."""

    def make(self, name: str, value: str) -> None:
        """Keep a value as the first version."""
        with suppress(self._client.exceptions.ResourceExistsException):
            self._call("create_secret", Name=self._prefix + name, SecretString=value, ClientRequestToken=_token())

    def add(self, name: str, value: str, seen: Mapping[str, str] | None = None) -> None:
        """Keep a value as pending; as current when there is no other version."""
        ids = self._ids(name)
        check_seen(name, seen, ids, CURRENT, PENDING)
        if CURRENT not in ids:
            self.make(name, value)
            return
        stages = ["AWSPENDING"]
        self._ask("put_secret_value", name, SecretString=value, ClientRequestToken=_token(), VersionStages=stages)

    def promote(self, name: str, seen: Mapping[str, str] | None = None) -> None:
        """What was pending is current, and what was current is previous."""
        ids = self._ids(name)
        check_seen(name, seen, ids, CURRENT, PENDING)
        if PENDING not in ids:
            raise SecretError(f"no version of {name} is pending, so none can take over")
        # AWS moves AWSPREVIOUS to what was current in the same step. A version that still has AWSPENDING beside
        # AWSCURRENT is not pending (see _ids), so that an end right here leaves nothing half done.
        self._move(name, "AWSCURRENT", MoveToVersionId=ids[PENDING], RemoveFromVersionId=ids[CURRENT])
        self._move(name, "AWSPENDING", RemoveFromVersionId=ids[PENDING])

    def retire(self, name: str, seen: Mapping[str, str] | None = None) -> None:
        """Take the label from what was previous; AWS removes versions without a label by itself."""
        ids = self._ids(name)
        check_seen(name, seen, ids, PREVIOUS)
        if PREVIOUS in ids:
            self._move(name, "AWSPREVIOUS", RemoveFromVersionId=ids[PREVIOUS])

    def _ids(self, name: str) -> dict[str, str]:
        """The id of each version by label; empty when there is no such secret."""
        try:
            found = self._call("describe_secret", SecretId=self._prefix + name).get("VersionIdsToStages") or {}
        except self._client.exceptions.ResourceNotFoundException:
            return {}
        ids = {STAGES[stage]: version for version, stages in found.items() for stage in stages if stage in STAGES}
        if ids.get(PENDING) == ids.get(CURRENT):
            ids.pop(PENDING, None)
        return ids

    def _move(self, name: str, stage: str, **versions: str) -> None:
        self._ask("update_secret_version_stage", name, VersionStage=stage, **versions)

    def _ask(self, action: str, name: str, **arguments: object) -> dict[str, Any]:
        return self._call(action, SecretId=self._prefix + name, **arguments)

    def _call(self, action: str, **arguments: object) -> dict[str, Any]:
        """What AWS answers. Its errors name the secret and never its value."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  see open_store

        try:
            return dict(getattr(self._client, action)(**arguments))
        except (self._client.exceptions.ResourceNotFoundException, self._client.exceptions.ResourceExistsException):
            raise
        except (BotoCoreError, ClientError) as error:
            raise SecretError(
                f"AWS Secrets Manager does not {action.replace('_', ' ')}: {error}. HINT: aws sts get-caller-identity"
            ) from None

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401  boto3 makes its clients at run time
        try:
            import boto3  # noqa: PLC0415  see open_store
        except ImportError:
            raise SecretError("boto3 is not installed beside Ansible. HINT: pip install boto3") from None
        from botocore.config import Config  # noqa: PLC0415  the same

        patience = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 4, "mode": "standard"})
        return boto3.client("secretsmanager", region_name=self._region, endpoint_url=self._endpoint, config=patience)


def _token() -> str:
    """The id of a new version; the same request sent twice makes one version."""
    return str(uuid.uuid4())
