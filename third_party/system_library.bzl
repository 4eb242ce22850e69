"""A library of the system, linked from its archives."""

def system_library(name, archives, linkopts = [], **kwargs):
    """Declares a cc_library that links lib<archive>.a for each of `archives`.

    Args:
      name: the target's name.
      archives: names without `lib` and `.a`, in any order: they are searched as one group.
      linkopts: further options, after the archives.
      **kwargs: passed on to cc_library.
    """
    native.cc_library(
        name = name,
        linkopts = (
            ["-Wl,--start-group"] +
            ["-l:lib%s.a" % archive for archive in archives] +
            ["-Wl,--end-group"] +
            linkopts
        ),
        **kwargs
    )
