"""Serves moto's S3 on 127.0.0.1, and keeps what is stored over a restart: written when it stops, read when it starts.

A server for tests. It asks nobody for a signature, and a power cut loses what came since its last start.
"""

from __future__ import annotations

import logging
import pickle
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import run_simple


def main(port: int, kept: Path) -> None:
    """Serves until it is told to stop."""
    buckets = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets
    if kept.exists():
        buckets.update(pickle.loads(kept.read_bytes()))  # noqa: S301  # its own file, in a folder that only it may write

    def stop(_signal: int, _frame: Any) -> NoReturn:  # noqa: ANN401  # as the interpreter passes it
        beside = kept.with_suffix(".new")
        with beside.open("wb") as file:
            pickle.dump(dict(buckets), file)
        beside.rename(kept)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    application = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
