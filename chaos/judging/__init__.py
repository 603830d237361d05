"""From records to a verdict: figures, differences, evidence, ledger. Pure but for reading the books."""
