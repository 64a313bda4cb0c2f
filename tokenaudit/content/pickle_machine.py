"""Follows the opcodes of a pickle without executing them: which names it imports and calls, and what it hides.

The stack contains what is known about each value: text and numbers, imported names, calls and small containers; None
for everything else. Names can be assembled on the stack, moved with DUP and POP, and memoized again. Therefore only the
stack shows what STACK_GLOBAL imports.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable

from tokenaudit.content.byte_range import ByteRange, ContentBudget, LimitReachedError
from tokenaudit.content.pickle_input import (
    LONGEST_TEXT,
    SHORTEST_PICKLE,
    BrokenPickleError,
    CallResult,
    Name,
    PickleInput,
    PickleWalk,
    Value,
    fail,
    may_be_pickle,
)

_MOST_ITEMS = 1 << 16
_ARGUMENT = 9
"""Size in bytes of an opcode with the longest argument of fixed length."""
_STEPS = 1024

_RISKY_ATTRIBUTES = frozenset(
    [
        "__bases__",
        "__builtins__",
        "__call__",
        "__class__",
        "__code__",
        "__del__",
        "__getattr__",
        "__getattribute__",
        "__globals__",
        "__import__",
        "__init__",
        "__new__",
        "__reduce__",
        "__reduce_ex__",
        "__setattr__",
        "__setstate__",
        "__subclasses__",
    ]
)
"""Attributes that change what a later opcode calls if BUILD sets them."""


def walk_pickle(source: ByteRange, at: int, budget: ContentBudget) -> PickleWalk:
    """Follows the pickle at `at` to its STOP or to the first opcode that can't be executed.

    Raises:
        OSError: the bytes can't be read.
    """
    machine = _Machine(source, at, budget)
    machine.run()
    return machine.walk


_ELEMENT_SIZES = {
    "Float": 4, "Double": 8, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
    "ComplexFloat": 8, "ComplexDouble": 16, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1,
    "Untyped": 1,
}  # fmt: skip
_STORAGE = re.compile(r"torch\.(?:cuda\.|storage\.)?(\w+?)Storage")
_DTYPE = re.compile(r"[<>|=]?([biufcSUVOmM?])(\d*)")
_LATIN_PICKLE = "\x80"
_MOST_KEPT, _OVERHEAD = 80 << 20, 60
"""Bytes of text that are kept, including Python's overhead; later text, and names made of it, are unknown."""


