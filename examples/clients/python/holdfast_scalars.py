"""Holdfast's scalars as Python values, exact in both directions. Copy this file; it needs Python 3.11 and nothing else."""

import base64
import datetime
import decimal
import functools
import math
import numbers
import uuid


def sends(kind):
    """Lists go item by item. What is not of the kind goes as it is, None and ariadne-codegen's UNSET too; the service judges it."""

    def wrap(serialize):
        @functools.wraps(serialize)
        def send(value):
            if isinstance(value, (list, tuple)):
                return [send(item) for item in value]
            return serialize(value) if isinstance(value, kind) else value

        return send

    return wrap


@sends(numbers.Integral)
def serialize_big_int(value):
    return str(int(value))


def parse_big_int(text):
    return int(text)


@sends(decimal.Decimal)
def serialize_decimal(value):
    return str(value)


def parse_decimal(text):
    return decimal.Decimal(text)


@sends(numbers.Real)
def serialize_float(value):
    """For Float64 and Float32, which are numbers, or "NaN", "Infinity", "-Infinity"."""
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def parse_float(value):
    return float(value)


@sends(datetime.date)
def serialize_date(value):
    return value.isoformat()


def parse_date(text):
    return datetime.date.fromisoformat(text)


@sends(datetime.datetime)
def serialize_date_time(value):
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone: say which, for example tzinfo=datetime.timezone.utc")
    return value.isoformat()


def parse_date_time(text):
    return datetime.datetime.fromisoformat(text)


@sends(uuid.UUID)
def serialize_uuid(value):
    return str(value)


def parse_uuid(text):
    return uuid.UUID(text)


@sends((bytes, bytearray, memoryview))
def serialize_bytes(value):
    return base64.b64encode(value).decode("ascii")


def parse_bytes(text):
    return base64.b64decode(text, validate=True)


# Scalar → (Python value → what is sent, what is answered → Python value). Int, Float, String, Boolean, ID and JSON are Python's own.
SCALARS = {
    "BigInt": (serialize_big_int, parse_big_int),
    "Bytes": (serialize_bytes, parse_bytes),
    "Date": (serialize_date, parse_date),
    "DateTime": (serialize_date_time, parse_date_time),
    "Decimal": (serialize_decimal, parse_decimal),
    "Float32": (serialize_float, parse_float),
    "Float64": (serialize_float, parse_float),
    "UUID": (serialize_uuid, parse_uuid),
}
