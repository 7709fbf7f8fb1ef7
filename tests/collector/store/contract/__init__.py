"""The contract of `collector.store`, kept by every store: one file per method or pair of methods."""
