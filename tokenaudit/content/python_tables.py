"""Tables of suspicious names, variables, paths and addresses in Python code.

Sources: the Python standard library, huggingface_hub 2.4, and the review of 1,503 Python files of transformers,
diffusers and copied Hub repositories, in which the names that are a finding alone occur once.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from tokenaudit.text import words

IndicatorKind: TypeAlias = Literal["credential", "process", "network", "decode", "execute"]

OS_PROCESSES = frozenset(
    f"os.{name}"
    for name in words(
        "system popen popen2 popen3 popen4 execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle "
        "spawnlp "
        "spawnlpe spawnv spawnve spawnvp spawnvpe posix_spawn posix_spawnp startfile fork forkpty"
    )
)
PROCESSES = OS_PROCESSES | frozenset(
    {
        "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
        "subprocess.getoutput", "subprocess.getstatusoutput", "subprocess._args_from_interpreter_flags",
        "_posixsubprocess.fork_exec", "_winapi.CreateProcess", "pty.spawn", "pty.fork", "pip.main",
        "pip._internal.main",
        "pip._internal.cli.main.main", "ensurepip.bootstrap", "platform.popen", "commands.getoutput",
        "commands.getstatusoutput", "distutils.spawn.spawn", "asyncio.create_subprocess_exec",
        "asyncio.create_subprocess_shell", "asyncio.subprocess.create_subprocess_exec",
        "asyncio.subprocess.create_subprocess_shell", "anyio.run_process", "anyio.open_process", "trio.run_process",
        "trio.open_process", "trio.lowlevel.open_process", "pexpect.spawn", "pexpect.run",
        "pexpect.popen_spawn.PopenSpawn",
        "invoke.run", "fabric.Connection", "fabric.api.local", "plumbum.local", "IPython.get_ipython().system",
        "IPython.get_ipython().getoutput", "IPython.utils.process.system", "IPython.utils.process.getoutput",
        "builtins.get_ipython().system", "builtins.get_ipython().getoutput", "builtins.get_ipython().run_cell_magic",
        "huggingface_hub.run_job", "huggingface_hub.run_uv_job", "huggingface_hub.HfApi().run_job",
        "huggingface_hub.HfApi().run_uv_job", "ctypes.CDLL().system", "ctypes.CDLL().popen", "ctypes.CDLL().execve",
        "ctypes.cdll.LoadLibrary().system", "ctypes.PyDLL().system", "ctypes.windll.shell32.ShellExecuteA",
        "ctypes.windll.shell32.ShellExecuteW", "ctypes.windll.kernel32.CreateProcessW",
        "ctypes.windll.kernel32.WinExec", "multiprocessing.popen_fork.Popen", "multiprocessing.util.spawnv_passfds",
        "win32api.ShellExecute", "wmi.WMI", "posixpath.os.system", "cgi.os.system", "sh.bash", "sh.sh", "sh.curl",
    }
)  # fmt: skip

ENVIRONMENTS = frozenset({"os.environ", "os.environb"})
ENVIRONMENT_READS = frozenset(
    {
        "os.getenv", "os.getenvb", "os.environ.get", "os.environ.pop", "os.environ.setdefault",
        "os.environ.__getitem__",
        "os.environb.get", "decouple.config", "environs.Env().str", "environ.Env().str", "dotenv.get_key",
        "google.colab.userdata.get", "streamlit.secrets.get", "kaggle_secrets.UserSecretsClient().get_secret",
    }
)  # fmt: skip
ENVIRONMENT_SAFE = frozenset(
    {"get", "pop", "setdefault", "update", "__getitem__", "__setitem__", "__contains__", "__delitem__", "unsetenv"}
)
TOKEN_READS = frozenset(
    {
        "huggingface_hub.get_token", "huggingface_hub.utils.get_token", "huggingface_hub.HfFolder",
        "huggingface_hub.utils.HfFolder", "huggingface_hub.hf_api.HfFolder", "huggingface_hub.constants.HF_TOKEN_PATH",
        "huggingface_hub.constants.HF_STORED_TOKENS_PATH", "huggingface_hub.utils._auth.get_token",
        "huggingface_hub.utils._auth.get_stored_tokens", "huggingface_hub.utils.get_stored_tokens",
        "huggingface_hub.utils._headers.get_token_to_send", "huggingface_hub.utils.get_token_to_send",
        "huggingface_hub.utils.build_hf_headers", "huggingface_hub.HfApi().token", "huggingface_hub.whoami",
        "huggingface_hub.HfApi().whoami", "huggingface_hub.HfApi()._build_hf_headers", "keyring.get_password",
        "keyring.get_credential", "netrc.netrc", "browser_cookie3.load", "browser_cookie3.chrome",
        "boto3.Session().get_credentials",
        "boto3.session.Session().get_credentials", "botocore.session.get_session().get_credentials",
        "google.auth.default", "azure.identity.DefaultAzureCredential", "win32crypt.CryptUnprotectData",
    }
)  # fmt: skip
PRIVATE_TOKEN_READS = re.compile(
    r"huggingface_hub\.utils\._auth\.|huggingface_hub\.utils\._headers\._?get_token|huggingface_hub\.(?:constants|"
    r"file_download)\.HF_(?:STORED_)?TOKENS?_PATH\Z"
)
"""Functions and paths of huggingface_hub's token store."""
NATIVE_PROCESSES = re.compile(
    r"ctypes\.(?:cdll|windll|oledll|(?:CDLL|PyDLL|WinDLL)\(\)|cdll\.LoadLibrary\(\))(?:\.\w+)*\."
    r"(?:_?w?system|popen|exec[lv]\w*|posix_spawnp?|WinExec|ShellExecute\w*|CreateProcess\w*)\Z"
)
"""Functions of system libraries that start a process."""
HUB_TOKEN_VARIABLE = re.compile(
    r"(?:HF|HUGGING_?FACE)(?:_?HUB)?_?(?:API_?|ACCESS_?|WRITE_?|READ_?)?(?:TOKEN|KEY|PAT)(?:_PATH)?\Z", re.IGNORECASE
)
SECRET_VARIABLE = re.compile(
    r"(?:\A|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|ACCESS_?KEY(?:_ID)?|PRIVATE_?KEY|SECRET_?KEY)\Z",
    re.IGNORECASE,
)
CREDENTIAL_PATH = re.compile(
    r"(?:\A|[\s~/\\'\"=])(?:\.ssh(?:[/\\]|\Z)|id_(?:rsa|dsa|ecdsa|ed25519)\b|\.aws(?:[/\\]|\Z)|\.netrc\b|_netrc\b|"
    r"\.git-credentials\b|\.npmrc\b|"
    r"\.pypirc\b|\.kube(?:[/\\]|\Z)|\.docker[/\\]config\.json|\.config[/\\](?:gh|gcloud)\b|\.gnupg\b|\.bash_history|"
    r"\.zsh_history|"
    r"\.vault-token|\.cargo[/\\]credentials|\.wandb_api_key)"
    r"|huggingface[/\\]+(?:token|stored_tokens)\b|\.huggingface[/\\]token|\Astored_tokens\Z"
    r"|/proc/(?:[^/\s]{1,20}|)/?environ\b|/etc/(?:shadow|gshadow|sudoers)\b|Login Data\Z|\bwallet\.dat\b"
    r"|/var/run/secrets/|/run/secrets/|169\.254\.169\.254|metadata\.google\.internal|\bcookies\.sqlite\b"
)
PERSISTENCE = re.compile(
    r"(?:\A|[~/\\])\.(?:bashrc|bash_profile|bash_login|zshrc|zshenv|zprofile|profile|xinitrc)\b|/etc/(?:cron|"
    r"rc\.local|profile)|"
    r"\bauthorized_keys\b|\b(?:site|user)customize(?:\.py)?\b|LaunchAgents|LaunchDaemons|\\Startup\\|/etc/systemd/|"
    r"systemd/user\b|CurrentVersion\\+Run\b|/var/spool/cron|\bld\.so\.preload\b|site-packages/[\w./-]*\.(?:pth|py)\b"
)
SITE_PACKAGES = frozenset(
    {"site.getsitepackages", "site.getusersitepackages", "sysconfig.get_path", "distutils.sysconfig.get_python_lib"}
)

