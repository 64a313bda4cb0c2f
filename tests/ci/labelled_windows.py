"""Scripts of PowerShell and cmd, each line labelled as in `labelled`, and the systems that run them."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent

POWERSHELL_BAD = """\
hf auth login --token $env:HF_TOKEN «ci-token-in-argv»
---
hf auth login --token "$env:HF_TOKEN" «ci-token-in-argv»
---
hf auth login --token=${env:HF_TOKEN} «ci-token-in-argv»
---
python train.py `
  --epochs 3 `
  --hub_token $env:HF_TOKEN «ci-token-in-argv»
---
docker build --build-arg HF_TOKEN=$env:HF_TOKEN . «ci-token-in-argv»
---
& hf upload acme/model . --token $env:HF_TOKEN «ci-token-in-argv»
python publish.py
---
Get-ChildItem out | ForEach-Object { hf upload acme/model $_ --token $env:HF_TOKEN } «ci-token-in-argv»
python publish.py
---
if (Test-Path out) {
  hf upload acme/model out --token $env:HF_TOKEN «ci-token-in-argv»
}
python publish.py
---
$secret = $env:HF_TOKEN
python train.py --token $secret «ci-token-in-argv»
---
Start-Process hf -ArgumentList "auth login --token $env:HF_TOKEN" «ci-token-in-argv»
---
git push "https://user:$($env:HF_TOKEN)@huggingface.co/acme/model" main «ci-token-in-url»
python publish.py
---
git clone https://user:$env:HF_TOKEN@huggingface.co/acme/model «ci-token-in-url»
python publish.py
---
Write-Host "the token is $env:HF_TOKEN" «ci-token-printed»
---
Write-Output $env:HF_TOKEN «ci-token-printed»
---
echo $env:HF_TOKEN «ci-token-printed»
---
$env:HF_TOKEN «ci-token-printed»
---
"token: ${env:HF_TOKEN}" «ci-token-printed»
---
Write-Host $env:HF_TOKEN.Substring(0, 6) «ci-token-printed»
---
[Console]::WriteLine($env:HF_TOKEN) «ci-token-printed»
---
$copy = $env:HF_TOKEN
Get-ChildItem env: «ci-token-printed»
---
gci env:HF_TOKEN «ci-token-printed»
---
Set-PSDebug -Trace 1 «ci-token-printed»
$copy = $env:HF_TOKEN
python publish.py
---
hf auth token «ci-token-printed»
---
"$env:HF_TOKEN" | Out-File -FilePath token.txt «ci-token-to-disk»
---
Set-Content -Path token.txt -Value $env:HF_TOKEN «ci-token-to-disk»
---
Add-Content token.txt "token=$env:HF_TOKEN" «ci-token-to-disk»
---
echo $env:HF_TOKEN > token.txt «ci-token-to-disk»
---
"HF_TOKEN=$env:HF_TOKEN" >> $env:GITHUB_ENV «ci-token-to-disk»
---
[IO.File]::WriteAllText("token.txt", $env:HF_TOKEN) «ci-token-to-disk»
---
[Environment]::SetEnvironmentVariable("HF_TOKEN", $env:HF_TOKEN, "User") «ci-token-to-disk»
---
[Environment]::SetEnvironmentVariable('X', $env:HF_TOKEN, [EnvironmentVariableTarget]::Machine) «ci-token-to-disk»
---
$copy = $env:HF_TOKEN
[void][Environment]::SetEnvironmentVariable("X", $copy, [EnvironmentVariableTarget]::User) «ci-token-to-disk»
---
Set-ItemProperty -Path HKCU:\\Environment -Name HF_TOKEN -Value $env:HF_TOKEN «ci-token-to-disk»
---
New-ItemProperty HKLM:\\SOFTWARE\\x -Name token -Value $env:HF_TOKEN «ci-token-to-disk»
---
$null = New-Item -Path token.txt -Value $env:HF_TOKEN «ci-token-to-disk»
---
Export-Clixml -Path token.xml -InputObject $env:HF_TOKEN «ci-token-to-disk»
---
$env:NEXT_PUBLIC_HF_TOKEN = $env:HF_TOKEN «ci-token-in-client-bundle»
npm run build
---
python serve.py --model acme/m --trust-remote-code «ci-unpinned-remote-code»
$used = $env:HF_TOKEN
"""

POWERSHELL_GOOD = """\
python publish.py
---
if ($env:HF_TOKEN) { Write-Host "set" } else { exit 1 }
---
if ([string]::IsNullOrEmpty($env:HF_TOKEN)) { throw "no token" }
---
Write-Host "$($env:HF_TOKEN.Length) characters"
---
$env:HF_TOKEN.Length
---
Write-Host 'use $env:HF_TOKEN'
---
# Write-Host $env:HF_TOKEN
python publish.py
---
$copy = $env:HF_TOKEN
python publish.py
---
$env:HUGGINGFACE_TOKEN = $env:HF_TOKEN
python publish.py
---
$env:HF_TOKEN | Out-Null
---
$env:HF_TOKEN | docker login --username x --password-stdin registry.hf.space
---
Invoke-RestMethod -Headers @{Authorization = "Bearer $env:HF_TOKEN"} -Uri https://huggingface.co/api/whoami-v2
---
docker build --secret id=hf_token,env=HF_TOKEN .
---
Write-Host "::add-mask::$env:HF_TOKEN"
---
Write-Host $env:HF_HOME
---
echo $env:SHELF_TOKEN > shelf.txt
---
[Environment]::SetEnvironmentVariable("HUGGINGFACE_TOKEN", $env:HF_TOKEN)
---
[Environment]::SetEnvironmentVariable("HUGGINGFACE_TOKEN", $env:HF_TOKEN, "Process")
---
[void][Environment]::SetEnvironmentVariable("HUGGINGFACE_TOKEN", $env:HF_TOKEN, [EnvironmentVariableTarget]::Process)
---
[Environment]::SetEnvironmentVariable("HF_HOME", $env:HF_HOME, "User")
---
Set-Item env:HUGGINGFACE_TOKEN $env:HF_TOKEN
---
New-Item -Path env:HUGGINGFACE_TOKEN -Value $env:HF_TOKEN
---
Get-ChildItem env:PATH
---
Set-PSDebug -Trace 1
python publish.py
"""

CMD_BAD = """\
hf auth login --token %HF_TOKEN% «ci-token-in-argv»
---
call hf auth login --token "%HF_TOKEN%" «ci-token-in-argv»
---
python train.py ^
  --epochs 3 ^
  --hub_token %HF_TOKEN% «ci-token-in-argv»