class _Machine(PickleInput):
    def __init__(self, source: ByteRange, at: int, budget: ContentBudget) -> None:
        super().__init__(source, at, budget)
        self.stack: list[Value] = []
        self.marks: list[int] = []
        self.memo: list[Value] = []
        self.far_memo: dict[int, Value] = {}
        self.floor = 0
        self.stopped = False
        self.risky: str | None = None
        self.kept = 0

    def run(self) -> None:
        """Executes opcodes until STOP or an error."""
        handlers = _HANDLERS
        steps = 0
        try:
            while not self.stopped:
                if self.i + _ARGUMENT > len(self.buffer):
                    self.fill()
                opcode = self.buffer[self.i]
                self.i += 1
                handlers[opcode](self)
                steps += 1
                if not steps % _STEPS:
                    self.budget.spend_operations(_STEPS)
        except BrokenPickleError as error:
            self.walk.broken = str(error)
        except LimitReachedError as error:
            self.walk.cut = str(error)
        self.walk.opcodes = steps
        self.walk.stopped = self.base + self.i
        self.budget.operations_left -= steps % _STEPS

    def _pop(self) -> Value:
        if len(self.stack) <= self.floor:
            fail("takes more from the stack than is on it")
        return self.stack.pop()

    def _top(self) -> Value:
        if len(self.stack) <= self.floor:
            fail("takes more from the stack than is on it")
        return self.stack[-1]

    def _pop_mark(self) -> list[Value]:
        if not self.marks:
            fail("has no mark")
        at = self.marks.pop()
        self.floor = self.marks[-1] if self.marks else 0
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def none(self) -> None:
        self.stack.append(None)

    def fixed(self, length: int) -> None:
        self.take(length)
        self.stack.append(None)

    def binint1(self) -> None:
        self.stack.append(self.read_number(1))

    def binint2(self) -> None:
        self.stack.append(self.read_number(2))

    def binint(self) -> None:
        self.stack.append(int.from_bytes(self.take(4), "little", signed=True))

    def long1(self) -> None:
        self.stack.append(int.from_bytes(self.take(self.read_number(1)), "little", signed=True))

    def long4(self) -> None:
        self.read_content(4)
        self.stack.append(None)

    def int_line(self) -> None:
        line = self.read_line().strip()
        self.stack.append(int(line) if re.fullmatch(rb"-?\d{1,20}", line) else None)

    def line(self) -> None:
        self.read_line()
        self.stack.append(None)

    def binfloat(self) -> None:
        self.take(8)
        self.stack.append(None)

    def _push_text(self, content: bytes | None, encoding: str) -> None:
        if content is None or len(content) > LONGEST_TEXT:
            self.stack.append(None)
            return
        try:
            text = content.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        except UnicodeError:
            fail("has text in the wrong encoding")
        if text.startswith(_LATIN_PICKLE):
            self.nest_decoded(content)
        if text in _RISKY_ATTRIBUTES:
            self.risky = text
        self.kept += len(text) + _OVERHEAD
        self.stack.append(text if self.kept <= _MOST_KEPT else None)

    def short_binunicode(self) -> None:
        self._push_text(self.read_content(1), "utf-8")

    def binunicode(self) -> None:
        self._push_text(self.read_content(4), "utf-8")

    def binunicode8(self) -> None:
        self._push_text(self.read_content(8), "utf-8")

    def unicode_line(self) -> None:
        line = self.read_line()
        if line.startswith((b"\\u0080", b"\x80")):
            self._remember_bytes(line.decode("raw_unicode_escape", "replace").encode("latin-1", "replace"))
        self._push_text(line, "raw_unicode_escape")

    def string_line(self) -> None:
        line = self.read_line().strip()
        quoted = len(line) > 1 and line[:1] == line[-1:] and line[:1] in {b"'", b'"'}
        if not quoted:
            fail("has a string without quotes")
        content = _ESCAPE.sub(_unescaped, line[1:-1])
        self._remember_bytes(content)
        self._push_text(content, "latin-1")

    def _remember_bytes(self, content: bytes) -> None:
        if len(content) >= SHORTEST_PICKLE and may_be_pickle(content):
            self.walk.nested_bytes.append(content)

    def binstring(self) -> None:
        self._push_text(self.read_content(4), "latin-1")

    def short_binstring(self) -> None:
        self._push_text(self.read_content(1), "latin-1")

    def binbytes(self) -> None:
        self.read_content(4)
        self.stack.append(None)

    def short_binbytes(self) -> None:
        self.read_content(1)
        self.stack.append(None)

    def binbytes8(self) -> None:
        self.read_content(8)
        self.stack.append(None)

    def mark(self) -> None:
        self.floor = len(self.stack)
        self.marks.append(self.floor)

    def empty_list(self) -> None:
        self.stack.append([])

    def empty_dict(self) -> None:
        self.stack.append({})

    def list_of_items(self) -> None:
        items = self._pop_mark()
        self.stack.append(items if len(items) <= _MOST_ITEMS else None)

    def append(self) -> None:
        value = self._pop()
        self._extend([value])

    def appends(self) -> None:
        self._extend(self._pop_mark())

    def _extend(self, items: list[Value]) -> None:
        target = self._top()
        if isinstance(target, list) and len(target) + len(items) <= _MOST_ITEMS:
            target += items
        elif isinstance(target, Name):
            self._unknown(f"appends to {target.text} itself")

    def tuple_of_items(self) -> None:
        items = self._pop_mark()
        self.stack.append(tuple(items) if len(items) <= _MOST_ITEMS else None)

    def tuple1(self) -> None:
        self.stack.append((self._pop(),))

    def tuple2(self) -> None:
        second, first = self._pop(), self._pop()
        self.stack.append((first, second))

    def tuple3(self) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self.stack.append((first, second, third))

    def dict_of_items(self) -> None:
        items = self._pop_mark()
        self.stack.append({})
        self._update(items)

    def setitem(self) -> None:
        value, key = self._pop(), self._pop()
        self._update([key, value])

    def setitems(self) -> None:
        self._update(self._pop_mark())

    def _update(self, items: list[Value]) -> None:
        if len(items) % 2:
            fail("has a key without a value")
        target = self._top()
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(key, str) and len(target) < _MOST_ITEMS:
                    target[key] = value
        elif isinstance(target, Name):
            self._unknown(f"sets items of {target.text} itself")

    def additems(self) -> None:
        self._pop_mark()
        self._top()

    def frozenset_of_items(self) -> None:
        self._pop_mark()
        self.stack.append(None)

    def pop(self) -> None:
        if len(self.stack) > self.floor:
            self.stack.pop()
        else:
            self._pop_mark()

    def pop_mark(self) -> None:
        self._pop_mark()

    def dup(self) -> None:
        self.stack.append(self._top())

    def _put(self, index: int) -> None:
        value = self._top()
        memo = self.memo
        if index == len(memo):
            memo.append(value)
            self.far_memo.pop(index, None)
        elif index < len(memo):
            memo[index] = value
        else:
            self.far_memo[index] = value
            if len(self.far_memo) > _MOST_ITEMS:
                fail("uses more of the memo than is followed")

    def _get(self, index: int) -> None:
        if 0 <= index < len(self.memo):
            self.stack.append(self.memo[index])
        elif index in self.far_memo:
            self.stack.append(self.far_memo[index])
        else:
            fail("reads an entry of the memo that is not set")

    def binput(self) -> None:
        self._put(self.read_number(1))

    def long_binput(self) -> None:
        self._put(self.read_number(4))

    def put_line(self) -> None:
        self._put(self._index())

    def memoize(self) -> None:
        self._put(len(self.memo) + len(self.far_memo))

    def binget(self) -> None:
        self._get(self.read_number(1))

    def long_binget(self) -> None:
        self._get(self.read_number(4))

    def get_line(self) -> None:
        self._get(self._index())

    def _index(self) -> int:
        line = self.read_line().strip()
        if not re.fullmatch(rb"\d{1,10}", line):
            fail("has a memo index that is not a number")
        return int(line)

    def _unknown(self, what: str) -> None:
        self.walk.unknown.setdefault(what)

    def _import(self, module: str, name: str) -> Name:
        imported = Name(f"{module}.{name}")
        self.walk.names.setdefault(imported.text)
        return imported

    def global_line(self) -> None:
        self.stack.append(self._import(*self._two_lines()))

    def _two_lines(self) -> tuple[str, str]:
        try:
            return self.read_line().decode("utf-8").rstrip("\r"), self.read_line().decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            fail("imports a name that is not text")

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(module, str) and isinstance(name, str):
            self.stack.append(self._import(module, name))
        else:
            self._unknown("imports a name that is not in the file as text")
            self.stack.append(None)

    def extension(self, width: int) -> None:
        self._unknown(f"imports by number {self.read_number(width)} of the copyreg table")
        self.stack.append(None)

    def _call(self, called: Value, arguments: Value) -> None:
        if isinstance(called, Name):
            self.walk.called.setdefault(called.text)
            if called.text in _CALLS_ITS_ARGUMENT and not (
                isinstance(arguments, tuple) and arguments and isinstance(arguments[0], Name)
            ):
                self._unknown(f"{called.text} calls a function that the file does not name")
            elif called.text in _CALLS_ITS_ARGUMENT and isinstance(arguments, tuple):
                first = arguments[0]
                self.walk.called.setdefault(first.text if isinstance(first, Name) else "")
            self.stack.append(CallResult(called.text, arguments))
        else:
            self._unknown("calls a value that is not imported by name")
            self.stack.append(None)

    def reduce(self) -> None:
        arguments = self._pop()
        self._call(self._pop(), arguments)

    def newobj(self) -> None:
        arguments = self._pop()
        self._call(self._pop(), arguments)

    def newobj_ex(self) -> None:
        self._pop()
        arguments = self._pop()
        self._call(self._pop(), arguments)

    def obj(self) -> None:
        items = self._pop_mark()
        if not items:
            fail("has no class to create an object of")
        self._call(items[0], tuple(items[1:]))

    def inst(self) -> None:
        imported = self._import(*self._two_lines())
        self._call(imported, tuple(self._pop_mark()))

    def build(self) -> None:
        state = self._pop()
        target = self._top()
        if isinstance(target, Name):
            self._unknown(f"sets attributes of {target.text} itself")
        if self.risky is not None:
            self._unknown(f"sets an attribute such as {self.risky}")
        if isinstance(target, CallResult):
            target.state = state
            if target.name in _ARRAY_WRAPPERS:
                self._array(target)

    def _array(self, wrapper: CallResult) -> None:
        """Skips the bytes of an array that joblib writes between two opcodes."""
        state = wrapper.state if isinstance(wrapper.state, dict) else {}
        dtype = state.get("dtype")
        shape = state.get("shape")
        code = dtype.arguments[0] if isinstance(dtype, CallResult) and isinstance(dtype.arguments, tuple) else None
        matched = _DTYPE.fullmatch(code) if isinstance(code, str) else None
        if matched is None or not isinstance(shape, tuple) or not all(isinstance(each, int) for each in shape):
            fail("contains an array of unknown size")
        count = 1
        for each in shape:
            count *= each if isinstance(each, int) else 1
        at = self.base + self.i
        if matched[1] == "O":
            # Another pickle is between the opcodes; following it shows where it ends.
            inner = walk_pickle(self.source, at, self.budget)
            self._join(inner)
            if inner.cut is not None:
                raise LimitReachedError(inner.cut)
            if inner.end is None:
                fail(inner.broken or "contains an array of objects without an end")
            self.skip(inner.end - at)
            return
        width = (4 if matched[1] == "U" else 1) * int(matched[2] or 1)
        if "numpy_array_alignment_bytes" in state and state["numpy_array_alignment_bytes"] is not None:
            padding = self.source.read(at, 1)
            length = 1 + (padding[0] if padding else 0)
        else:
            length = 0
        length += count * width
        if count < 0 or length > self.source.size - at:
            fail("has an array beyond the end of the file")
        self.walk.arrays.append((at, length))
        self.skip(at + length - self.base - self.i)

    def _join(self, inner: PickleWalk) -> None:
        for mine, other in (
            (self.walk.names, inner.names),
            (self.walk.called, inner.called),
            (self.walk.unknown, inner.unknown),
        ):
            mine.update(other)
        self.walk.nested += inner.nested
        self.walk.nested_text += inner.nested_text
        self.walk.nested_bytes += inner.nested_bytes

    def persid(self) -> None:
        self.read_line()
        self.stack.append(None)

    def binpersid(self) -> None:
        key = self._pop()
        if isinstance(key, tuple) and len(key) >= _STORAGE_FIELDS and key[0] == "storage":
            kind, name, count = key[1], key[2], key[4]
            matched = _STORAGE.fullmatch(kind.text) if isinstance(kind, Name) else None
            if matched and isinstance(name, str) and isinstance(count, int):
                self.walk.storages[name] = count * _ELEMENT_SIZES.get(matched[1].lstrip("_"), 1)
        self.stack.append(None)

    def proto(self) -> None:
        if self.read_number(1) > _NEWEST:
            fail("has a protocol newer than 5")

    def frame(self) -> None:
        self.take(8)  # loaders treat a wrong length differently: it proves nothing

    def buffer_out_of_band(self) -> None:
        self.stack.append(None)

    def readonly(self) -> None:
        self._top()

    def stop(self) -> None:
        self.walk.value = self._pop()
        self.walk.end = self.base + self.i
        self.stopped = True

    def invalid(self) -> None:
        fail(f"has the unknown opcode 0x{self.buffer[self.i - 1]:02x}")


