"""Judges the names that a pickle imports by an allowlist. Every other name is code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

PickleVerdict: TypeAlias = Literal["only-tensors", "known-library-objects", "code"]
"""The worst of a pickle's names: weights and plain values, objects of a well-known library, or anything else."""

_STORAGES = (
    "Float Double Half BFloat16 Long Int Short Char Byte Bool ComplexFloat ComplexDouble QInt8 QUInt8 QInt32"
    " QUInt4x2 QUInt2x4 Untyped Typed"
)
_DTYPES = (
    "float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool"
    " complex32 complex64 complex128 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz qint8 quint8 qint32"
    " strided sparse_coo sparse_csr per_tensor_affine per_channel_affine contiguous_format channels_last"
    " preserve_format Size device Tensor Generator"
)
_REBUILDERS = (
    "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state"
    " _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_meta_tensor_no_storage"
    " _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor _rebuild_nested_tensor"
)
_BUILTINS = "set frozenset bytearray bytes complex int float bool str list dict tuple slice range"

TENSOR_NAMES = frozenset(
    [
        "collections.OrderedDict",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "_codecs.encode",
        "torch._tensor._rebuild_from_type_v2",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
        "torch.serialization._get_layout",
        "torch.storage.UntypedStorage",
        "torch.storage.TypedStorage",
        "torch.storage._UntypedStorage",
        "torch.storage._TypedStorage",
        "numpy.ndarray",
        "numpy.dtype",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        *(f"torch.{name}Storage" for name in _STORAGES.split()),
        *(f"torch.cuda.{name}Storage" for name in _STORAGES.split()),
        *(f"torch.{name}" for name in _DTYPES.split()),
        *(f"torch._utils.{name}" for name in _REBUILDERS.split()),
        *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in _BUILTINS.split()),
        *(
            f"numpy.{core}.{name}"
            for core in ("core", "_core")
            for name in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
        ),
    ]
)
"""Names that create weights and plain values. None of them runs code for any argument, except
`_rebuild_from_type_v2`, which calls its first argument; the machine follows that call."""

