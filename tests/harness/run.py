"""Runs the *_test.py of the folders given (unittest, the standard library only) and counts them."""
import importlib.util
import pathlib
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")  # in place of this folder: its names are not the library's
from harness.system import test_failed


def load(path):
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


class Result(unittest.TextTestResult):
    """Says how long each test took, where that is worth saying, and keeps what ran while one failed."""

    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        took = time.monotonic() - self.started
        if took > 1:
            self.stream.write("(%.1f s) " % took)
        super().addSuccess(test)

    def addFailure(self, test, err):
        test_failed(test.id())
        super().addFailure(test, err)

    def addError(self, test, err):
        test_failed(test.id())
        super().addError(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            test_failed(test.id())
        super().addSubTest(test, subtest, err)


def main(folders):
    suite = unittest.TestSuite()
    for folder in folders:
        path = pathlib.Path(folder)
        files = [path] if path.is_file() else sorted(path.glob("*_test.py"))
        for file in files:
            suite.addTest(load(file))
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout, resultclass=Result).run(suite)
    # A test that fails together with its tearDown is one failed test; a class that could not be set up counts besides.
    failed = {test.id() for test, _ in result.failures + result.errors} | {t.id() for t in result.unexpectedSuccesses}
    bad = len(failed)
    ran = sum(1 for name in failed if not name.startswith(("setUpClass", "tearDownClass", "setUpModule")))
    print("e2e: %d passed, %d failed" % (result.testsRun - ran - len(result.skipped), bad))
    return 1 if bad or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