_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPED = dict(zip(b"abfnrtv\\'\"\n", (7, 8, 12, 10, 13, 9, 11, 92, 39, 34, None), strict=True))


def _unescaped(found: re.Match[bytes]) -> bytes:
    """The character of a Python escape; an unknown escape stands for itself."""
    if found[1] is not None:
        return bytes([int(found[1], 16)])
    if found[2] is not None:
        return bytes([int(found[2], 8) & 0xFF])
    if found[3] == b"x":
        fail("has a string with an invalid escape")
    code = _ESCAPED.get(found[3][0], -1)
    return b"" if code is None else found[0] if code < 0 else bytes([code])


_NEWEST = 5
_STORAGE_FIELDS = 5
_CALLS_ITS_ARGUMENT = frozenset({"torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type"})
_ARRAY_WRAPPERS = frozenset(
    {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
)


_BY_OPCODE: dict[str, Callable[[_Machine], None]] = {
    "INT": _Machine.int_line, "BININT": _Machine.binint, "BININT1": _Machine.binint1, "BININT2": _Machine.binint2,
    "LONG": _Machine.line, "LONG1": _Machine.long1, "LONG4": _Machine.long4,
    "STRING": _Machine.string_line, "BINSTRING": _Machine.binstring, "SHORT_BINSTRING": _Machine.short_binstring,
    "BINBYTES": _Machine.binbytes, "SHORT_BINBYTES": _Machine.short_binbytes, "BINBYTES8": _Machine.binbytes8,
    "BYTEARRAY8": _Machine.binbytes8, "NEXT_BUFFER": _Machine.buffer_out_of_band, "READONLY_BUFFER": _Machine.readonly,
    "NONE": _Machine.none, "NEWTRUE": _Machine.none, "NEWFALSE": _Machine.none,
    "UNICODE": _Machine.unicode_line, "SHORT_BINUNICODE": _Machine.short_binunicode,
    "BINUNICODE": _Machine.binunicode, "BINUNICODE8": _Machine.binunicode8,
    "FLOAT": _Machine.line, "BINFLOAT": _Machine.binfloat,
    "EMPTY_LIST": _Machine.empty_list, "APPEND": _Machine.append, "APPENDS": _Machine.appends,
    "LIST": _Machine.list_of_items, "EMPTY_TUPLE": lambda machine: machine.stack.append(()),
    "TUPLE": _Machine.tuple_of_items, "TUPLE1": _Machine.tuple1, "TUPLE2": _Machine.tuple2, "TUPLE3": _Machine.tuple3,
    "EMPTY_DICT": _Machine.empty_dict, "DICT": _Machine.dict_of_items, "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems, "EMPTY_SET": _Machine.none, "ADDITEMS": _Machine.additems,
    "FROZENSET": _Machine.frozenset_of_items, "POP": _Machine.pop, "DUP": _Machine.dup, "MARK": _Machine.mark,
    "POP_MARK": _Machine.pop_mark, "GET": _Machine.get_line, "BINGET": _Machine.binget,
    "LONG_BINGET": _Machine.long_binget, "PUT": _Machine.put_line, "BINPUT": _Machine.binput,
    "LONG_BINPUT": _Machine.long_binput, "MEMOIZE": _Machine.memoize,
    "EXT1": lambda machine: machine.extension(1), "EXT2": lambda machine: machine.extension(2),
    "EXT4": lambda machine: machine.extension(4),
    "GLOBAL": _Machine.global_line, "STACK_GLOBAL": _Machine.stack_global, "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build, "INST": _Machine.inst, "OBJ": _Machine.obj, "NEWOBJ": _Machine.newobj,
    "NEWOBJ_EX": _Machine.newobj_ex, "PROTO": _Machine.proto, "STOP": _Machine.stop, "FRAME": _Machine.frame,
    "PERSID": _Machine.persid, "BINPERSID": _Machine.binpersid,
}  # fmt: skip

_HANDLERS: list[Callable[[_Machine], None]] = [_Machine.invalid] * 256
for _opcode in pickletools.opcodes:
    _HANDLERS[ord(_opcode.code)] = _BY_OPCODE[_opcode.name]