_KNOWN_NAMES = frozenset(
    [
        "copyreg._reconstructor",
        "copy_reg._reconstructor",
        "builtins.object",
        "__builtin__.object",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.WindowsPath",
        "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath",
        "pathlib._local.WindowsPath",
        "types.SimpleNamespace",
        "argparse.Namespace",
        "numpy.matrix",
        "numpy.ma.core._mareconstruct",
        "numpy.ma.core.MaskedArray",
        "numpy.random._pickle.__randomstate_ctor",
        "numpy.random._pickle.__generator_ctor",
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random._mt19937.MT19937",
        "numpy.random._pcg64.PCG64",
        "numpy.random._pcg64.PCG64DXSM",
        "numpy.random._philox.Philox",
        "numpy.random._sfc64.SFC64",
        "numpy.random.bit_generator.SeedSequence",
        "numpy.random._bit_generator.SeedSequence",
        "numpy.random.mtrand.RandomState",
        "joblib.numpy_pickle.NumpyArrayWrapper",
        "joblib.numpy_pickle.NDArrayWrapper",
        "joblib.numpy_pickle.ZNDArrayWrapper",
        "joblib.numpy_pickle_compat.NDArrayWrapper",
        "joblib.numpy_pickle_compat.ZNDArrayWrapper",
        "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.Bunch",
        "sklearn.tree._tree.Tree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.newObj",
        "sklearn.neighbors._ball_tree.newObj",
        "sklearn._loss.loss.CyHalfBinomialLoss",
        "sklearn._loss.link.Interval",
        "scipy.sparse._csr.csr_matrix",
        "scipy.sparse._csc.csc_matrix",
        "scipy.sparse._coo.coo_matrix",
        "scipy.sparse._csr.csr_array",
        "scipy.sparse.csr.csr_matrix",
        "scipy.sparse.csc.csc_matrix",
        "scipy.interpolate._interpolate.interp1d",
        "scipy.interpolate.interpolate.interp1d",
        "pandas.core.frame.DataFrame",
        "pandas.core.series.Series",
        "pandas.core.internals.managers.BlockManager",
        "pandas.core.internals.managers.SingleBlockManager",
        "pandas.core.internals.blocks.new_block",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.base.Index",
        "pandas.core.indexes.range.RangeIndex",
        "pandas.core.indexes.numeric.Int64Index",
        "pandas.core.indexes.multi.MultiIndex",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
        "pandas.core.indexes.datetimes.DatetimeIndex",
        "pandas.core.arrays.categorical.Categorical",
        "pandas.core.dtypes.dtypes.CategoricalDtype",
        "pandas._libs.internals._unpickle_block",
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "xgboost.core.Booster",
        "lightgbm.basic.Booster",
        "catboost.core.CatBoostClassifier",
        "catboost.core.CatBoostRegressor",
        "accelerate.state.PartialState",
        "accelerate.utils.dataclasses.DistributedType",
        "accelerate.utils.dataclasses.DeepSpeedPlugin",
        "accelerate.utils.dataclasses.DynamoBackend",
        "transformers.trainer_pt_utils.AcceleratorConfig",
        "transformers.integrations.deepspeed.HfDeepSpeedConfig",
        "transformers.integrations.deepspeed.HfTrainerDeepSpeedConfig",
        "transformers.deepspeed.HfDeepSpeedConfig",
        "transformers.deepspeed.HfTrainerDeepSpeedConfig",
        "transformers.debug_utils.DebugOption",
        "transformers.generation.configuration_utils.GenerationConfig",
        "tokenizers.Tokenizer",
        "axolotl.utils.dict.DictDefault",
        "swift.trainers.arguments.Seq2SeqTrainingArguments",
        "modelscope.utils.hf_util.GenerationConfig",
    ]
)

_ESTIMATORS = (
    r"\w*(?:Classifier|Regressor|Regression|RegressionCV|ClassifierCV|Scaler|Encoder|Binarizer|Vectorizer|Transformer"
    r"|Imputer|Discretizer|Normalizer|Hasher|Pipeline|Union|PCA|SVD|NMF|KMeans|NB|SVC|SVR|Lasso|LassoCV|Ridge|RidgeCV"
    r"|ElasticNet|ElasticNetCV|Perceptron|Neighbors|Forest|Loss|Kernel|RBF|Matern|Criterion|Splitter|Distance|Tree"
    r"|SearchCV|KFold|Split|Selector|Features|Indicator|Projection|Clustering|Mixture|Allocation|Analysis"
    r"|Calibrator|Link|Embedding|Isomap|TSNE|MDS|DBSCAN|Covariance|Outlier\w*|OneClassSVM|LedoitWolf|Nystroem"
    r"|Sampler|SGD\w*|Squared\w*|Huber\w*|Hinge\w*|Log|LeastSquaresError|Deviance|Predictor|BinMapper|_BinMapper"
    r"|_RemainderColsList|_CalibratedClassifier|EstimatorState|_PredictScorer|_Scorer|MetadataRequest|MethodMetadataRequest)"
)
_KNOWN_PATTERNS = re.compile(
    r"sklearn\.(?!externals|datasets|utils\._testing|utils\._show|conftest|tests)(?:\w+\.)*"
    rf"(?:{_ESTIMATORS}|__pyx_unpickle_\w+)"
    r"|transformers\.training_args(?:_seq2seq)?\.(?:\w*TrainingArguments|OptimizerNames|ParallelMode)"
    r"|transformers\.trainer_utils\.(?:IntervalStrategy|SchedulerType|HubStrategy|SaveStrategy|EvaluationStrategy"
    r"|FSDPOption|ShardedDDPOption)"
    r"|trl\.trainer\.\w+_config\.\w+Config"
    r"|sentence_transformers\.training_args\.(?:\w*TrainingArguments|BatchSamplers|MultiDatasetBatchSamplers)"
    r"|(?:xgboost|lightgbm)\.sklearn\.(?:XGB|LGBM)\w*(?:Classifier|Regressor|Ranker|Model)"
    r"|__torch__\.(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*"
)
"""Classes of libraries that have too many to list: estimators, settings of trainers, Cython's unpickling. The last are
those of TorchScript, which the archive itself defines, not in Python."""

