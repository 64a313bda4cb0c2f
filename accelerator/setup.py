"""Builds the extension module against the stable interface of Python, for version 3.10 and later."""

from __future__ import annotations

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, CompileError, ExecError, LinkError, PlatformError


class BuildExtension(build_ext):
    """Says in one line what is missing."""

    def run(self) -> None:
        """Build the extension module."""
        try:
            super().run()
        except (CCompilerError, CompileError, ExecError, LinkError, PlatformError) as error:
            message = f"error: tokenaudit-fast needs a C compiler; tokenaudit works the same without it ({error})"
            raise SystemExit(message) from None


setup(
    cmdclass={"build_ext": BuildExtension},
    ext_modules=[
        Extension(
            "tokenaudit_fast._fast",
            ["tokenaudit_fast/_fast.c"],
            define_macros=[("_DEFAULT_SOURCE", None)],
            extra_compile_args=["-std=c11", "-O3"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
