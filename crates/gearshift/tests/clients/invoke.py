"""boto3 against the Invoke API: argv[1] is the function's name. Prints the counts it was given."""

import base64
import json
import pathlib
import re
import sys
import time

from clients import CheckedTable, lambda_client, refused

NAME = sys.argv[1]
EVENT = (pathlib.Path(__file__).parent / "hits_event.json").read_bytes()
# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST = 6 * 1024 * 1024
client = lambda_client()


def counted(answer):
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer, answer
    returned = json.load(answer["Payload"])
    assert returned["statusCode"] == 200 and not returned["isBase64Encoded"], returned
    return int(returned["body"])


def in_table():
    read = CheckedTable().client.get_item(
        TableName="hits", Key={"id": {"N": "0"}}, ConsistentRead=True
    )
    return int(read.get("Item", {"hits": {"N": "0"}})["hits"]["N"])


def with_log():
    answer = client.invoke(FunctionName=NAME, Payload=EVENT, LogType="Tail")
    count = counted(answer)
    request_id = answer["ResponseMetadata"]["RequestId"]
    log = base64.b64decode(answer["LogResult"]).decode()
    assert log.count("REPORT RequestId: ") == 1, log
    report = re.search(
        r"^REPORT RequestId: (\S+)\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms"
        r"\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t(Init Duration: [\d.]+ ms\t)?$",
        log,
        re.MULTILINE,
    )
    assert report and report[1] == request_id, (request_id, log)
    assert f"START RequestId: {request_id} Version: $LATEST" in log, log
    assert answer["ExecutedVersion"] == "$LATEST", answer
    return count, bool(report[2])


def by_other_names():
    arn = f"arn:aws:lambda:eu-west-2:000000000000:function:{NAME}"
    for name in (arn, f"{NAME}:$LATEST"):
        answer = client.invoke(FunctionName=name, Payload=EVENT)
        assert "LogResult" not in answer, answer
        yield counted(answer)


def without_waiting():
    before = in_table()
    dry = client.invoke(FunctionName=NAME, Payload=EVENT, InvocationType="DryRun")
    assert dry["StatusCode"] == 204 and in_table() == before, dry
    sent = client.invoke(FunctionName=NAME, Payload=EVENT, InvocationType="Event")
    assert sent["StatusCode"] == 202, sent
    give_up = time.monotonic() + 20
    while in_table() == before and time.monotonic() < give_up:
        time.sleep(0.02)
    assert in_table() == before + 1, (before, in_table())


def of_any_size(size):
    return b'"' + b"x" * (size - 2) + b'"'


def refusals():
    errors = client.exceptions
    unknown = refused(
        errors.ResourceNotFoundException, client.invoke, FunctionName="nobody", Payload=EVENT
    )
    assert unknown["ResponseMetadata"]["HTTPStatusCode"] == 404, unknown
    assert "nobody" in unknown["Error"]["Message"], unknown
    refused(
        errors.InvalidRequestContentException, client.invoke, FunctionName=NAME, Payload=b"{no json"
    )
    for size in (LARGEST + 1, LARGEST + 2, 2 * LARGEST):
        too_large = refused(
            errors.RequestTooLargeException,
            client.invoke,
            FunctionName=NAME,
            Payload=of_any_size(size),
        )
        assert too_large["ResponseMetadata"]["HTTPStatusCode"] == 413, too_large


def failure_of_the_function():
    """The largest payload is taken; that it is no event of an HTTP API is for the function to say."""
    answer = client.invoke(FunctionName=NAME, Payload=of_any_size(LARGEST))
    failed = json.load(answer["Payload"])
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled", answer
    assert failed["errorType"] and failed["errorMessage"], failed


before = in_table()
count, cold = with_log()
assert cold, "the first call did not report its init"
counts = [count]
# An environment may be slow to ask for work again; the next call then meets a new one.
while cold and len(counts) < 20:
    count, cold = with_log()
    counts.append(count)
assert not cold, "every call met a new environment"
counts += by_other_names()
assert counts == list(range(before + 1, before + 1 + len(counts))), (before, counts)
without_waiting()
after = in_table()
refusals()
failure_of_the_function()
assert in_table() == after, "a refused call was counted"
print("counted", counts)
