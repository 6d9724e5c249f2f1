"""Holdfast's codecs that DataJoint does not have, for DataJoint 2.x: import this file before the first fetch.

Images and tables are objects to DataJoint: an ObjectRef, to be read, opened or downloaded. JSON is the value, with Decimal for
numbers that have a point, so that no digit is lost. Text is str.
"""

import decimal
import gzip
import json

import datajoint as dj
from datajoint.builtin_codecs.object import ObjectCodec


class Image(ObjectCodec):
    name = "image"


class Parquet(ObjectCodec):
    name = "parquet"


class Arrow(ObjectCodec):
    name = "arrow"


class Json(dj.Codec):
    name = "json"

    def get_dtype(self, is_store):
        return "<hash>" if is_store else "bytes"

    def encode(self, value, *, key=None, context=None, store_name=None):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()

    def decode(self, stored, *, key=None, context=None):
        stored = bytes(stored)
        text = gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored
        return json.loads(text, parse_float=decimal.Decimal)


class Text(dj.Codec):
    name = "text"

    def get_dtype(self, is_store):
        return "<hash>" if is_store else "bytes"

    def encode(self, value, *, key=None, context=None, store_name=None):
        return value.encode()

    def decode(self, stored, *, key=None, context=None):
        return bytes(stored).decode()
