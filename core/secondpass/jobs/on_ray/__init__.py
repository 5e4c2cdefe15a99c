"""Jobs and datasets scored by the workers of a Ray cluster."""

from secondpass.jobs.on_ray.workers import RayWorkers

__all__ = ["RayWorkers"]
