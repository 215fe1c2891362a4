"""Comparing JSON by shape: which members there are and of which type, not what they hold."""

import itertools
import re

# Members that the simulator leaves out of what a real node shows, and why. A path is made of member names, [] for elements.
OMITTED = {
    "channels[].close_to_addr": "the simulator has no chain, hence no bech32m address to close to",
    "channels[].funding.psbt": "no funding transaction",
}


def kind(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "array" if isinstance(value, list) else "object"


def differences(real, simulated, path=""):
    """What is wrong with the simulated value, as sentences."""
    if kind(real) != kind(simulated):
        return [f"{path or 'the answer'}: {kind(simulated)}, a real node has {kind(real)}"]
    if isinstance(real, dict):
        return object_differences([real], simulated, path)
    if isinstance(real, list):
        return list_differences(real, simulated, path)
    return []


def object_differences(reals, simulated, path):
    """`reals` are several real objects of one kind: what all have is required, what one has is allowed."""
    found = []
    required = set.intersection(*(set(real) for real in reals))
    allowed = set.union(*(set(real) for real in reals))
    dot = path + "." if path else ""
    for name in sorted(required - set(simulated)):
        if dot + name not in OMITTED:
            found.append(f"{dot}{name}: missing")
    for name in sorted(set(simulated) - allowed):
        found.append(f"{dot}{name}: a real node has no such member")
    for name in sorted(set(simulated) & allowed):
        examples = [real[name] for real in reals if name in real]
        value = simulated[name]
        if kind(value) not in {kind(example) for example in examples}:
            found.append(f"{dot}{name}: {kind(value)}, a real node has {kind(examples[0])}")
        elif isinstance(value, dict):
            found += object_differences([example for example in examples if isinstance(example, dict)], value, dot + name)
        elif isinstance(value, list):
            found += list_differences([item for example in examples for item in example], value, dot + name)
    return found


def list_differences(reals, simulated, path):
    found = []
    objects = [real for real in reals if isinstance(real, dict)]
    for item in simulated:
        if isinstance(item, dict) and objects:
            found += object_differences(objects, item, path + "[]")
        elif isinstance(item, list) and any(isinstance(real, list) for real in reals):
            found += list_differences([part for real in reals if isinstance(real, list) for part in real], item, path + "[]")
        elif reals and kind(item) not in {kind(real) for real in reals}:
            found.append(f"{path}[]: {kind(item)}, a real node has {kind(reals[0])}")
    if reals and not simulated:
        found.append(f"{path}: empty, so nothing was compared")
    return found


def message_pattern(message):
    """A real node's error message as a pattern: hashes, amounts and numbers may be others."""
    parts = re.split(r"([0-9a-f]{6,}|\d+)", message)
    pattern = "".join(re.escape(part) if not number else "[0-9a-f]+" for number, part in zip(itertools.cycle((False, True)), parts))
    return pattern + r"\Z"
