"""Constant folding of texts that code assembles to hide them: joined, sliced, decoded, made of numbers."""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
import copy
import html
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tokenaudit.constant_folding import UNKNOWN, ConstantFolder, Constants, spelled
from tokenaudit.text import words
from tokenaudit.work_budget import WorkBudget

_MOST_ELEMENTS = 4_096
_LONGEST = 1 << 18
"""Maximum number of characters of a folded text, enough for an encoded program of 256 KiB."""
_MOST_CHOICES = 8
"""Number of values of one operand that are combined with those of the others."""
_DEPTH = 40

_TEXT_METHODS = words(
    "capitalize casefold decode encode format hex join lower lstrip removeprefix removesuffix "
    "replace rstrip strip "
    "swapcase title translate upper"
)


def _inflate(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _LONGEST)


def _gunzip(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(data, _LONGEST)


_CODECS = words(
    "ascii base64 base64_codec hex hex_codec latin1 latin_1 raw_unicode_escape rot13 rot_13 "
    "unicode_escape utf16 utf_16 "
    "utf32 utf_32 utf7 utf_7 utf8 utf_8"
)
_WIDTH = re.compile(r"\d{4}|\*|:[^{}]*\{")
"""A width in a template, which can turn a short text into a long one."""


def _decode(value: str | bytes, encoding: str = "utf-8", *_: object) -> object:
    name = encoding.lower().replace("-", "_")
    if name in {"zlib", "zip", "zlib_codec"}:
        return _inflate(value if isinstance(value, bytes) else value.encode())
    if name not in _CODECS:
        message = f"codec {name} is not followed"
        raise LookupError(message)
    decode: Callable[..., object] = codecs.decode
    return decode(value, encoding)


def _formatted(template: str | bytes, values: object) -> object:
    if _WIDTH.search(template if isinstance(template, str) else template.decode("latin-1")):
        message = "a template with a width is not followed"
        raise ValueError(message)
    return template % values


def _method(name: str, keywords: dict[str, object]) -> Callable[..., object]:
    def call(value: Any, *arguments: Any) -> object:  # noqa: ANN401 - constants of any type
        if name == "decode":
            return _decode(value, *arguments, *map(str, keywords.values()))
        if name == "encode" and arguments and str(arguments[0]).lower().replace("-", "_") not in _CODECS:
            message = "codec is not followed"
            raise LookupError(message)
        if name == "format":
            _formatted(value.replace("%", ""), ())
        if name in {"replace", "join"} and len(value) * max(map(_length, arguments), default=0) > _LONGEST * 8:
            message = "the text becomes too long"
            raise ValueError(message)
        return getattr(value, name)(*arguments, **keywords)

    return call


def _length(value: object) -> int:
    return len(value) if isinstance(value, (str, bytes, tuple)) else 1


_FUNCTIONS: dict[str, Callable[..., object]] = {
    "ascii": ascii,
    "base64.a85decode": base64.a85decode,
    "base64.b16decode": base64.b16decode,
    "base64.b32decode": base64.b32decode,
    "base64.b64decode": base64.b64decode,
    "base64.b85decode": base64.b85decode,
    "base64.decodebytes": base64.decodebytes,
    "base64.standard_b64decode": base64.b64decode,
    "base64.urlsafe_b64decode": base64.urlsafe_b64decode,
    "binascii.a2b_base64": binascii.a2b_base64,
    "binascii.a2b_hex": binascii.a2b_hex,
    "binascii.unhexlify": binascii.unhexlify,
    "bytearray": bytes,
    "bytearray.fromhex": bytes.fromhex,
    "bytes": bytes,
    "bytes.fromhex": bytes.fromhex,
    "chr": chr,
    "codecs.decode": _decode,
    "gzip.decompress": _gunzip,
    "html.unescape": html.unescape,
    "list": tuple,
    "map": lambda function, values: tuple(_FUNCTIONS[function](v) for v in values),
    "ord": ord,
    "reversed": lambda values: tuple(reversed(values)),
    "str": str,
    "str.encode": lambda value, *_: value.encode(),
    "str.join": lambda separator, parts: separator.join(parts),
    "tuple": tuple,
    "unhexlify": binascii.unhexlify,
    "urllib.parse.unquote": unquote,
    "zlib.decompress": _inflate,
}
"""Pure functions, by full name, that can hide texts. None of them runs its argument."""

DECODERS = frozenset(name for name in _FUNCTIONS if "." in name and not name.startswith("str."))
"""Functions that decode data."""

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], object]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.BitXor: lambda left, right: left ^ right,
    ast.Mod: lambda left, right: _formatted(left, right) if isinstance(left, (str, bytes)) else left % right,
}


