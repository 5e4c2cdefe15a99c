"""Score more pairs than one call takes: from files, on one machine or many."""

from secondpass.jobs.batch_scorer import BatchScorer
from secondpass.jobs.on_ray.score_dataset import score_dataset
from secondpass.jobs.on_ray.workers import RayWorkers
from secondpass.jobs.score_files import JobProgress, JobResult, score_files
from secondpass.jobs.settings import JobSettings

__all__ = ["BatchScorer", "JobProgress", "JobResult", "JobSettings", "RayWorkers", "score_dataset", "score_files"]
