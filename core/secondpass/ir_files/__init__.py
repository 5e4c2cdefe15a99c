"""The files of information retrieval: queries, documents, judgements and runs, in the formats people have."""
