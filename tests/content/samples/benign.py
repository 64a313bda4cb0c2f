"""Benign model files, with the names that real ones import, and other data that is no pickle."""

from __future__ import annotations

import json
import random
import struct
import zipfile
import zlib

from tests.content.samples import opcodes as op
from tests.content.samples.containers import compressed, gguf, npy, safetensors, tarred, torch_zip, zipped

NAME_SETS = {
    "optimizer.pt": ("torch.Tensor", "torch._tensor._rebuild_from_type_v2", "collections.defaultdict"),
    "rng_state.pth": (
        "numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype", "_codecs.encode", "torch.ByteStorage",
    ),
    "rng_state_0.pth": ("numpy._core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype", "_codecs.encode"),
    "training_args.bin": (
        "transformers.training_args.TrainingArguments", "transformers.training_args.OptimizerNames",
        "transformers.trainer_utils.IntervalStrategy", "transformers.trainer_utils.SchedulerType",
        "transformers.trainer_utils.HubStrategy", "transformers.trainer_utils.SaveStrategy",
        "transformers.trainer_pt_utils.AcceleratorConfig", "accelerate.state.PartialState",
        "accelerate.utils.dataclasses.DistributedType", "torch.device", "torch.bfloat16",
    ),
    "training_args_seq.bin": (
        "transformers.training_args_seq2seq.Seq2SeqTrainingArguments",
        "accelerate.utils.dataclasses.DeepSpeedPlugin", "transformers.integrations.deepspeed.HfDeepSpeedConfig",
        "transformers.integrations.deepspeed.HfTrainerDeepSpeedConfig",
    ),
    "training_args_sft.bin": ("trl.trainer.sft_config.SFTConfig", "transformers.trainer_utils.IntervalStrategy"),
    "training_args_swift.bin": ("swift.trainers.arguments.Seq2SeqTrainingArguments",),
    "training_args_axolotl.bin": ("axolotl.utils.dict.DictDefault", "modelscope.utils.hf_util.GenerationConfig"),
    "forest.pkl": (
        "sklearn.ensemble._forest.RandomForestClassifier", "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._tree.Tree", "numpy.core.multiarray.scalar", "numpy.dtype", "numpy.ndarray",
    ),
    "pipeline.pkl": (
        "sklearn.pipeline.Pipeline", "sklearn.preprocessing._data.StandardScaler",
        "sklearn.linear_model._logistic.LogisticRegression", "sklearn.feature_extraction.text.TfidfVectorizer",
        "scipy.sparse._csr.csr_matrix", "sklearn.impute._base.SimpleImputer",
        "sklearn.compose._column_transformer.ColumnTransformer", "sklearn.preprocessing._encoders.OneHotEncoder",
    ),
    "boosting.joblib": (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._gb.GradientBoostingRegressor", "sklearn.svm._classes.SVC", "sklearn.decomposition._pca.PCA",
        "sklearn.neighbors._classification.KNeighborsClassifier", "sklearn.naive_bayes.GaussianNB",
        "sklearn.cluster._kmeans.KMeans", "sklearn.calibration.CalibratedClassifierCV",
        "sklearn._loss._loss.__pyx_unpickle_CyHalfBinomialLoss", "sklearn.model_selection._search.GridSearchCV",
    ),
    "xgb.pkl": ("xgboost.sklearn.XGBClassifier", "xgboost.core.Booster"),
    "lgbm.pkl": ("lightgbm.sklearn.LGBMClassifier", "lightgbm.basic.Booster"),
    "frame.pkl": (
        "pandas.core.frame.DataFrame", "pandas.core.internals.managers.BlockManager",
        "pandas._libs.internals._unpickle_block", "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.base.Index", "builtins.slice",
    ),
    "dates.pkl": ("datetime.date", "datetime.datetime", "datetime.timezone", "decimal.Decimal"),
    "quantized.pt": ("torch._utils._rebuild_qtensor", "torch.QInt8Storage", "torch.per_tensor_affine"),
    "parameters.pt": ("torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter", "torch.FloatStorage"),
    "sparse.pt": ("torch._utils._rebuild_sparse_tensor", "torch.serialization._get_layout", "torch.Size"),
    "sets.pkl": ("builtins.set", "builtins.frozenset", "builtins.bytearray", "builtins.complex"),
    "python2.pkl": ("__builtin__.set", "copy_reg._reconstructor", "__builtin__.object"),
}  # fmt: skip


def _torch() -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    for storage in ("FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage", "ByteStorage", "BoolStorage"):
        state = op.state_dict(storage=storage)
        found[f"state-zip-{storage}"] = ("pytorch_model.bin", torch_zip(state))
        found[f"state-raw-{storage}"] = ("model.pt", state)
    state = op.state_dict(tensors=40)
    return found | {
        "state-zip-many": ("pytorch_model.bin", torch_zip(state)),
        "state-zip-deflated": ("model.pt", torch_zip(state, method=zipfile.ZIP_DEFLATED)),
        "state-legacy": ("model.pth", op.legacy(op.state_dict())),
        "state-legacy-bin": ("pytorch_model.bin", op.legacy(op.state_dict(), count=4)),
        "scheduler": ("scheduler.pt", torch_zip(op.proto(2) + b"}" + op.text2("last_epoch") + op.integer(3) + b"s.")),
        "serialization-id": ("model.pt", torch_zip(state, [("archive/.data/serialization_id", b"0" * 40)])),
        "torch-tar": ("model.pt", tarred([("sys_info", op.proto(2) + b"}."), ("pickle", op.state_dict())])),
    }


