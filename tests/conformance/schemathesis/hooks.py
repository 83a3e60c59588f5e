"""What the description cannot say: an idempotency key is new for each thing that is to be done."""

import itertools
import re

import schemathesis

KEY = "Idempotency-Key"
FIT = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")
numbers = itertools.count(1)


@schemathesis.hook
def before_call(context, case, **kwargs):
    # Missing and unfit ones stay as they were made: they must be refused.
    headers = case.headers or {}
    for name, value in headers.items():
        if name.lower() == KEY.lower() and isinstance(value, str) and FIT.fullmatch(value):
            headers[name] = f"call {next(numbers)}"