---
docker build --build-arg HF_TOKEN=%HF_TOKEN% . «ci-token-in-argv»
---
hf upload acme/model out --token !HF_TOKEN! «ci-token-in-argv»
python publish.py
---
if exist out (hf upload acme/model out --token %HF_TOKEN%) «ci-token-in-argv»
python publish.py
---
for %%i in (a b) do hf upload acme/model %%i --token %HF_TOKEN% «ci-token-in-argv»
python publish.py
---
set T=%HF_TOKEN%
python train.py --token %T% «ci-token-in-argv»
---
setx HF_TOKEN %HF_TOKEN% «ci-token-in-argv» «ci-token-to-disk»
---
reg add HKCU\\Environment /v HF_TOKEN /d %HF_TOKEN% «ci-token-in-argv» «ci-token-to-disk»
---
for /f "delims=" %%i in ('hf auth login --token %HF_TOKEN%') do echo %%i «ci-token-in-argv»
---
for /f "usebackq delims=" %%i in (`hf auth token`) do python train.py --token %%i «ci-token-in-argv»
---
for /f "delims=" %%i in ('hf auth token') do set T=%%i
python train.py --token %T% «ci-token-in-argv»
---
for /f "tokens=1,2" %%a in ('echo me %HF_TOKEN%') do python train.py --token %%b «ci-token-in-argv»
---
for %%i in (%HF_TOKEN%) do echo %%i «ci-token-printed»
---
for /f "delims=" %%i in ('hf auth token') do (
  echo %%i > token.txt «ci-token-to-disk»
)
---
set /p "=the token is %HF_TOKEN%" <nul «ci-token-printed»
---
git push https://user:%HF_TOKEN%@huggingface.co/acme/model main «ci-token-in-url»
python publish.py
---
echo the token is %HF_TOKEN% «ci-token-printed»
---
@echo %HF_TOKEN:~0,6% «ci-token-printed»
---
set T=%HF_TOKEN%
set «ci-token-printed»
---
set HF_TOKEN «ci-token-printed»
---
echo %HF_TOKEN%> token.txt «ci-token-to-disk»
---
echo.%HF_TOKEN%>>token.txt «ci-token-to-disk»
---
>token.txt echo %HF_TOKEN% «ci-token-to-disk»
---
echo HF_TOKEN=%HF_TOKEN%>> %GITHUB_ENV% «ci-token-to-disk»
---
set VITE_HF_TOKEN=%HF_TOKEN% «ci-token-in-client-bundle»
npm run build
---
hf auth token «ci-token-printed»
"""

CMD_GOOD = """\
python publish.py
---
if defined HF_TOKEN (echo set) else (exit /b 1)
---
if "%HF_TOKEN%"=="" exit /b 1
---
rem echo %HF_TOKEN%
:: echo %HF_TOKEN%
python publish.py
---
set "HUGGINGFACE_TOKEN=%HF_TOKEN%"
python publish.py
---
echo %HF_HOME%> place.txt
---
for /f %%i in ('dir /b') do python publish.py %%i
---
for /f "delims=" %%i in ('git rev-parse HEAD') do set SHA=%%i
python publish.py --revision %SHA%
---
for /l %%i in (1,1,3) do python publish.py
---
for /f "tokens=2 delims==" %%i in (settings.txt) do echo %%i
---
set /p NAME="who? "
---
reg query HKCU\\Environment /v PATH
---
setx HF_HOME %HF_HOME%
---
echo %HF_TOKEN%> nul
---
docker build --secret id=hf_token,env=HF_TOKEN .
---
set HF_TOKEN=dummy
python -m pytest
---
echo 100%% of HF_TOKEN
"""


def _lines(script: str, blanks: int) -> str:
    return indent(script.rstrip("\n"), " " * blanks)


def _github(runner: str, shell: str) -> Callable[[str], str]:
    return lambda script: (
        f"on: push\njobs:\n  work:\n    runs-on: {runner}\n    environment: release\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - env:\n          HF_TOKEN: ${{ secrets.HF_TOKEN }}\n"
        f"{shell}        run: |\n{_lines(script, 10)}\n"
    )


def _github_defaults(script: str) -> str:
    return (
        "on: push\ndefaults:\n  run:\n    shell: powershell\njobs:\n  work:\n    runs-on: ubuntu-latest\n"
        "    environment: release\n    steps:\n      - env:\n          HF_TOKEN: ${{ secrets.HF_TOKEN }}\n"
        f"        run: |\n{_lines(script, 10)}\n"
    )


def _github_matrix(script: str) -> str:
    return (
        "on: push\njobs:\n  work:\n    strategy:\n      matrix:\n        os: [windows-2022, windows-2025]\n"
        "    runs-on: ${{ matrix.os }}\n    environment: release\n    steps:\n      - env:\n"
        f"          HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}\n        run: |\n{_lines(script, 10)}\n"
    )


def _azure(key: str, pool: str = "") -> Callable[[str], str]:
    return lambda script: f"{pool}steps:\n  - {key}: |\n{_lines(script, 6)}\n    env:\n      HF_TOKEN: $(HF_TOKEN)\n"


def _azure_task(task: str, pool: str = "") -> Callable[[str], str]:
    return lambda script: (
        f"{pool}steps:\n  - task: {task}\n    inputs:\n      targetType: inline\n      script: |\n{_lines(script, 8)}\n"
        "    env:\n      HF_TOKEN: $(HF_TOKEN)\n"
    )


def _appveyor(key: str) -> Callable[[str], str]:
    return lambda script: f"image: Visual Studio 2022\nbuild_script:\n  - {key}|\n{_lines(script, 6)}\n"


def _gitlab(script: str) -> str:
    return f"work:\n  tags: [saas-windows-medium-amd64]\n  script:\n    - |\n{_lines(script, 6)}\n"


def _circleci(script: str) -> str:
    return (
        "version: 2.1\norbs:\n  win: circleci/windows@5.0\njobs:\n  work:\n    executor: win/default\n    steps:\n"
        f"      - run:\n          command: |\n{_lines(script, 12)}\n"
    )


def _cirrus(head: str, script_key: str, blanks: int) -> Callable[[str], str]:
    return lambda script: (
        f"work_task:\n  {head}\n  env:\n    HF_TOKEN: ENCRYPTED[abc]\n  {script_key}|\n{_lines(script, blanks)}\n"
    )


def _drone(script: str) -> str:
    return (
        "kind: pipeline\nname: default\nplatform:\n  os: windows\nsteps:\n  - name: work\n    image: python\n"
        "    environment:\n      HF_TOKEN:\n        from_secret: HF_TOKEN\n    commands:\n      - |\n"
        f"{_lines(script, 8)}\n"
    )


def _woodpecker(head: str, image: str) -> Callable[[str], str]:
    return lambda script: (
        f"{head}steps:\n  work:\n    image: {image}\n    environment:\n      HF_TOKEN:\n"
        f"        from_secret: hf_token\n    commands:\n      - |\n{_lines(script, 8)}\n"
    )


def _bitbucket(script: str) -> str:
    return (
        "pipelines:\n  default:\n    - step:\n        runs-on: [self.hosted, windows]\n        script:\n"
        f"          - |\n{_lines(script, 12)}\n"
    )


def _jenkins(step: str) -> Callable[[str], str]:
    return lambda script: (
        "node {\n  withCredentials([string(credentialsId: 'hub', variable: 'HF_TOKEN')]) {\n"
        f"    {step} '''\n{_lines(script, 6)}\n    '''\n  }}\n}}\n"
    )


POWERSHELL: dict[str, tuple[str, Callable[[str], str]]] = {
    "github pwsh": (".github/workflows/work.yml", _github("ubuntu-latest", "        shell: pwsh\n")),
    "github windows": (".github/workflows/work.yml", _github("windows-latest", "")),
    "github defaults": (".github/workflows/work.yml", _github_defaults),
    "github matrix": (".github/workflows/work.yml", _github_matrix),
    "azure pwsh": ("azure-pipelines.yml", _azure("pwsh")),
    "azure powershell": ("azure-pipelines.yml", _azure("powershell")),
    "azure PowerShell@2": ("azure-pipelines.yml", _azure_task("PowerShell@2")),
    "appveyor ps": ("appveyor.yml", _appveyor("ps: ")),
    "appveyor pwsh": (".appveyor.yml", _appveyor("pwsh: ")),
    "gitlab windows": (".gitlab-ci.yml", _gitlab),
    "circleci windows": (".circleci/config.yml", _circleci),
    "cirrus ps": (".cirrus.yml", _cirrus("windows_container: {image: x}", "work_script:\n    ps: ", 6)),
    "drone windows": (".drone.yml", _drone),
    "woodpecker windows": (".woodpecker.yml", _woodpecker("labels:\n  platform: windows/amd64\n", "python")),
    "woodpecker platform": (".woodpecker.yml", _woodpecker("platform: windows/amd64\n", "python")),
    "woodpecker pwsh": (".woodpecker/work.yml", _woodpecker("", "pwsh")),
    "bitbucket windows": ("bitbucket-pipelines.yml", _bitbucket),
    "jenkins powershell": ("Jenkinsfile", _jenkins("powershell")),
    "file": ("ci/work.ps1", str),
}
CMD: dict[str, tuple[str, Callable[[str], str]]] = {
    "github cmd": (".github/workflows/work.yml", _github("windows-latest", "        shell: cmd\n")),
    "azure CmdLine@2": ("azure-pipelines.yml", _azure_task("CmdLine@2", "pool:\n  vmImage: windows-latest\n")),
    "azure script": ("azure-pipelines.yml", _azure("script", "pool:\n  vmImage: windows-2022\n")),
    "appveyor": ("appveyor.yml", _appveyor("")),
    "appveyor cmd": ("appveyor.yml", _appveyor("cmd: ")),
    "woodpecker cmd": (".woodpecker.yml", _woodpecker("", "cmd.exe")),
    "cirrus windows": (".cirrus.yml", _cirrus("windows_container: {image: x}", "work_script: ", 4)),
    "jenkins bat": ("Jenkinsfile", _jenkins("bat")),
    "file": ("ci/work.bat", lambda script: f"@echo off\n{script}"),
}  # fmt: skip
