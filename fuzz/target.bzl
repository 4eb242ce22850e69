"""fuzz_target(): a fuzzer, and a test that runs its corpus."""

def fuzz_target(name, deps, corpus = None, programs = []):
    """Makes NAME_fuzzer of NAME.cc, and NAME_corpus_test, which feeds it the files of corpus/NAME once each.

    Under --config=fuzz, NAME_fuzzer is libFuzzer's. Elsewhere it takes files and folders, and feeds these to the
    target: what a fuzzer found can be replayed in any configuration.

    Args:
      name: of the target.
      deps: libraries.
      corpus: the folder in corpus/, if it has another name.
      programs: labels of further files for the test, one each.
    """
    folder = "corpus/" + (corpus or name)
    native.cc_library(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        deps = deps + [":support"],
        alwayslink = True,
    )
    native.cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        linkopts = select({
            "//third_party:fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = [":" + name] + select({
            "//third_party:fuzzing": [],
            "//conditions:default": [":replay"],
        }),
    )
    native.cc_test(
        name = name + "_corpus_test",
        size = "medium",
        args = [native.package_name() + "/" + folder] + ["$(location %s)" % p for p in programs],
        data = native.glob([folder + "/**"]) + programs,
        deps = [
            ":" + name,
            ":replay",
        ],
    )
