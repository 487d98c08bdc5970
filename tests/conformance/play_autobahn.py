"""Plays Autobahn's WebSocket cases against an echo server and judges the outcome.

usage: play_autobahn.py ws://HOST:PORT [--report FILE.json] [--cases 1.* 5.19 ...] [--jobs N]

The cases are this program's work more than the server's, so as many are played at once as there are
processors. Exit status 0: no case failed, and those that did not simply pass are exactly the ones that
exceptions.txt explains.
"""

import argparse
import fnmatch
import json
import multiprocessing
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

# All there is: 8 and 11 are empty.
GROUPS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*", "13.*"]
EXCEPTIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exceptions.txt")
PASSED = ("OK", "INFORMATIONAL")

# The longest wait for a peer, in seconds: what takes longer will never come.
DEADLINE = 60

class FuzzingClient(WebSocketClientProtocol):
    """One case on one connection. The names in camelCase are those that the cases call."""

    def __init__(self, factory, case_id, case_class):
        super().__init__()
        self.factory = factory
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


class Player(WebSocketClientFactory):
    """Plays one case after the other, for as long as there are some that nobody has taken."""

    def __init__(self, url, patterns, position):
        super().__init__(url=url, useragent="autobahn")
        self.logOctets = self.logFrames = False
        # How long a peer may take is not what is tested, and 1 s is little on a machine that others use, too.
        self.setProtocolOptions(
            failByDrop=False,
            openHandshakeTimeout=DEADLINE,
            closeHandshakeTimeout=DEADLINE,
            serverConnectionDropTimeout=DEADLINE,
        )
        cases = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories)
        self.ids = cases.parseSpecCases({"cases": patterns, "exclude-cases": []})
        self.classes = cases.CasesById
        # How many cases are taken, by whichever player.
        self.position = position
        self.case_id = None
        self.results = {}
        self.trouble = None
        self.ended = False

    def take(self):
        with self.position.get_lock():
            taken = self.position.value
            self.position.value += 1
        self.case_id = self.ids[taken] if taken < len(self.ids) else None
        return self.case_id

    def on_log(self, event):
        # An error of this program would otherwise be a silent standstill.
        if event["isError"]:
            self.end(log.textFromEventDict(event))

    def end(self, trouble=None):
        self.trouble = self.trouble or trouble
        if reactor.running and not self.ended:
            self.ended = True
            reactor.stop()

    def buildProtocol(self, address):
        return FuzzingClient(self, self.case_id, self.classes[self.case_id])

    def clientConnectionLost(self, connector, reason):
        if self.take():
            connector.connect()
        else:
            self.end()

    def clientConnectionFailed(self, connector, reason):
        self.end(f"case {self.case_id}: cannot connect: {reason.getErrorMessage()}")


def play(url, patterns, position, outcome):
    """The life of one player: a process, for each has one reactor."""
    player = Player(url, patterns, position)
    if player.take():
        log.addObserver(player.on_log)
        connectWS(player)
        reactor.run()
    outcome.send((player.ids, player.results, player.trouble))


def play_all(url, patterns, jobs):
    """Every case's id, the results, and what kept a player from going on."""
    context = multiprocessing.get_context("spawn")
    position = context.Value("i", 0)
    players = []
    for _ in range(jobs):
        mine, its = context.Pipe(duplex=False)
        process = context.Process(target=play, args=(url, patterns, position, its), daemon=True)
        process.start()
        its.close()
        players.append((process, mine))
    ids, results, troubles = [], {}, []
    for process, outcome in players:
        try:
            ids, its_results, trouble = outcome.recv()
            results |= its_results
            troubles += [trouble] if trouble else []
        except EOFError:
            troubles.append("a player broke down")
        process.join()
    return ids, results, troubles


def read_exceptions():
    """Pattern of cases -> how they end, and why that is right."""
    exceptions = {}
    with open(EXCEPTIONS, encoding="utf-8") as file:
        for line in file:
            pattern, outcome, reason = (line.strip().split(None, 2) + ["", "", ""])[:3]
            if pattern and not pattern.startswith("#"):
                if outcome not in ("NON-STRICT", "UNIMPLEMENTED") or not reason:
                    sys.exit(f"{EXCEPTIONS}: {pattern} does not say how it ends, and why")
                exceptions[pattern] = (outcome, reason)
    return exceptions


def exception(case_id, exceptions):
    matching = (found for pattern, found in exceptions.items() if fnmatch.fnmatchcase(case_id, pattern))
    return next(matching, (None, ""))


def mistakes(ids, results, exceptions):
    """What is wrong with the outcome, a sentence each."""
    for case_id in ids:
        result = results.get(case_id)
        if result is None:
            yield f"{case_id}: not played"
            continue
        behavior, close = result["behavior"], result["behaviorClose"]
        expected, _ = exception(case_id, exceptions)
        if expected and behavior != expected:
            yield f"{case_id}: stands in exceptions.txt as {expected}, but ended {behavior}"
        elif close not in PASSED or (not expected and behavior not in PASSED):
            yield f"{case_id}: {behavior}, close {close}: {result['result']} {result['resultClose']}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--report")
    parser.add_argument("--cases", nargs="+", default=GROUPS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    started = time.monotonic()
    ids, results, wrong = play_all(arguments.url, arguments.cases, arguments.jobs)
    if arguments.report:
        with open(arguments.report, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1, sort_keys=True)
    exceptions = read_exceptions()
    for pattern, (outcome, reason) in exceptions.items():
        print(f"{pattern}: {outcome}: {reason}")
    wrong += mistakes(ids, results, exceptions)
    for sentence in wrong:
        print(sentence)
    counts = Counter(result["behavior"] for result in results.values())
    print(f"autobahn: {dict(counts)} in {time.monotonic() - started:.0f} s")
    print(f"{max(len(ids) - len(wrong), 0)} passed, {len(wrong)} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