_STANDARD = re.compile(
    r"(?:os|posix|nt|ntpath|posixpath|builtins|__builtin__|subprocess|commands|popen2|pty|sys|socket|ssl|shutil|pickle"
    r"|_pickle|cPickle|marshal|types|code|codeop|runpy|importlib|imp|pkgutil|pydoc|timeit|cProfile|profile|trace|bdb|pdb"
    r"|doctest|ensurepip|venv|pip|webbrowser|ctypes|_ctypes|multiprocessing|threading|asyncio|concurrent|platform"
    r"|operator|_operator|functools|_functools|itertools|inspect|ast|dis|tempfile|io|_io|codecs|urllib|http|httplib"
    r"|requests|httpx|aiohttp|ftplib|smtplib|telnetlib|poplib|imaplib|nntplib|xmlrpc|uuid|logging|unittest|test|distutils"
    r"|setuptools|pkg_resources|idlelib|lib2to3|site|sitecustomize|atexit|signal|gc|weakref|abc|_aix_support|_osx_support"
    r"|_pyrepl|__main__\.__builtins__|linecache|fileinput|glob|getpass|zipimport|zipfile|tarfile|sqlite3|dbm|shelve|dill"
    r"|cloudpickle|joblib\.(?:load|Memory)|torch\.(?:load|hub|jit|utils|_inductor|serialization|storage\._load)"
    r"|numpy\.(?:load|f2py|testing|distutils|lib)|pandas\.(?:read|io)|string|token|tokenize|hashlib|random|base64|binascii"
    r"|zlib|bz2|lzma|email|html|xml|json|csv|configparser|copy|copyreg|copy_reg|warnings|traceback|sched|select|mmap"
    r"|fcntl|resource|syslog|nturl2path|wsgiref|cgi|cgitb|crypt|spwd|pwd|grp|winreg|msvcrt|_winapi|turtle\w*|tkinter"
    r"|curses|readline|rlcompleter|cmd|shlex|symtable|py_compile|compileall|zipapp|contextlib|this|antigravity)(?:\.|$)"
)


def name_verdict(name: str) -> PickleVerdict:
    """The kind of a pickle that imports `name`. The whole dotted name counts."""
    if name in TENSOR_NAMES:
        return "only-tensors"
    if name in _KNOWN_NAMES or _KNOWN_PATTERNS.fullmatch(name):
        return "known-library-objects"
    return "code"


def pickle_verdict(names: Iterable[str], *, unknown: bool) -> PickleVerdict:
    """The kind of a pickle that imports `names`; `unknown` is whether it also imports or calls unknown names."""
    if unknown:
        return "code"
    verdicts = {name_verdict(name) for name in names}
    worst_first: tuple[PickleVerdict, ...] = ("code", "known-library-objects")
    return next((verdict for verdict in worst_first if verdict in verdicts), "only-tensors")


def is_dangerous(name: str) -> bool:
    """Whether a name that is code runs programs, accesses files or the network, or loads more code.

    Only the severity depends on this: weights never need such names, while a class of a training framework that is not
    in the allowlist can be harmless.
    """
    return name_verdict(name) == "code" and bool(_STANDARD.match(name))


def library_of(name: str) -> str:
    """The library whose code a name runs: `sklearn` of `sklearn.svm._classes.SVC`."""
    return name.partition(".")[0]
