"""sentence-transformers' own tests of its CrossEncoder, unmodified, with ours in its place.

They run where SENTENCE_TRANSFORMERS_CHECKOUT names a checkout of its repository, which is no part of this one. The hub
gives them small models in the same layouts.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hub_cache import HubCache
from shared import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.source]

_SAVES = "it saves, which is refused by name: nothing is changed here"
_MODULES = "it puts the model together from modules, which is refused by name"
_NETWORK = "it reaches into the forward pass of a torch module, which ours is not"
_TEMPLATE = "it gives a chat template to a model that was trained without one, which is refused by name"
_NEW_HEAD = "it loads a model without a head, which is refused: its scores would be random"
# Test of release 6.1's development -> why ours does not pass it.
NOT_KEPT = {
    "test_conversion_ignores_source_prompts_and_default_prompt_name": _NEW_HEAD,
    "test_load_with_revision": _NEW_HEAD,
    "test_num_labels_fresh_model": _NEW_HEAD,
    "test_load_activation_fn_from_kwargs": _NEW_HEAD,
    "test_load_activation_fn_from_config": _SAVES,
    "test_load_activation_fn_from_config_custom": _SAVES,
    "test_push_to_hub": _SAVES,
    "test_safe_serialization": _SAVES,
    "test_config_and_model_none_without_transformer": _MODULES,
    "test_default_activation_fn_without_transformer": _MODULES,
    "test_num_labels_from_dense_scores_module": _MODULES,
    "test_num_labels_ignores_dense_without_scores_output": _MODULES,
    "test_predict_batch_size_1": _NETWORK,
    "test_predict_routes_through_module_call": _NETWORK,
    "test_message_input_with_a_single_pair_role_is_not_checked": _TEMPLATE,
    "test_predict_applies_chat_template_that_only_echoes_the_role": _TEMPLATE,
    "test_predict_applies_chat_template_with_pair_roles": _TEMPLATE,
    "test_predict_raises_on_chat_template_without_pair_roles": _TEMPLATE,
    "test_predict_raises_on_mixed_batch_containing_a_pair": _TEMPLATE,
    "test_preprocess_raises_on_non_text_pair_without_pair_roles": _TEMPLATE,
    "test_probe_uses_the_configured_chat_template_kwargs": _TEMPLATE,
    "test_replacing_a_rejected_chat_template_takes_effect": _TEMPLATE,
    "test_logger_warning": "it asks for 8,192 tokens of a model of 512, which is refused: a long pair would crash",
}


@pytest.fixture(scope="module")
def checkout() -> Path:
    named = os.environ.get("SENTENCE_TRANSFORMERS_CHECKOUT")
    if named is None:
        pytest.skip("needs SENTENCE_TRANSFORMERS_CHECKOUT, a checkout of sentence-transformers' repository")
    return Path(named)


def outcomes(checkout: Path, folder: Path, file: str, *options: str) -> dict[str, str]:
    """What became of each test of a file: "passed", "failed" or "skipped"; one with several cases fails with any."""
    from suite_stand_ins import publish_stand_ins

    cache = HubCache(folder / "hub")
    publish_stand_ins(cache, folder)
    report = folder / "report.xml"
    paths = [ROOT / "core", ROOT / "tests" / "support"]
    subprocess.run(  # noqa: S603 - what the developer named
        [sys.executable, "-m", "pytest", "-p", "drop_in_plugin", "-q", f"--junitxml={report}", *options, file],
        cwd=checkout,
        env={**cache.environment(), "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        check=False,
    )
    results: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        name = case.attrib["name"].partition("[")[0]
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        results[name] = "failed" if "failed" in {outcome, results.get(name)} else outcome
    return results


def test_all_pass_but_those_of_what_is_not_kept(checkout: Path, tmp_path: Path) -> None:
    results = outcomes(checkout, tmp_path, "tests/cross_encoder/test_model.py")
    assert {name for name, outcome in results.items() if outcome == "failed"} == set(NOT_KEPT)
    assert sum(outcome == "passed" for outcome in results.values()) > 20


def test_all_pass_that_use_several_devices(checkout: Path, tmp_path: Path) -> None:
    results = outcomes(checkout, tmp_path, "tests/cross_encoder/test_multi_process.py", "-m", "slow")
    assert set(results.values()) <= {"passed", "skipped"}
    assert "passed" in results.values()
