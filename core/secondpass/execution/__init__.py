"""How batches run: pairs stream through networks on devices, in batches of like length."""
