"""A plugin of pytest for sentence-transformers' own tests: `sentence_transformers.CrossEncoder` is ours."""

import sentence_transformers
import sentence_transformers.cross_encoder

from secondpass.sentence_transformers import CrossEncoder

setattr(sentence_transformers, "CrossEncoder", CrossEncoder)  # noqa: B010 - a type checker would compare the classes
setattr(sentence_transformers.cross_encoder, "CrossEncoder", CrossEncoder)  # noqa: B010 - likewise
