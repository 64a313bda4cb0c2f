"""Hostile model files: every trick of the public reports, rebuilt from opcodes and bytes. None does anything."""

from __future__ import annotations

import base64
import json
import zipfile

from tests.content.samples import opcodes as op
from tests.content.samples.containers import (
    compressed,
    lz4_packed,
    npy,
    tarred,
    torch_zip,
    zip_defects,
    zipped,
)

GADGETS = (
    "posix.system", "nt.system", "os.system", "os.popen", "os.execv", "subprocess.Popen", "subprocess.check_output",
    "builtins.eval", "builtins.exec", "__builtin__.eval", "builtins.getattr", "builtins.__import__", "builtins.open",
    "builtins.compile", "operator.attrgetter", "operator.methodcaller", "functools.partial", "functools.reduce",
    "runpy.run_path", "runpy._run_code", "pip.main", "pip._internal.cli.main.main", "pydoc.pipepager", "pydoc.locate",
    "timeit.timeit", "cProfile.runctx", "trace.Trace", "code.InteractiveInterpreter", "doctest.debug_script",
    "ensurepip._run_pip", "uuid._get_command_stdout", "imaplib.IMAP4_stream", "multiprocessing.util.spawnv_passfds",
    "torch.utils.collect_env.run", "torch._inductor.codecache.compile_file", "numpy.testing._private.utils.runstring",
    "numpy.f2py.crackfortran.myeval", "pandas.read_pickle", "mlflow.projects.run", "pkgutil.resolve_name",
    "logging.FileHandler", "logging.config._resolve", "shutil.rmtree", "webbrowser.open", "socket.create_connection",
    "requests.get", "urllib.request.urlopen", "asyncio.unix_events._UnixSubprocessTransport._start",
    "distutils.spawn.spawn", "setuptools.sandbox.run_setup", "idlelib.pyshell.ModifiedInterpreter",
    "lib2to3.pgen2.pgen.ParserGenerator", "ctypes.CDLL", "importlib.import_module", "pickle.loads", "_pickle.loads",
    "marshal.loads", "types.FunctionType", "types.CodeType", "torch.load", "torch.hub.load", "torch.jit.load",
    "torch.storage._load_from_bytes", "joblib.load", "numpy.load", "dill._dill._create_function",
    "cloudpickle.cloudpickle._make_function", "bdb.Bdb.run", "pdb.run", "sqlite3.connect", "tempfile.mkstemp",
    "_aix_support._read_cmd_output", "_osx_support._read_output", "_pyrepl.pager.pipe_pager", "site.main",
    "torch.serialization.load", "torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression",
    "sklearn.utils._testing.assert_run_python_script", "sklearn.externals.joblib.load", "transformers.pipeline",
    "collections.OrderedDict.__init_subclass__", "torch._utils.sys.modules.get", "numpy.dtype.__reduce__",
    "__main__.Payload", "helper.run",
)  # fmt: skip
"""Names that have been used to run programs, write files or load more from inside a pickle, and relatives of them."""


