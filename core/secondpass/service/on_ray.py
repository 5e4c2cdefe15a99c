"""The service on Ray Serve: replicas of it behind Ray's proxies, on one machine or many.

```console
serve run secondpass.service.on_ray:app models=secondpass/mini
serve deploy serve_on_ray.yaml
```

Each replica is the whole service, with a queue and passes of its own: it answers, refuses and batches as
`secondpass serve` does. Ray starts them, adds and removes some with the load, replaces those that die, and leads
requests to them.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secondpass.extras import require

require("ray.serve", feature="serving on Ray", extra="ray")

from fastapi import FastAPI  # noqa: E402 - behind the check for what it stands on
from ray import serve  # noqa: E402 - likewise
from starlette.middleware import Middleware  # noqa: E402 - likewise

from secondpass.service.ray_refusals import RayRefusals  # noqa: E402 - likewise
from secondpass.service.request_log import LOGGER  # noqa: E402 - likewise
from secondpass.service.settings import ServiceSettings, read_settings  # noqa: E402 - likewise

if TYPE_CHECKING:
    from ray.serve import Application

NAME = "secondpass"
"""The deployment's name, under which a Serve config file changes how many replicas there are and what each gets."""

# Far more than a replica's limits of tokens and bytes let in: these have to answer first, for they answer in the API
# that was spoken, while what Ray holds back waits in its proxies for any time, and what it refuses is a bare 503.
_MAX_ONGOING_REQUESTS = 100_000
# Requests in one proxy that wait for a replica to come up: without a limit, it would keep their bodies until it dies.
_MAX_QUEUED_REQUESTS = 1_000
# Requests per replica beyond which another one is started: those that wait together share passes.
_TARGET_ONGOING_REQUESTS = 8
# Seconds beyond the service's own time to finish what it accepted.
_LAST_ANSWERS = 5.0


def app(args: Mapping[str, Any]) -> "Application":
    """The service as an application of Ray Serve.

    A Serve config file changes the deployment `secondpass` in its own words: `ray_actor_options` (`num_cpus`,
    `num_gpus`), `autoscaling_config`. Left alone, there are one to four replicas with a CPU each. (Ray does not look at
    `num_replicas` beside autoscaling: for a fixed number, give `min_replicas` and `max_replicas` the same.)

    Args:
        args: `models`, `limits`, `api_keys_env` and `log_lengths`, as `secondpass.service.settings` reads them. Files
            of calibrations are read where this is called, models and API keys where a replica runs.

    Raises:
        InputError: A setting is not known, or breaks a rule.
    """
    settings = read_settings(args)

    def build() -> FastAPI:
        return _replica(settings)

    deployment = serve.deployment(
        name=NAME,
        max_ongoing_requests=_MAX_ONGOING_REQUESTS,
        max_queued_requests=_MAX_QUEUED_REQUESTS,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": 4,
            "target_ongoing_requests": _TARGET_ONGOING_REQUESTS,
        },
        ray_actor_options={"num_cpus": 1},
        graceful_shutdown_timeout_s=settings.limits.drain_seconds + _LAST_ANSWERS,
        logging_config={"enable_access_log": False},  # the service's own says more: see request_log
    )
    return deployment(serve.ingress(build)()).bind()


def proxy_middlewares() -> list[Middleware]:
    """What Ray's proxies put around their own answers, where Ray is started with this in its environment.

    ```bash
    export RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=secondpass.service.on_ray:proxy_middlewares
    ```

    Then 503 with Retry-After, in the API that was spoken, is what they say of requests that a dead replica took with it
    (which is else a bare 500), and of those that no replica could take.
    """
    return [Middleware(RayRefusals)]


def _replica(settings: ServiceSettings) -> FastAPI:
    """The app of one replica, in the replica's own process."""
    for handler in logging.getLogger("ray.serve").handlers:
        LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    made = settings.create_app()
    # Ray's proxies ask one replica or another: each counter says whose it is.
    made.state.service.metrics.labels = {"replica": serve.get_replica_context().replica_id.unique_id}
    return made