SOCKETS = frozenset(
    {
        "socket.socket", "socket.create_connection", "socket.create_server", "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyname_ex", "socket.SocketType", "_socket.socket", "asyncio.open_connection",
        "asyncio.start_server",
        "asyncio.open_unix_connection", "anyio.connect_tcp", "trio.open_tcp_stream", "telnetlib.Telnet", "ftplib.FTP",
        "ftplib.FTP_TLS", "smtplib.SMTP", "smtplib.SMTP_SSL", "imaplib.IMAP4", "imaplib.IMAP4_SSL", "poplib.POP3",
        "nntplib.NNTP", "paramiko.SSHClient", "paramiko.Transport", "asyncssh.connect", "dns.resolver.resolve",
        "dns.resolver.query", "websocket.create_connection", "websocket.WebSocketApp", "websockets.connect",
        "websockets.sync.client.connect", "xmlrpc.client.ServerProxy", "socketserver.TCPServer", "scapy.all.send",
        "pyngrok.ngrok.connect", "paho.mqtt.client.Client", "discord_webhook.DiscordWebhook", "slack_sdk.WebClient",
        "slack_sdk.webhook.WebhookClient", "telegram.Bot", "pika.BlockingConnection", "zmq.Context().socket",
        "redis.Redis", "pycurl.Curl",
    }
)  # fmt: skip
CLIENTS = re.compile(
    r"(?:requests|httpx|aiohttp|urllib3|niquests|requests_toolbelt|httplib2|curl_cffi\.requests|asks|grequests|treq|"
    r"cloudscraper|huggingface_hub(?:\.utils)?\.(?:get_session\(\)|http_backoff))"
    r"(?:\.(?:api|sessions|request|_api))?(?:\.(?:Session|session|Client|AsyncClient|ClientSession|PoolManager|Http|"
    r"create_scraper)\(\))?"
    r"\.(?P<verb>get|post|put|patch|delete|head|options|request|stream|send|urlopen|ws_connect)\Z|"
    r"urllib\.request\.(?P<opener>urlopen|Request|urlretrieve)\Z|(?P<library>urllib2\.urlopen|wget\.download|"
    r"gdown\.download)\Z|"
    r"http\.client\.HTTPS?Connection\(\)\.(?P<raw>request|putrequest)\Z|"
    r"pandas\.read_(?P<reader>csv|json|html|pickle|parquet|xml)\Z|webbrowser\.(?P<browser>open|open_new|open_new_tab|"
    r"get)\Z|"
    r"gradio_client\.(?P<space>Client)\Z"
)
SENDING = frozenset({"post", "put", "patch", "ws_connect"})
DATA_ARGUMENTS = frozenset({"data", "json", "files", "content", "body", "fields"})
UPLOADS = re.compile(
    r"(?:huggingface_hub\.(?:HfApi\(\)\.|Repository\(\)\.)?"
    r"(?:upload_file|upload_folder|upload_large_folder|create_commit|create_repo|batch_bucket_files|push_to_hub|"
    r"git_push|"
    r"add_space_secret|create_discussion|comment_discussion|create_pull_request|create_webhook|run_as_future|"
    r"update_repo_visibility|"
    r"update_repo_settings|delete_repo|super_squash_history)"
    r"|boto3\.client\(\)\.(?:put_object|upload_file|upload_fileobj)|google\.cloud\.storage\.Client)\Z"
)
TRUSTED_HOST = re.compile(r"https?://(?:[\w-]+\.)*(?:huggingface\.co|hf\.co|hf\.space)(?:[:/?#]|\Z)", re.IGNORECASE)
URL = re.compile(r"(?:https?|ftp|wss?)://[^\s'\"<>]+", re.IGNORECASE)
IP_HOST = re.compile(
    r"(?:https?|ftp|wss?)://(?:[^/@]*@)?(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]|0x[0-9a-f]+|\d{8,10})(?:[:/?#]|\Z)",
    re.IGNORECASE,
)
LOCAL_HOST = re.compile(
    r"(?:https?|wss?)://(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1\])(?:[:/?#]|\Z)", re.IGNORECASE
)
CODE_URL = re.compile(
    r"\.(?:py|pyc|sh|exe|dll|so|ps1|bat|cmd|jar|whl|bin|elf|zip|tar\.gz|tgz|pkl|pickle)(?:[?#]|\Z)|/raw(?:/|\Z)",
    re.IGNORECASE,
)
DROPS = re.compile(
    r"(?:pastebin\.com|transfer\.sh|webhook\.site|requestbin|pipedream\.net|ngrok|oast(?:ify)?\.|burpcollaborator|"
    r"interact\.sh|"
    r"discord(?:app)?\.com/api/webhooks|api\.telegram\.org|hooks\.slack\.com|file\.io|0x0\.st|anonfiles|"
    r"trycloudflare\.com|"
    r"gist\.githubusercontent\.com|rentry\.co|jsonkeeper\.com)",
    re.IGNORECASE,
)  # fmt: skip
EXECUTION = frozenset(
    {
        "builtins.exec", "builtins.eval", "builtins.compile", "code.InteractiveInterpreter().runcode",
        "code.InteractiveInterpreter().runsource", "code.InteractiveConsole().push", "runpy.run_path",
        "runpy.run_module",
        "runpy._run_code", "runpy._run_module_code", "builtins.execfile", "cProfile.run", "cProfile.runctx",
        "profile.run",
        "bdb.Bdb().run", "pdb.run", "pdb.runeval", "trace.Trace().run", "trace.Trace().runctx", "timeit.main",
        "pandas.core.computation.eval.eval", "numexpr.evaluate", "_testcapi.run_in_subinterp",
        "_xxsubinterpreters.run_string",
    }
)  # fmt: skip
TEXT_EXECUTION = frozenset(
    {
        "builtins.exec",
        "builtins.eval",
        "builtins.compile",
        "cProfile.run",
        "profile.run",
        "pdb.run",
        "builtins.execfile",
    }
)
CODE_OBJECTS = frozenset(
    {
        "marshal.loads", "marshal.load", "types.CodeType", "types.FunctionType", "new.code", "imp.load_source",
        "imp.load_compiled", "imp.load_dynamic", "importlib._bootstrap_external._compile_bytecode",
        "importlib._bootstrap_external._code_to_timestamp_pyc", "importlib.abc.InspectLoader.source_to_code",
        "importlib.machinery.SourcelessFileLoader", "importlib.machinery.ExtensionFileLoader", "zipimport.zipimporter",
        "dill.loads", "cloudpickle.loads", "yaml.unsafe_load", "yaml.full_load", "jsonpickle.decode",
        "jsonpickle.loads",
    }
)  # fmt: skip
TYPES = frozenset({"types.CodeType", "types.FunctionType", "new.code"})
"""Names that are also arguments of `isinstance`: only calling them creates code."""
PARTNERS: dict[str, IndicatorKind] = {
    "ctypes.CDLL": "execute", "ctypes.PyDLL": "execute", "ctypes.WinDLL": "execute",
    "ctypes.cdll.LoadLibrary": "execute",
    "ctypes.windll": "execute", "pickle.loads": "execute", "pickle.load": "execute",
    "importlib.util.spec_from_file_location": "execute",
    "importlib.machinery.SourceFileLoader": "execute", "torch.hub.load": "execute",
    "torch.utils.cpp_extension.load_inline": "execute",
    "torch.utils.cpp_extension.load": "execute", "os.chmod": "execute", "getpass.getpass": "credential",
    "getpass.getuser": "credential",
    "socket.gethostname": "credential", "platform.node": "credential", "platform.uname": "credential",
    "os.uname": "credential",
    "os.getlogin": "credential",
    "dotenv.load_dotenv": "credential", "dotenv.dotenv_values": "credential",
}  # fmt: skip
HOOKS = words("sys.meta_path sys.path_hooks sys.path_importer_cache sys.settrace sys.setprofile sys.addaudithook")
HOOK_CALLS = frozenset({"sys.settrace", "sys.setprofile", "threading.settrace", "sys.addaudithook"})
COMPUTED_OWNERS = frozenset(
    {"os", "sys", "subprocess", "builtins", "socket", "importlib", "ctypes", "pty", "shutil", "marshal", "runpy"}
)
INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
LONG_LITERAL = 200
COOKIE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")
PLAIN_COOKIES = frozenset(
    {b"utf8", b"utf8sig", b"utf", b"ascii", b"usascii", b"latin1", b"iso88591", b"iso885915", b"cp1252", b"gbk", b"gb2312", b"gb18030",
     b"eucjp", b"shiftjis", b"euckr", b"koi8r", b"cp1251", b"big5", b"utf8unix"}
)  # fmt: skip
