"""boto3 against the object store: a bucket of its own, from its creation to its end."""

import hashlib
import os
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from clients import ONCE
from botocore.exceptions import ClientError

BUCKET = "pictures"
PATH = Config(s3={"addressing_style": "path"})
s3 = boto3.client("s3", config=ONCE.merge(PATH))


def refused(status, code, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        told = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        assert told == (status, code), told
        return
    raise AssertionError(f"not refused with {status}: {answer}")


def put_and_get():
    put = s3.put_object(Bucket=BUCKET, Key="a/1.txt", Body=b"one", ContentType="text/plain")
    assert put["ETag"] == f'"{hashlib.md5(b"one").hexdigest()}"', put
    got = s3.get_object(Bucket=BUCKET, Key="a/1.txt")
    assert (got["Body"].read(), got["ContentType"], got["ETag"]) == (b"one", "text/plain", put["ETag"])
    part = s3.get_object(Bucket=BUCKET, Key="a/1.txt", Range="bytes=1-1")
    assert part["Body"].read() == b"n" and part["ContentRange"] == "bytes 1-1/3", part
    head = s3.head_object(Bucket=BUCKET, Key="a/1.txt")
    assert (head["ContentLength"], head["ETag"]) == (3, put["ETag"]), head
    refused(404, "NoSuchKey", s3.get_object, Bucket=BUCKET, Key="nothing")
    refused(404, "404", s3.head_object, Bucket=BUCKET, Key="nothing")
    return put["ETag"]


def write_on_condition(etag):
    swap = dict(Bucket=BUCKET, Key="a/1.txt", Body=b"two")
    refused(412, "PreconditionFailed", s3.put_object, **swap, IfMatch='"another"')
    refused(412, "PreconditionFailed", s3.put_object, **swap, IfNoneMatch="*")
    swapped = s3.put_object(**swap, IfMatch=etag)["ETag"]
    refused(412, "PreconditionFailed", s3.put_object, **swap, IfMatch=etag)
    assert s3.head_object(Bucket=BUCKET, Key="a/1.txt")["ETag"] == swapped
    s3.put_object(Bucket=BUCKET, Key="b.txt", Body=b"new", IfNoneMatch="*")
    refused(404, "NoSuchKey", s3.put_object, Bucket=BUCKET, Key="c", Body=b"", IfMatch=etag)
    refused(304, "304", s3.get_object, Bucket=BUCKET, Key="a/1.txt", IfNoneMatch=swapped)


def list_in_pages():
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"many/{number}", Body=b"")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix="many/", PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["Contents"]) for page in pages] == [2, 2, 1], pages
    top = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/")
    assert [one["Prefix"] for one in top["CommonPrefixes"]] == ["a/", "many/"], top
    assert [one["Key"] for one in top["Contents"]] == ["b.txt"], top


def upload_a_page_in_parts():
    """A page's picture, in two parts, and a page beside it that anybody may read."""
    picture = os.urandom(9 << 20)
    with open("picture.bin", "wb") as file:
        file.write(picture)
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_file("picture.bin", BUCKET, "page/picture.bin", Config=parts)
    head = s3.head_object(Bucket=BUCKET, Key="page/picture.bin")
    assert head["ETag"].endswith('-2"') and head["ContentLength"] == len(picture), head
    s3.download_file(BUCKET, "page/picture.bin", "back.bin", Config=parts)
    with open("back.bin", "rb") as file:
        assert file.read() == picture
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="page/never")["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key="page/never", UploadId=begun, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=BUCKET, Key="page/never", UploadId=begun)
    refused(404, "NoSuchUpload", s3.list_parts, Bucket=BUCKET, Key="page/never", UploadId=begun)
    with urllib.request.urlopen(s3.meta.endpoint_url + "/pages/index.html") as page:
        assert page.read().startswith(b"<!doctype html>"), page.status


def delete_all():
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket=BUCKET)
    s3.delete_object(Bucket=BUCKET, Key=keys[0])
    refused(404, "NoSuchKey", s3.get_object, Bucket=BUCKET, Key=keys[0])
    rest = [{"Key": key} for key in keys[1:]]
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": rest})
    assert len(deleted["Deleted"]) == len(rest), deleted
    s3.delete_bucket(Bucket=BUCKET)
    assert BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return len(keys)


s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
s3.head_bucket(Bucket=BUCKET)
write_on_condition(put_and_get())
list_in_pages()
upload_a_page_in_parts()
print("deleted", delete_all())
