"""Tests that use Islet as a host does."""

def host_test(name, size = "small", deps = [], **kwargs):
    """A GoogleTest program on the C++ API.

    Args:
      name: also that of its source, without .cc.
      size: as for cc_test.
      deps: what it needs beside the SDK, Abseil's status and strings, and GoogleTest.
      **kwargs: as for cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = kwargs.pop("srcs", [name + ".cc"]),
        deps = deps + [
            "//sdk",
            "//third_party:absl_status",
            "//third_party:absl_strings",
            "//third_party:gtest_main",
        ],
        **kwargs
    )
