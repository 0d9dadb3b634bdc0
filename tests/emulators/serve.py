"""Serves moto's S3 and DynamoDB, one request after the other, so that what is conditional is atomic.

With `gcs`, the same S3 speaks as the XML interface of Google Cloud Storage does, which is the part of it that clients of objects use:
the same requests under other names of headers.
"""

import io
import logging
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

SIGNED = "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


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


def whole_bodies(app):
    """A body of a connection that was cut is no body."""

    def checked(environ, start_response):
        length = environ.get("CONTENT_LENGTH")
        if length:
            body = environ["wsgi.input"].read(int(length))
            if len(body) < int(length):
                start_response("400 Bad Request", [("Content-Length", "0")])
                return [b""]
            environ["wsgi.input"] = io.BytesIO(body)
        return app(environ, start_response)

    return checked


def main():
    kind, port = sys.argv[1], int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    app = DomainDispatcherApplication(create_backend_app)
    if kind == "gcs":
        app = as_gcs(app)
    run_simple("127.0.0.1", port, whole_bodies(app), threaded=False, request_handler=Quiet)


main()
