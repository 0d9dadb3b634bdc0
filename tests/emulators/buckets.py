"""Makes what the tests need in emulators that are running: a bucket in each, and the table that commits are agreed on in."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.request

NAME = "lakewright"
SIGNED = "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def send(method, url, headers, body=b""):
    asked = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        urllib.request.urlopen(asked, timeout=30).read()
    except urllib.error.HTTPError as error:
        # It is there from an earlier time.
        if error.code not in (400, 409):
            raise


def azure(at):
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    version = "2021-12-02"
    text = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{NAME}\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    headers = {"x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Type": ""}
    send("PUT", f"{at}/{ACCOUNT}/{NAME}?restype=container", headers)


def dynamodb(at):
    table = {
        "TableName": "delta_log",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("tablePath", "fileName")],
        "KeySchema": [
            {"AttributeName": "tablePath", "KeyType": "HASH"},
            {"AttributeName": "fileName", "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.CreateTable",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": SIGNED.format("dynamodb"),
    }
    send("POST", at, headers, json.dumps(table).encode())


def main():
    if at := os.environ.get("LAKEWRIGHT_S3"):
        send("PUT", f"{at}/{NAME}", {"Authorization": SIGNED.format("s3")})
    if at := os.environ.get("LAKEWRIGHT_GCS"):
        send("PUT", f"{at}/{NAME}", {})
    if at := os.environ.get("LAKEWRIGHT_AZURE"):
        azure(at)
    if at := os.environ.get("LAKEWRIGHT_DYNAMODB"):
        dynamodb(at)


main()