def _numbers() -> dict[str, tuple[str, bytes]]:
    plain = op.proto(4) + b"\x95\x0e\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s."
    return {
        "array-2": ("x.pkl", op.numpy_array(2)),
        "array-4": ("x.pkl", op.numpy_array(4, "numpy._core.multiarray")),
        "npy": ("x.npy", npy(bytes(16), "'<f8'")),
        "npy-structured": ("x.npy", npy(bytes(32), "[('x', '<f8'), ('O', '<i8')]")),
        "npz": ("x.npz", zipped([("a.npy", npy(bytes(16), "'<f8'"))])),
        "npz-deflated": ("x.npz", zipped([("a.npy", npy(bytes(16), "'<f8'"))], zipfile.ZIP_DEFLATED)),
        "npy-objects": ("x.npy", npy(op.proto(2) + b"](K\x01K\x02e.")),
        "joblib": ("model.joblib", op.joblib_array()),
        "joblib-large": ("model.joblib", op.joblib_array(count=200, content=b"\x00" + b"c" * 1600)),
        "joblib-objects": ("model.joblib", op.joblib_array("O8", content=op.proto(2) + b"](K\x01K\x02e.")),
        "plain-dict": ("vocab.pkl", plain),
        "plain-list-0": ("list.pkl", b"(lp0\nI1\naI2\na."),
        "two-streams": ("log.pkl", plain + plain),
        "nested-plain": ("log.pkl", op.proto(3) + b"C" + bytes([len(plain)]) + plain + b"."),
        **{f"joblib-{name}": (f"m.joblib.{name}", data) for name, data in compressed(op.joblib_array()).items()},
        **{f"pickle-{name}": (f"m.pkl.{name}", data) for name, data in compressed(op.state_dict()).items()},
    }


def _other() -> dict[str, tuple[str, bytes]]:
    noise = random.Random(7)
    png = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + noise.randbytes(300)
    parquet = b"PAR1" + noise.randbytes(400) + struct.pack("<I", 20) + b"PAR1"
    arrow = b"ARROW1\x00\x00" + noise.randbytes(300) + b"ARROW1"
    words = b"cat\ndog\nbird\ncow\nibex\nidea\nRat\n"
    template = "{% for message in messages %}{{ message.role }}: {{ message['content'] }}\n{% endfor %}"
    return {
        "json": ("vocab.json", json.dumps({f"w{n}": n for n in range(300)}).encode()),
        "json-config": ("config.json", b'{"architectures": ["BertModel"], "hidden_size": 768}'),
        "json-base64": ("data.json", json.dumps({"png": "gAx" + "A" * 60}).encode()),
        "png": ("picture.png", png),
        "jpeg": ("picture.jpg", b"\xff\xd8\xff\xe0" + noise.randbytes(400)),
        "parquet": ("train.parquet", parquet),
        "arrow": ("train.arrow", arrow),
        "csv": ("train.csv", b"id,text\n1,cats\n2,dogs\n" * 40),
        "words": ("labels.txt", words * 4),
        "words-model": ("vocab.model", words * 4),
        "merges": ("merges.txt", b"#version: 0.2\ni n\nt h\nc at\n" * 10),
        "safetensors": ("model.safetensors", safetensors({"format": "pt"})),
        "safetensors-padded": ("model.safetensors", safetensors(padding=7)),
        "gguf": ("model.gguf", gguf({"general.name": "x", "tokenizer.chat_template": template})),
        "gguf-tokens": ("model.gguf", gguf({"a": 1, "tokens": ["a", "b"], "tokenizer.chat_template": template})),
        "empty": ("empty.bin", b""),
        "zeros": ("zeros.bin", bytes(5000)),
        "noise": ("weights.bin", noise.randbytes(200_000)),
        "noise-dat": ("data.dat", b"\x80\x02" + noise.randbytes(3)[:0] + b"}."),
        "wav": ("a.wav", b"RIFF" + noise.randbytes(300)),
        "zip-pictures": ("images.zip", zipped([("a.png", png), ("b.txt", b"hello"), ("c.csv", b"1,2\n")])),
        "tar-pictures": ("images.tar", tarred([("a.png", png), ("a.cls", b"1"), ("a.json", b"{}")])),
        "gz-text": ("train.jsonl.gz", compressed(b'{"text": "cats"}\n' * 50)["gz"]),
        "zst-text": ("train.jsonl.zst", compressed(b'{"text": "cats"}\n' * 50)["zst"]),
        "zlib-data": ("x.bin", zlib.compress(noise.randbytes(2000))),
        "sentencepiece": ("spiece.model", b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02" * 40),
        "onnx": ("model.onnx", b"\x08\x07\x12\x07pytorch" + noise.randbytes(200)),
        "msgpack": ("flax_model.msgpack", b"\x81\xa6params\x81\xa1w\xc4\x04" + bytes(4)),
        "keras": ("model.keras", zipped([("config.json", b'{"module": "keras", "class_name": "Sequential"}'), ("metadata.json", b"{}")])),
        "pdf": ("paper.pdf", b"%PDF-1.7\n" + noise.randbytes(300)),
        "license": ("LICENSE", b"Apache License\nVersion 2.0\n" * 20),
    }  # fmt: skip


def benign_files() -> dict[str, tuple[str, bytes]]:
    """All of them: name to path and content."""
    found = {
        f"names-{name}-{protocol}": (name, op.only_import(*names, protocol=protocol))
        for name, names in NAME_SETS.items()
        for protocol in (2, 4)
    }
    return found | _torch() | _numbers() | _other()
