"""Sends events through PyPI's fluent-logger; prints each as [tag, seconds, record], one JSON line per event.

usage: python_sender.py HOST PORT
"""

import json
import sys

from fluent import asyncsender, sender

RECORDS = [
    {"action": "login", "user": 6},
    {"text": "grüße, 世界 \U0001f680", "quote": '"\\/', "control": "a\tb\n"},
    {"none": None, "yes": True, "no": False, "float": 0.5, "negative": -7},
    {"large": 2**64 - 1, "small": -(2**63), "list": [1, [2, {"deep": [3]}]], "map": {"a": {"b": 1}}},
    {},
]


def send(logger, name, label, time):
    for number, record in enumerate(RECORDS):
        if not logger.emit_with_time(label, time + number, record):
            sys.exit(f"{name}: not sent: {logger.last_error}")
        print(json.dumps([f"py.{name}.{label}" if label else f"py.{name}", int(time + number), record]))


def main():
    address = {"host": sys.argv[1], "port": int(sys.argv[2]), "timeout": 20}

    with sender.FluentSender("py.plain", **address) as logger:
        send(logger, "plain", "integer", 1500000000)
        # A float time goes out as a MessagePack float.
        send(logger, "plain", "float", 1500000100.5)
        send(logger, "plain", None, 1500000200)

    # Here a float time goes out as an EventTime.
    with sender.FluentSender("py.nano", nanosecond_precision=True, **address) as logger:
        send(logger, "nano", "event_time", 1500000300.25)

    with asyncsender.FluentSender("py.queued", **address) as logger:
        send(logger, "queued", "thread", 1500000400)


main()
