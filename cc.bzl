"""C++ targets that bring the standard they are written in, whatever workspace they are built from."""

# The options in .bazelrc are for this workspace; others build these targets by options of their own.
_CXX20 = ["-std=c++20"]

def cc_library(copts = [], **kwargs):
    """A cc_library of C++20."""
    native.cc_library(copts = _CXX20 + copts, **kwargs)

def cc_binary(copts = [], **kwargs):
    """A cc_binary of C++20."""
    native.cc_binary(copts = _CXX20 + copts, **kwargs)
