"""The command line: :mod:`~zerosum.cli.program` finds the verb, each verb is a module with ``run(arguments)``."""

from zerosum.cli.program import VERBS as VERBS, main as main
