"""What a SAM template says: its functions, routes, event sources and timers for us, and the rest for the data plane.

Nothing is evaluated here. Whatever refers to a parameter or a resource becomes an output of the stack that the data
plane makes, so that its CloudFormation answers it.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FUNCTION = "AWS::Lambda::Function"
SOURCE = "AWS::Lambda::EventSourceMapping"
LAYER = "AWS::Lambda::LayerVersion"
API = "AWS::ApiGatewayV2::Api"
RULE = "AWS::Events::Rule"
SCHEDULE = "AWS::Scheduler::Schedule"

OURS = frozenset({SOURCE, LAYER, "AWS::Lambda::Permission"})  # never made in the data plane
STUB = {"ZipFile": "def handler(event, context): ..."}
QUESTION = "Question"
NOTHING = "<object object at"  # how MiniStack prints AWS::NoValue in an output
ALIAS = "AWS::Lambda::Alias"
FUNCTION_URI = re.compile(r"\$\{(\w+)(?:\.Arn)?\}/invocations")
LOCAL = "s3://local/"
CODE_KEYS = ("CodeUri", "ContentUri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as it is to be run. `timeout` in seconds, `memory` in MB; `layers` are the folders of their source."""

    id: str
    folder: Path
    handler: str
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: float
    memory: int
    reserved: int | None  # ReservedConcurrentExecutions

    @property
    def name(self) -> str:
        """Its short name: that of its folder."""
        return self.folder.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method ("ANY" for all) and path of the HTTP API ("$default" for the rest), and the function behind it."""

    method: str
    path: str
    function: str
    timeout: float

    @property
    def key(self) -> str:
        """The route key as events carry it."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A queue that feeds a function. `window` in seconds."""

    id: str
    function: str
    queue_arn: str
    batch: int
    window: float
    partial: bool  # ReportBatchItemFailures
    concurrency: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A schedule that calls a function: a rate or cron expression in UTC, and its event (None: the usual one)."""

    id: str
    function: str
    expression: str
    input: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The template with every reference resolved."""

    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    sources: tuple[Source, ...]
    timers: tuple[Timer, ...]
    cors: Mapping[str, Any] | None
    outputs: Mapping[str, str]