def _forms() -> dict[str, bytes]:
    system = op.global_line("posix", "system")
    argument = op.text2(op.ARGUMENT)
    return {
        **{f"reduce-{number}": op.call("posix", "system", protocol=number) for number in (0, 2, 3, 4, 5)},
        "inst": b"(" + b"Vtrue\niposix\nsystem\n.",
        "obj": op.proto(2) + b"(" + system + argument + b"o.",
        "newobj": op.proto(2) + system + argument + b"\x85\x81.",
        "newobj-ex": op.proto(4) + system + argument + b"\x85}\x92.",
        "build": op.proto(2) + op.global_line("helper", "Thing") + b")\x81}" + argument + argument + b"sb.",
        "build-on-allowed-name": op.proto(2)
        + op.global_line("collections", "OrderedDict")
        + b"N}"
        + op.text2("update")
        + op.global_line("torch", "Size")
        + b"s\x86b.",
        "build-setstate": op.proto(2)
        + op.global_line("collections", "OrderedDict")
        + b")R}"
        + op.text2("__setstate__")
        + op.global_line("_codecs", "encode")
        + b"sb"
        + argument
        + b"b.",
        "ext1": op.proto(2) + b"\x82\x01" + argument + b"\x85R.",
        "ext2": op.proto(2) + b"\x83\x01\x01" + argument + b"\x85R.",
        "ext4": op.proto(2) + b"\x84\x01\x01\x00\x00" + argument + b"\x85R.",
        "dotted": op.proto(4) + op.stack_global("collections", "abc.sys.modules.get") + argument + b"\x85R.",
        "escape": op.proto(2) + b"V\\u0070osix\nV\\u0073ystem\n\x93" + argument + b"\x85R.",
        "string-escape": op.proto(2) + b"S'\\x70osix'\nS'\\x73ystem'\n\x93" + argument + b"\x85R.",
        "memo-bound-again": op.proto(4)
        + op.text("collections") + b"q\x000" + op.text("posix") + b"q\x000"
        + op.text("OrderedDict") + b"q\x010" + op.text("system") + b"q\x010h\x00h\x01\x93" + argument + b"\x85R.",
        "memo-mixed": op.proto(4)
        + op.text("posix") + b"\x940" + op.text("system") + b"p7\n0g0\nj\x07\x00\x00\x00\x93" + argument + b"\x85R.",
        "dup-pop": op.proto(4) + op.text("posix") + b"2" + op.text("x") + b"00" + op.text("system") + b"\x93" + argument + b"\x85R.",
        "pop-mark": op.proto(4) + op.text("posix") + b"(" + argument + b"1" + op.text("system") + b"\x93" + argument + b"\x85R.",
        "computed-name": op.proto(4)
        + op.global_line("_codecs", "encode") + op.text("posix") + b"\x85R" + op.text("system") + b"\x93" + argument + b"\x85R.",
        "no-stop": op.call("posix", "system")[:-1],
        "bad-opcode": op.call("posix", "system")[:-1] + b"\xff.",
        "underflow": op.call("posix", "system")[:-1] + b"000000.",
        "lying-frame": op.proto(4) + b"\x95\xff\xff\x00\x00\x00\x00\x00\x00" + op.call("posix", "system", protocol=4)[2:],
        "old-header": op.proto(0) + op.call("posix", "system", protocol=4)[2:],
        "result-popped": op.state_dict(extra=op.body()),
        "reduce-build": op.proto(2) + system + argument + b"\x85R}" + argument + argument + b"sb.",
        "call-of-call": op.proto(2) + op.global_line("collections", "OrderedDict") + b")R" + argument + b"\x85R.",
        "rebuild-from-type": op.proto(2)
        + op.global_line("torch._tensor", "_rebuild_from_type_v2") + b"(" + system + op.global_line("torch", "Tensor")
        + argument + b"\x85NtR.",
        "rebuild-computed": op.proto(2)
        + op.global_line("torch._tensor", "_rebuild_from_type_v2") + b"(" + op.global_line("collections", "OrderedDict")
        + b")R" + op.global_line("torch", "Tensor") + argument + b"\x85NtR.",
        "only-import": op.only_import("posix.system"),
        "in-dictionary": op.proto(2) + b"}" + argument + system + argument + b"\x85Rs.",
        "carriage-return": b"cposix\r\nsystem\r\n(Vtrue\ntR.",
        "unicode-module": op.proto(4) + op.stack_global("\u0440osix", "system") + argument + b"\x85R.",
    }  # fmt: skip


