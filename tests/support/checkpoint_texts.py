"""What the small tokenizers of the tests are trained on."""

from texts import AWKWARD

CORPUS = [
    *AWKWARD,
    "cross-encoders read the query and the document together and give one score",
    "retrieve first, then take a second pass over the candidates with a model that reads both",
    "who formed the commonwealth of independent states and when did it happen in the year 1991",
]
