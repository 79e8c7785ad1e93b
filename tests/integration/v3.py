"""A client of the v3 API as JSON, which says what it wants and sees that it gets it."""

import base64
import json

from moothall import ask


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def plain(text):
    """None, as what is empty is left out, for nothing."""
    return base64.b64decode(text or "").decode()


def basic(who):
    return {"Authorization": "Basic " + b64(who)}


def call(node, method, message, prefix="/v3/kv/", timeout=15.0, headers=None):
    body = message if isinstance(message, str) else json.dumps(message)
    return ask(node.client, "POST", prefix + method, body, timeout=timeout, headers=headers)


def good(node, method, message, **more):
    answer = call(node, method, message, **more)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    return answer.json


def refused(node, method, message, status, code, text, **more):
    answer = call(node, method, message, **more)
    assert (answer.status, answer.json) == (status, {"error": text, "message": text, "code": code})


def put(node, key, value="", **more):
    return good(node, "put", dict({"key": b64(key), "value": b64(value)}, **more))


def get(node, key, **more):
    return good(node, "range", dict({"key": b64(key)}, **more))


def delete(node, key, **more):
    return good(node, "deleterange", dict({"key": b64(key)}, **more))


def below(prefix):
    return {"key": b64(prefix), "range_end": b64(prefix[:-1] + chr(ord(prefix[-1]) + 1))}


def revision(answer):
    return int(answer["header"]["revision"])


def keys(answer):
    return [plain(kv["key"]) for kv in answer.get("kvs", [])]
