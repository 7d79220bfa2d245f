"""The command line: :mod:`~zerosum.cli.program` finds the verb, each verb is a module with ``run(arguments)``.

It returns the exit code, and raises a :class:`~zerosum.errors.ZerosumError` where the user is mistaken.
"""

from zerosum.cli.program import VERBS as VERBS, main as main
