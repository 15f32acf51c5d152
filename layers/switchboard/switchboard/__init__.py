"""Switchboard's own code: the layer that every function shares."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # A process that starts makes no garbage, and looking for it costs a twentieth of a cold start. The collector is
    # turned on again when the first event has been answered (`observe.invocation`).
    gc.disable()
