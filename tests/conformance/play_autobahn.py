"""Plays Autobahn's WebSocket cases against an echo server and judges the outcome.

usage: play_autobahn.py ws://HOST:PORT [--report FILE.json] [--cases 1.* 5.19 ...]

Exit status 0: no case failed, and the non-strict ones are exactly those that nonstrict.txt explains.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter

from python2_cases import to_bytes, to_text  # first: it makes `case` and `caseset` importable

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from autobahn.websocket.protocol import WebSocketProtocol
from case import CaseBasename, CaseCategories, Cases, CaseSetname, CaseSubCategories
from caseset import CaseSet
from twisted.internet import reactor
from twisted.python import log

# All there is but compression (12 and 13), which is not offered.
GROUPS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
NONSTRICT_LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nonstrict.txt")


class FuzzingClient(WebSocketClientProtocol):
    """One case on one connection. The names in camelCase are those that the cases call."""

    def __init__(self, case_id, case_class):
        super().__init__()
        self.case_id = case_id
        self.case_class = case_class
        self.failedByMe = self.closedByMe = self.droppedByMe = False
        self.runCase = case_class(self)
        # Cases 12 work with real bytes, the others with Python 2's strings.
        self.raw = case_class.__module__.endswith("case12_x_x")

    def connectionMade(self):
        self.createWirelog = False
        self.connectionWasOpen = False
        self.rxFrameStats, self.txFrameStats = {}, {}
        self.rxOctetStats, self.txOctetStats = {}, {}
        self.started = time.monotonic()
        super().connectionMade()

    def sendFrame(self, opcode, payload=b"", **options):
        if options.get("mask") is not None:
            options["mask"] = to_bytes(options["mask"])
        self.txFrameStats[opcode] = self.txFrameStats.get(opcode, 0) + 1
        return super().sendFrame(opcode, to_bytes(payload), **options)

    def sendMessage(self, payload, isBinary=False, *arguments, **options):
        return super().sendMessage(to_bytes(payload), isBinary, *arguments, **options)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(to_bytes(payload), sync)

    def sendMessageFrame(self, payload, sync=False):
        return super().sendMessageFrame(to_bytes(payload), sync)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        return super().sendCloseFrame(code, to_bytes(reasonUtf8), isReply)

    def sendPing(self, payload=None):
        return super().sendPing(to_bytes(payload))

    # No wire log is kept.
    def enableWirelog(self, enable):
        self.createWirelog = enable

    def logTxFrame(self, *_):
        pass

    logRxFrame = logTxOctets = logRxOctets = logTxFrame

    def continueLater(self, delay, action, tag=None):
        reactor.callLater(delay, lambda: self.state == WebSocketProtocol.STATE_CLOSED or action())

    def killAfter(self, delay):
        self.continueLater(delay, self.failConnection)

    def closeAfter(self, delay):
        self.continueLater(delay, self.sendClose)

    def failConnection(self):
        self._fail_connection()

    def onOpen(self):
        self.connectionWasOpen = True
        self.runCase.onOpen()

    def onPong(self, payload):
        self.runCase.onPong(to_text(payload))

    def onMessage(self, message, binary):
        self.runCase.onMessage(message if self.raw else to_text(message), binary)

    def onClose(self, clean, code, reason):
        self.runCase.onClose(clean, code, reason)

    def connectionLost(self, reason):
        super().connectionLost(reason)
        case = self.runCase
        case.onConnectionLost(self.failedByMe)
        self.factory.results[self.case_id] = {
            "behavior": case.behavior,
            "behaviorClose": case.behaviorClose,
            "remoteCloseCode": self.remoteCloseCode,
            "duration": round(1000 * (time.monotonic() - self.started)),
            "result": case.result,
            "resultClose": case.resultClose,
            "description": self.case_class.DESCRIPTION,
            "expectation": self.case_class.EXPECTATION,
            "expected": repr(case.expected)[:400],
            "received": repr(case.received)[:400],
        }


class Suite(WebSocketClientFactory):
    """All cases, one after the other."""

    def __init__(self, url, patterns):
        super().__init__(url=url, useragent="autobahn")
        self.logOctets = self.logFrames = False
        self.setProtocolOptions(failByDrop=False)
        cases = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories)
        self.ids = cases.parseSpecCases({"cases": patterns, "exclude-cases": []})
        self.classes = cases.CasesById
        self.position = 0
        self.results = {}
        self.trouble = None

    def on_log(self, event):
        # An error of this program would otherwise be a silent standstill.
        if event["isError"]:
            self.end(log.textFromEventDict(event))

    def end(self, trouble=None):
        self.trouble = self.trouble or trouble
        if reactor.running:
            reactor.stop()

    def buildProtocol(self, address):
        case_id = self.ids[self.position]
        protocol = FuzzingClient(case_id, self.classes[case_id])
        protocol.factory = self
        return protocol

    def clientConnectionLost(self, connector, reason):
        self.position += 1
        if self.position < len(self.ids):
            connector.connect()
        else:
            self.end()

    def clientConnectionFailed(self, connector, reason):
        self.end(f"case {self.ids[self.position]}: cannot connect: {reason.getErrorMessage()}")


def read_reasons():
    """Case -> why it may be non-strict."""
    reasons = {}
    with open(NONSTRICT_LIST, encoding="utf-8") as file:
        for line in file:
            case_id, _, reason = line.strip().partition(" ")
            if case_id and not case_id.startswith("#"):
                if not reason.strip():
                    sys.exit(f"{NONSTRICT_LIST}: {case_id} gives no reason")
                reasons[case_id] = reason.strip()
    return reasons


def mistakes(suite, reasons):
    """What is wrong with the outcome, a sentence each."""
    if suite.trouble:
        yield suite.trouble
        return
    for case_id in suite.ids:
        result = suite.results.get(case_id)
        if result is None:
            yield f"{case_id}: not played"
            continue
        behavior, close = result["behavior"], result["behaviorClose"]
        if behavior not in ("OK", "NON-STRICT", "INFORMATIONAL") or close not in ("OK", "INFORMATIONAL"):
            yield f"{case_id}: {behavior}, close {close}: {result['result']} {result['resultClose']}"
        elif behavior == "NON-STRICT" and case_id not in reasons:
            yield f"{case_id}: NON-STRICT, and nonstrict.txt gives no reason: {result['result']}"
        elif behavior != "NON-STRICT" and case_id in reasons:
            yield f"{case_id}: stands in nonstrict.txt, but ended {behavior}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--report")
    parser.add_argument("--cases", nargs="+", default=GROUPS)
    arguments = parser.parse_args()

    suite = Suite(arguments.url, arguments.cases)
    log.addObserver(suite.on_log)
    started = time.monotonic()
    connectWS(suite)
    reactor.run()

    if arguments.report:
        with open(arguments.report, "w", encoding="utf-8") as file:
            json.dump(suite.results, file, indent=1, sort_keys=True)
    reasons = read_reasons()
    for case_id, result in suite.results.items():
        if result["behavior"] == "NON-STRICT":
            print(f"{case_id}: NON-STRICT: {reasons.get(case_id, 'no reason written down')}")
    wrong = list(mistakes(suite, reasons))
    for sentence in wrong:
        print(sentence)
    counts = Counter(result["behavior"] for result in suite.results.values())
    print(f"autobahn: {dict(counts)} in {time.monotonic() - started:.0f} s")
    print(f"{max(len(suite.results) - len(wrong), 0)} passed, {len(wrong)} failed")
    sys.exit(1 if wrong else 0)


main()
