"""Makes the cases of the PyPI package `autobahntestsuite` importable under Python 3.

The package is written for Python 2. Its case classes are plain and small, so their source is converted
when it is imported, and they go on living in the world of Python 2's byte strings: a payload is a `str`
in which each character is one byte (latin-1). `to_bytes` and `to_text` cross the border.

Importing this module makes `case` and `caseset` importable; it never touches the installed package.
"""

import binascii
import importlib.abc
import importlib.util
import os
import re
import sys
import types

from autobahn.websocket.utf8validator import Utf8Validator
from fissix import refactor

ENCODING = "latin-1"


def to_bytes(value):
    return value.encode(ENCODING) if isinstance(value, str) else None if value is None else bytes(value)


def to_text(value):
    return value.decode(ENCODING) if isinstance(value, (bytes, bytearray)) else value


def _package_folder():
    for path in sys.path:
        folder = os.path.join(path, "autobahntestsuite")
        if os.path.isdir(os.path.join(folder, "case")):
            return folder
    sys.exit("autobahntestsuite is not installed: run `cargo xtask tools`")


PACKAGE = _package_folder()

_FIXES = (
    "print has_key xrange unicode except raise dict next map filter zip ne repr numliterals exec long basestring"
)
_converter = refactor.RefactoringTool([f"fissix.fixes.fix_{name}" for name in _FIXES.split()])

# Names that autobahn 0.17 renamed from camelCase.
_RENAMED = (
    "acceptNoContextTakeover",
    "acceptMaxWindowBits",
    "requestNoContextTakeover",
    "requestMaxWindowBits",
)


def _convert(path):
    with open(path, encoding=ENCODING) as file:
        source = file.read()
    source = re.sub(r"^#.*coding[:=].*$", "#", source, flags=re.M)
    source = str(_converter.refactor_string(source.expandtabs(8) + "\n", path))
    source = source.replace("(object, Case, )", "(Case, )").replace("(object, Case,)", "(Case, )")
    # Cases 12 (compression) stay with real bytes.
    if os.path.basename(path) != "case12_x_x.py":
        source = re.sub(r"\bimport binascii\b", "import _text_binascii as binascii", source)
        source = re.sub(
            r'\.encode\("utf-?8"\)', '.encode("utf-8", "surrogatepass").decode("latin-1")', source
        )
    for name in _RENAMED:
        source = source.replace(name, re.sub("[A-Z]", lambda match: "_" + match.group().lower(), name))
    source = source.replace("len(self.payload) / self", "len(self.payload) // self")
    source = source.replace("from zope.interface import implements", "implements = lambda *_: None")
    source = source.replace("from autobahn.websocket.utf8validator import", "from _text_utf8 import")
    return source.replace(
        "import copy, os, pkg_resources, hashlib, binascii",
        "import copy, os, hashlib, binascii\nimport _package_files as pkg_resources",
    )


class _TextUtf8Validator:
    def __init__(self):
        self._inner = Utf8Validator()

    def reset(self):
        self._inner.reset()

    def validate(self, text):
        return self._inner.validate(to_bytes(text))


def _provide(name, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


def _hex(text):
    return binascii.b2a_hex(to_bytes(text)).decode()


_provide("_text_binascii", b2a_hex=_hex, hexlify=_hex)
_provide("_text_utf8", Utf8Validator=_TextUtf8Validator)
_provide("_package_files", resource_filename=lambda _, relative: os.path.join(PACKAGE, relative))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `case`, `case.caseN_N_N` and `caseset`, which import each other by relative names."""

    def find_spec(self, name, path=None, target=None):
        base = name.rsplit(".", 1)[-1]
        if name == "case":
            file = os.path.join(PACKAGE, "case", "__init__.py")
        elif name == "caseset":
            file = os.path.join(PACKAGE, "caseset.py")
        elif re.fullmatch(r"(case\.)?case\w*", name):
            file = os.path.join(PACKAGE, "case", f"{base}.py")
        else:
            return None
        if not os.path.exists(file):
            return None
        return importlib.util.spec_from_loader(name, self, origin=file, is_package=name == "case")

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        path = module.__spec__.origin
        source = _convert(path)
        if module.__name__ == "case" or module.__name__.startswith("case."):
            # Inside the package, `from case import X` means case/case.py.
            source = re.sub(r"^from (case\w*) import", r"from case.\1 import", source, flags=re.M)
            source = re.sub(r"^import (case\d\w*)\b", r"import case.\1 as \1", source, flags=re.M)
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))


sys.meta_path.insert(0, _Finder())