class Unsupported(Exception):
    """The template asks for something that the sandbox has no counterpart for."""


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@dataclass(slots=True)
class Template:
    """A SAM template, expanded to CloudFormation."""

    root: Path
    expanded: dict[str, Any]
    _questions: list[Any] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path, parameters: Mapping[str, str] | None = None) -> "Template":
        """Reads and expands a SAM template; samtranslator's InvalidDocumentException says what is wrong with it.

        `parameters` are those that the stack will be made with: SAM writes some of them into what it makes.
        """
        from samtranslator.translator.transform import transform
        from samtranslator.yaml_helper import yaml_parse

        source = yaml_parse(path.read_text())
        for resource in source["Resources"].values():
            for key in CODE_KEYS:
                if isinstance(uri := resource.get("Properties", {}).get(key), str):
                    resource["Properties"][key] = LOCAL + uri
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # samtranslator asks boto3 for it
        return cls(path.resolve().parent, transform(source, dict(parameters or {}), _NoManagedPolicies()))

    def of_type(self, *types: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of some types, by logical id."""
        found = self.expanded["Resources"].items()
        return {id: resource.get("Properties", {}) for id, resource in found if resource["Type"] in types}

    def for_engine(self) -> str:
        """The CloudFormation template (JSON) that the data plane can make, with our questions among its outputs."""
        expanded = json.loads(json.dumps(self.expanded))
        resources = expanded["Resources"]
        for id in [id for id, resource in resources.items() if resource["Type"] in OURS]:
            del resources[id]
        for id in self._timers():
            del resources[id]
        for resource in resources.values():
            properties = resource.get("Properties", {})
            if resource["Type"] == FUNCTION:
                for ours in ("Layers", "Environment"):
                    properties.pop(ours, None)
                properties["Code"] = STUB
            elif resource["Type"] == API:
                resource["Properties"] = {"Name": "sandbox", "ProtocolType": "HTTP"}
            if isinstance(depends := resource.get("DependsOn"), list | str):
                depends = [depends] if isinstance(depends, str) else depends
                resource["DependsOn"] = [id for id in depends if id in resources]
        outputs = expanded.setdefault("Outputs", {})
        self._questions = []
        self._walk(self._ask)
        for number, question in enumerate(self._questions):
            outputs[f"{QUESTION}{number}"] = {"Value": question}
        return json.dumps(expanded)

    def deployment(self, outputs: Mapping[str, str]) -> Deployment:
        """What is to be run, from the outputs of the stack that `for_engine` made."""

        def answer(expression: Any) -> str | None:
            value = outputs.get(f"{QUESTION}{self._questions.index(expression)}")
            return None if value is None or value.startswith(NOTHING) else value

        functions, sources, timers = self._walk(answer)
        named = {name: value for name, value in outputs.items() if not name.startswith(QUESTION)}
        return Deployment(
            functions=functions,
            routes=tuple(self._routes()),
            sources=tuple(sources),
            timers=tuple(timers),
            cors=self._cors(),
            outputs=named,
        )

    def _ask(self, expression: Any) -> str | None:
        if expression not in self._questions:
            self._questions.append(expression)
        return None

    def _walk(self, resolve: Any) -> tuple[dict[str, Function], list[Source], list[Timer]]:
        """Reads all that we run; `resolve` turns an intrinsic function into text."""

        def value(expression: Any, default: Any = None) -> Any:
            if isinstance(expression, dict):
                expression = resolve(expression)
            return default if expression is None else expression

        functions = {id: self._function(id, p, value) for id, p in self.of_type(FUNCTION).items()}
        sources = [self._source(id, p, value) for id, p in self.of_type(SOURCE).items()]
        timers = []
        for id, p in self._timers().items():
            target = p["Target"] if "Target" in p else p["Targets"][0]
            state, expression, input = (
                value(p.get("State"), "ENABLED"),
                value(p["ScheduleExpression"]),
                value(target.get("Input")),
            )
            if state == "ENABLED":
                function = self._function_id(target["Arn"])
                timers.append(Timer(id=id, function=function, expression=str(expression), input=input))
        return functions, [source for source in sources if source], timers

    def _function(self, id: str, p: dict[str, Any], value: Any) -> Function:
        variables = {k: value(v) for k, v in p.get("Environment", {}).get("Variables", {}).items()}
        reserved = value(p.get("ReservedConcurrentExecutions"))
        return Function(
            id=id,
            folder=self._code(p["Code"]),
            handler=str(value(p["Handler"], "")),
            layers=tuple(self._layer(ref) for ref in p.get("Layers", ())),
            environment={k: _text(v) for k, v in variables.items() if v is not None},
            timeout=float(value(p.get("Timeout"), 3)),
            memory=int(value(p.get("MemorySize"), 128)),
            reserved=None if reserved is None else int(reserved),
        )

    def _source(self, id: str, p: dict[str, Any], value: Any) -> Source | None:
        arn = str(value(p["EventSourceArn"], "arn:aws:sqs:"))
        batch = int(value(p.get("BatchSize"), 10))
        window = float(value(p.get("MaximumBatchingWindowInSeconds"), 0))
        concurrency = value(p.get("ScalingConfig", {}).get("MaximumConcurrency"))
        enabled = str(value(p.get("Enabled"), True)).lower() == "true"
        if not arn.startswith("arn:aws:sqs:") or "FilterCriteria" in p:
            raise Unsupported(f"{id}: only event sources that are queues, without filters")
        if not enabled:
            return None
        return Source(
            id=id,
            function=self._function_id(p["FunctionName"]),
            queue_arn=arn,
            batch=batch,
            window=window,
            partial="ReportBatchItemFailures" in p.get("FunctionResponseTypes", ()),
            concurrency=None if concurrency is None else int(concurrency),
        )

    def _timers(self) -> dict[str, dict[str, Any]]:
        """Rules and schedules whose target is one of our functions."""
        functions = self.of_type(FUNCTION)
        found = {}
        for id, p in self.of_type(RULE, SCHEDULE).items():
            targets = [p["Target"]] if "Target" in p else p.get("Targets", [])
            if "ScheduleExpression" in p and len(targets) == 1 and self._function_id(targets[0]["Arn"]) in functions:
                found[id] = p
        return found

    def _routes(self) -> list[Route]:
        routes = []
        for api in self.of_type(API).values():
            for path, methods in api.get("Body", {}).get("paths", {}).items():
                for method, operation in methods.items():
                    integration = operation.get("x-amazon-apigateway-integration")
                    if integration is None:  # CORS' own OPTIONS
                        continue
                    if "security" in operation:
                        raise Unsupported(f"{method} {path}: an authorizer")
                    uri = integration["uri"]["Fn::Sub"]
                    match = FUNCTION_URI.search(uri if isinstance(uri, str) else uri[0])
                    if match is None or integration.get("payloadFormatVersion") != "2.0":
                        raise Unsupported(f"{method} {path}: not a function with payload format 2.0")
                    routes.append(
                        Route(
                            method="ANY" if method == "x-amazon-apigateway-any-method" else method.upper(),
                            path=path.removeprefix("/") if path == "/$default" else path,
                            function=self._function_id({"Ref": match[1]}),
                            timeout=float(integration.get("timeoutInMillis", 30_000)) / 1000,
                        )
                    )
        return routes

    def _cors(self) -> Mapping[str, Any] | None:
        for api in self.of_type(API).values():
            if cors := api.get("Body", {}).get("x-amazon-apigateway-cors"):
                return dict(cors)
        return None

    def _function_id(self, expression: Any) -> str:
        """The logical id behind a Ref or GetAtt of a function or of its alias; empty for anything else."""
        if not isinstance(expression, dict):
            return ""
        attribute = expression.get("Fn::GetAtt")
        id = attribute[0] if isinstance(attribute, list) and attribute else expression.get("Ref")
        if isinstance(id, str) and (alias := self.of_type(ALIAS).get(id)):
            return self._function_id(alias["FunctionName"])
        return id if isinstance(id, str) else ""

    def _code(self, code: Mapping[str, Any]) -> Path:
        return self.root / str(code["S3Key"]).strip("/")

    def _layer(self, ref: Any) -> Path:
        layers = self.of_type(LAYER)
        if not isinstance(ref, dict) or ref.get("Ref") not in layers:
            raise Unsupported(f"the layer {ref!r}: only those of the template itself")
        return self._code(layers[ref["Ref"]]["Content"])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
