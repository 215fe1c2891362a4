"""Builds Millrace and runs its test suites; started by tests/run.

Every suite adds to one tally, and the last line is `N passed, N failed, N skipped`. A test is a Catch2 test case, a
pytest item, or one check of this file.

  build-tests/plain   docs, conformance, client, service, e2e, browser, interop, node; unit only with --quick, since asan runs it too
  build-tests/asan    AddressSanitizer and UndefinedBehaviorSanitizer: unit, client, e2e, and what service has about memory
  build-tests/tsan    ThreadSanitizer: the service's unit tests, service, e2e with that service
  build-tests/fuzz    clang and libFuzzer, with --fuzz
  build-tests/logs    what every suite wrote

All but the fuzzers are built without optimisation: the run has 30 minutes on two cores, and compiling takes most of it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import house

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {
    "plugin": "plugin/millrace",
    "service": "service/millraced",
    "simulator": "contrib/simulator/millrace-sim",
    "client": "contrib/client/millrace-get",
    "ctl": "service/ctl/millrace-ctl",
}
BROWSER_PROGRAMS = ("chromium", "chromedriver", "zbarimg")
NODE_PROGRAMS = ("lightningd", "bitcoind", "bitcoin-cli")
PYLN_TESTING = "pyln-testing>=25.9"
TEST_SECONDS = 300  # one pytest item; more is a hang
# Who reads a connection, what stays of a head, what happens without descriptors; random clients.
MEMORY_CASES = "case_h1 or case_h2 or case_h3"
# Ways in which other servers of the protocol went wrong, numbered; those that concern what Millrace has.
PITFALLS = set(range(1, 28))
# Small inputs that earlier builds got wrong: of money, HTTP, clients, real nodes and the simulator. S8 and S9 are the simulator's clock.
CASES = {
    *(f"M{number}" for number in range(1, 18)),
    *(f"H{number}" for number in range(1, 32)),
    *(f"C{number}" for number in range(1, 15)),
    *(f"N{number}" for number in range(1, 14) if number != 6),
    *(f"S{number}" for number in range(1, 13) if number not in (8, 9)),
}

# Not optimised, and line numbers only: with these templates the optimiser would take most of the time of a run.
BUILD_FLAGS = ["-Dbuildtype=debug", "-Dcpp_args=-g1"]
SANITIZER_FLAGS = [*BUILD_FLAGS, "-Db_lundef=false"]
SANITIZER_ENV = {
    "asan": {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:log_path={log}",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99:log_path={log}",
        "LSAN_OPTIONS": "print_suppressions=0",
    },
    "tsan": {"TSAN_OPTIONS": "halt_on_error=0:exitcode=99:second_deadlock_stack=1:log_path={log}"},
}


class Tally:
    """What passed, failed and was skipped, over all suites."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, suite, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        say(f"== {suite}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.0f} s)")

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def say(text):
    print(text, flush=True)


