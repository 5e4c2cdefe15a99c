"""Measure whether re-ranking helps: runs and re-ranking sets in, figures, significance and pictures out."""

from secondpass.evaluation.abstention import Abstention, Kept, measure_abstention
from secondpass.evaluation.bm25 import BM25
from secondpass.evaluation.card_metrics import SetMetrics, set_metrics
from secondpass.evaluation.collection import Collection, read_collection
from secondpass.evaluation.comparison import Comparison, compare
from secondpass.evaluation.ir_collections import read_ir_dataset
from secondpass.evaluation.labelled_scores import LabelledScores, Unjudged, label_scores
from secondpass.evaluation.measures import DEFAULT_MEASURES, per_query
from secondpass.evaluation.plots import write_plots
from secondpass.evaluation.report import DepthPoint, Report, report
from secondpass.evaluation.reranking import ScoredQuery, rerank, reread, score_run, write_run
from secondpass.evaluation.reranking_sets import RerankingSample, SetResult, evaluate_samples, read_samples
from secondpass.ir_files.qrels import DuplicateJudgements, read_qrels
from secondpass.ir_files.runs import read_run
from secondpass.ir_files.texts import read_queries

__all__ = [
    "BM25",
    "DEFAULT_MEASURES",
    "Abstention",
    "Collection",
    "Comparison",
    "DepthPoint",
    "DuplicateJudgements",
    "Kept",
    "LabelledScores",
    "Report",
    "RerankingSample",
    "ScoredQuery",
    "SetMetrics",
    "SetResult",
    "Unjudged",
    "compare",
    "evaluate_samples",
    "label_scores",
    "measure_abstention",
    "per_query",
    "read_collection",
    "read_ir_dataset",
    "read_qrels",
    "read_queries",
    "read_run",
    "read_samples",
    "report",
    "rerank",
    "reread",
    "score_run",
    "set_metrics",
    "write_plots",
    "write_run",
]
