"""Registry of decoders by reading."""

from tokenaudit.detect.decode import Decoder
from tokenaudit.detect.decode.archives import is_tar, report_closed, unwrap_tar, unwrap_zip
from tokenaudit.detect.decode.base_n import unwrap_base64, unwrap_hex
from tokenaudit.detect.decode.compression import unwrap_bzip2, unwrap_gzip, unwrap_xz, unwrap_zstd
from tokenaudit.detect.decode.git_pack import unwrap_pack
from tokenaudit.detect.decode.sqlite import is_sqlite, unwrap_columns
from tokenaudit.detect.decode.text import (
    unwrap_byte_list,
    unwrap_byte_words,
    unwrap_concatenated,
    unwrap_encoded_words,
    unwrap_escapes,
    unwrap_variables,
)
from tokenaudit.detect.decode.utf16 import unwrap_utf16
from tokenaudit.detect.decode.utf32 import unwrap_utf32
from tokenaudit.detect.decode.zlib_stream import unwrap_zlib
from tokenaudit.detect.patterns import Reading

CONTAINERS: dict[Reading, Decoder] = {
    "zip": unwrap_zip,
    "gzip": unwrap_gzip,
    "bzip2": unwrap_bzip2,
    "xz": unwrap_xz,
    "zstd": unwrap_zstd,
    "git-pack": unwrap_pack,
    "zlib": unwrap_zlib,
    "closed": report_closed,
}
"""Decoders that cover a whole range: hits inside it are not passed to other decoders."""

WRITINGS: dict[Reading, Decoder] = {
    "utf-16": unwrap_utf16,
    "utf-32": unwrap_utf32,
    "base64": unwrap_base64,
    "hex": unwrap_hex,
    "bytes": unwrap_byte_list,
    "words": unwrap_byte_words,
    "encoded-word": unwrap_encoded_words,
    "escapes": unwrap_escapes,
    "concatenated": unwrap_concatenated,
    "variables": unwrap_variables,
}
"""Decoders for encoded text."""

__all__ = ["CONTAINERS", "WRITINGS", "is_sqlite", "is_tar", "unwrap_columns", "unwrap_tar"]