def run(command, log, env=None, cwd=ROOT, timeout=None):
    """Runs a command with its output in `log`; returns the exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        try:
            return subprocess.run(
                [str(part) for part in command],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                timeout=timeout,
            ).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nstopped after {timeout} s\n".encode())
            return 124


def is_only_a_remark(report):
    """Whether all a sanitizer wrote is that a thread ended while it looked for leaks, which is no finding."""
    lines = report.read_text(errors="replace").splitlines()
    return bool(lines) and all("Unable to get registers from thread" in line for line in lines)


def show_tail(log, lines=60):
    text = log.read_text(errors="replace").splitlines()
    say("\n".join("   | " + line for line in text[-lines:]))


class Runner:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = Path(arguments.build_dir).resolve()
        self.logs = self.work / "logs"
        self.tally = Tally()
        self.notes = []
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)

    # -- building -----------------------------------------------------------------------------------------------------

    def setup(self, name, flags, env=None):
        """Configures a build directory; returns it, or None where that failed."""
        directory = self.work / name
        if (directory / "build.ninja").exists():
            return directory
        log = self.logs / name / "setup.log"
        if run(["meson", "setup", directory, ROOT, *flags], log, env) != 0:
            say(f"== {name}: meson setup failed")
            show_tail(log)
            self.tally.add(name + " build", 0, 1, 0, 0)
            shutil.rmtree(directory, ignore_errors=True)
            return None
        return directory

    def build(self, name, flags, wanted, env=None):
        """Builds the executables for which wanted(source folder, target name) holds; returns the directory or None."""
        started = time.monotonic()
        directory = self.setup(name, flags, env)
        if directory is None:
            return None
        log = self.logs / name / "build.log"
        targets = [path for folder, target, path in executables(directory) if wanted(folder, target)]
        if not targets or run(["ninja", "-C", directory, *targets], log, env) != 0:
            say(f"== {name}: the build failed")
            if log.exists():
                show_tail(log)
            self.tally.add(name + " build", 0, 1, 0, time.monotonic() - started)
            return None
        say(f"== {name}: built in {time.monotonic() - started:.0f} s")
        if name == "plain":
            warnings = [line for line in log.read_text(errors="replace").splitlines() if re.search(r"(common|plugin|service|contrib|tests)/\S+: warning:", line)]
            for warning in warnings:
                say("   | " + warning)
            self.tally.add("plain warnings", 0 if warnings else 1, len(warnings), 0, 0)
        return directory

    # -- suites -------------------------------------------------------------------------------------------------------

    def unit(self, name, directory, only=None, env=None):
        """The Catch2 tests of a build directory, counted by test case."""
        started = time.monotonic()
        log = self.logs / name / "unit.log"
        tests = [test for test in json.loads(output(["meson", "introspect", "--tests", directory]))]
        names = [test["name"] for test in tests if only is None or test["name"] in only]
        if not names:
            return self.tally.add(f"{name} unit", 0, 1, 0, 0)
        command = ["meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "5"]
        run([*command, *names], log, env)
        passed = failed = skipped = 0
        results = directory / "meson-logs" / "testlog.json"
        shutil.copy(results, self.logs / name / "unit.json")
        for line in results.read_text().splitlines():
            test = json.loads(line)
            good, bad = catch_counts(test.get("stdout", ""))
            if test["result"] in ("SKIP", "IGNORED"):
                skipped += 1
            elif test["result"] in ("OK", "EXPECTEDFAIL"):
                passed += max(1, good)
            else:
                passed += good
                failed += max(1, bad)
        if failed:
            show_tail(log)
        self.tally.add(f"{name} unit", passed, failed, skipped, time.monotonic() - started)

    def pytest(self, name, folder, env=None, python="/usr/bin/python3", workers=1, extra=()):
        """A folder of pytest tests."""
        started = time.monotonic()
        suite = f"{name} {folder}"
        source = ROOT / "tests" / folder
        if not any(source.glob("test_*.py")):
            return None
        place = self.logs / name / folder.replace("/", "-")
        report, log = place / "report.xml", place / "pytest.log"
        place.mkdir(parents=True, exist_ok=True)
        environment = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "MILLRACE_TEST_LOGS": str(place),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
            **(env or {}),
        }
        command = [python, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", f"--junitxml={report}", f"--timeout={TEST_SECONDS}"]
        if workers > 1:
            command += ["-n", str(workers)]
        code = run([*command, *extra, source], log, environment, cwd=source)
        passed = failed = skipped = 0
        if report.exists():
            for group in ElementTree.parse(report).getroot().iter("testsuite"):
                total, bad = int(group.get("tests", 0)), int(group.get("failures", 0)) + int(group.get("errors", 0))
                skipped += int(group.get("skipped", 0))
                failed += bad
                passed += total - bad - int(group.get("skipped", 0))
        if code not in (0, 5) and not failed:
            failed = 1
        if failed:
            show_tail(log)
        self.tally.add(suite, passed, failed, skipped, time.monotonic() - started)
        return None

    def sanitizer_reports(self, name, log):
        """Reports of processes that no test waits for: one failed test each."""
        reports = [path for path in sorted(log.parent.glob(log.name + ".*")) if not is_only_a_remark(path)]
        for report in reports:
            say(f"== {name}: {report.name}")
            show_tail(report, 40)
        self.tally.add(f"{name} reports", 0 if reports else 1, len(reports), 0, 0)

    def docs(self, directory):
        """Manual pages are clean, --help and --version answer, and every option of a program is in its page."""
        started = time.monotonic()
        failures = []
        checks = 0
        pages = {page.stem: page for page in (ROOT / "man").glob("*.[1-8]")}
        rendered = {}
        for page in sorted(pages.values()):
            checks += 1
            done = subprocess.run(
                ["man", "--warnings", "-E", "ascii", "-P", "cat", "-l", str(page)],
                capture_output=True,
                text=True,
                env={**os.environ, "MANWIDTH": "200", "GROFF_NO_SGR": "1"},
            )
            if done.returncode != 0 or done.stderr.strip() or not done.stdout.strip():
                failures.append(f"{page.name}: {done.stderr.strip() or 'empty'}")
            rendered[page.stem] = re.sub(".\b", "", done.stdout)
        for program in ("service", "simulator", "client", "ctl"):
            path = directory / PROGRAMS[program]
            for option in ("--help", "--version"):
                checks += 1
                done = subprocess.run([path, option], capture_output=True, text=True, timeout=60)
                if done.returncode != 0 or not done.stdout.strip():
                    failures.append(f"{path.name} {option}: exit {done.returncode}")
                if option == "--help" and path.name in pages:
                    for name in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", done.stdout))):
                        checks += 1
                        if name not in rendered[path.name] and name not in ("--help", "--version"):
                            failures.append(f"{pages[path.name].name} does not name {name}")
        for script in ("contrib/demo", "contrib/install-deps", "tests/run"):
            checks += 1
            done = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, timeout=60)
            if done.returncode != 0 or not done.stdout.strip():
                failures.append(f"{script} --help: exit {done.returncode}")
        for failure in failures:
            say("   | " + failure)
        self.tally.add("docs", checks - len(failures), len(failures), 0, time.monotonic() - started)

    def house(self):
        """The rooms of the service include one another as doc/architecture.md says."""
        started = time.monotonic()
        (checks, wrong), (links, broken) = house.faults(), house.links()
        checks, wrong = checks + links, wrong + broken
        for fault in wrong:
            say("   | " + fault)
        self.tally.add("house", max(checks - len(wrong), 0), len(wrong), 0, time.monotonic() - started)

    def pitfalls(self):
        """Each way in which other servers of the protocol went wrong has a test named after it: test_pitfall_05_..."""
        started = time.monotonic()
        named = set()
        for source in ROOT.glob("tests/*/*.py"):
            named |= {int(number) for number in re.findall(r"^def test_pitfall_(\d+)_", source.read_text(), re.MULTILINE)}
        missing = sorted(PITFALLS - named)
        if missing:
            say("   | no test is named test_pitfall_NN_ for: " + ", ".join(map(str, missing)))
        self.tally.add("pitfalls", len(PITFALLS - set(missing)), len(missing), 0, time.monotonic() - started)

    def cases(self):
        """Each input that an earlier build got wrong has a test named after it: test_case_m1_..., or "M1: ..." of Catch2."""
        started = time.monotonic()
        named = set()
        for source in ROOT.glob("tests/*/*.py"):
            for found in re.findall(r"^def test_case((?:_[mhcns]\d+)+)_", source.read_text(), re.MULTILINE):
                named |= set(found.strip("_").upper().split("_"))
        for source in ROOT.glob("tests/unit/**/*.cpp"):
            named |= set(re.findall(r"TEST_CASE\(\s*\"([MHCNS]\d+)\b", source.read_text()))
        missing = sorted(CASES - named, key=lambda case: (case[0], int(case[1:])))
        if missing:
            say("   | no test is named after the case: " + ", ".join(missing))
        self.tally.add("cases", len(CASES) - len(missing), len(missing), 0, time.monotonic() - started)

    def secrets(self):
        """No log of any suite holds a credential. (Each e2e test also looks for its own preimages and keys.)"""
        started = time.monotonic()
        credential = re.compile(rb"(?i)(l402|lsat)\s+[A-Za-z0-9+/_=-]{40,}:[0-9a-f]{64}")
        preimage = re.compile(rb"(?i)preimage\W{1,4}[0-9a-f]{64}")
        failures = []
        logs = [path for path in self.logs.rglob("*") if path.is_file() and path.name in ("log", "stderr", "stdout") or path.suffix == ".log"]
        for log in logs:
            if log.name in ("setup.log", "build.log"):
                continue
            data = log.read_bytes()
            for what, pattern in (("a credential", credential), ("a preimage", preimage)):
                if pattern.search(data):
                    failures.append(f"{log}: {what}")
        for failure in failures:
            say("   | " + failure)
        self.tally.add("secrets", 0 if failures else 1, len(failures), 0, time.monotonic() - started)

    def interop(self, env):
        """Clients of npm, PyPI and Go, where their registries can be reached."""
        self.pytest("plain", "interop", env)
        log = self.logs / "plain" / "interop" / "pytest.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        for reason in sorted(set(re.findall(r"NOT RUN: .*", text))):
            self.notes.append(f"tests/interop: {reason}")

    def node(self, directory):
        """The scenarios on real nodes, where they are on PATH."""
        absent = [program for program in NODE_PROGRAMS if shutil.which(program) is None]
        if absent:
            self.notes.append(not_run("node", absent))
            return
        python = self.pyln_python()
        if python is None:
            self.tally.add("plain node", 0, 1, 0, 0)
            return
        self.pytest("plain", "node", program_env(directory), python=python, workers=self.arguments.jobs)

    def browser(self, directory):
        """The pay page in headless Chromium, where that is installed."""
        absent = [program for program in BROWSER_PROGRAMS if shutil.which(program) is None]
        if absent:
            self.notes.append(not_run("browser", absent))
            self.tally.add("plain browser", 0, 0, 1, 0)
            return
        self.pytest("plain", "browser", program_env(directory))

    def pyln_python(self):
        """A Python that has pyln-testing: this one, the one on PATH, or a virtual environment made for it."""
        venv = self.work / "node-venv"
        for candidate in ("/usr/bin/python3", shutil.which("python3"), str(venv / "bin" / "python")):
            probe = [candidate, "-c", "import pyln.testing.fixtures, pytest, pytest_timeout, xdist"]
            if candidate and Path(candidate).exists() and subprocess.run(probe, capture_output=True).returncode == 0:
                return candidate
        log = self.logs / "node-venv.log"
        if run(["/usr/bin/python3", "-m", "venv", venv], log) == 0:
            if run([venv / "bin" / "pip", "install", "-q", PYLN_TESTING, "pytest", "pytest-timeout", "pytest-xdist"], log) == 0:
                return str(venv / "bin" / "python")
        say("== node: pyln-testing cannot be installed")
        show_tail(log)
        return None

    def fuzz(self, seconds):
        """Each libFuzzer target for `seconds`; a crash leaves its input in the logs."""
        env = {"CC": "clang", "CXX": "clang++"}
        directory = self.build("fuzz", ["-Dbuildtype=debugoptimized", "-Dfuzz=true", "-Db_lundef=false"],
                               lambda folder, target: target.startswith("fuzz-"), env)
        if directory is None:
            return
        started = time.monotonic()
        targets = [(target, path) for _, target, path in executables(directory) if target.startswith("fuzz-")]
        workers = max(1, os.cpu_count() or 1)
        passed = failed = 0
        running = []
        while targets or running:
            while targets and len(running) < workers:
                target, path = targets.pop(0)
                place = self.logs / "fuzz" / target
                corpus = self.work / "corpus" / target
                for folder in (place, corpus):
                    folder.mkdir(parents=True, exist_ok=True)
                seeds = ROOT / "tests" / "fuzz" / "corpus" / target.removeprefix("fuzz-")
                out = open(place / "fuzz.log", "wb")
                command = [directory / path, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                           f"-artifact_prefix={place}/", corpus, *([seeds] if seeds.is_dir() else [])]
                process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
                running.append((target, process, out))
            time.sleep(0.5)
            for entry in [entry for entry in running if entry[1].poll() is not None]:
                running.remove(entry)
                target, process, out = entry
                out.close()
                if process.returncode == 0:
                    passed += 1
                else:
                    failed += 1
                    say(f"== {target}: exit {process.returncode}")
                    show_tail(self.logs / "fuzz" / target / "fuzz.log", 30)
        self.tally.add("fuzz", passed, failed, 0, time.monotonic() - started)

    # -- the whole ----------------------------------------------------------------------------------------------------

    def run(self):
        arguments = self.arguments
        wanted = lambda suite: not arguments.suite or suite in arguments.suite
        if arguments.fuzz is not None:
            self.fuzz(arguments.fuzz)
            return self.end()

        product = lambda folder, target: folder.startswith(("plugin", "service", "contrib", "man", "tests/service"))
        tests = lambda folder, target: product(folder, target) or folder.startswith(("tests/unit", "tests/fuzz"))
        if any(wanted(suite) for suite in ("unit", "docs", "conformance", "client", "service", "e2e", "browser", "interop", "node", "tsan")):
            unit_here = wanted("unit") and (arguments.quick or bool(arguments.suite))
            plain = self.build("plain", BUILD_FLAGS, tests if unit_here else product)
            if plain is None:
                return self.end()
            env = program_env(plain)
            if unit_here:
                self.unit("plain", plain)
            if wanted("docs"):
                self.docs(plain)
                self.house()
                self.pitfalls()
                self.cases()
            for suite in ("conformance", "client", "service", "e2e"):
                if wanted(suite):
                    self.pytest("plain", suite, env, workers=arguments.jobs if suite in ("service", "e2e") else 1)
            if wanted("browser"):
                self.browser(plain)
            if wanted("interop"):
                self.interop(env)
            if wanted("node"):
                self.node(plain)

        if wanted("asan") and not arguments.quick:
            asan = self.build("asan", [*SANITIZER_FLAGS, "-Db_sanitize=address,undefined"], tests)
            if asan is not None:
                log = self.logs / "asan" / "sanitizer"
                env = sanitizer_env("asan", log)
                self.unit("asan", asan, env=env)
                self.pytest("asan", "client", {**env, **program_env(asan)})
                self.pytest("asan", "service", {**env, **program_env(asan)}, extra=["-k", MEMORY_CASES])
                self.pytest("asan", "e2e", {**env, **program_env(asan)}, workers=arguments.jobs)
                self.sanitizer_reports("asan", log)

        if wanted("tsan") and not arguments.quick:
            of_service = lambda folder, target: folder.startswith("service") or folder.startswith("tests/unit/service")
            tsan = self.build("tsan", [*SANITIZER_FLAGS, "-Db_sanitize=thread"], of_service)
            if tsan is not None:
                log = self.logs / "tsan" / "sanitizer"
                env = sanitizer_env("tsan", log)
                self.unit("tsan", tsan, only=unit_tests_of(tsan, "tests/unit/service"), env=env)
                env = {**env, **program_env(plain), "MILLRACE_SERVICE": str(tsan / PROGRAMS["service"])}
                self.pytest("tsan", "service", env, workers=arguments.jobs)
                self.pytest("tsan", "e2e", env, workers=arguments.jobs, extra=["-m", "service"])
                self.sanitizer_reports("tsan", log)

        if not arguments.suite:
            self.secrets()
        return self.end()

    def end(self):
        for note in self.notes:
            say(note)
        say(self.tally.line())
        return 1 if self.tally.failed or not self.tally.passed else 0


def not_run(suite, absent):
    names = ", ".join(absent[:-1]) + " and " + absent[-1] if len(absent) > 1 else absent[0]
    return f"tests/{suite}: NOT RUN: {names} {'are' if len(absent) > 1 else 'is'} not on PATH"


def output(command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


def executables(directory):
    """(source folder, name, path for ninja) of what a build directory can make to be run, preloaded or installed."""
    for target in json.loads(output(["meson", "introspect", "--targets", directory])):
        if target["type"] in ("executable", "shared library") or (target["type"] == "custom" and target["installed"]):
            folder = Path(target["defined_in"]).resolve().parent.relative_to(ROOT)
            yield str(folder), target["name"], str(Path(target["filename"][0]).relative_to(directory))


def unit_tests_of(directory, folder):
    """The names of the meson tests whose executable is made in `folder`."""
    paths = {str(directory / path) for source, _, path in executables(directory) if source.startswith(folder)}
    return [test["name"] for test in json.loads(output(["meson", "introspect", "--tests", directory])) if test["cmd"][0] in paths]


def catch_counts(text):
    """(passed, failed) test cases in what a Catch2 runner wrote."""
    if found := re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", text):
        return int(found.group(1)), 0
    if found := re.search(r"^test cases:\s*(\d+) \|(.*)$", text, re.MULTILINE):
        numbers = dict((word, int(count)) for count, word in re.findall(r"(\d+) (passed|failed)", found.group(2)))
        return numbers.get("passed", 0), numbers.get("failed", 0)
    return 0, 0


def program_env(directory):
    programs = {"MILLRACE_" + name.upper(): str(directory / path) for name, path in PROGRAMS.items()}
    return {**programs, "MILLRACE_BUILD": str(directory)}


def sanitizer_env(name, log):
    log.parent.mkdir(parents=True, exist_ok=True)
    return {key: value.format(log=log) for key, value in SANITIZER_ENV[name].items()}


SUITES = ("unit", "docs", "conformance", "client", "service", "e2e", "browser", "interop", "node", "asan", "tsan")


def main():
    parser = argparse.ArgumentParser(
        prog="tests/run",
        description="Installs what is missing, builds, runs every suite, and ends in one line: N passed, N failed, N skipped.",
        epilog="With lightningd, bitcoind and bitcoin-cli on PATH the scenarios also run on real nodes.",
    )
    parser.add_argument("--quick", action="store_true", help="leave out the sanitizer builds")
    parser.add_argument("--suite", action="append", choices=SUITES, help="run this suite only; may be repeated")
    parser.add_argument("--fuzz", type=int, metavar="SECONDS", help="only run each fuzz target for SECONDS")
    parser.add_argument("--property-cases", type=int, metavar="N", help="random cases of each property test of the unit suite; nightly: 1000000")
    parser.add_argument("--build-dir", default=str(ROOT / "build-tests"), metavar="DIR", help="default: build-tests")
    parser.add_argument("--jobs", type=int, default=max(1, os.cpu_count() or 1), metavar="N", help="e2e tests at a time")
    parser.add_argument("--no-install", action="store_true", help="do not look for missing packages")
    arguments = parser.parse_args()
    if arguments.property_cases:
        os.environ["MILLRACE_PROPERTY_CASES"] = str(arguments.property_cases)
    return Runner(arguments).run()


if __name__ == "__main__":
    sys.exit(main())