def _streams() -> dict[str, bytes]:
    call = op.call("posix", "system")
    plain = op.proto(2) + b"}."
    inside = op.proto(3) + b"C" + bytes([len(call)]) + call + b"."
    twice = op.proto(3) + b"C" + bytes([len(inside)]) + inside + b"."
    latin = op.proto(2) + op.text2(call.decode("latin-1")) + b"."
    long = call + b"0" * 5000
    return {
        "second": plain + call,
        "third": plain + plain + call,
        "second-protocol-4": plain + op.call("posix", "system", protocol=4),
        "second-protocol-0": plain + op.call("posix", "system", protocol=0),
        "behind-zeros": bytes(64) + call,
        "behind-text": b"weights of a model\n" * 8 + call,
        "behind-junk": bytes(range(129, 256)) * 3 + call,
        "after-zeros": plain + bytes(4096) + call,
        "after-junk": plain + b"\xfe" * 4096 + call,
        "protocol-0-behind-junk": b"\xfe" * 100 + op.call("posix", "system", protocol=0),
        "broken-then-call": op.proto(2) + b"\xff" + call,
        "nested": inside,
        "nested-twice": twice,
        "nested-text": latin,
        "nested-protocol-0": op.proto(3) + b"C" + bytes([len(op.call("posix", "system", protocol=0))])
        + op.call("posix", "system", protocol=0) + b".",
        "nested-long": op.proto(3) + b"B" + len(long).to_bytes(4, "little") + long + b".",
        "nested-bytearray": op.proto(5) + b"\x96" + len(call).to_bytes(8, "little") + call + b".",
        "nested-zip": op.proto(3) + b"B" + len(torch_zip(call)).to_bytes(4, "little") + torch_zip(call) + b".",
        "nested-string": op.proto(2) + b"T" + len(call).to_bytes(4, "little") + call + b".",
    }  # fmt: skip


