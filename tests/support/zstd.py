"""The Zstandard that this Python has: compresses what the tests read."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor, compress
else:
    from backports.zstd import CompressionParameter, ZstdCompressor, compress

__all__ = ["CompressionParameter", "ZstdCompressor", "compress"]