class TextFolder(ConstantFolder):
    """Constant folding of hidden texts up to 256 KiB.

    Lists and tuples of constants are constants too. `names` returns the full names of a called expression; without it,
    only names as written count.
    """

    def __init__(self, module: ast.Module, budget: WorkBudget) -> None:
        super().__init__(module, budget)
        self.depth = _DEPTH
        self.names: Callable[[ast.expr], frozenset[str]] = lambda _: frozenset()
        self._follow.update(
            {
                ast.BinOp: self._operation,
                ast.UnaryOp: self._negated,
                ast.List: self._sequence,
                ast.Tuple: self._sequence,
                ast.ListComp: self._comprehension,
                ast.GeneratorExp: self._comprehension,
                ast.Subscript: self._slice,
                ast.NamedExpr: lambda node, depth: self.of(node.value, depth + 1),
            }
        )

    def path(self, node: ast.expr) -> str:
        """The known parts of a path, joined with slashes: `Path.home() / ".ssh"` is `/.ssh`."""
        parts: list[str] = []
        pending = [node]
        while pending:
            self.budget.spend(5)
            one = pending.pop()
            if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Div, ast.Add)):
                pending += [one.right, one.left]
            elif isinstance(one, ast.Call) and spelled(one.func).endswith(("join", "joinpath", "Path", "expanduser")):
                pending += reversed(one.args)
                if isinstance(one.func, ast.Attribute) and one.func.attr == "joinpath":
                    pending.append(one.func.value)
            elif isinstance(one, ast.JoinedStr):
                pending += reversed(one.values)
            else:
                parts += self.of(one).texts()[:1]
        return "/".join(parts).replace("//", "/")

    def _operation(self, node: ast.BinOp, depth: int) -> Constants:
        """Sums of any length, remainders and differences of constants."""
        if isinstance(node.op, ast.Add):
            parts: list[ast.expr] = []
            left: ast.expr = node
            while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
                parts.append(left.right)
                left = left.left
            parts.append(left)
            found = self.of(parts[-1], depth + 1)
            for part in reversed(parts[:-1]):
                found = self._applied(_ARITHMETIC[ast.Add], [found, self.of(part, depth + 1)])
            return found
        if isinstance(node.op, ast.Mult):
            return self._repeated(node, depth)
        function = _ARITHMETIC.get(type(node.op))
        if function is None:
            return UNKNOWN
        return self._applied(function, [self.of(node.left, depth + 1), self.of(node.right, depth + 1)])

    def _negated(self, node: ast.UnaryOp, depth: int) -> Constants:
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            return UNKNOWN
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return self._applied(lambda value: sign * value, [self.of(node.operand, depth + 1)])

    def _repeated(self, node: ast.BinOp, depth: int) -> Constants:
        pair = [*self.of(node.left, depth + 1).values[:1], *self.of(node.right, depth + 1).values[:1]]
        texts = [v for v in pair if isinstance(v, (str, bytes))]
        numbers = [v for v in pair if isinstance(v, int)]
        if len(texts) != 1 or len(numbers) != 1 or not 0 <= numbers[0] * len(texts[0]) <= _MOST_ELEMENTS:
            return UNKNOWN
        return Constants((texts[0] * numbers[0],), sure=True)

    def _sequence(self, node: ast.List | ast.Tuple, depth: int) -> Constants:
        if len(node.elts) > _MOST_ELEMENTS:
            return UNKNOWN
        values = [self.of(element, depth + 1).values[:1] for element in node.elts]
        return Constants((tuple(v[0] for v in values),), sure=False) if all(values) else UNKNOWN

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> Constants:
        """Values of `chr(n ^ 3) for n in […]`: the expression for each element."""
        generator = node.generators[0]
        target = generator.target
        elements = self.of(generator.iter, depth + 1).values[:1]
        if len(node.generators) > 1 or not isinstance(target, ast.Name) or not elements or generator.ifs:
            return UNKNOWN
        if not isinstance(elements[0], (tuple, str, bytes)) or len(elements[0]) > _MOST_ELEMENTS:
            return UNKNOWN
        size = sum(1 for _ in ast.walk(node.elt))
        values: list[object] = []
        for element in elements[0]:
            self.budget.spend(50 * size)
            filled = _Fill(target.id, element).visit(copy.deepcopy(node.elt))
            found = self.of(filled, depth + 1).values[:1]
            if not found:
                return UNKNOWN
            values += found
        return Constants((tuple(values),), sure=False)

    def _slice(self, node: ast.Subscript, depth: int) -> Constants:
        if not isinstance(node.slice, ast.Slice):
            found = self._item(node, depth)
            if found.values:
                return found
            return self._applied(
                lambda value, index: value[index], [self.of(node.value, depth + 1), self.of(node.slice, depth + 1)]
            )
        bounds = [
            Constants((None,), sure=True) if bound is None else self.of(bound, depth + 1)
            for bound in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        return self._applied(
            lambda value, lower, upper, step: value[lower:upper:step], [self.of(node.value, depth + 1), *bounds]
        )

    def _call(self, node: ast.Call, depth: int) -> Constants:
        function = self._function(node.func)
        arguments = [self.of(argument, depth + 1) for argument in node.args]
        if function == "map" and node.args:
            inner = self._function(node.args[0])
            arguments[0] = Constants((inner,), sure=True) if inner else UNKNOWN
        if function:
            return self._applied(_FUNCTIONS[function], arguments)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS:
            method = node.func.attr
            receiver = self.of(node.func.value, depth + 1)
            if any(isinstance(value, (str, bytes)) for value in receiver.values):
                keywords = {k.arg: self.of(k.value, depth + 1).values[:1] for k in node.keywords if k.arg}
                if not all(keywords.values()):
                    return UNKNOWN
                given = {name: value[0] for name, value in keywords.items()}
                return self._applied(_method(method, given), [receiver, *arguments])
        return super()._call(node, depth)

    def _function(self, node: ast.expr) -> str:
        candidates = {*self.names(node), spelled(node)}
        plain = {name.removeprefix("builtins.") for name in candidates}
        return min((name for name in plain if name in _FUNCTIONS), default="")

    def _applied(self, function: Callable[..., object], operands: list[Constants]) -> Constants:
        """The results of a function for the first few values of each operand. If it raises, the result is unknown."""
        if not all(operand.values for operand in operands):
            return UNKNOWN
        combinations: list[tuple[object, ...]] = [()]
        for operand in operands:
            combinations = [(*head, v) for head in combinations for v in operand.values[:_MOST_CHOICES]][:_MOST_CHOICES]
        results: dict[object, None] = {}
        for arguments in combinations:
            longest = sum(len(a) for a in arguments if isinstance(a, (str, bytes, tuple)))
            self.budget.spend(20 + longest // 8)
            if longest > _LONGEST or any(isinstance(a, int) and a > _LONGEST for a in arguments):
                continue
            try:
                result = function(*arguments)
                hash(result)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error):
                continue  # the examined code would fail here too
            if not isinstance(result, (str, bytes, tuple)) or len(result) <= _LONGEST:
                results[result] = None
        return Constants(tuple(results), sure=False)


class _Fill(ast.NodeTransformer):
    """Replaces a name with a constant."""

    def __init__(self, name: str, value: object) -> None:
        self._name = name
        self._value = value

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id != self._name or not isinstance(self._value, (str, bytes, int, float, tuple, type(None))):
            return node
        return ast.copy_location(ast.Constant(value=self._value), node)  # type: ignore[arg-type]