def _containers() -> dict[str, tuple[str, bytes]]:
    call = op.call("posix", "system")
    state = op.state_dict(extra=op.body())
    whole = torch_zip(state)
    found: dict[str, tuple[str, bytes]] = {
        "torch-zip": ("pytorch_model.bin", whole),
        "torch-zip-deflated": ("pytorch_model.bin", torch_zip(state, method=zipfile.ZIP_DEFLATED)),
        "torch-zip-bz2": ("pytorch_model.bin", torch_zip(state, method=zipfile.ZIP_BZIP2)),
        "torch-zip-lzma": ("pytorch_model.bin", torch_zip(state, method=zipfile.ZIP_LZMA)),
        "torch-zip-other-pickle": ("model.pt", torch_zip(op.state_dict(), [("archive/constants.pkl", call)])),
        "torch-zip-other-name": ("model.pt", torch_zip(op.state_dict(), [("archive/readme", call)])),
        "torch-zip-data-name": ("model.pt", torch_zip(op.state_dict(), [("archive/data/x", call)])),
        "zip-in-zip": ("model.bin", zipped([("archive/inner.zip", zipped([("archive/data.pkl", call)]))])),
        "duplicate": ("model.bin", torch_zip(op.state_dict(), [("archive/data.pkl", state)])),
        "duplicate-benign": ("model.bin", torch_zip(op.state_dict(), [("archive/data.pkl", op.state_dict())])),
        "corrupt-member-first": (
            "model.bin",
            zipped([("archive/0.pkl", b"\x80\x02\xff"), ("archive/data.pkl", state)]),
        ),
        "renamed-torch": ("model.txt", whole),
        "torch-legacy": ("model.pth", op.legacy(state)),
        "torch-legacy-fifth": ("model.pth", op.legacy(op.state_dict()) + call),
        "torch-legacy-first": ("model.pth", call + op.legacy(op.state_dict())),
        "torch-tar": ("model.pt", tarred([("sys_info", op.proto(2) + b"}."), ("pickle", state)])),
        "tar-duplicate": ("model.tar", tarred([("a.ckpt", op.proto(2) + b"}."), ("a.ckpt", op.proto(2) + b"}.")])),
        "nemo": ("model.nemo", tarred([("model_config.yaml", b"a: 1\n"), ("model_weights.ckpt", whole)])),
        "nemo-gz": ("model.nemo", compressed(tarred([("model_weights.ckpt", whole)]))["gz"]),
        "joblib": ("model.joblib", op.joblib_array(after=op.body())),
        "joblib-objects": (
            "model.joblib",
            op.joblib_array("O8", content=op.proto(2) + b"](" + op.body() + b"K\x01e."),
        ),
        "npy": ("x.npy", npy(call)),
        "npy-structured": ("x.npy", npy(call, "[('a', '<f8'), ('b', '|O')]")),
        "npz": ("x.npz", zipped([("a.npy", npy(call))])),
        "npy-renamed": ("x.dat", npy(op.call("posix", "system", protocol=4))),
        "stable-baselines": (
            "a2c.zip",
            zipped(
                [("data", json.dumps({"policy_class": {":serialized:": base64.b64encode(call).decode()}}).encode())]
            ),
        ),
        "stable-baselines-deflated": (
            "a2c.zip",
            zipped(
                [("data", json.dumps({":serialized:": base64.b64encode(state).decode()}).encode())],
                zipfile.ZIP_DEFLATED,
            ),
        ),
        "7z": ("model.pt", b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(64)),
        "rar": ("model.bin", b"Rar!\x1a\x07\x01\x00" + bytes(64)),
        "pointer": (
            "pytorch_model.bin",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n",
        ),
        "keras-zip-pickle": ("model.keras", zipped([("config.json", b"{}"), ("extra.pkl", call)])),
        "polyglot-safetensors": ("model.safetensors", _polyglot()),
        "gzip-in-gzip": ("model.pkl.gz", compressed(compressed(call)["gz"])["gz"]),
        "gzip-second-member": ("m.pkl.gz", compressed(op.proto(2) + b"}.")["gz"] + compressed(call)["gz"]),
        "gzip-cut": ("m.pkl.gz", compressed(call)["gz"][:-6]),
        "zip-in-tar": ("model.tar", tarred([("m.pt", whole)])),
        "lz4-packed": ("m.pkl.lz4", lz4_packed(call)),
    }
    found |= {f"zip-{name}": ("pytorch_model.bin", data) for name, data in zip_defects(whole).items()}
    found |= {
        f"benign-zip-{name}": ("pytorch_model.bin", data)
        for name, data in zip_defects(torch_zip(op.state_dict())).items()
    }
    found |= {f"compressed-{name}": (f"m.pkl.{name}", data) for name, data in compressed(call).items()}
    found |= {f"joblib-{name}": ("model.joblib", data) for name, data in compressed(call).items()}
    found |= {f"compressed-zip-{name}": (f"m.pt.{name}", data) for name, data in compressed(whole).items()}
    return found


def _polyglot() -> bytes:
    """Safetensors whose first bytes are a pickle without a header: the header's length is an opcode with text."""
    length_of_text = 40
    text = b'{"__metadata__":{"a":"'.ljust(length_of_text - 3, b"x")
    header = text + b"0" + op.call("posix", "system", protocol=0) + b'"}}'
    size = ord("X") + (length_of_text << 8)
    return size.to_bytes(8, "little") + header.ljust(size)


def hostile_files() -> dict[str, tuple[str, bytes]]:
    """All of them: name to path and content."""
    found = {
        f"gadget-{name}": ("model.pkl", op.call(name.rpartition(".")[0], name.rpartition(".")[2])) for name in GADGETS
    }
    found |= {f"form-{name}": ("model.pkl", data) for name, data in _forms().items()}
    found |= {f"stream-{name}": ("model.pkl", data) for name, data in _streams().items()}
    found |= {
        f"renamed-{name or 'none'}": (f"weights{name}", op.call("posix", "system", protocol=number))
        for name in (
            "",
            ".bin",
            ".pt",
            ".pth",
            ".ckpt",
            ".dat",
            ".txt",
            ".json",
            ".png",
            ".md",
            ".h5",
            ".onnx",
            ".gguf",
        )
        for number in (2,)
    }
    return found | _containers()
