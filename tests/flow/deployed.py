"""The template's stack on the engine that the environment names, and its functions in this process."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import boto3

from sandbox import openapi
from sandbox.engine import publish
from sandbox.template import Deployment, Template

ROOT = Path(__file__).resolve().parents[2]


def deploy(name: str, parameters: Mapping[str, str]) -> Deployment:
    """Make the template's stack; what came of it."""
    template = Template.load(ROOT / "template.yaml")
    cloud = boto3.client("cloudformation")
    cloud.create_stack(
        StackName=name,
        TemplateURL=publish(template.for_engine()),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    cloud.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})
    described = cloud.describe_stacks(StackName=name)["Stacks"][0]
    return template.deployment({output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]})


def function(name: str) -> ModuleType:
    """A function's module, as Lambda loads it."""
    return openapi.load(ROOT / "functions" / name / "app.py")
