"""Serves moto's S3 and DynamoDB, one request after the other, so that what is conditional is atomic.

Requests are read by a loop of their own and reach moto when they are whole: a client that is stopped in the middle of one, or keeps a
connection without asking anything, holds up nobody, and a body that was cut is none.

With `gcs`, the same S3 speaks as the XML interface of Google Cloud Storage does, which is the part of it that clients of objects use:
the same requests under other names of headers.
"""

import functools
import logging
import sys
import types

import waitress
from moto.s3.models import S3Backend
from moto.server import DomainDispatcherApplication, create_backend_app


class Application(DomainDispatcherApplication):
    """Moto looks through its own folders at each request for the service that a host stands for."""

    get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)


list_objects = S3Backend.list_objects


def list_under(self, bucket, prefix, *further, **named):
    """Moto asks every key in the bucket for its versions, and all tests have one bucket: that took nearly half of its time."""
    under = {name: versions[-1] for name, versions in dict.items(bucket.keys) if name.startswith(prefix or "")}
    return list_objects(self, types.SimpleNamespace(keys=under), prefix, *further, **named)


S3Backend.list_objects = list_under

SIGNED = "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def as_gcs(app):
    def translated(environ, start_response):
        given = environ.pop("HTTP_AUTHORIZATION", None)
        if given is not None and given not in ("Bearer ", "Bearer", "Bearer token"):
            start_response("401 Unauthorized", [("Content-Length", "0")])
            return [b""]
        environ["HTTP_AUTHORIZATION"] = SIGNED
        if environ.pop("HTTP_X_GOOG_IF_GENERATION_MATCH", None) == "0":
            environ["HTTP_IF_NONE_MATCH"] = "*"
        source = environ.pop("HTTP_X_GOOG_COPY_SOURCE", None)
        if source is not None:
            environ["HTTP_X_AMZ_COPY_SOURCE"] = source
        return app(environ, start_response)

    return translated


def with_raw_paths(app):
    """The path as it was sent, where moto looks for it: of a decoded one it cannot tell `%2F` in a key from a slash."""

    def named(environ, start_response):
        environ["RAW_URI"] = environ["REQUEST_URI"]
        return app(environ, start_response)

    return named


def main():
    kind, port = sys.argv[1], int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    # The loop and moto are two threads, and each request goes to and fro between them: each time Python would wait for 5 ms.
    sys.setswitchinterval(0.00002)
    app = Application(create_backend_app)
    if kind == "gcs":
        app = as_gcs(app)
    waitress.serve(with_raw_paths(app), host="127.0.0.1", port=port, threads=1, connection_limit=10_000, asyncore_use_poll=True)


main()
