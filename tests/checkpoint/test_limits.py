"""How many tokens a checkpoint reads: what its settings say, else its tokenizer, never more than its positions."""

from pathlib import Path

import checkpoints
import pytest
import transformers

from secondpass import CrossEncoder
from secondpass.checkpoint.limits import Limit
from secondpass.errors import CheckpointError, InputError


@pytest.mark.parametrize(
    ("tokenizer", "setting", "positions", "expected"),
    [
        (50, None, 60, 50),
        (60, None, 50, 50),
        (60, 40, 50, 40),
        (30, 40, 50, 40),
        (30, 60, 50, 50),
        (10**30, None, 50, 50),
    ],
)
def test_the_settings_count_before_the_tokenizer_and_no_further_than_positions(
    tokenizer: int, setting: int | None, positions: int, expected: int, tmp_path: Path
) -> None:
    folder = checkpoints.bert(tmp_path, max_length=tokenizer, max_position_embeddings=positions)
    (folder / "modules.json").write_text("[]")
    checkpoints.edit_json(folder / "sentence_bert_config.json", max_seq_length=setting)
    assert CrossEncoder(folder).max_length == expected
    assert CrossEncoder(folder, max_length=positions).max_length == positions, "what it can read may be asked for"
    with pytest.raises(InputError, match=f"must be at most the {positions} tokens"):
        CrossEncoder(folder, max_length=positions + 1)


def test_where_nothing_states_a_limit_the_caller_has_to() -> None:
    endless = Limit(stated=None, positions=None)
    with pytest.raises(CheckpointError, match="some/model states no maximum length: pass max_length="):
        endless.resolve("some/model", None, n_special=3)
    assert endless.resolve("some/model", 1000, n_special=3) == 1000
    assert endless.at_most(64).resolve("some/model", None, n_special=3) == 64
    assert Limit(stated=32, positions=None).at_most(64).resolve("some/model", None, n_special=3) == 32


def test_a_stated_limit_of_the_special_tokens_alone_is_refused() -> None:
    for stated in (2, 3):
        with pytest.raises(CheckpointError, match="must be above the 3 special tokens of a pair, got"):
            Limit(stated=stated, positions=None, source="config").resolve("some/model", None, n_special=3)
    assert Limit(stated=4, positions=None).resolve("some/model", None, n_special=3) == 4


def test_a_quantised_table_of_positions_is_read_no_further_than_it_reaches(tmp_path: Path) -> None:
    """I-BERT counts positions as RoBERTa does, from pad_token_id + 1, in a table of a class of its own."""
    sizes = checkpoints.SMALL | {"num_labels": 1, "pad_token_id": 1, "max_position_embeddings": 40}
    tokenizer = checkpoints.roberta_tokenizer(max_length=10**30)
    config = transformers.IBertConfig(**sizes | {"vocab_size": len(tokenizer)})
    folder = checkpoints.save(tmp_path, transformers.IBertForSequenceClassification(config), tokenizer)
    model = CrossEncoder(folder)
    assert model.max_length == 38
    (found,) = model.read([("berlin", "the wall fell " * 40)]).truncated
    assert found, "it takes all of the table's rows"
